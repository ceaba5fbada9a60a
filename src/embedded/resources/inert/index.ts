/**
 * Inert resource types: they get a physical id and attributes and have their properties checked, and that is all.
 * Their state is kept, for the describe calls of EC2 and for controls that look into it.
 */
import {
  AwsError,
  type Cloud,
  type Properties,
  type ResourceContext,
  type ResourceType,
} from '../../platform.ts';
import type { InertDefinition } from './definition.ts';
import { managedTypes } from './managed.ts';
import { networkTypes } from './network.ts';
import { type InertResource, inertKey, inertResources } from './state.ts';

const definitions: Readonly<Record<string, InertDefinition>> = { ...networkTypes, ...managedTypes };

/** Names of all inert types. */
export const inertTypeNames: readonly string[] = Object.keys(definitions);

/** The handlers of all inert types. Required and unknown properties are checked by the CloudFormation engine. */
export const inertTypes = (cloud: Cloud): Record<string, ResourceType> =>
  Object.fromEntries(
    Object.entries(definitions).map(([name, definition]) => [name, handler(cloud, name, definition)]),
  );

function handler(cloud: Cloud, type: string, definition: InertDefinition): ResourceType {
  const put = (
    context: ResourceContext,
    physicalId: string,
    properties: Properties,
    previous: InertResource | undefined,
  ): InertResource => {
    checkReferences(cloud, definition, properties);
    const made = { cloud, context, properties, physicalId, previous: previous?.attributes };
    const attributes: Record<string, unknown> = { Id: physicalId };
    for (const [name, attribute] of Object.entries(definition.attributes ?? {})) {
      const value = attribute(made);
      if (value !== undefined) attributes[name] = value;
    }
    const resource: InertResource = {
      type,
      physicalId,
      properties,
      attributes,
      stackId: context.stackId,
      logicalId: context.logicalId,
      tags: { ...context.tags, ...ownTags(properties) },
      createdAt: previous?.createdAt ?? cloud.clock.now(),
    };
    inertResources(cloud.store).put(inertKey(type, physicalId), resource);
    return resource;
  };
  return {
    create: (context, properties) =>
      put(context, definition.id({ cloud, context, properties }), properties, undefined),
    update: (context, physicalId, properties) =>
      put(context, physicalId, properties, inertResources(cloud.store).get(inertKey(type, physicalId))),
    delete(_context, physicalId) {
      inertResources(cloud.store).delete(inertKey(type, physicalId));
    },
  };
}

const ownTags = (properties: Properties): Record<string, string> => {
  const tags = properties['Tags'];
  if (!Array.isArray(tags)) return {};
  return Object.fromEntries(
    (tags as { Key?: unknown; Value?: unknown }[]).map((tag) => [String(tag.Key), String(tag.Value ?? '')]),
  );
};

/** EC2's code for an id that is nothing: `InvalidVpcID.NotFound`. */
const notFound: Readonly<Record<string, { code: string; name: string }>> = {
  'AWS::EC2::VPC': { code: 'InvalidVpcID.NotFound', name: 'vpc' },
  'AWS::EC2::Subnet': { code: 'InvalidSubnetID.NotFound', name: 'subnet' },
  'AWS::EC2::RouteTable': { code: 'InvalidRouteTableID.NotFound', name: 'routeTable' },
  'AWS::EC2::SecurityGroup': { code: 'InvalidGroup.NotFound', name: 'security group' },
};

function checkReferences(cloud: Cloud, definition: InertDefinition, properties: Properties): void {
  for (const [property, type] of Object.entries(definition.refersTo ?? {})) {
    const id = properties[property];
    if (typeof id !== 'string' || inertResources(cloud.store).has(inertKey(type, id))) continue;
    // A VPC's default security group is made with the VPC.
    const isDefaultGroup =
      type === 'AWS::EC2::SecurityGroup' &&
      inertResources(cloud.store)
        .values()
        .some((resource) => resource.attributes['DefaultSecurityGroup'] === id);
    if (isDefaultGroup) continue;
    const { code, name } = notFound[type] ?? { code: 'InvalidParameterValue', name: 'resource' };
    throw new AwsError(code, `The ${name} ID '${id}' does not exist`);
  }
}
