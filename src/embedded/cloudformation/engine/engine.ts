/** Runs stack operations in the background, phase by phase, and takes them up again after a restart. */
import type { StackStatus } from '@aws-sdk/client-cloudformation';
import type { Cloud } from '../../platform.ts';
import type { StackOperation, StackRecord } from '../stack/records.ts';
import type { StackRepository } from '../stack/repository.ts';
import type { TypeRegistry } from '../types/registry.ts';
import { type DeployContext, deployResources, importersOf } from './deploy.ts';
import { Journal } from './journal.ts';
import { cleanUp, cleanUpRollback, removeStackResources, rollBack } from './removal.ts';
import { ResourceDriver, Stopped } from './resources.ts';

interface Run {
  /** Of the phase under way. */
  controller: AbortController;
  ended: Promise<void>;
}

/** How long the process's end waits for handlers that do not heed their signal. */
const stopPatienceMs = 3000;

export class Engine {
  readonly journal: Journal;
  readonly driver: ResourceDriver;
  private readonly cloud: Cloud;
  private readonly repository: StackRepository;
  private readonly runs = new Map<string, Run>();
  private stopping = false;

  constructor(cloud: Cloud, repository: StackRepository, types: TypeRegistry) {
    this.cloud = cloud;
    this.repository = repository;
    this.journal = new Journal(repository, cloud.clock);
    this.driver = new ResourceDriver(repository, this.journal, types, () => this.stopping);
  }

  /** Goes on with every operation that the end of the last process cut off. */
  resumeAll(): void {
    for (const stack of this.repository.existing()) if (stack.operation) this.launch(stack);
  }

  /** Begins `operation` on a stack; its first status and event are there when this returns. */
  begin(stack: StackRecord, operation: StackOperation, status: StackStatus, reason = 'User Initiated'): void {
    stack.operation = operation;
    if (operation.token !== undefined) stack.tokens = [...stack.tokens, operation.token].slice(-8);
    this.journal.stack(stack, status, reason);
    this.launch(stack);
  }

  /** Resolves when no operation runs on the stack; rejects with {@link Stopped} when the process is ending. */
  async settled(stackId: string): Promise<void> {
    await this.runs.get(stackId)?.ended;
    if (this.stopping) throw new Stopped();
  }

  /** Cuts the phase under way short; the operation then fails with this reason and rolls back as it would have. */
  cancel(stackId: string, reason: string): void {
    this.runs.get(stackId)?.controller.abort(new Error(reason));
  }

  /** Ends everything without recording failures; {@link resumeAll} goes on with it. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.repository.close();
    for (const run of this.runs.values()) run.controller.abort(new Stopped());
    const ended = Promise.allSettled([...this.runs.values()].map((run) => run.ended));
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, stopPatienceMs);
    });
    await Promise.race([ended, patience]);
    clearTimeout(timer);
  }

  private launch(stack: StackRecord): void {
    const run: Run = { controller: new AbortController(), ended: Promise.resolve() };
    this.runs.set(stack.id, run);
    run.ended = this.drive(stack, run).catch((error: unknown) => {
      if (error instanceof Stopped || this.stopping) return;
      this.cloud.log(
        `cloudformation: operation on ${stack.name} broke: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
      this.finish(stack, failedStatus(stack.operation), `Internal failure: ${String(error)}`);
    });
    run.ended = run.ended.finally(() => {
      if (this.runs.get(stack.id) === run) this.runs.delete(stack.id);
    });
  }

  private async drive(stack: StackRecord, run: Run): Promise<void> {
    // Operations go on after the call that began them has returned.
    await Promise.resolve();
    while (stack.operation && !this.stopping) {
      run.controller = new AbortController();
      const context: DeployContext = {
        cloud: this.cloud,
        repository: this.repository,
        journal: this.journal,
        driver: this.driver,
        stack,
        controller: run.controller,
      };
      await this.phase(context, stack.operation);
    }
  }

  private async phase(context: DeployContext, operation: StackOperation): Promise<void> {
    switch (operation.phase) {
      case 'deploy':
        return this.deploy(context, operation);
      case 'cleanup':
        await cleanUp(context);
        return this.finish(context.stack, 'UPDATE_COMPLETE');
      case 'rollback':
        return this.goBack(context, operation);
      case 'rollback-cleanup':
        await cleanUpRollback(context);
        return this.finish(context.stack, 'UPDATE_ROLLBACK_COMPLETE');
      case 'undo':
        return this.undo(context);
      case 'delete':
        return this.remove(context, operation);
    }
  }

  private async deploy(context: DeployContext, operation: StackOperation): Promise<void> {
    const { stack, controller } = context;
    const timer = creationTimer(stack, operation, controller, this.cloud.clock.now());
    const { failure } = await deployResources(context);
    clearTimeout(timer);
    if (this.stopping) throw new Stopped();
    const creates = operation.kind === 'create';
    if (failure === undefined) {
      if (creates) return this.finish(stack, 'CREATE_COMPLETE');
      return this.enter(stack, 'cleanup', 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
    }
    if (creates && operation.onFailure === 'DELETE')
      return this.enter(stack, 'delete', 'DELETE_IN_PROGRESS', failure);
    if (operation.disableRollback || operation.onFailure === 'DO_NOTHING')
      return this.finish(stack, creates ? 'CREATE_FAILED' : 'UPDATE_FAILED', failure);
    this.enterRollback(stack, operation, creates ? `${failure} Rollback requested by user.` : failure);
  }

  /** From a failed deployment back to what was there before it, if anything was. */
  enterRollback(stack: StackRecord, operation: StackOperation, reason: string): void {
    if (operation.previous) this.enter(stack, 'rollback', 'UPDATE_ROLLBACK_IN_PROGRESS', reason);
    else this.enter(stack, 'undo', 'ROLLBACK_IN_PROGRESS', reason);
  }

