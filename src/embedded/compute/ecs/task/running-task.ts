/** One task while it lives: its containers as processes, in order, with health, logs and an end. */
import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Container, ContainerDefinition, TaskStopCode } from '@aws-sdk/client-ecs';
import type { Cloud, Image } from '../../../platform.ts';
import type { DefinitionRecord, TaskRecord } from '../state.ts';
import { type Command, insideImage, type Mounts, resolveCommand, StartError } from './command.ts';
import { containerEnvironment } from './environment.ts';
import { logStreamOf, startAsExecutionRole } from './execution-role.ts';
import { type Health, watchHealth } from './health-check.ts';
import { writeHosts } from './hosts.ts';
import type { Addresses, ServiceConnectName, TaskNetwork } from './network.ts';
import { type ContainerProcess, type Exit, startProcess } from './process.ts';

/** ECS's default; a container definition's stopTimeout goes before it. */
const defaultStopSeconds = 30;
/** Lines of output that a stopped task's failure quotes. */
const quotedLines = 10;

export interface TaskPlatform {
  cloud: Cloud;
  addresses: Addresses;
  /** Runs what starts processes, a few at a time: a machine with two cores gains nothing from thirty at once. */
  launch<T>(start: () => Promise<T>): Promise<T>;
  marker(taskId: string): string;
  /** Service Connect names that the task may see. */
  names(record: TaskRecord): readonly ServiceConnectName[];
  /** Takes the task out of load balancers; resolves when the requests under way to it have ended. */
  retire(task: RunningTask): Promise<void>;
  /** Called after each change of the record; it is stored already. */
  changed(task: RunningTask): void;
  save(record: TaskRecord): void;
}

interface RunningContainer {
  definition: ContainerDefinition;
  view: Container;
  process?: ContainerProcess;
  image?: Image;
  lastLines: string[];
  started: Promise<void>;
  exited: Promise<Exit | undefined>;
  healthy: Promise<void>;
}

export class RunningTask {
  readonly record: TaskRecord;
  readonly #platform: TaskPlatform;
  readonly #definition: DefinitionRecord;
  readonly #containers = new Map<string, RunningContainer>();
  readonly #life = new AbortController();
  #stopping: Promise<void> | undefined;
  #mounts: Mounts = {};
  /** What the last failed health check printed. */
  #healthOutput = '';
  /** For the container credentials endpoint. */
  readonly credentialsToken = randomBytes(24).toString('base64url');

  constructor(platform: TaskPlatform, record: TaskRecord, definition: DefinitionRecord) {
    this.#platform = platform;
    this.record = record;
    this.#definition = definition;
  }

  get id(): string {
    return this.record.id;
  }
  get definition(): DefinitionRecord {
    return this.#definition;
  }
  get stopped(): boolean {
    return this.record.task.lastStatus === 'STOPPED';
  }
  get stoppingOrStopped(): boolean {
    return this.record.task.desiredStatus === 'STOPPED';
  }
  get running(): boolean {
    return this.record.task.lastStatus === 'RUNNING' && !this.stoppingOrStopped;
  }
  /** Running, and every essential container with a health check passes it. */
  get healthy(): boolean {
    if (!this.running) return false;
    return this.#health() !== 'UNHEALTHY' && !this.#awaitsHealth();
  }
  get taskRoleArn(): string | undefined {
    return this.record.task.overrides?.taskRoleArn ?? this.#definition.taskRoleArn;
  }

