/** How an inert type is described: what its physical id looks like and what Fn::GetAtt gives. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Cloud, Properties, ResourceContext } from '../../platform.ts';

/** What a definition's functions see of the resource at hand. */
export interface Making {
  cloud: Cloud;
  context: ResourceContext;
  properties: Properties;
}

export interface Made extends Making {
  physicalId: string;
  /** The attributes before an update; none at creation. */
  previous: Readonly<Record<string, unknown>> | undefined;
}

export interface InertDefinition {
  /** What `Ref` gives. */
  id: (making: Making) => string;
  /** Attributes that are neither the physical id under `Id` nor a property of the same name. */
  attributes?: Readonly<Record<string, (made: Made) => unknown>>;
  /** Properties that hold the id of an inert resource of a type, which has to exist. */
  refersTo?: Readonly<Record<string, string>>;
}

/** Lower-case hexadecimal, e.g. the 17 digits of EC2's ids. */
export const hex = (digits: number): string =>
  randomBytes(Math.ceil(digits / 2))
    .toString('hex')
    .slice(0, digits);

/** `vpc-0123456789abcdef0` */
export const ec2Id = (prefix: string) => (): string => `${prefix}-0${hex(16)}`;

export const uuid = (): string => randomUUID();

/** The property of that name, else a generated name. */
export const nameFrom =
  (property: string, max = 128) =>
  ({ properties, context }: Making): string => {
    const given = properties[property];
    return typeof given === 'string' ? given : context.physicalName(max);
  };

export const self = ({ physicalId }: Made): string => physicalId;

/** Made once, then kept through updates. */
export const once =
  (name: string, make: (made: Made) => unknown) =>
  (made: Made): unknown =>
    made.previous?.[name] ?? make(made);

export const property =
  (name: string, otherwise?: unknown) =>
  ({ properties }: Making): unknown =>
    properties[name] ?? otherwise;

export const arnOf =
  (service: string, resource: (made: Made) => string, options: { region?: false } = {}) =>
  (made: Made): string => {
    const { partition, region, account } = made.cloud;
    return `arn:${partition}:${service}:${options.region === false ? '' : region}:${account}:${resource(made)}`;
  };

/** An address out of 203.0.113.0/24, the range for documentation: nothing listens there. */
export const documentationAddress = (seed: string): string =>
  `203.0.113.${(createHash('sha256').update(seed).digest()[0] ?? 0) % 254 || 1}`;
