/** API destinations: HTTP endpoints that take events, at their own rate. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ApiDestinationHttpMethod, Target } from '@aws-sdk/client-eventbridge';
import { TokenBuckets } from '../../gateway/api-gateway/data-plane/throttle.ts';
import { AwsError, arn, type Cloud } from '../../platform.ts';
import { pathSteps, valueAt } from '../json-path.ts';
import type { Connections } from './connections.ts';
import type { EventRecord } from './delivery.ts';
import { callLoopback } from './loopback-call.ts';

export interface ApiDestinationRecord {
  name: string;
  arn: string;
  description?: string | undefined;
  connectionArn: string;
  /** `*` stands for path parameters. */
  endpoint: string;
  method: ApiDestinationHttpMethod;
  /** Invocations a second. */
  rate: number;
  /** ISO 8601 */
  created: string;
  modified: string;
}

export type ApiDestinationInput = Pick<ApiDestinationRecord, 'name'> &
  Partial<Pick<ApiDestinationRecord, 'description' | 'connectionArn' | 'endpoint' | 'method' | 'rate'>>;

/** Invocations a second where a destination says nothing ("EventBridge quotas"). */
const defaultRate = 300;
const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'];
/** Answers after which a call is made again ("API destinations as targets"); others are final. */
const retried = (status: number): boolean => [401, 407, 409, 429].includes(status) || status >= 500;

const invalid = (message: string): AwsError => new AwsError('ValidationException', message);

export class ApiDestinations {
  private readonly cloud: Cloud;
  private readonly connections: Connections;
  private readonly buckets = new TokenBuckets();
  private readonly stopping = new AbortController();

  constructor(cloud: Cloud, connections: Connections) {
    this.cloud = cloud;
    this.connections = connections;
  }

  private get collection() {
    return this.cloud.store.collection<ApiDestinationRecord>('events.apiDestinations');
  }

  all(): ApiDestinationRecord[] {
    return this.collection.values();
  }

  /** By name or ARN. Throws AwsError ResourceNotFoundException. */
  get(reference: string | undefined): ApiDestinationRecord {
    const name = /:api-destination\/([^/]+)/.exec(reference ?? '')?.[1] ?? reference ?? '';
    const destination = this.collection.get(name);
    if (!destination)
      throw new AwsError(
        'ResourceNotFoundException',
        `Failed to describe the api-destination(s). An api-destination '${name}' does not exist.`,
      );
    return destination;
  }

  create(input: ApiDestinationInput): ApiDestinationRecord {
    if (!/^[.\-_A-Za-z0-9]{1,64}$/.test(input.name))
      throw invalid(`ApiDestination name ${JSON.stringify(input.name)} is not valid.`);
    if (this.collection.has(input.name))
      throw new AwsError(
        'ResourceAlreadyExistsException',
        `An api-destination '${input.name}' already exists.`,
      );
    const at = new Date(this.cloud.clock.now()).toISOString();
    return this.save({
      ...input,
      arn: arn(this.cloud, 'events', `api-destination/${input.name}/${randomUUID()}`),
      connectionArn: input.connectionArn ?? '',
      endpoint: input.endpoint ?? '',
      method: input.method ?? 'POST',
      rate: input.rate ?? defaultRate,
      created: at,
      modified: at,
    });
  }

  update(input: ApiDestinationInput): ApiDestinationRecord {
    const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
    const modified = new Date(this.cloud.clock.now()).toISOString();
    return this.save({ ...this.get(input.name), ...given, modified });
  }

  remove(reference: string): void {
    this.collection.delete(this.get(reference).name);
  }

