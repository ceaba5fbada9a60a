/** One request through the gateway: what is known of it, and `$context`, which mappings, error templates and access logs read. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { traceRoot } from '../../load-balancer/proxy.ts';
import type { CompiledStage, Route } from './stage.ts';

export interface AuthorizerOutcome {
  principalId: string;
  context: Readonly<Record<string, string>>;
}

export interface GatewayError {
  type: string;
  message: string | null;
  /** Why parameters or body were refused. */
  validation?: string;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (number: number): string => String(number).padStart(2, '0');

/** `23/Nov/2026:20:32:18 +0000` */
export function requestTime(time: number): string {
  const date = new Date(time);
  return `${two(date.getUTCDate())}/${months[date.getUTCMonth()]}/${date.getUTCFullYear()}:${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} +0000`;
}

export class Exchange {
  readonly request: IncomingMessage;
  readonly stage: CompiledStage;
  readonly method: string;
  /** Raw, below the stage. */
  readonly path: string;
  /** Raw, without its question mark. */
  readonly query: string;
  readonly requestId: string;
  readonly time: number;
  readonly started: number;
  readonly sourceIp: string;
  route: Route | undefined;
  parameters: Readonly<Record<string, string>> = {};
  authorizer: AuthorizerOutcome | undefined;
  authorizerLatency: number | undefined;
  authorizerStatus: number | undefined;
  apiKey: string | undefined;
  apiKeyId: string | undefined;
  integrationLatency: number | undefined;
  integrationStatus: number | undefined;
  integrationError: string | undefined;
  error: GatewayError | undefined;
  status = 0;
  responseLength = 0;
  ended = 0;
  #extendedRequestId: string | undefined;
  #traceId: string | undefined;
  #search: URLSearchParams | undefined;
  #headers: Map<string, string[]> | undefined;

  constructor(stage: CompiledStage, request: IncomingMessage, path: string, query: string, now: number) {
    this.stage = stage;
    this.request = request;
    this.method = request.method ?? 'GET';
    this.path = path;
    this.query = query;
    this.requestId = randomUUID();
    this.time = now;
    this.started = performance.now();
    this.sourceIp = request.socket.remoteAddress ?? '127.0.0.1';
  }

  /** `arn:aws:execute-api:<region>:<account>:<api>/<stage>/<METHOD>/<path>` */
  get methodArn(): string {
    return `${this.stage.executeArn}/${this.method}${this.path}`;
  }

  get extendedRequestId(): string {
    this.#extendedRequestId ??= Buffer.from(randomUUID().slice(0, 11)).toString('base64');
    return this.#extendedRequestId;
  }

  get traceId(): string {
    this.#traceId ??= `Root=${traceRoot()}`;
    return this.#traceId;
  }

  get search(): URLSearchParams {
    this.#search ??= new URLSearchParams(this.query);
    return this.#search;
  }

  /** All values by lower-case name. The one view that authorizer, mappings and target share: none sees another `Authorization` than the others. */
  get headers(): ReadonlyMap<string, readonly string[]> {
    if (this.#headers) return this.#headers;
    const headers = new Map<string, string[]>();
    const raw = this.request.rawHeaders;
    for (let index = 0; index + 1 < raw.length; index += 2) {
      const name = (raw[index] ?? '').toLowerCase();
      const value = raw[index + 1] ?? '';
      const values = headers.get(name);
      if (values) values.push(value);
      else headers.set(name, [value]);
    }
    this.#headers = headers;
    return headers;
  }

  /** By lower-case name; the last value where a header came several times, as API Gateway's single-value maps have it. */
  header(name: string): string | undefined {
    return this.headers.get(name)?.at(-1);
  }

  /** The value of a `$context` variable, named without `$context.`; undefined when this request has none. */
  context(name: string): string | undefined {
    const value = this.#context(name);
    return value === undefined || value === null ? undefined : String(value);
  }

  #context(name: string): string | number | null | undefined {
    if (name.startsWith('authorizer.')) return this.#authorizerContext(name.slice('authorizer.'.length));
    if (name.startsWith('identity.')) return this.#identity(name.slice('identity.'.length));
    switch (name) {
      case 'requestId':
      case 'awsEndpointRequestId':
        return this.requestId;
      case 'extendedRequestId':
        return this.extendedRequestId;
      case 'accountId':
        return this.stage.account;
      case 'apiId':
      case 'domainPrefix':
        return this.stage.apiId;
      case 'domainName':
        return this.stage.domainName;
      case 'deploymentId':
        return this.stage.deploymentId;
      case 'stage':
        return this.stage.name;
      case 'resourceId':
        return this.route?.resourceId;
      case 'resourcePath':
        return this.route?.resourcePath;
      case 'operationName':
        return this.route?.operationName;
      case 'httpMethod':
        return this.method;
      case 'path':
        return `/${this.stage.name}${this.path}`;
      case 'protocol':
        return `HTTP/${this.request.httpVersion}`;
      case 'requestTime':
        return requestTime(this.time);
      case 'requestTimeEpoch':
        return this.time;
      case 'xrayTraceId':
        return this.traceId;
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
      case 'authorize.status':
      case 'authorize.error':
      case 'authorize.latency':
        return this.#authorizerContext(name.slice('authorize.'.length));
      case 'error.message':
        return this.error?.message;
      case 'error.messageString':
        return this.error && JSON.stringify(this.error.message);
      case 'error.responseType':
        return this.error?.type;
      case 'error.validationErrorString':
        return this.error?.validation;
      default:
        return undefined;
    }
  }

  #authorizerContext(name: string): string | number | undefined {
    switch (name) {
      case 'principalId':
        return this.authorizer?.principalId;
      case 'latency':
      case 'integrationLatency':
        return this.authorizerLatency === undefined ? undefined : Math.round(this.authorizerLatency);
      case 'status':
      case 'integrationStatus':
        return this.authorizerStatus;
      default:
        return this.authorizer?.context[name];
    }
  }

  #identity(name: string): string | undefined {
    switch (name) {
      case 'sourceIp':
        return this.sourceIp;
      case 'userAgent':
        return this.header('user-agent');
      case 'apiKey':
        return this.apiKey;
      case 'apiKeyId':
        return this.apiKeyId;
      case 'accountId':
        return undefined;
      default:
        return undefined;
    }
  }
}
