/** One AWS API call, from the request's bytes to the response's. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import {
  type Access,
  AwsError,
  type AwsService,
  type Call,
  type Cloud,
  type Principal,
  type Protocol,
} from '../platform.ts';
import { collect, stream } from './body.ts';
import { presignedUntil, signerOf } from './credentials.ts';
import { refusal, refusingAs } from './denials.ts';
import { streamingInput } from './rest.ts';
import {
  adapterOf,
  notImplemented,
  operationOf,
  type ServiceIndex,
  targetOperation,
} from './service-index.ts';
import { errorShape, membersOf, type OperationShape, requiredMembers, withDates } from './shape.ts';
import type { WireRequest, WireResponse } from './wire.ts';

const none = Buffer.alloc(0);

/** Splits a request's target; never throws. */
export function targetOf(request: IncomingMessage): { path: string; query: URLSearchParams } {
  const raw = request.url ?? '/';
  const cut = raw.indexOf('?');
  return {
    path: cut < 0 ? raw : raw.slice(0, cut),
    query: new URLSearchParams(cut < 0 ? '' : raw.slice(cut + 1)),
  };
}

/** `bucket.localhost` names the bucket in the host, as S3's virtual-hosted style does. */
function withHostBucket(path: string, host: string | undefined): string {
  const bucket = /^(.+)\.(?:s3\.)?localhost(?::\d+)?$/i.exec(host ?? '')?.[1];
  return bucket === undefined || bucket === 's3' ? path : `/${bucket}${path}`;
}

/** Answers a call. Never rejects: every error is a response in the caller's protocol. */
export async function answer(
  cloud: Cloud,
  index: ServiceIndex,
  request: IncomingMessage,
): Promise<WireResponse> {
  const requestId = randomUUID();
  const { path, query } = targetOf(request);
  const wire: WireRequest = {
    method: request.method ?? 'GET',
    path,
    query,
    headers: request.headers,
    body: none,
  };
  let service: AwsService | undefined;
  let operation = '';
  let namespace: string | undefined;
  let response: WireResponse;
  try {
    const signer = signerOf(wire);
    let signingName = signer?.service;
    if (signingName === undefined && isForm(request)) {
      wire.body = await collect(request);
      signingName = index.guess(
        request.headers,
        new URLSearchParams(wire.body.toString('utf8')).get('Action') ?? undefined,
      );
    }
    signingName ??= index.guess(request.headers, query.get('Action') ?? undefined);
    const group = index.group(signingName);
    if (!group) {
      const target = request.headers['x-amz-target'];
      throw notImplemented(
        signingName,
        typeof target === 'string' ? targetOperation(target) : `${wire.method} ${path}`,
      );
    }
    service = group.first;
    if (signingName === 's3') wire.path = withHostBucket(path, request.headers.host);
    const { protocol } = group.first;
    if (signer && request.headers.origin !== undefined) throw fromBrowser();
    const principal = refusingAs(protocol, () => principalOf(cloud, wire, signer));
    const call: Call = { principal, operation, requestId, request };

    const target = request.headers['x-amz-target'];
    if (service?.raw && typeof target === 'string') {
      operation = targetOperation(target);
      call.operation = operation;
      if (!signer) throw unsigned(protocol);
      wire.body = await collect(request);
      const raw = await service.raw(operation, wire.body, call);
      if (raw) {
        await cloud.store.flushed();
        return {
          status: raw.status,
          headers: { ...raw.headers, 'content-type': raw.contentType, 'x-amzn-requestid': requestId },
          body: raw.body,
        };
      }
    }

    if (wire.body === none && !service?.protocol.startsWith('rest-')) wire.body = await collect(request);
    const { shape, labels } = operationOf(group, wire);
    service = shape.service;
    operation = shape.name;
    namespace = shape.namespace;
    call.operation = operation;
    if (labels) wire.labels = labels;
    if (!shape.operation.public && !signer) throw unsigned(service.protocol);
    if (request.headers.origin !== undefined && !shape.operation.public) throw fromBrowser();
    if (service.protocol.startsWith('rest-')) {
      if (streamingInput(shape)) wire.stream = stream(request);
      else wire.body = await collect(request);
    }
    response = await run(cloud, shape, wire, call);
  } catch (error) {
    response = failure(cloud, error, service, operation, namespace, requestId);
  }
  response.headers['x-amzn-requestid'] = requestId;
  if (service?.protocol === 'rest-xml') response.headers['x-amz-request-id'] = requestId;
  return response;
}