  private enter(
    stack: StackRecord,
    phase: StackOperation['phase'],
    status: StackStatus,
    reason?: string,
  ): void {
    if (stack.operation) stack.operation.phase = phase;
    this.journal.stack(stack, status, reason);
  }

  private async goBack(context: DeployContext, operation: StackOperation): Promise<void> {
    const { stack } = context;
    const failed = await rollBack(context);
    if (failed.length > 0) {
      if (operation.previous) stack.lastStable = operation.previous;
      return this.finish(
        stack,
        'UPDATE_ROLLBACK_FAILED',
        `The following resource(s) failed to update: [${failed.join(', ')}].`,
      );
    }
    const abandoned = stack.template;
    if (operation.previous) Object.assign(stack, operation.previous);
    this.enter(stack, 'rollback-cleanup', 'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS');
    this.repository.dropTemplate(abandoned);
  }

  private async undo(context: DeployContext): Promise<void> {
    const { repository, stack } = context;
    const failed = await removeStackResources(context, 'undo');
    stack.outputs = [];
    if (failed.length > 0) return this.finish(stack, 'ROLLBACK_FAILED', failedToDelete(failed));
    for (const record of repository.resourcesOf(stack.id)) stripped(repository, record);
    this.finish(stack, 'ROLLBACK_COMPLETE');
  }

  private async remove(context: DeployContext, operation: StackOperation): Promise<void> {
    const { repository, stack } = context;
    for (const output of stack.outputs) {
      if (output.exportName === undefined) continue;
      const users = importersOf(repository, output.exportName).filter((user) => user.id !== stack.id);
      if (users.length > 0)
        return this.finish(
          stack,
          'DELETE_FAILED',
          `Delete canceled. Cannot delete export ${output.exportName} as it is in use by ${users.map((user) => user.name).join(' and ')}.`,
        );
    }
    const failed = await removeStackResources(context, 'delete');
    if (failed.length > 0) return this.finish(stack, 'DELETE_FAILED', failedToDelete(failed));
    for (const record of repository.resourcesOf(stack.id)) stripped(repository, record);
    for (const changeSet of repository.changeSetsOf(stack.id)) repository.removeChangeSet(changeSet);
    stack.outputs = [];
    stack.imports = [];
    stack.deletedAt = this.cloud.clock.now();
    delete operation.previous;
    this.finish(stack, 'DELETE_COMPLETE');
  }

  private finish(stack: StackRecord, status: StackStatus, reason?: string): void {
    const operation = stack.operation;
    const abandoned = operation?.previous?.template;
    if (operation && status === 'UPDATE_FAILED' && operation.previous) stack.lastStable = operation.previous;
    else if (!status.endsWith('_FAILED')) delete stack.lastStable;
    if (!status.endsWith('_FAILED'))
      for (const record of this.repository.resourcesOf(stack.id))
        if (record.change === 'created') {
          record.change = 'unchanged';
          this.repository.saveResource(record);
        }
    // The event still carries the operation's id and token.
    this.journal.stack(stack, status, reason);
    delete stack.operation;
    this.repository.save(stack);
    if (abandoned !== undefined && abandoned !== stack.lastStable?.template)
      this.repository.dropTemplate(abandoned);
  }
}

const failedToDelete = (ids: readonly string[]): string =>
  `The following resource(s) failed to delete: [${ids.join(', ')}].`;

const failedStatus = (operation: StackOperation | undefined): StackStatus => {
  switch (operation?.phase) {
    case 'delete':
      return 'DELETE_FAILED';
    case 'undo':
      return 'ROLLBACK_FAILED';
    case 'rollback':
    case 'rollback-cleanup':
      return 'UPDATE_ROLLBACK_FAILED';
    default:
      return operation?.kind === 'create' ? 'CREATE_FAILED' : 'UPDATE_FAILED';
  }
};

/** What is left of a deleted resource is its row in the listings. */
function stripped(repository: StackRepository, record: Parameters<StackRepository['saveResource']>[0]): void {
  record.properties = {};
  delete record.attributes;
  delete record.metadata;
  delete record.before;
  delete record.discards;
  repository.saveResource(record);
}

function creationTimer(
  stack: StackRecord,
  operation: StackOperation,
  controller: AbortController,
  now: number,
): NodeJS.Timeout | undefined {
  if (operation.kind !== 'create' || !stack.timeoutInMinutes) return undefined;
  const left = operation.startedAt + stack.timeoutInMinutes * 60_000 - now;
  const timer = setTimeout(
    () => controller.abort(new Error('Stack creation time exceeded the specified timeout.')),
    Math.max(0, left),
  );
  timer.unref();
  return timer;
}
