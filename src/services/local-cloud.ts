/**
 * The embedded cloud's background process, seen from outside: start, stop, status, reset. Loaded by every command, so
 * it needs Node's own modules only.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type DaemonMessage, type DaemonRecord, daemonFiles, stateIdLength } from '../model/daemon.ts';
import { SaasError } from '../model/error.ts';
import { built } from '../model/installation.ts';
import { processIdentity } from '../model/process.ts';
import { failureOf, foreign, notReady, portFixed } from './local-cloud-failures.ts';

/** How long a start may take, in milliseconds: tasks of many tenants come back in it. */
const startWithin = 120_000;
/** How long a stop may take before the process is killed, in milliseconds. */
const stopWithin = 15_000;
/** How long a process that could not start may take to end, in milliseconds. */
const failWithin = 5_000;
/** Between two looks at something that can't be awaited, in milliseconds; and at what should go on for long. */
const lookEvery = 50;
const watchEvery = 500;

export interface LocalCloud {
  /** http://127.0.0.1:<port> */
  endpoint: string;
  pid: number;
  stateDir: string;
  /** False when it ran already. */
  started: boolean;
}

export interface LocalCloudStatus {
  running: boolean;
  endpoint: string | null;
  pid: number | null;
  uptimeMs: number | null;
  stateDir: string;
  sizeBytes: number;
}

/** A mail that the embedded Cognito would have sent. */
export interface OutboxMail {
  /** ISO 8601. */
  at: string;
  to: string;
  subject: string;
  body: string;
  userPoolId: string;
  /** The temporary password or code in the mail. */
  secret: string;
}

const stateDirOf = (root: string): string => path.join(path.resolve(root), '.saas-ecs', 'embedded');

/**
 * Makes sure that the project's embedded cloud runs; does nothing when it does. `onStart` is called before a process
 * is started. Throws SaasError `port_taken`, `no_free_port`, `port_fixed`, `state_damaged`, `state_foreign`,
 * `embedded_cloud_failed`, `embedded_cloud_not_ready`.
 */
export async function startLocalCloud(options: {
  root: string;
  port?: number;
  onStart?: () => void;
}): Promise<LocalCloud> {
  const stateDir = stateDirOf(options.root);
  const running = await findRunning(stateDir);
  if (running) {
    if (options.port !== undefined && options.port !== running.port) throw portFixed(running.port);
    if (await untilReady(stateDir, running))
      return { endpoint: running.endpoint, pid: running.pid, stateDir, started: false };
    // It ended while we asked: as if it had not run.
  }
  options.onStart?.();
  await claim(stateDir);
  const message = await launch(stateDir, options.port);
  if (message.type === 'ready')
    return { endpoint: message.endpoint, pid: message.pid, stateDir, started: true };
  // Another command started it at the same moment: its is the one.
  if (message.code === 'state_locked') {
    const other = await untilFound(stateDir);
    if (!(await untilReady(stateDir, other))) throw await notReady(stateDir);
    return { endpoint: other.endpoint, pid: other.pid, stateDir, started: false };
  }
  throw await failureOf(stateDir, message);
}

/** Stops the project's embedded cloud, tasks and functions included; its state stays. False when it did not run. */
export async function stopLocalCloud(options: { root: string }): Promise<boolean> {
  const running = await findRunning(stateDirOf(options.root));
  if (!running) return false;
  const gone = (): boolean => processIdentity(running.pid) !== running.identity;
  signal(running.pid, 'SIGTERM');
  const deadline = performance.now() + stopWithin;
  while (!gone()) {
    if (performance.now() > deadline) signal(running.pid, 'SIGKILL');
    await delay(lookEvery);
  }
  return true;
}

/** Resolves when the process has ended, whatever ended it; rejects on abort. */
export async function untilEnded({ pid }: Pick<LocalCloud, 'pid'>, signal: AbortSignal): Promise<void> {
  const identity = processIdentity(pid);
  while (identity !== undefined && processIdentity(pid) === identity)
    await delay(watchEvery, undefined, { signal, ref: false });
}

export async function localCloudStatus(options: { root: string }): Promise<LocalCloudStatus> {
  const stateDir = stateDirOf(options.root);
  const [running, sizeBytes] = await Promise.all([findRunning(stateDir), sizeOf(stateDir)]);
  return {
    running: running !== undefined,
    endpoint: running?.endpoint ?? null,
    pid: running?.pid ?? null,
    uptimeMs: running ? Math.max(0, Date.now() - Date.parse(running.startedAt)) : null,
    stateDir,
    sizeBytes,
  };
}