async function run(
  cloud: Cloud,
  shape: OperationShape,
  wire: WireRequest,
  call: Call,
): Promise<WireResponse> {
  const adapter = adapterOf(shape.service);
  const input = adapter.decode(shape, wire);
  requireMembers(shape, input);
  const accesses = accessOf(shape, input, call);
  refusingAs(shape.service.protocol, () => {
    for (const access of accesses) cloud.iam.authorize(call.principal, access);
  });
  const result = await (shape.operation.handler as (input: unknown, call: Call) => unknown)(input, call);
  await cloud.store.flushed();
  const output = withDates(shape.output, result ?? {}) as Record<string, unknown>;
  return adapter.encode(shape, output, call.requestId);
}

function accessOf(shape: OperationShape, input: unknown, call: Call): Access[] {
  const { access } = shape.operation;
  if (access) return (access as (input: unknown, call: Call) => Access[])(input, call);
  if (shape.operation.public) return [];
  return [{ action: `${shape.service.iamPrefix ?? shape.service.signingName}:${shape.name}`, resource: '*' }];
}

function principalOf(cloud: Cloud, wire: WireRequest, signer: ReturnType<typeof signerOf>): Principal {
  const until = wire.headers.authorization === undefined ? presignedUntil(wire.query) : undefined;
  if (until !== undefined && cloud.clock.now() > until) {
    throw new AwsError('AccessDenied', 'Request has expired', 403);
  }
  return cloud.sts.principalOf(signer?.accessKeyId, signer?.sessionToken);
}

const unsigned = (protocol: Protocol): AwsError =>
  refusal(protocol, 'MissingAuthenticationToken', 'Missing Authentication Token');

/** A web page must not act on the cloud of whoever looks at it; public operations (Cognito's sign-in) are for pages. */
const fromBrowser = (): AwsError =>
  new AwsError('AccessDeniedException', 'Requests from web pages may call public operations only', 403);

const isForm = (request: IncomingMessage): boolean =>
  String(request.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded');

/** The SDKs check required members themselves; botocore's and hand-made requests may lack them. */
function requireMembers(shape: OperationShape, input: Record<string, unknown>): void {
  const missing = requiredMembers(shape.input).filter((name) => input[name] === undefined);
  if (missing.length === 0) return;
  const known = new Set(membersOf(shape.input).map(([name]) => name));
  const list = missing.filter((name) => known.has(name));
  const code = { query: 'ValidationError', ec2: 'MissingParameter', 'rest-xml': 'InvalidRequest' } as const;
  throw new AwsError(
    code[shape.service.protocol as keyof typeof code] ?? 'ValidationException',
    `${list.length} validation error${list.length === 1 ? '' : 's'} detected: ${list
      .map((name) => `Value null at '${name}' failed to satisfy constraint: Member must not be null`)
      .join('; ')}`,
  );
}

function failure(
  cloud: Cloud,
  thrown: unknown,
  service: AwsService | undefined,
  operation: string,
  namespace: string | undefined,
  requestId: string,
): WireResponse {
  const where = `${service?.signingName ?? '?'}:${operation === '' ? '?' : operation}`;
  let error: AwsError;
  if (thrown instanceof AwsError) {
    error = thrown;
    cloud.log(`${where} ${error.code} ${error.message.slice(0, 300)} ${requestId}`);
  } else {
    const detail = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    cloud.log(`${where} InternalFailure ${requestId} ${detail.replaceAll('\n', ' | ')}`);
    error = new AwsError(
      'InternalFailure',
      `The embedded cloud failed; its log has the details (${requestId})`,
      500,
    );
  }
  const modelled = namespace === undefined ? undefined : errorShape(namespace, error.code);
  const status = error.status === 400 ? (modelled?.status ?? 400) : error.status;
  const adapter = adapterOf(service ?? { signingName: '', protocol: 'json-1.1', operations: [] });
  return adapter.encodeError({
    code: error.code,
    message: error.message,
    status,
    members: error.members,
    requestId,
    namespace,
  });
}
