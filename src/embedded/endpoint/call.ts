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
import { presignedUntil, type Signer, signerOf } from './credentials.ts';
import { refusal, refusingAs } from './denials.ts';
import { corsHeaders, isFromPage, isNavigation, refusedToPage } from './pages.ts';
import { formOf } from './query.ts';
import { streamingInput } from './rest.ts';
import {
  adapterOf,
  isRest,
  notImplemented,
  operationOf,
  type ServiceGroup,
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

/** What is known of a call so far; an error is answered by it. */
interface Attempt {
  readonly requestId: string;
  readonly wire: WireRequest;
  service?: AwsService;
  operation?: string;
  namespace?: string;
  /** A page called an operation that is for pages: it may read the answer. */
  open?: boolean;
}

/** Answers a call. Never rejects: every error is a response in the caller's protocol. */
export async function answer(
  cloud: Cloud,
  index: ServiceIndex,
  request: IncomingMessage,
): Promise<WireResponse> {
  const { path, query } = targetOf(request);
  const attempt: Attempt = {
    requestId: randomUUID(),
    wire: { method: request.method ?? 'GET', path, query, headers: request.headers, body: none },
  };
  const response = await attend(cloud, index, request, attempt).catch((error: unknown) =>
    failure(cloud, error, attempt),
  );
  response.headers['x-amzn-requestid'] = attempt.requestId;
  if (attempt.open) Object.assign(response.headers, corsHeaders);
  if (attempt.service?.protocol === 'rest-xml') response.headers['x-amz-request-id'] = attempt.requestId;
  return response;
}

async function attend(
  cloud: Cloud,
  index: ServiceIndex,
  request: IncomingMessage,
  attempt: Attempt,
): Promise<WireResponse> {
  const { wire, requestId } = attempt;
  const signer = signerOf(wire);
  const group = await groupOf(index, request, attempt, signer);
  const { protocol, signingName } = group.first;
  if (signingName === 's3') wire.path = withHostBucket(wire.path, request.headers.host);
  const fromPage = isFromPage(request);
  if (fromPage && signer && !(protocol === 'rest-xml' && isNavigation(request))) throw refusedToPage();
  const principal = refusingAs(protocol, () => principalOf(cloud, wire, signer));
  const call: Call = { principal, operation: '', requestId, request };

  const raw = signer && (await answerRaw(cloud, group.first, attempt, call));
  if (raw) return raw;

  if (wire.body === none && !isRest(group.first)) wire.body = await collect(request);
  const { shape, labels } = operationOf(group, wire);
  attempt.service = shape.service;
  attempt.operation = shape.name;
  attempt.namespace = shape.namespace;
  call.operation = shape.name;
  if (labels) wire.labels = labels;
  attempt.open = fromPage && !signer && shape.operation.public === true;
  if (!shape.operation.public && !signer) throw fromPage ? refusedToPage() : unsigned(protocol);
  if (isRest(shape.service)) {
    if (streamingInput(shape)) wire.stream = stream(request);
    else wire.body = await collect(request);
  }
  return run(cloud, shape, wire, call);
}

/** The services that the request means: by its signature, else by its words. */
async function groupOf(
  index: ServiceIndex,
  request: IncomingMessage,
  attempt: Attempt,
  signer: Signer | undefined,
): Promise<ServiceGroup> {
  const { wire } = attempt;
  const target = request.headers['x-amz-target'];
  let signingName = signer?.service;
  if (signingName === undefined) {
    if (isForm(request)) wire.body = await collect(request);
    signingName = index.guess(request.headers, formOf(wire).get('Action') ?? undefined);
  }
  const group = index.group(signingName);
  if (!group) {
    const meant = typeof target === 'string' ? targetOperation(target) : `${wire.method} ${wire.path}`;
    throw notImplemented(signingName, meant);
  }
  attempt.service = group.first;
  return group;
}

async function answerRaw(
  cloud: Cloud,
  service: AwsService,
  attempt: Attempt,
  call: Call,
): Promise<WireResponse | undefined> {
  const target = attempt.wire.headers['x-amz-target'];
  if (!service.raw || typeof target !== 'string' || !call.request) return undefined;
  attempt.operation = targetOperation(target);
  call.operation = attempt.operation;
  attempt.wire.body = await collect(call.request);
  const raw = await service.raw(attempt.operation, attempt.wire.body, call);
  if (!raw) return undefined;
  await cloud.store.flushed();
  return { status: raw.status, headers: { ...raw.headers, 'content-type': raw.contentType }, body: raw.body };
}

async function run(
  cloud: Cloud,
  shape: OperationShape,
  wire: WireRequest,
  call: Call,
): Promise<WireResponse> {
  const adapter = adapterOf(shape.service);
  const result = await perform(cloud, shape, adapter.decode(shape, wire), call);
  await cloud.store.flushed();
  const output = withDates(shape.output, result ?? {}) as Record<string, unknown>;
  return adapter.encode(shape, output, call.requestId);
}

/** The operation itself: its input checked, its caller authorized, its handler run. */
export async function perform(
  cloud: Cloud,
  shape: OperationShape,
  input: Record<string, unknown>,
  call: Call,
): Promise<unknown> {
  requireMembers(shape, input);
  const accesses = accessOf(shape, input, call);
  refusingAs(shape.service.protocol, () => {
    for (const access of accesses) cloud.iam.authorize(call.principal, access);
  });
  return (shape.operation.handler as (input: unknown, call: Call) => unknown)(input, call);
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

function failure(cloud: Cloud, thrown: unknown, attempt: Attempt): WireResponse {
  const { service, operation, namespace, requestId } = attempt;
  const where = `${service?.signingName ?? '?'}:${operation ?? '?'}`;
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
