/**
 * The Node.js runtime of one Lambda function: started as a child process by the embedded cloud, it loads the handler,
 * takes one event at a time over IPC and ends when its parent does. It imports no service of the cloud.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';
import { answerCustomResources } from './lambda/custom-resource-answers.ts';
import type { FunctionError, InvokeMessage, WorkerMessage } from './lambda/messages.ts';

type Handler = (
  event: unknown,
  context: object,
  callback: (error: unknown, result?: unknown) => void,
) => unknown;

const environment = process.env;
const root = environment['LAMBDA_TASK_ROOT'] ?? process.cwd();
let requestId = '';

function send(message: WorkerMessage, then?: () => void): void {
  if (!process.connected) process.exit(0);
  process.send?.(message, undefined, undefined, () => then?.());
}

function describe(error: unknown): FunctionError {
  if (error instanceof Error)
    return {
      errorType: error.name,
      errorMessage: error.message,
      trace: (error.stack ?? '').split('\n'),
    };
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

/** Console lines as Lambda's text format has them; a message of several lines stays one event. */
function patchConsole(): void {
  const levels = { log: 'INFO', info: 'INFO', debug: 'DEBUG', warn: 'WARN', error: 'ERROR', trace: 'TRACE' };
  for (const [method, level] of Object.entries(levels)) {
    console[method as keyof typeof levels] = (...values: unknown[]) =>
      send({
        kind: 'log',
        lines: [`${new Date().toISOString()}\t${requestId}\t${level}\t${format(...values)}`],
      });
  }
}

async function loadHandler(name: string): Promise<Handler> {
  const cut = name.lastIndexOf('.');
  const [file, exported] = [name.slice(0, cut), name.slice(cut + 1)];
  const found = ['.mjs', '.js', '.cjs']
    .map((extension) => path.resolve(root, file + extension))
    .find((candidate) => existsSync(candidate));
  if (cut < 1 || !found)
    throw Object.assign(new Error(`Cannot find module '${file}'`), { name: 'Runtime.ImportModuleError' });
  const loaded = (await import(pathToFileURL(found).href)) as Record<string, unknown>;
  const fallback = loaded['default'] as Record<string, unknown> | undefined;
  const handler = loaded[exported] ?? fallback?.[exported];
  if (typeof handler !== 'function')
    throw Object.assign(new Error(`${name} is undefined or not exported`), {
      name: 'Runtime.HandlerNotFound',
    });
  return handler as Handler;
}

function contextOf(message: InvokeMessage): object {
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: environment['AWS_LAMBDA_FUNCTION_NAME'],
    functionVersion: environment['AWS_LAMBDA_FUNCTION_VERSION'],
    invokedFunctionArn: message.functionArn,
    memoryLimitInMB: environment['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'],
    awsRequestId: message.requestId,
    logGroupName: environment['AWS_LAMBDA_LOG_GROUP_NAME'],
    logStreamName: environment['AWS_LAMBDA_LOG_STREAM_NAME'],
    ...(message.clientContext === undefined ? {} : { clientContext: JSON.parse(message.clientContext) }),
    getRemainingTimeInMillis: () => Math.max(0, message.deadline - Date.now()),
  };
}

function run(handler: Handler, event: unknown, context: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const result = handler(event, context, (error, value) => (error ? reject(error) : resolve(value)));
    if (result instanceof Promise || typeof (result as { then?: unknown } | undefined)?.then === 'function')
      resolve(result);
    // A handler that takes the callback answers by it; any other is done when it returns.
    else if (handler.length < 3) resolve(result);
  });
}

async function invoke(handler: Handler, message: InvokeMessage): Promise<void> {
  requestId = message.requestId;
  try {
    const result = await run(handler, JSON.parse(message.event), contextOf(message));
    send({ kind: 'done', requestId: message.requestId, payload: JSON.stringify(result) ?? 'null' });
  } catch (error) {
    const described = describe(error);
    console.error('Invoke Error', JSON.stringify(described));
    send({ kind: 'failed', requestId: message.requestId, error: described });
  }
}

function crash(error: unknown, kind: string): void {
  const described = describe(error);
  const failure = {
    ...described,
    errorType: kind === 'rejection' ? 'Runtime.UnhandledPromiseRejection' : described.errorType,
  };
  console.error(
    kind === 'rejection' ? 'Unhandled Promise Rejection' : 'Uncaught Exception',
    JSON.stringify(failure),
  );
  if (requestId) send({ kind: 'failed', requestId, error: failure, fatal: true }, () => process.exit(128));
  else send({ kind: 'ready', error: failure }, () => process.exit(128));
}

patchConsole();
answerCustomResources(environment['AWS_ENDPOINT_URL'] ?? '');
process.once('disconnect', () => process.exit(0));
process.on('uncaughtException', (error) => crash(error, 'exception'));
process.on('unhandledRejection', (error) => crash(error, 'rejection'));
try {
  const handler = await loadHandler(environment['_HANDLER'] ?? '');
  process.on('message', (message: InvokeMessage) => void invoke(handler, message));
  send({ kind: 'ready' });
} catch (error) {
  send({ kind: 'ready', error: describe(error) }, () => process.exit(1));
}
