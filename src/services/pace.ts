/**
 * Keeps this process below the rates that AWS grants an account for making and changing things. They are shared with
 * everybody else in the account, so what is throttled all the same is tried again by the SDK, with jitter.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { RequestHandler as Handler, HttpHandlerOptions, HttpRequest, HttpResponse } from '@smithy/types';

/** What sends an SDK client's requests. */
export type RequestHandler = Handler<HttpRequest, HttpResponse, HttpHandlerOptions>;

interface Rate {
  /** The service's name in the credential scope of the signature. */
  service: string;
  /** Undefined: every call to the service. */
  operation?: RegExp;
  /** Calls a second, and how many may come at once. */
  perSecond: number;
  burst: number;
}

/**
 * A tenth below the quotas of docs.aws.amazon.com: "Amazon API Gateway quotas" (10 a second in all, CreateRestApi and
 * ImportRestApi 1 in 3 s, CreateDeployment 1 in 5 s, UpdateUsagePlan 1 in 20 s), "Amazon ECS service quotas" (task
 * definitions 1 a second, services 5), "Quotas in Amazon Cognito" (UserCreation 50, writes to pools, clients and groups
 * 15), "IAM and AWS STS quotas" (AssumeRole 600).
 */
const rates: readonly Rate[] = [
  { service: 'apigateway', perSecond: 9, burst: 9 },
  { service: 'apigateway', operation: /^POST \/restapis$/, perSecond: 0.3, burst: 1 },
  { service: 'apigateway', operation: /^POST \/restapis\/[^/]+\/deployments$/, perSecond: 0.18, burst: 1 },
  { service: 'apigateway', operation: /^PATCH \/usageplans\/[^/]+$/, perSecond: 0.045, burst: 1 },
  { service: 'ecs', operation: /^(Register|Deregister)TaskDefinition$/, perSecond: 0.9, burst: 1 },
  { service: 'ecs', operation: /^(Create|Update|Delete)Service$/, perSecond: 4.5, burst: 4 },
  { service: 'cognito-idp', operation: /^(AdminCreateUser|SignUp)$/, perSecond: 45, burst: 45 },
  {
    service: 'cognito-idp',
    operation: /^(Create|Update|Delete)(UserPool|UserPoolClient|Group)$/,
    perSecond: 13.5,
    burst: 13,
  },
  { service: 'sts', operation: /^AssumeRole/, perSecond: 540, burst: 540 },
];

/**
 * A handler that sends each request once every rate that it falls under admits it; an aborted wait rejects. It is shared,
 * so a client that is destroyed does not close it.
 */
export function paced(handler: RequestHandler): RequestHandler {
  const buckets = rates.map((rate) => ({ ...rate, bucket: new TokenBucket(rate.perSecond, rate.burst) }));
  return {
    ...(handler.metadata && { metadata: handler.metadata }),
    async handle(request, options) {
      const service = serviceOf(request);
      const operation = operationOf(request);
      const wait = Math.max(
        0,
        ...buckets
          .filter((rate) => rate.service === service && (rate.operation?.test(operation) ?? true))
          .map(({ bucket }) => bucket.take(performance.now())),
      );
      if (wait > 0) await delay(wait, undefined, { signal: options?.abortSignal as AbortSignal | undefined });
      return handler.handle(request, options);
    },
  };
}

/** Tokens that come back at a steady rate. A token that is not there yet is taken in advance. */
export class TokenBucket {
  readonly #interval: number;
  readonly #burst: number;
  /** When the next token would be due if calls came evenly, in milliseconds. */
  #due = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number, burst: number) {
    this.#interval = 1_000 / perSecond;
    this.#burst = burst;
  }

  /** Takes a token; gives after how many milliseconds it may be used. */
  take(now: number): number {
    this.#due = Math.max(this.#due, now - (this.#burst - 1) * this.#interval);
    const wait = Math.max(0, this.#due - now);
    this.#due += this.#interval;
    return wait;
  }
}

/** By the signature: `Credential=<key>/<date>/<region>/<service>/aws4_request` (AWS Signature Version 4). */
const serviceOf = ({ headers }: HttpRequest): string =>
  /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//.exec(headers['authorization'] ?? '')?.[1] ?? '';

/** What the request asks for, as its protocol says it: a target header, an `Action`, or method and path. */
function operationOf({ headers, body, method, path }: HttpRequest & { body?: unknown }): string {
  const target = headers['x-amz-target'];
  if (target !== undefined) return target.slice(target.lastIndexOf('.') + 1);
  const action = typeof body === 'string' ? /(?:^|&)Action=(\w+)/.exec(body)?.[1] : undefined;
  return action ?? `${method} ${path}`;
}
