/**
 * The background process that serves one state directory: `node daemon.js --state-dir D [--port N]`. It says once how
 * its start went (see model/daemon.ts), then goes on until SIGTERM or SIGINT.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type DaemonFailure, type DaemonMessage, type DaemonRecord, daemonFiles } from '../model/daemon.ts';
import { processIdentity } from '../model/process.ts';
import { type RunningCloud, startCloud } from './cloud.ts';
import { type DaemonLog, openLog } from './daemon-log.ts';
import { StateLockedError } from './lock.ts';
import { makePrivate } from './private-state.ts';
import { StateDamagedError } from './store.ts';

const firstPort = 4510;
const lastPort = 4609;
/** Services get this long to stop, in milliseconds. */
const stopWithin = 12_000;
/** How often the process looks whether its directory is still there, in milliseconds. */
const watchEvery = 5_000;

class StartFailure extends Error {
  readonly code: DaemonFailure;
  readonly port: number | undefined;
  constructor(code: DaemonFailure, message: string, port?: number, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.port = port;
  }
}

const recordFile = (stateDir: string): string => path.join(stateDir, daemonFiles.record);

async function readRecord(stateDir: string): Promise<DaemonRecord | undefined> {
  const file = recordFile(stateDir);
  try {
    const record = JSON.parse(await readFile(file, 'utf8')) as DaemonRecord;
    if (!Number.isInteger(record.port)) throw new Error('it names no port');
    return record;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new StateDamagedError(file, error instanceof Error ? error.message : String(error), error);
  }
}

