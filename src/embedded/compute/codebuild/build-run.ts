/** One build under way: its phases in order, each with its status, until it is complete. */
import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { BuildPhaseType, StatusType } from '@aws-sdk/client-codebuild';
import { AwsError, type Cloud, type Principal } from '../../platform.ts';
import { StartError } from '../ecs/task/command.ts';
import { type BuildLog, openBuildLog } from './build-log.ts';
import { type Buildspec, BuildspecError, type PhaseName, phaseNames } from './buildspec.ts';
import { declaredVariables, platformVariables, VariableError } from './environment.ts';
import { openShell, type Shell } from './shell.ts';
import { fetchSource, readBuildspec } from './source.ts';
import { type BuildRecord, timeOf } from './state.ts';

export interface BuildPlatform {
  cloud: Cloud;
  /** Keeps the record and tells the world of the phase that has ended or of the build's new status. */
  changed(record: BuildRecord, what: 'phase' | 'status'): void;
}

/** Why a build ends before its last command. */
export class BuildEnd extends Error {
  override readonly name = 'BuildEnd';
  readonly status: 'STOPPED' | 'TIMED_OUT';
  constructor(status: 'STOPPED' | 'TIMED_OUT') {
    super(status);
    this.status = status;
  }
}

/** A phase's failure, as its context shows it. */
class PhaseFailure extends Error {
  override readonly name = 'PhaseFailure';
  readonly statusCode: string;
  constructor(statusCode: string, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}

/** How often the deadline is looked at: the clock may be set, the machine may sleep. */
const watchEveryMs = 250;

export class BuildRun {
  readonly record: BuildRecord;
  /** For the container credentials endpoint. */
  readonly credentialsToken = randomBytes(24).toString('base64url');
  readonly #platform: BuildPlatform;
  readonly #end = new AbortController();
  #log: BuildLog | undefined;

  constructor(platform: BuildPlatform, record: BuildRecord) {
    this.#platform = platform;
    this.record = record;
  }

  /** Ends the command that runs, with its process group; {@link run} then resolves. */
  end(status: BuildEnd['status']): void {
    this.#end.abort(new BuildEnd(status));
  }

  /** Resolves when the build is complete; never rejects. */
  async run(): Promise<void> {
    const { cloud } = this.#platform;
    const { build } = this.record;
    const directory = path.join(buildsDirectory(cloud), path.basename(build.id.replaceAll(':', '-')));
    const source = path.join(directory, 'src');
    const deadline = cloud.clock.now() + (build.timeoutInMinutes ?? 60) * 60_000;
    const watch = setInterval(() => {
      if (cloud.clock.now() > deadline) this.end('TIMED_OUT');
    }, watchEveryMs);
    let status: StatusType = 'SUCCEEDED';
    try {
      await mkdir(source, { recursive: true, mode: 0o700 });
      if (!(await this.#phases(directory, source))) status = 'FAILED';
    } catch (error) {
      if (error instanceof BuildEnd) status = error.status;
      else if (error instanceof PhaseFailure) status = 'FAILED';
      else {
        status = 'FAULT';
        cloud.log(`codebuild: ${build.id}: ${error instanceof Error ? error.stack : String(error)}`);
      }
    } finally {
      clearInterval(watch);
      await rm(directory, { recursive: true, force: true }).catch(() => {});
    }
    this.#log?.say(`Build complete: ${status}`);
    complete(this.#platform, this.record, status);
  }

  /** False when a phase has failed. */
  async #phases(directory: string, source: string): Promise<boolean> {
    const { cloud } = this.#platform;
    const principal = await this.#phase('PROVISIONING', async () => this.#serviceRole());
    const { spec, shell } = await this.#phase('DOWNLOAD_SOURCE', async () => {
      this.#log = openBuildLog(cloud, principal, this.record);
      this.#log.say('Waiting for agent ping');
      await fetchSource(cloud, principal, this.record, source);
      const spec = await readBuildspec(this.record, source);
      for (const name of spec.unheeded)
        this.#log.say(`"${name}" in the buildspec is without effect in the embedded cloud`);
      return { spec, shell: await this.#shell(spec, principal, directory, source) };
    });
    let succeeding = true;
    for (const name of phaseNames) {
      shell.set('CODEBUILD_BUILD_SUCCEEDING', succeeding ? '1' : '0');
      try {
        await this.#phase(name.toUpperCase() as BuildPhaseType, () => this.#commands(name, spec, shell));
      } catch (error) {
        if (!(error instanceof PhaseFailure)) throw error;
        succeeding = false;
        if (spec.phases[name].onFailure === 'ABORT') break;
      }
    }
    this.record.build.exportedEnvironmentVariables = spec.exported.flatMap((name) => {
      const value = shell.value(name);
      return value === undefined ? [] : [{ name, value }];
    });
    if (succeeding) await this.#phase('UPLOAD_ARTIFACTS', async () => {});
    await this.#phase('FINALIZING', async () => {});
    return succeeding;
  }

  #serviceRole(): Principal {
    const { cloud } = this.#platform;
    const { build } = this.record;
    try {
      const { accessKeyId, sessionToken } = cloud.sts.issueForService(
        build.serviceRole ?? '',
        'codebuild.amazonaws.com',
        sessionName(build.id),
      );
      return cloud.sts.principalOf(accessKeyId, sessionToken);
    } catch (error) {
      throw new PhaseFailure(
        'ACCESS_DENIED',
        `CodeBuild is not authorized to perform: sts:AssumeRole on ${build.serviceRole}. ${(error as Error).message}`,
      );
    }
  }