  private save(destination: ApiDestinationRecord): ApiDestinationRecord {
    this.connections.get(destination.connectionArn);
    if (!/^https?:\/\//.test(destination.endpoint) || !URL.canParse(destination.endpoint))
      throw invalid(`Parameter InvocationEndpoint is not valid: ${destination.endpoint}`);
    if (!methods.includes(destination.method)) throw invalid('Parameter HttpMethod is not valid.');
    if (!(destination.rate >= 1)) throw invalid('Parameter InvocationRateLimitPerSecond is not valid.');
    this.collection.put(destination.name, destination);
    return destination;
  }

  /**
   * Sends one event. Rejects with an AwsError when it can never go (no permission, an endpoint that is not on this
   * machine, an answer that is final), with an Error when it may go later.
   */
  async invoke(target: Target, event: EventRecord, input: unknown): Promise<void> {
    const destination = this.get(target.Arn);
    this.authorize(target, destination);
    const connection = this.connections.get(destination.connectionArn);
    await this.turn(destination);
    const auth = await this.connections.authorization(connection);
    const dynamic = (value: string): string => {
      if (!value.startsWith('$.')) return value;
      const found = valueAt(event, pathSteps(value));
      return typeof found === 'string' ? found : (JSON.stringify(found) ?? '');
    };
    const {
      PathParameterValues = [],
      HeaderParameters = {},
      QueryStringParameters = {},
    } = target.HttpParameters ?? {};
    const values = PathParameterValues.map(dynamic);
    const url = new URL(destination.endpoint.replace(/\*/g, () => encodeURIComponent(values.shift() ?? '')));
    // What both set is the connection's.
    const query = new Map([
      ...Object.entries(QueryStringParameters).map(([name, value]): [string, string] => [
        name,
        dynamic(value),
      ]),
      ...auth.query,
    ]);
    for (const [name, value] of query) url.searchParams.set(name, value);
    const bare = destination.method === 'GET' || destination.method === 'HEAD';
    const { status } = await callLoopback(this.cloud, url, {
      method: destination.method,
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'user-agent': 'Amazon/EventBridge/ApiDestinations',
        ...Object.fromEntries(
          Object.entries(HeaderParameters).map(([name, value]) => [name, dynamic(value)]),
        ),
        ...auth.headers,
      },
      ...(!bare && { body: bodyOf(input, auth.body) }),
    });
    if (status >= 200 && status < 300) return;
    if (status === 401 || status === 407) this.connections.forgetToken(connection);
    const failure = `${destination.method} ${url.origin}${url.pathname} was answered with ${status}`;
    throw retried(status) ? new Error(failure) : new AwsError('InvocationFailed', failure);
  }

  stop(): void {
    this.stopping.abort();
  }

  /** The target's role must be EventBridge's to assume, and must allow the call. */
  private authorize(target: Target, destination: ApiDestinationRecord): void {
    if (!target.RoleArn) throw new AwsError('AccessDeniedException', `target ${target.Id} has no RoleArn`);
    const { accessKeyId, sessionToken } = this.cloud.sts.issueForService(
      target.RoleArn,
      'events.amazonaws.com',
      'EventBridge',
    );
    const principal = this.cloud.sts.principalOf(accessKeyId, sessionToken);
    const action = 'events:InvokeApiDestination';
    try {
      this.cloud.iam.authorize(principal, { action, resource: destination.arn });
    } catch {
      // Policies name it with or without the id at the end of its ARN.
      this.cloud.iam.authorize(principal, { action, resource: destination.arn.replace(/\/[^/]+$/, '') });
    }
  }

  /** Waits until the destination's rate lets one more go. */
  private async turn(destination: ApiDestinationRecord): Promise<void> {
    const { arn: key, rate } = destination;
    while (!this.buckets.take(key, rate, rate, this.cloud.clock.now()))
      await delay(Math.ceil(1000 / rate), undefined, { signal: this.stopping.signal });
  }
}

/** A connection's own body parameters go into a JSON object. */
function bodyOf(input: unknown, more: Readonly<Record<string, string>>): string {
  const isObject = typeof input === 'object' && input !== null && !Array.isArray(input);
  if (isObject && Object.keys(more).length > 0) return JSON.stringify({ ...input, ...more });
  return typeof input === 'string' ? input : (JSON.stringify(input) ?? '');
}
