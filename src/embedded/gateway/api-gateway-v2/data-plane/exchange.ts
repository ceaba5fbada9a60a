/** One request to an HTTP API: what is known of it, and `$context`, which access logs read. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { requestTime } from '../../api-gateway/data-plane/exchange.ts';
import type { CompiledRoute, CompiledStage } from './stage.ts';

/** Who an authorizer found, in the form in which functions get it. */
export type Authorizer =
  | { jwt: { claims: Readonly<Record<string, string>>; scopes: readonly string[] | null } }
  | { iam: Readonly<Record<string, unknown>> };

/** An answer of the gateway's own. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

export class HttpExchange {
  readonly request: IncomingMessage;
  readonly stage: CompiledStage;
  readonly method: string;
  /** Below the stage, as it came. */
  readonly path: string;
  /** Without its question mark. */
  readonly query: string;
  readonly requestId: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly started: number;
  readonly sourceIp: string;
  route: CompiledRoute | undefined;
  parameters: Readonly<Record<string, string>> = {};
  authorizer: Authorizer | undefined;
  authorizerError: string | undefined;
  integrationError: string | undefined;
  integrationLatency: number | undefined;
  integrationStatus: number | undefined;
  error: string | undefined;
  status = 0;
  responseLength = 0;
  ended = 0;

  constructor(stage: CompiledStage, request: IncomingMessage, path: string, query: string, now: number) {
    this.stage = stage;
    this.request = request;
    this.method = request.method ?? 'GET';
    this.path = path;
    this.query = query;
    // HTTP APIs name their requests so: 16 characters, the last of them `=`.
    this.requestId = Buffer.from(randomUUID().replaceAll('-', '').slice(0, 11))
      .toString('base64')
      .slice(0, 16);
    this.time = now;
    this.started = performance.now();
    this.sourceIp = request.socket.remoteAddress ?? '127.0.0.1';
  }

  /** With the stage, unless that is `$default`. */
  get fullPath(): string {
    return this.stage.name === '$default' ? this.path : `/${this.stage.name}${this.path}`;
  }

  /** By lower-case name, several values joined. */
  header(name: string): string | undefined {
    const value = this.request.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  /** `23/Nov/2026:20:32:18 +0000` */
  get requestTime(): string {
    return requestTime(this.time);
  }

  /** The value of a `$context` variable, named without `$context.`; undefined when this request has none. */
  context(name: string): string | undefined {
    const value = this.#context(name);
    return value === undefined ? undefined : String(value);
  }

  #context(name: string): string | number | undefined {
    const authorizer = this.authorizer;
    if (name.startsWith('authorizer.claims.'))
      return authorizer && 'jwt' in authorizer
        ? authorizer.jwt.claims[name.slice('authorizer.claims.'.length)]
        : undefined;
    switch (name) {
      case 'requestId':
      case 'extendedRequestId':
        return this.requestId;
      case 'accountId':
        return this.stage.account;
      case 'apiId':
      case 'domainPrefix':
        return this.stage.apiId;
      case 'domainName':
        return this.stage.domainName;
      case 'stage':
        return this.stage.name;
      case 'routeKey':
        return this.route?.key;
      case 'httpMethod':
        return this.method;
      case 'path':
        return this.fullPath;
      case 'protocol':
        return `HTTP/${this.request.httpVersion}`;
      case 'requestTime':
        return this.requestTime;
      case 'requestTimeEpoch':
        return this.time;
      case 'status':
        return this.status;
      case 'responseLength':
        return this.responseLength;
      case 'responseLatency':
        return Math.round(this.ended - this.started);
      case 'integrationLatency':
      case 'integration.latency':
        return this.integrationLatency === undefined ? undefined : Math.round(this.integrationLatency);
      case 'integrationStatus':
      case 'integration.status':
      case 'integration.integrationStatus':
        return this.integrationStatus;
      case 'integrationErrorMessage':
      case 'integration.error':
        return this.integrationError;
      case 'authorizer.error':
        return this.authorizerError;
      case 'error.message':
        return this.error;
      case 'error.messageString':
        return this.error && JSON.stringify(this.error);
      case 'identity.sourceIp':
        return this.sourceIp;
      case 'identity.userAgent':
        return this.header('user-agent');
      case 'identity.caller':
      case 'identity.user':
      case 'identity.userArn':
        return authorizer && 'iam' in authorizer
          ? String(authorizer.iam[name === 'identity.userArn' ? 'userArn' : 'callerId'])
          : undefined;
      default:
        return undefined;
    }
  }
}
