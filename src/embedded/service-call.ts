/**
 * Calls that one service of this cloud makes to another with the rights of a role: Step Functions' tasks, EventBridge's
 * targets. They pass the same checks as a call over the wire, without the wire.
 */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { NormalizedSchema } from '@smithy/core/schema';
import { perform } from './endpoint/call.ts';
import { notImplemented } from './endpoint/service-index.ts';
import { membersOf, type OperationShape, shapeOf, withDates } from './endpoint/shape.ts';
import { AwsError, type Call, type Cloud, type Principal, type RawResponse } from './platform.ts';
import { inputFromProperties } from './resource-properties.ts';

/** New credentials are asked for when the ones before have less than this left, in milliseconds. */
const renewBeforeMs = 60_000;

/** Who a service is while it acts for somebody's role. */
export class ServiceSessions {
  readonly #cloud: Cloud;
  readonly #service: string;
  readonly #known = new Map<string, { principal: Principal; until: number }>();

  /** `service`: the service principal that the roles must trust, e.g. `states.amazonaws.com`. */
  constructor(cloud: Cloud, service: string) {
    this.#cloud = cloud;
    this.#service = service;
  }

  /** Throws AwsError AccessDenied when the role does not exist or does not trust the service. */
  principal(roleArn: string, sessionName: string): Principal {
    const name = sessionName.replace(/[^\w+=,.@-]/g, '-').slice(0, 64);
    const key = `${roleArn} ${name}`;
    const known = this.#known.get(key);
    const now = this.#cloud.clock.now();
    if (known && known.until > now) return known.principal;
    const { accessKeyId, sessionToken, expiration } = this.#cloud.sts.issueForService(
      roleArn,
      this.#service,
      name,
    );
    const principal = this.#cloud.sts.principalOf(accessKeyId, sessionToken);
    for (const [other, { until }] of this.#known) if (until <= now) this.#known.delete(other);
    this.#known.set(key, { principal, until: expiration.getTime() - renewBeforeMs });
    return principal;
  }
}

/** The operation, where this cloud has it. */
export function findOperation(
  cloud: Cloud,
  signingName: string,
  name: string,
): { shape?: OperationShape; raw?: (body: Buffer, call: Call) => Promise<Buffer | string> } | undefined {
  for (const service of cloud.services) {
    if (service.signingName !== signingName) continue;
    for (const each of service.operations) {
      const shape = shapeOf(service, each);
      if (shape.name === name) return { shape };
    }
    if (service.rawOperations?.includes(name))
      return {
        async raw(body, call) {
          const answer = await service.raw?.(name, body, call);
          if (!answer) throw notImplemented(signingName, name);
          if (answer.status >= 400) throw errorOf(answer);
          return answer.body;
        },
      };
  }
  return undefined;
}

/**
 * Calls an operation as `principal`. Members of the input may begin with a capital, as Step Functions spells them; those
 * of the output do, with timestamps as `timestamp` writes them and streams as text. Throws AwsError as the operation does,
 * AccessDenied when the principal may not, NotImplementedException when this cloud has no such operation.
 */
export async function callAs(
  cloud: Cloud,
  principal: Principal,
  signingName: string,
  name: string,
  input: object,
  timestamp: (date: Date) => unknown = (date) => date.toISOString(),
): Promise<Record<string, unknown>> {
  const call: Call = { principal, operation: name, requestId: randomUUID() };
  const found = findOperation(cloud, signingName, name);
  if (found?.raw) return JSON.parse(String(await found.raw(Buffer.from(JSON.stringify(input)), call)));
  if (!found?.shape) throw notImplemented(signingName, name);
  const { shape } = found;
  const typed = inputFromProperties<Record<string, unknown>>(shape.input, input as Record<string, unknown>);
  const result = withDates(shape.output, (await perform(cloud, shape, typed, call)) ?? {});
  return (await withCapitals(shape.output, result, timestamp)) as Record<string, unknown>;
}

/** An engine that speaks the wire's language says what is wrong in it, too. */
function errorOf({ status, body }: RawResponse): AwsError {
  const {
    __type: type = 'InternalFailure',
    message,
    Message,
    ...members
  } = JSON.parse(String(body)) as Record<string, string>;
  return new AwsError(type.split('#').at(-1) ?? type, message ?? Message ?? type, status, members);
}

/** The members of `value` that the structure has; none where it is no object. */
export function onlyMembers(schema: unknown, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return {};
  const names = membersOf(NormalizedSchema.of(schema as Parameters<typeof NormalizedSchema.of>[0])).map(
    ([name]) => name,
  );
  const given = value as Record<string, unknown>;
  return Object.fromEntries(
    names.filter((name) => given[name] !== undefined).map((name) => [name, given[name]]),
  );
}

async function withCapitals(
  schema: NormalizedSchema,
  value: unknown,
  timestamp: (date: Date) => unknown,
): Promise<unknown> {
  if (value === undefined || value === null) return undefined;
  if (value instanceof Date) return timestamp(value);
  if (value instanceof Readable) return (await buffer(value)).toString('utf8');
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (Array.isArray(value)) {
    const item = schema.isListSchema() ? schema.getValueSchema() : schema;
    return Promise.all(value.map((each) => withCapitals(item, each, timestamp)));
  }
  if (typeof value !== 'object') return value;
  const given = value as Record<string, unknown>;
  const members: readonly [string, NormalizedSchema, string][] = schema.isStructSchema()
    ? membersOf(schema).map(([name, member]) => [name, member, name.charAt(0).toUpperCase() + name.slice(1)])
    : schema.isMapSchema()
      ? Object.keys(given).map((name) => [name, schema.getValueSchema(), name])
      : [];
  if (!schema.isStructSchema() && !schema.isMapSchema()) return value;
  const converted: Record<string, unknown> = {};
  for (const [name, member, capital] of members) {
    const inner = await withCapitals(member, given[name], timestamp);
    if (inner !== undefined) converted[capital] = inner;
  }
  return converted;
}
