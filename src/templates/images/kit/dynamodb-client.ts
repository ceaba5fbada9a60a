/**
 * DynamoDB's wire protocol (AWS JSON 1.0) over kept-alive connections. The SDK's client is bound to one set of
 * credentials and spends most of a request's time in its middleware; the pool's services sign each call with the
 * calling tenant's own credentials, so one thin client for all of them is both the simpler and the several times faster
 * way (docs/performance.md). Everything that is not on the hot path uses the SDK.
 */
import http from 'node:http';
import https from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { type AwsCredentials, createSigner } from './signature.ts';

const contentType = 'application/x-amz-json-1.0';
const attempts = 3;
/** Milliseconds without a byte before an attempt is given up; DynamoDB answers in single digits. */
const attemptTimeout = 3_000;

/** DynamoDB refused a call, or couldn't be reached (`Unreachable`). */
export class DynamoDbError extends Error {
  override readonly name = 'DynamoDbError';
  /** e.g. `ConditionalCheckFailedException`. */
  readonly code: string;
  readonly status: number;
  /** An earlier attempt of the same call broke off: what it asked may have been done. */
  readonly maybeDone: boolean;
  constructor(code: string, message: string, status: number, maybeDone: boolean, cause?: unknown) {
    super(`${code}: ${message}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.status = status;
    this.maybeDone = maybeDone;
  }
}

const throttled = new Set([
  'ProvisionedThroughputExceededException',
  'ThrottlingException',
  'RequestLimitExceeded',
]);

/** Whether the caller may simply try again later. */
export const isTransient = (error: DynamoDbError): boolean =>
  error.status >= 500 || error.status === 0 || throttled.has(error.code);

export interface DynamoDbClient {
  call<Output>(operation: string, input: object, credentials: AwsCredentials): Promise<Output>;
  close(): void;
}

/** The endpoint that the SDK would use: the platform's override, else the Region's. */
function endpointOf(region: string, env: NodeJS.ProcessEnv): URL {
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return new URL(
    env['AWS_ENDPOINT_URL_DYNAMODB'] ?? env['AWS_ENDPOINT_URL'] ?? `https://dynamodb.${region}.${suffix}`,
  );
}

export function createDynamoDbClient(region: string, env: NodeJS.ProcessEnv = process.env): DynamoDbClient {
  const endpoint = endpointOf(region, env);
  const transport = endpoint.protocol === 'https:' ? https : http;
  const agent = new transport.Agent({ keepAlive: true, maxSockets: 128, timeout: 20_000 });
  const sign = createSigner('dynamodb', region, endpoint.host, contentType);
  const { hostname, port } = endpoint;

  function send(headers: Record<string, string>, body: string): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const request = transport.request(
        { agent, hostname, port, method: 'POST', path: '/', headers, timeout: attemptTimeout },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
          );
          response.on('error', reject);
        },
      );
      request.on('timeout', () =>
        request.destroy(new Error(`no answer from DynamoDB within ${attemptTimeout} ms`)),
      );
      request.on('error', reject);
      request.end(body);
    });
  }

  async function attempt<Output>(
    target: string,
    body: string,
    credentials: AwsCredentials,
    maybeDone: boolean,
  ): Promise<Output> {
    let answer: { status: number; text: string };
    try {
      answer = await send(sign(target, body, credentials, new Date()), body);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new DynamoDbError('Unreachable', message, 0, maybeDone, cause);
    }
    if (answer.status === 200) return JSON.parse(answer.text) as Output;
    const { code, message } = errorOf(answer.text);
    throw new DynamoDbError(code, message, answer.status, maybeDone);
  }

  return {
    async call<Output>(operation: string, input: object, credentials: AwsCredentials): Promise<Output> {
      const target = `DynamoDB_20120810.${operation}`;
      const body = JSON.stringify(input);
      let maybeDone = false;
      for (let tried = 1; ; tried++) {
        try {
          return await attempt<Output>(target, body, credentials, maybeDone);
        } catch (error) {
          if (!(error instanceof DynamoDbError) || !isTransient(error) || tried === attempts) throw error;
          maybeDone ||= !throttled.has(error.code);
          // Full jitter: callers that failed together must not come back together.
          await delay(Math.random() * 50 * 2 ** tried);
        }
      }
    },
    close: () => agent.destroy(),
  };
}

function errorOf(text: string): { code: string; message: string } {
  try {
    const body = JSON.parse(text) as { __type?: string; message?: string; Message?: string };
    return {
      code: body.__type?.split('#').at(-1) ?? 'UnknownError',
      message: body.message ?? body.Message ?? '',
    };
  } catch {
    return { code: 'UnknownError', message: text.slice(0, 200) };
  }
}