async function writeRecord(stateDir: string, port: number, running: boolean): Promise<void> {
  const record: DaemonRecord = {
    port,
    endpoint: `http://127.0.0.1:${port}`,
    pid: running ? process.pid : null,
    identity: running ? (processIdentity(process.pid) ?? null) : null,
    startedAt: running ? new Date().toISOString() : null,
  };
  const draft = `${recordFile(stateDir)}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  await rename(draft, recordFile(stateDir));
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });

/**
 * A directory looks from a place of its own on: the first port that is free may be that of another project, whose cloud
 * is stopped and could not come back.
 */
async function freePort(stateDir: string): Promise<number> {
  const ports = lastPort - firstPort + 1;
  const start = createHash('sha256').update(stateDir).digest().readUInt32BE() % ports;
  for (let step = 0; step < ports; step++) {
    const port = firstPort + ((start + step) % ports);
    if (await isFree(port)) return port;
  }
  throw new StartFailure('no_port', `no port from ${firstPort} to ${lastPort} is free`);
}

/** Brings the cloud up on the port of its state, or on one that it will keep from now on. */
async function start(stateDir: string, asked: number | undefined, log: DaemonLog): Promise<RunningCloud> {
  const known = (await readRecord(stateDir))?.port;
  if (known !== undefined && asked !== undefined && asked !== known) {
    throw new StartFailure(
      'port_fixed',
      `this embedded cloud lives on port ${known}: its state holds addresses with it`,
      known,
    );
  }
  for (let attempt = 1; ; attempt++) {
    const port = known ?? asked ?? (await freePort(stateDir));
    try {
      const cloud = await startCloud({
        stateDir,
        port,
        log: log.write,
        pythonPackages: process.env['SAAS_ECS_PYTHON_PACKAGES'] || undefined,
        recordCalls: process.env['SAAS_ECS_RECORD_CALLS'] || undefined,
        ...concurrentBuilds(),
      });
      await writeRecord(stateDir, port, true);
      return cloud;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      // A port that was free a moment ago went to somebody else: no reason to give up, unless it must be that one.
      if (known !== undefined || asked !== undefined || attempt === 3) {
        throw new StartFailure('port_taken', `port ${port} is in use`, port, error);
      }
    }
  }
}

/** CodeBuild's quota, where the user has set another. */
function concurrentBuilds(): { concurrentBuilds?: number } {
  const given = process.env['SAAS_ECS_CONCURRENT_BUILDS'];
  if (given === undefined || given === '') return {};
  if (!/^[1-9]\d{0,2}$/.test(given))
    throw new StartFailure(
      'start_failed',
      `SAAS_ECS_CONCURRENT_BUILDS is "${given}": give a number from 1 to 999`,
    );
  return { concurrentBuilds: Number(given) };
}

/** LevelDB's errors come wrapped: the cause says what is wrong with its files. */
function isDamage(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    const { code } = each as NodeJS.ErrnoException;
    if (each instanceof StateDamagedError || code === 'LEVEL_CORRUPTION' || code === 'LEVEL_IO_ERROR')
      return true;
  }
  return false;
}

const innermost = (error: Error): string =>
  error.cause instanceof Error ? `${error.message}: ${innermost(error.cause)}` : error.message;

function failureOf(error: unknown): DaemonMessage {
  const message = error instanceof Error ? innermost(error) : String(error);
  if (error instanceof StartFailure) {
    return {
      type: 'failed',
      code: error.code,
      message: error.message,
      ...(error.port !== undefined && { port: error.port }),
    };
  }
  if (error instanceof StateLockedError) return { type: 'failed', code: 'state_locked', message };
  return { type: 'failed', code: isDamage(error) ? 'state_damaged' : 'start_failed', message };
}

/** Tells whoever started this process, and lets go of it. */
function tell(message: DaemonMessage): Promise<void> {
  return new Promise((resolve) => {
    if (!process.send) {
      process.stderr.write(`${JSON.stringify(message)}\n`, () => resolve());
      return;
    }
    // A starter that is gone already must not keep the cloud from going on.
    process.send(message, undefined, undefined, () => {
      if (process.connected) process.disconnect();
      resolve();
    });
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { 'state-dir': { type: 'string' }, port: { type: 'string' } } });
  const given = values['state-dir'];
  if (given === undefined) {
    process.stderr.write('usage: daemon.js --state-dir DIRECTORY [--port N]\n');
    process.exit(2);
  }
  const stateDir = path.resolve(given);
  process.umask(0o077);
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  await writeFile(path.join(stateDir, daemonFiles.marker), '', { flag: 'a' });
  const log = openLog(path.join(stateDir, daemonFiles.log));
  // One call's stray error must not take every task and tenant down.
  process.on('uncaughtException', (error) => log.write(`uncaught ${error.stack ?? error.message}`));
  process.on('unhandledRejection', (reason) =>
    log.write(`unhandled ${reason instanceof Error ? reason.stack : String(reason)}`),
  );

  let cloud: RunningCloud;
  try {
    await makePrivate(stateDir);
    cloud = await start(stateDir, values.port === undefined ? undefined : Number(values.port), log);
  } catch (error) {
    const failure = failureOf(error);
    log.write(`not started: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    await tell(failure);
    log.close();
    process.exit(1);
  }
  log.write(`ready at ${cloud.endpoint}, process ${process.pid}`);

  let stopping = false;
  const stop = async (why: string, keepRecord: boolean): Promise<void> => {
    if (stopping) process.exit(1);
    stopping = true;
    log.write(`stopping: ${why}`);
    const late = setTimeout(() => {
      log.write('a service did not stop in time');
      process.exit(1);
    }, stopWithin);
    await cloud.stop().catch((error: unknown) => log.write(`stopped with ${String(error)}`));
    clearTimeout(late);
    if (keepRecord) await writeRecord(stateDir, Number(new URL(cloud.endpoint).port), false).catch(() => {});
    log.write('stopped');
    log.close();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal, true));
  // Whoever deletes the directory wants the cloud gone; without its record nobody could find or stop it.
  setInterval(() => {
    stat(recordFile(stateDir)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') void stop('the state directory is gone', false);
    });
  }, watchEvery).unref();
  await tell({ type: 'ready', endpoint: cloud.endpoint, pid: process.pid });
}

await main();