  async #shell(spec: Buildspec, principal: Principal, directory: string, source: string): Promise<Shell> {
    const { cloud } = this.#platform;
    const { build } = this.record;
    const { variables, secrets } = await declaredVariables(
      cloud,
      principal,
      spec,
      build.environment?.environmentVariables ?? [],
    );
    this.#log?.hide([...secrets, this.credentialsToken]);
    const home = path.join(directory, 'home');
    await mkdir(home, { mode: 0o700 });
    return openShell({
      shell: spec.shell,
      scratch: directory,
      directory: source,
      environment: {
        ...platformVariables(cloud, this.record, {
          home,
          source,
          credentials: {
            uri: `${cloud.endpoint}/_aws/codebuild/credentials/${encodeURIComponent(build.id)}`,
            token: this.credentialsToken,
          },
        }),
        ...variables,
      },
      onLines: (lines) => this.#log?.write(lines),
    });
  }

  /** The first command that fails ends the phase; `finally` runs whatever happens, unless the build is ended. */
  async #commands(name: PhaseName, spec: Buildspec, shell: Shell): Promise<void> {
    const phase = spec.phases[name];
    try {
      for (const command of phase.commands) await this.#command(command, shell);
    } finally {
      if (!this.#end.signal.aborted) for (const command of phase.finally) await this.#command(command, shell);
    }
  }

  async #command(command: string, shell: Shell): Promise<void> {
    this.#log?.say(`Running command ${command}`);
    let reason: string;
    try {
      const code = await shell.run(command, this.#end.signal);
      if (code === 0) return;
      reason = `exit status ${code}`;
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      reason = error.message;
    }
    this.#log?.say(`Command did not exit successfully ${command} ${reason}`);
    throw new PhaseFailure(
      'COMMAND_EXECUTION_ERROR',
      `Error while executing command: ${command}. Reason: ${reason}`,
    );
  }

  async #phase<T>(type: BuildPhaseType, work: () => Promise<T>): Promise<T> {
    beginPhase(this.#platform, this.record, type);
    this.#log?.say(`Entering phase ${type}`);
    try {
      this.#end.signal.throwIfAborted();
      const result = await work();
      this.#endPhase(type, 'SUCCEEDED');
      return result;
    } catch (error) {
      if (error instanceof BuildEnd) {
        const late = error.status === 'TIMED_OUT';
        this.#endPhase(type, error.status, late ? 'BUILD_TIMED_OUT' : '', late ? 'Build has timed out.' : '');
        throw error;
      }
      const failure = asPhaseFailure(error);
      this.#endPhase(type, failure ? 'FAILED' : 'FAULT', failure?.statusCode ?? '', (error as Error).message);
      throw failure ?? error;
    }
  }

  #endPhase(type: BuildPhaseType, status: StatusType, statusCode = '', message = ''): void {
    this.#log?.say(`Phase complete: ${type} State: ${status}`);
    if (type !== 'PROVISIONING')
      this.#log?.say(`Phase context status code: ${statusCode} Message: ${message}`);
    endPhase(this.#platform, this.record, status, statusCode, message);
  }
}

/** Undefined for what is the embedded cloud's own fault. */
function asPhaseFailure(error: unknown): PhaseFailure | undefined {
  if (error instanceof PhaseFailure) return error;
  if (error instanceof BuildspecError) return new PhaseFailure('YAML_FILE_ERROR', error.message);
  if (error instanceof VariableError) return new PhaseFailure('Decrypted Variables Error', error.message);
  if (error instanceof AwsError)
    return new PhaseFailure(error.code === 'ACCESS_DENIED' ? error.code : 'CLIENT_ERROR', error.message);
  return undefined;
}

export function beginPhase(platform: BuildPlatform, record: BuildRecord, type: BuildPhaseType): void {
  const { build } = record;
  build.currentPhase = type;
  build.phases = [
    ...(build.phases ?? []),
    { phaseType: type, startTime: new Date(platform.cloud.clock.now()) },
  ];
  platform.changed(record, 'phase');
}

/** Ends the phase that the build is in. */
export function endPhase(
  platform: BuildPlatform,
  record: BuildRecord,
  status: StatusType,
  statusCode = '',
  message = '',
): void {
  const phase = record.build.phases?.at(-1);
  if (!phase || phase.phaseStatus !== undefined) return;
  phase.phaseStatus = status;
  phase.endTime = new Date(platform.cloud.clock.now());
  phase.durationInSeconds = Math.round((timeOf(phase.endTime) - timeOf(phase.startTime)) / 1000);
  phase.contexts = [{ statusCode, message }];
  platform.changed(record, 'phase');
}

/** `message`: why, where no phase says it. */
export function complete(
  platform: BuildPlatform,
  record: BuildRecord,
  status: StatusType,
  message?: string,
): void {
  const { build } = record;
  const now = new Date(platform.cloud.clock.now());
  build.currentPhase = 'COMPLETED';
  const contexts = message === undefined ? {} : { contexts: [{ statusCode: '', message }] };
  build.phases = [...(build.phases ?? []), { phaseType: 'COMPLETED', startTime: now, ...contexts }];
  build.buildStatus = status;
  build.buildComplete = true;
  build.endTime = now;
  platform.changed(record, 'status');
}

export const buildsDirectory = (cloud: Pick<Cloud, 'stateDir'>): string =>
  path.join(cloud.stateDir, 'builds');
export const sessionName = (buildId: string): string => `AWSCodeBuild-${buildId.split(':').at(-1)}`;
