/** Which service and operation a request means. */
import { AwsError, type AwsService, type Protocol } from '../platform.ts';
import { jsonAdapter } from './json.ts';
import { formOf, queryAdapter } from './query.ts';
import { restJsonAdapter } from './rest-json.ts';
import { restXmlAdapter } from './rest-xml.ts';
import { RouteTable } from './route-table.ts';
import { type OperationShape, shapeOf } from './shape.ts';
import type { Adapter, WireRequest } from './wire.ts';

const adapters: Record<Protocol, Adapter> = {
  'json-1.0': jsonAdapter('1.0'),
  'json-1.1': jsonAdapter('1.1'),
  query: queryAdapter('query'),
  ec2: queryAdapter('ec2'),
  'rest-json': restJsonAdapter,
  'rest-xml': restXmlAdapter,
};

export const adapterOf = (service: AwsService): Adapter => adapters[service.protocol];

export const isRest = (service: AwsService): boolean => service.protocol.startsWith('rest-');
const isJson = (service: AwsService): boolean => service.protocol.startsWith('json-');

/** Names of X-Amz-Target and Action: `Prefix.Operation`. */
export const targetOperation = (target: string): string => target.slice(target.lastIndexOf('.') + 1);

/** The services of one signing name: API Gateway's two versions share theirs. */
export class ServiceGroup {
  /** Speaks for the group where no operation is known yet: they share a family of protocols. */
  readonly first: AwsService;
  readonly services: readonly AwsService[];
  readonly #shapes = new Map<string, OperationShape>();
  readonly #routes: RouteTable | undefined;

  constructor(first: AwsService, others: readonly AwsService[]) {
    this.first = first;
    const services = [first, ...others];
    this.services = services;
    const shapes = services.flatMap((service) =>
      service.operations.map((operation) => shapeOf(service, operation)),
    );
    for (const shape of shapes) if (!isRest(shape.service)) this.#shapes.set(shape.name, shape);
    const rest = shapes.filter((shape) => isRest(shape.service));
    if (rest.length > 0) this.#routes = new RouteTable(rest);
  }

  named(name: string): OperationShape | undefined {
    return this.#shapes.get(name);
  }

  match(request: WireRequest): { shape: OperationShape; labels?: Record<string, string> } | undefined {
    return this.#routes?.match(request);
  }
}

export class ServiceIndex {
  readonly #services: readonly AwsService[];
  readonly #groups = new Map<string, ServiceGroup | undefined>();

  constructor(services: readonly AwsService[]) {
    this.#services = services;
  }

  group(signingName: string): ServiceGroup | undefined {
    if (!this.#groups.has(signingName)) {
      const [first, ...others] = this.#services.filter((service) => service.signingName === signingName);
      this.#groups.set(signingName, first && new ServiceGroup(first, others));
    }
    return this.#groups.get(signingName);
  }

  /** The signing name that an unsigned request means: by its target, else by its action, else S3's. */
  guess(headers: WireRequest['headers'], action: string | undefined): string {
    const target = headers['x-amz-target'];
    const name = typeof target === 'string' ? targetOperation(target) : action;
    if (name === undefined) return 's3';
    const fits = this.#services.filter(
      (service) =>
        (target === undefined ? !isJson(service) && !isRest(service) : isJson(service)) &&
        this.group(service.signingName)?.named(name),
    );
    const open = fits.find((service) => this.group(service.signingName)?.named(name)?.operation.public);
    return (open ?? fits[0])?.signingName ?? 's3';
  }
}

/** Finds the operation; throws AwsError NotImplementedException that names service and operation. */
export function operationOf(
  group: ServiceGroup,
  request: WireRequest,
): { shape: OperationShape; labels?: Record<string, string> } {
  const { signingName } = group.first;
  const target = request.headers['x-amz-target'];
  if (typeof target === 'string') {
    const name = targetOperation(target);
    const shape = group.named(name);
    if (shape) return { shape };
    throw notImplemented(signingName, name);
  }
  const form = group.services.some((service) => service.protocol === 'query' || service.protocol === 'ec2')
    ? formOf(request)
    : undefined;
  const action = form?.get('Action');
  if (form && action) {
    const shape = group.named(action);
    // One name, two services: the classic load balancer's DescribeLoadBalancers has another version.
    const version = /\/doc\/([\d-]+)\/?$/.exec(shape?.service.xmlNamespace ?? '')?.[1];
    if (shape && (version === undefined || (form.get('Version') ?? version) === version)) return { shape };
    throw notImplemented(signingName, action);
  }
  const match = group.match(request);
  if (match) return match;
  const named = request.query.get('x-id') ?? `${request.method} ${request.path}`;
  throw notImplemented(signingName, named);
}

export const notImplemented = (signingName: string, operation: string): AwsError =>
  new AwsError(
    'NotImplementedException',
    `saas-ecs' embedded cloud does not implement ${signingName}:${operation}`,
    400,
  );