  /** Starts the containers; never rejects: a task that can't start stops, and its record says why. */
  async run(): Promise<void> {
    try {
      await this.#platform.launch(async () => {
        if (this.#life.signal.aborted) return;
        await this.#start();
        // The slot is kept while the programs load: that is the part that takes the CPU.
        await Promise.race([this.#firstHealth(), delay(5000, undefined, { ref: false }), this.#ended()]);
      });
    } catch (error) {
      const message =
        error instanceof Error ? error.message : `the task could not be started: ${String(error)}`;
      await this.stop('TaskFailedToStart', message);
    }
  }

  /** Ends the containers and the task; a second call waits for the first. `graceMs` caps the time they are given. */
  stop(code: TaskStopCode, reason: string, graceMs?: number): Promise<void> {
    this.#stopping ??= this.#stop(code, reason, graceMs);
    return this.#stopping;
  }

  /** Ends the processes but leaves the record running, so that the task comes back with the embedded cloud. */
  async suspend(graceMs: number): Promise<void> {
    this.#stopping ??= (async () => {
      this.#life.abort();
      await this.#endContainers(graceMs);
    })();
    await this.#stopping;
  }

  tellNames(names: readonly ServiceConnectName[]): void {
    for (const container of this.#containers.values()) container.process?.tell(names);
  }

  /** Exit codes, reasons and the last lines of output: why this task is not well. */
  failure(): string {
    const { task } = this.record;
    const lines = [`task ${this.id}: ${task.stoppedReason ?? 'stopped'}`];
    for (const container of this.#containers.values()) {
      const { view } = container;
      if (view.exitCode !== undefined)
        lines.push(`container "${view.name}" exited with code ${view.exitCode}`);
      else if (view.reason) lines.push(`container "${view.name}": ${view.reason}`);
      if (view.healthStatus === 'UNHEALTHY' && this.#healthOutput)
        lines.push(`its health check said: ${this.#healthOutput.slice(0, 500)}`);
      if (container.lastLines.length > 0)
        lines.push(`last log lines of "${view.name}":`, ...container.lastLines.map((line) => `  ${line}`));
    }
    return lines.join('\n');
  }

  async #start(): Promise<void> {
    const { cloud, addresses } = this.#platform;
    const definitions = this.#definition.containerDefinitions ?? [];
    this.#status('PENDING');
    const roleArn = this.taskRoleArn;
    if (roleArn) this.#requireRole(roleArn);

    const ports = definitions.flatMap((container) =>
      (container.portMappings ?? []).flatMap((mapping) =>
        mapping.containerPort && mapping.protocol !== 'udp' ? [mapping.containerPort] : [],
      ),
    );
    const address = await addresses.assign([...new Set(ports)], this.record.host || undefined);
    this.record.host = address.host;
    this.record.ports = address.ports;
    this.#attach(address.host);
    const network: TaskNetwork = { ...address, names: this.#platform.names(this.record) };
    const scratch = taskDirectory(cloud, this.id);
    await mkdir(scratch, { recursive: true, mode: 0o700 });
    this.#mounts = { '/etc/hosts': await writeHosts(scratch, network) };
    if (this.#life.signal.aborted) return;

    this.#status('ACTIVATING');
    for (const definition of definitions) this.#prepare(definition);
    await Promise.all(
      [...this.#containers.values()].map((container) => {
        container.started = this.#startContainer(container, network, scratch);
        // Others wait for it too; who starts the task sees the failure.
        container.started.catch(() => {});
        return container.started;
      }),
    );
    if (this.#life.signal.aborted) return;
    this.record.task.startedAt = new Date();
    this.#status('RUNNING');
  }

  #requireRole(roleArn: string): void {
    try {
      this.#platform.cloud.sts.issueForService(roleArn, 'ecs-tasks.amazonaws.com', this.id);
    } catch {
      throw new StartError(
        `ECS was unable to assume the role '${roleArn}' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role.`,
      );
    }
  }

  #attach(host: string): void {
    if (this.#definition.networkMode !== 'awsvpc') return;
    this.record.task.attachments = [
      {
        id: this.id,
        type: 'ElasticNetworkInterface',
        status: 'ATTACHED',
        details: [{ name: 'privateIPv4Address', value: host }],
      },
    ];
  }

  /** Makes the container known to the others before any of them starts: they may depend on it. */
  #prepare(definition: ContainerDefinition): void {
    const name = definition.name ?? '';
    const view = this.record.task.containers?.find((container) => container.name === name) ?? { name };
    this.#containers.set(name, {
      definition,
      view,
      lastLines: [],
      started: Promise.resolve(),
      exited: new Promise(() => {}),
      healthy: new Promise(() => {}),
    });
  }

  async #startContainer(container: RunningContainer, network: TaskNetwork, scratch: string): Promise<void> {
    const { cloud } = this.#platform;
    const { definition, view } = container;
    await Promise.resolve();
    await this.#dependencies(definition);
    if (this.#life.signal.aborted) return;

    let mayLog: boolean;
    try {
      mayLog = startAsExecutionRole(cloud, this.#definition, definition, this.id);
    } catch (error) {
      throw this.#cannotStart(view, (error as Error).message);
    }
    let image: Image;
    try {
      image = cloud.ecr.image(definition.image ?? '');
    } catch (error) {
      throw this.#cannotStart(view, `CannotPullContainerError: ${(error as Error).message}`);
    }
    container.image = image;
    view.imageDigest = image.digest;
    const override = this.record.task.overrides?.containerOverrides?.find(
      (candidate) => candidate.name === definition.name,
    );
    let env: Record<string, string>;
    let process: ContainerProcess;
    try {
      env = containerEnvironment({
        cloud,
        definition: this.#definition,
        container: definition,
        image,
        overrides: override?.environment ?? [],
        network,
        taskId: this.id,
        scratch,
        marker: this.#platform.marker(this.id),
        ...(this.taskRoleArn && {
          credentials: {
            uri: `${cloud.endpoint}/_aws/ecs/credentials/${this.id}`,
            token: this.credentialsToken,
          },
        }),
        metadataUri: `${cloud.endpoint}/_aws/ecs/metadata/${this.id}/${definition.name}`,
      });
      const command = resolveCommand(
        image,
        { ...definition, command: override?.command ?? definition.command },
        this.#mounts,
      );
      process = await startProcess(command, env, scratch, this.#output(container, mayLog));
    } catch (error) {
      throw this.#cannotStart(view, (error as Error).message);
    }
    container.process = process;
    view.lastStatus = 'RUNNING';
    view.runtimeId = `${this.id}-${process.pid}`;
    this.record.pids = [...this.record.pids, process.pid];
    this.#platform.save(this.record);
    container.exited = process.exited.then((exit) => this.#exited(container, exit));
    if (definition.healthCheck && definition.healthCheck.command?.[0] !== 'NONE')
      this.#watch(container, image, env, network);
    if (this.#life.signal.aborted) await process.end(0);
  }

  #cannotStart(view: Container, reason: string): StartError {
    view.reason = reason;
    view.lastStatus = 'STOPPED';
    return new StartError(reason);
  }

  async #dependencies(definition: ContainerDefinition): Promise<void> {
    await Promise.all(
      (definition.dependsOn ?? []).map(async ({ containerName, condition }) => {
        const other = this.#containers.get(containerName ?? '');
        if (!other) return;
        await other.started;
        if (condition === 'HEALTHY') await Promise.race([other.healthy, this.#ended()]);
        if (condition === 'COMPLETE' || condition === 'SUCCESS') {
          const exit = await other.exited;
          if (condition === 'SUCCESS' && exit?.code !== 0)
            throw new StartError(
              `container "${definition.name}" waits for "${containerName}", which exited with code ${exit?.code}`,
            );
        }
      }),
    );
  }

  #output(container: RunningContainer, mayLog: boolean): (lines: string[]) => void {
    const log = mayLog ? logStreamOf(container.definition, this.id) : undefined;
    return (lines) => {
      container.lastLines.push(...lines.map((line) => line.slice(0, 1000)));
      container.lastLines.splice(0, container.lastLines.length - quotedLines);
      if (log) this.#platform.cloud.logs.append(log.group, log.stream, lines);
    };
  }

  #watch(
    container: RunningContainer,
    image: Image,
    env: Readonly<Record<string, string>>,
    network: TaskNetwork,
  ): void {
    const check = container.definition.healthCheck;
    if (!check) return;
    const [kind, ...argv] = check.command ?? [];
    const command: Command = resolveCommand(
      image,
      {
        entryPoint: kind === 'CMD-SHELL' ? ['/bin/sh', '-c', argv.join(' ')] : argv,
        workingDirectory: container.definition.workingDirectory,
      },
      this.#mounts,
    );
    const port = container.definition.portMappings?.[0]?.containerPort;
    const hostPort = port === undefined ? undefined : network.ports[port];
    container.view.healthStatus = 'UNKNOWN';
    container.healthy = new Promise((resolve) => {
      void watchHealth({
        check,
        command,
        env,
        listens: hostPort === undefined ? undefined : { host: network.host, port: hostPort },
        signal: this.#life.signal,
        onChange: (health, output) => {
          container.view.healthStatus = health;
          this.#healthOutput = output;
          this.record.task.healthStatus = this.#health();
          if (health === 'HEALTHY') resolve();
          this.#changed();
        },
      });
    });
  }

  #health(): Health {
    let health: Health = 'UNKNOWN';
    for (const { definition, view } of this.#containers.values()) {
      if (definition.essential === false || !view.healthStatus) continue;
      if (view.healthStatus !== 'HEALTHY') return view.healthStatus;
      health = 'HEALTHY';
    }
    return health;
  }

  #awaitsHealth(): boolean {
    return [...this.#containers.values()].some(
      ({ definition, view }) => definition.essential !== false && view.healthStatus === 'UNKNOWN',
    );
  }

  async #firstHealth(): Promise<void> {
    await Promise.all(
      [...this.#containers.values()]
        .filter(({ definition, view }) => definition.essential !== false && view.healthStatus === 'UNKNOWN')
        .map((container) => container.healthy),
    );
  }

  async #ended(): Promise<void> {
    const { signal } = this.#life;
    if (signal.aborted) return;
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  }

  #exited(container: RunningContainer, exit: Exit): Exit {
    const { view, definition } = container;
    view.exitCode = exit.code;
    view.lastStatus = 'STOPPED';
    const pid = container.process?.pid;
    this.record.pids = this.record.pids.filter((known) => known !== pid);
    if (!this.#stopping) {
      if (definition.essential !== false)
        void this.stop('EssentialContainerExited', 'Essential container in task exited');
      else this.#changed();
    }
    return exit;
  }

  async #stop(code: TaskStopCode, reason: string, graceMs?: number): Promise<void> {
    const { cloud, addresses } = this.#platform;
    const { task } = this.record;
    task.desiredStatus = 'STOPPED';
    task.stopCode = code;
    task.stoppedReason = reason;
    task.stoppingAt = new Date();
    this.#life.abort();
    this.#status('DEACTIVATING');
    const retired = this.#platform.retire(this).catch((error: Error) => cloud.log(`ecs: ${error.message}`));
    // A task that has failed has no requests to finish.
    if (code !== 'EssentialContainerExited' && code !== 'TaskFailedToStart') await retired;
    this.#status('STOPPING');
    await this.#endContainers(graceMs);
    if (this.record.host) addresses.release(this.record.host);
    for (const view of task.containers ?? []) view.lastStatus = 'STOPPED';
    task.executionStoppedAt = new Date();
    task.stoppedAt = new Date();
    this.record.pids = [];
    await rm(taskDirectory(cloud, this.id), { recursive: true, force: true }).catch(() => {});
    this.#status('STOPPED');
  }

  async #endContainers(graceMs: number | undefined): Promise<void> {
    await Promise.all(
      [...this.#containers.values()].map(async ({ process, definition }) => {
        const own = (definition.stopTimeout ?? defaultStopSeconds) * 1000;
        await process?.end(Math.min(own, graceMs ?? own));
      }),
    );
  }

  #status(status: string): void {
    this.record.task.lastStatus = status;
    for (const view of this.record.task.containers ?? []) {
      if (status === 'PENDING') view.lastStatus = 'PENDING';
    }
    this.#changed();
  }

  #changed(): void {
    this.record.task.version = (this.record.task.version ?? 0) + 1;
    this.#platform.save(this.record);
    this.#platform.changed(this);
  }
}

/** A task's scratch directory; `tasksDirectory` holds them all. */
export const tasksDirectory = (cloud: Pick<Cloud, 'stateDir'>): string => path.join(cloud.stateDir, 'tasks');
export const taskDirectory = (cloud: Pick<Cloud, 'stateDir'>, id: string): string =>
  insideImage(tasksDirectory(cloud), id);
