/** Runs functions: a pool of processes for each version that is in use. */
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { packageRoot } from '../../../model/installation.ts';
import { AwsError, arn, type Cloud } from '../../platform.ts';
import { type FunctionRecord, fingerprint } from './function.ts';
import type { Functions } from './functions.ts';
import { type InvocationResult, Pool } from './pool.ts';
import { hasPython, isPython, pythonProgram, startNode, startPython } from './runtime.ts';
import type { WorkerOptions } from './worker.ts';

/** Processes of one function here; Lambda would run as many as there are events. */
const maxProcesses = 4;
/** Concurrent executions of an account (AWS Lambda quotas). */
export const maxConcurrent = 1000;

interface Running {
  pool: Pool;
  fingerprint: string;
  underway: number;
}

export type Runner = ReturnType<typeof createRunner>;

export function createRunner(cloud: Cloud, functions: Functions) {
  const running = new Map<string, Running>();
  let underway = 0;
  let shared: Promise<string> | undefined;

  /**
   * The SDK that Lambda's Node.js runtimes carry, for handlers that don't bundle it: by NODE_PATH to those that
   * `require` it, and above the directories of all code, where `import` looks.
   */
  const runtimeModules = (): Promise<string> => {
    shared ??= (async () => {
      const directory = path.join(cloud.stateDir, 'lambda', 'node_modules');
      await mkdir(directory, { recursive: true });
      for (const scope of ['@aws-sdk', '@smithy']) {
        const source = path.join(packageRoot(), 'node_modules', scope);
        const link = path.join(directory, scope);
        if (existsSync(source) && !existsSync(link)) await symlink(source, link).catch(() => {});
      }
      return directory;
    })();
    return shared;
  };

  /** Where a function's language looks for what the function imports. */
  function searchPaths(record: FunctionRecord, modules: string): Record<string, string> {
    const layers = record.layers.flatMap((layer) => {
      const found = functions.layers.get(layer);
      return found ? [functions.code.directory(found.code)] : [];
    });
    const joined = (directories: readonly (string | undefined)[]): string =>
      directories.filter(Boolean).join(path.delimiter);
    if (!isPython(record.runtime))
      return {
        NODE_PATH: joined([...layers.map((layer) => path.join(layer, 'nodejs', 'node_modules')), modules]),
      };
    return {
      PYTHONPATH: joined([
        functions.code.directory(record.code),
        ...layers.flatMap((layer) => [
          path.join(layer, 'python'),
          path.join(layer, 'python', 'lib', record.runtime, 'site-packages'),
        ]),
        record.environment['PYTHONPATH'],
        cloud.pythonPackages,
      ]),
      // The code's directory is named by its content and shared.
      PYTHONPYCACHEPREFIX: path.join(cloud.stateDir, 'lambda', 'runtime', 'pycache'),
    };
  }

  function workerOptions(
    record: FunctionRecord,
    modules: string,
    python: string | undefined,
  ): Omit<WorkerOptions, 'onExit'> {
    const directory = functions.code.directory(record.code);
    const date = new Date(cloud.clock.now()).toISOString().slice(0, 10).replaceAll('-', '/');
    const stream = `${date}/[${record.version}]${randomBytes(16).toString('hex')}`;
    const credentials = cloud.sts.issueForService(record.role, 'lambda.amazonaws.com', record.name);
    let mayLog = true;
    try {
      const principal = cloud.sts.principalOf(credentials.accessKeyId, credentials.sessionToken);
      const resource = arn(cloud, 'logs', `log-group:${record.logGroup}:log-stream:${stream}`);
      for (const action of ['logs:CreateLogStream', 'logs:PutLogEvents'])
        cloud.iam.authorize(principal, { action, resource });
    } catch {
      mayLog = false;
      cloud.log(`lambda: the role of ${record.name} may not write logs; its lines are dropped`);
    }
    const options = {
      directory,
      memory: record.memory,
      environment: {
        PATH: process.env['PATH'],
        HOME: directory,
        TMPDIR: tmpdir(),
        LANG: 'en_US.UTF-8',
        TZ: 'UTC',
        // The version that runs is the embedded cloud's own; no function can change that.
        AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
        ...record.environment,
        ...searchPaths(record, modules),
        AWS_REGION: cloud.region,
        AWS_DEFAULT_REGION: cloud.region,
        AWS_ENDPOINT_URL: cloud.endpoint,
        AWS_EXECUTION_ENV: `AWS_Lambda_${record.runtime}`,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        AWS_SESSION_TOKEN: credentials.sessionToken,
        AWS_LAMBDA_FUNCTION_NAME: record.name,
        AWS_LAMBDA_FUNCTION_VERSION: record.version,
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(record.memory),
        AWS_LAMBDA_LOG_GROUP_NAME: record.logGroup,
        AWS_LAMBDA_LOG_STREAM_NAME: stream,
        LAMBDA_TASK_ROOT: directory,
        _HANDLER: record.handler,
      },
    };
    return {
      start: () => (python === undefined ? startNode(options) : startPython(python, options)),
      onLog: (lines) => {
        if (mayLog) cloud.logs.append(record.logGroup, stream, lines);
      },
    };
  }

  async function poolOf(record: FunctionRecord): Promise<Running> {
    const modules = await runtimeModules();
    const python = isPython(record.runtime) ? await pythonProgram() : undefined;
    const key = `${record.name}:${record.version}`;
    const known = running.get(key);
    const wanted = fingerprint(record);
    if (known?.fingerprint === wanted) return known;
    known?.pool.retire();
    const pool = new Pool({
      max: Math.min(maxProcesses, record.reservedConcurrency ?? maxProcesses),
      worker: () => workerOptions(record, modules, python),
      now: () => cloud.clock.now(),
    });
    const fresh = { pool, fingerprint: wanted, underway: 0 };
    running.set(key, fresh);
    return fresh;
  }

  const throttled = (reason: string): AwsError =>
    new AwsError('TooManyRequestsException', 'Rate Exceeded.', 429, { Reason: reason });

  return {
    /**
     * Runs one event (JSON text). Rejects with FunctionFailure when the function fails, with AwsError when it can't be
     * run: a runtime that is not here, its concurrency used up.
     */
    async run(
      record: FunctionRecord,
      event: string,
      options: { requestId?: string; clientContext?: string | undefined } = {},
    ): Promise<InvocationResult> {
      if (record.packageType === 'Image')
        throw new AwsError(
          'InvalidRuntimeException',
          `functions from container images are not available here`,
          502,
        );
      if (!record.runtime.startsWith('nodejs') && !(isPython(record.runtime) && hasPython()))
        throw new AwsError('InvalidRuntimeException', `runtime ${record.runtime} is not available here`, 502);
      if (underway >= maxConcurrent) throw throttled('ConcurrentInvocationLimitExceeded');
      const current = await poolOf(record);
      if (record.reservedConcurrency !== undefined && current.underway >= record.reservedConcurrency)
        throw throttled('ReservedFunctionConcurrentInvocationLimitExceeded');
      underway++;
      current.underway++;
      try {
        return await current.pool.invoke({
          requestId: options.requestId ?? randomUUID(),
          event,
          functionArn: record.version === '$LATEST' ? record.arn : `${record.arn}:${record.version}`,
          timeoutMs: record.timeout * 1000,
          clientContext: options.clientContext,
        });
      } finally {
        underway--;
        current.underway--;
      }
    },

    /** Ends the processes of a function that is gone. */
    forget(name: string): void {
      for (const [key, { pool }] of running) {
        if (!key.startsWith(`${name}:`)) continue;
        running.delete(key);
        pool.retire();
      }
    },

    async stop(): Promise<void> {
      await Promise.all([...running.values()].map(({ pool }) => pool.stop()));
      running.clear();
    },
  };
}