/** Stops the embedded cloud and deletes everything in it. Throws SaasError `state_foreign` when the directory is not its. */
export async function resetLocalCloud(options: { root: string }): Promise<void> {
  const stateDir = stateDirOf(options.root);
  if (!(await isOurs(stateDir))) throw foreign(stateDir);
  await stopLocalCloud(options);
  // Out of the way at once: a deletion that is interrupted leaves no half of a state.
  const doomed = `${stateDir}.${randomUUID()}`;
  try {
    await rename(stateDir, doomed);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  await rm(doomed, { recursive: true, force: true, maxRetries: 3 });
}

/** Every mail that the embedded cloud "sent", newest last. Throws SaasError `embedded_cloud_unreachable`. */
export async function readOutbox(endpoint: string): Promise<OutboxMail[]> {
  const unreachable = (detail: string, cause?: unknown): SaasError =>
    new SaasError('embedded_cloud_unreachable', `the embedded cloud at ${endpoint} does not answer`, {
      detail,
      hint: 'saas-ecs local start',
      cause,
    });
  const answer = await request(`${endpoint}/_aws/outbox`, 10_000).catch((error: unknown) => {
    throw unreachable(error instanceof Error ? error.message : String(error), error);
  });
  if (answer.status !== 200) throw unreachable(`${answer.status} ${answer.body.trim()}`);
  return (JSON.parse(answer.body) as { mails: OutboxMail[] }).mails;
}

interface Running {
  pid: number;
  identity: string;
  port: number;
  endpoint: string;
  startedAt: string;
}

/** The process that the directory's record names, when it is still that process. */
async function findRunning(stateDir: string): Promise<Running | undefined> {
  let record: DaemonRecord;
  try {
    record = JSON.parse(await readFile(path.join(stateDir, daemonFiles.record), 'utf8')) as DaemonRecord;
  } catch {
    // Missing: never started. Damaged: the process itself will say so.
    return undefined;
  }
  const { pid, identity, port, endpoint, startedAt } = record;
  if (pid === null || identity === null || startedAt === null) return undefined;
  return processIdentity(pid) === identity ? { pid, identity, port, endpoint, startedAt } : undefined;
}

async function untilFound(stateDir: string): Promise<Running> {
  const deadline = performance.now() + startWithin;
  for (;;) {
    const running = await findRunning(stateDir);
    if (running) return running;
    if (performance.now() > deadline) throw await notReady(stateDir);
    await delay(lookEvery);
  }
}

/** Waits until the process answers for this very directory; false when it ends before that. */
async function untilReady(stateDir: string, running: Running): Promise<boolean> {
  const id = createHash('sha256').update(stateDir).digest('hex').slice(0, stateIdLength);
  const deadline = performance.now() + startWithin;
  for (;;) {
    const answer = await request(`${running.endpoint}/_aws/health`, 5_000).catch(() => undefined);
    if (answer?.status === 200 && answer.state === id) return true;
    if (processIdentity(running.pid) !== running.identity) return false;
    if (performance.now() > deadline) throw await notReady(stateDir);
    await delay(lookEvery);
  }
}

function request(
  url: string,
  timeout: number,
): Promise<{ status: number; state: string | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    // A connection of its own: one that stays open would keep the command from ending.
    const call = get(url, { timeout, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        const state = response.headers['x-embedded-cloud'];
        resolve({
          status: response.statusCode ?? 0,
          state: typeof state === 'string' ? state : undefined,
          body,
        });
      });
    });
    call.on('timeout', () => call.destroy(new Error(`no answer within ${timeout} ms`)));
    call.on('error', reject);
  });
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone.
  }
}

/** Makes the state directory ours. Throws when it exists and is somebody else's. */
async function claim(stateDir: string): Promise<void> {
  if (!(await isOurs(stateDir))) throw foreign(stateDir);
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  await writeFile(path.join(stateDir, daemonFiles.marker), '', { flag: 'a', mode: 0o600 });
  // State is nothing for version control.
  await writeFile(path.join(path.dirname(stateDir), '.gitignore'), '*\n', { flag: 'wx' }).catch(() => {});
}

/** Is the directory missing, empty, or marked as an embedded cloud's? */
async function isOurs(stateDir: string): Promise<boolean> {
  const names = await readdir(stateDir).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.length === 0 || names.includes(daemonFiles.marker);
}

const environmentOfDaemon = (): NodeJS.ProcessEnv => {
  // What is set for talking to AWS must not reach the process that plays AWS; what is set for that process must.
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(AWS_|CDK_|SAAS_ECS_(?!CONCURRENT_BUILDS$)|NODE_OPTIONS$)/.test(name),
  );
  const directories = ['SAAS_ECS_PYTHON_PACKAGES', 'SAAS_ECS_RECORD_CALLS'].flatMap((name) => {
    const directory = process.env[name];
    return directory ? [[name, path.resolve(directory)]] : [];
  });
  return {
    ...Object.fromEntries([...own, ...directories]),
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    // glibc keeps freed memory an arena a thread: with two arenas the process stays about 70 MB smaller (mallopt(3)).
    MALLOC_ARENA_MAX: '2',
  };
};

/** Starts the process and waits for what it says of its start. */
async function launch(stateDir: string, port: number | undefined): Promise<DaemonMessage> {
  const log = await open(path.join(stateDir, daemonFiles.log), 'a', 0o600);
  let child: ChildProcess;
  try {
    const args = [built('embedded', 'daemon.js'), '--state-dir', stateDir];
    if (port !== undefined) args.push('--port', String(port));
    child = spawn(process.execPath, args, {
      cwd: stateDir,
      env: environmentOfDaemon(),
      detached: true,
      windowsHide: true,
      stdio: ['ignore', log.fd, log.fd, 'ipc'],
    });
  } finally {
    await log.close();
  }
  const message = await new Promise<DaemonMessage | undefined>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      resolve(undefined);
    }, startWithin);
    const settle = (result: DaemonMessage | undefined): void => {
      clearTimeout(timer);
      resolve(result);
    };
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('message', (received) => settle(received as DaemonMessage));
    child.once('exit', () => settle(undefined));
  });
  // A start that failed is over when the process has let go of the directory.
  if (message?.type === 'failed' && child.exitCode === null && child.signalCode === null) {
    await once(child, 'exit', { signal: AbortSignal.timeout(failWithin) }).catch(() => child.kill('SIGKILL'));
  }
  if (child.connected) child.disconnect();
  child.unref();
  if (message) return message;
  throw await notReady(stateDir);
}

/** Bytes of all files below; 0 when there is nothing. */
async function sizeOf(directory: string): Promise<number> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) =>
        stat(path.join(entry.parentPath, entry.name)).then(
          (file) => file.size,
          () => 0,
        ),
      ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
