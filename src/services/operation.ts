/**
 * An operation on a tenant: named, idempotent steps under a lease. Finished steps are noted, and written to the tenant's
 * item with the next write that a step or the lease needs: a run that is killed is taken up by the next one
 * where it stopped, or a little before. What must be known before a step does something is for that step to save.
 */
import { SaasError } from '../model/error.ts';
import type { StepReport } from '../model/progress.ts';
import { operationReference } from '../model/registry.ts';
import { type Act, endAudited } from './audit/audited.ts';
import { toSaasError } from './aws-errors.ts';
import type { Context } from './context.ts';
import { ExplainedError } from './explain/chain.ts';
import { Journal } from './journal.ts';
import { claim, type OperationKind } from './lease.ts';
import { stoppedOperation } from './operation-words.ts';
import type { Ending, Registry, TenantChanges, TenantRecord } from './registry/registry.ts';
import type { Write } from './registry/table.ts';
import { environmentFlag } from './stopped.ts';

export interface Step<Data> {
  name: string;
  title: string;
  /** Idempotent: it may have run before without having been written down. */
  run(data: Partial<Data>, tools: StepTools): Promise<void>;
  /** Runs also when it is written down as done: checks that must hold at the end of every run. */
  always?: boolean;
}

export interface StepTools {
  /** Shows something that moves inside the step. */
  detail(text: string): void;
  /** Writes `data` down now, in the middle of a step, together with changes to the tenant's item and `further` writes. */
  save(changes?: TenantChanges, further?: Write[]): Promise<void>;
  /** Changes to the tenant's item that are noted with the end of the step, however it ends: for what can be found out again. */
  change(changes: TenantChanges): void;
  /** The tenant's item as it is now. */
  tenant(): TenantRecord;
  /** Makes steps that are done run again on the next run: for a check that finds their work undone. */
  reopen(...steps: string[]): void;
  /** Aborted when the operation is to stop: by its user, or because another one took the tenant over. */
  signal: AbortSignal;
}

export interface Run<Data> {
  kind: OperationKind;
  /** What a watcher sees above the steps. */
  title: string;
  /** Made for the tenant as it was claimed. */
  steps(tenant: TenantRecord): readonly Step<Data>[];
  /** Written with the claim: the tenant's status while the operation runs, and what it begins from. */
  begin?: TenantChanges;
  /** The tenant's status once a step failed: `failed`, or what it was. */
  onFailure?: 'failed' | 'unchanged';
  /** Flags that a later run needs as well, told to who stops watching. */
  resumeWith?: string;
  /** What the operation's end makes of the tenant; `retired` keeps its record as history and frees its name. */
  end: Ending;
  /** Holder of the operation that this process wrote with the tenant's item itself: it needs no claiming. */
  held?: string | undefined;
  /** What the operation is in the audit, which has it with the operation's end. */
  act?: Act;
}

export interface Ran<Data> {
  /** By which others can watch it, and find it later. */
  operationId: string;
  tenant: TenantRecord;
  data: Partial<Data>;
  steps: StepReport[];
  durationMs: number;
}

/**
 * Runs an operation on a tenant, or takes up the one that an earlier run left. Throws `tenant_busy` while another
 * process works on the tenant, `lease_lost` when one has taken it over, `interrupted` when the context's signal is
 * aborted. When a step fails, the failure is written to the tenant and the step's error is thrown.
 */
export async function runOperation<Data extends object>(
  context: Context,
  registry: Registry,
  seen: TenantRecord,
  run: Run<Data>,
): Promise<Ran<Data>> {
  const began = performance.now();
  const { tenant, operation } = await claim(context, registry, seen, {
    kind: run.kind,
    changes: run.begin ?? {},
    data: {},
    held: run.held,
  });
  const journal = new Journal(registry, tenant, operation, context.now);
  const signal = AbortSignal.any([context.signal, journal.lost]);
  const data = operation.data as Partial<Data>;
  const steps = run.steps(tenant);
  const reports: StepReport[] = [];
  const reference = operationReference(tenant.tenantId, operation.id);
  const interrupted = (): SaasError => stoppedOperation(context, operation.kind, tenant.name, run.resumeWith);
  // What an earlier run did keeps the time that it took.
  const known = new Map(operation.steps?.map((step) => [step.name, step]));
  operation.steps = steps.map(({ name, title }) => ({ ...known.get(name), name, title }));

  const fail = async (step: Step<Data>, error: unknown): Promise<never> => {
    journal.assertHeld();
    // An interrupted operation has not failed: the next run takes it up.
    if (context.signal.aborted) throw interrupted();
    const reason = error instanceof Error ? error.message : String(error);
    const known = toSaasError(error);
    operation.failure = {
      step: step.name,
      reason,
      at: context.now().toISOString(),
      code: known.code,
      ...(known.hint !== undefined && { hint: known.hint }),
      ...(error instanceof ExplainedError && { evidence: [...error.evidence] }),
    };
    const status = run.onFailure === 'unchanged' ? {} : { status: 'failed' as const };
    const lastError = `${step.title}: ${reason}`;
    // What can't be written down is no more than a run that was killed here; the step's error is what matters.
    await journal.write({ ...status, lastError, updatedAt: operation.failure.at }).catch(() => {});
    throw withExplain(known, `saas-ecs explain ${tenant.name}${environmentFlag(context)}`);
  };

  context.watch({
    type: 'plan',
    title: run.title,
    operationId: reference,
    steps: steps.map(({ name, title }) => ({ step: name, title })),
  });
  journal.keepAlive();
  try {
    for (const [index, step] of steps.entries()) {
      journal.assertHeld();
      if (context.signal.aborted) throw interrupted();
      const { name, title } = step;
      if (operation.done.includes(name) && !step.always) {
        context.watch({ type: 'step-done', step: name, title, durationMs: 0, skipped: true });
        reports.push({ name, status: 'skipped', durationMs: 0 });
        continue;
      }
      let changes: TenantChanges = {};
      const startedAt = performance.now();
      const durationMs = (): number => Math.round(performance.now() - startedAt);
      const entry = { name, title, startedAt: context.now().toISOString() };
      operation.steps[index] = entry;
      context.watch({ type: 'step-started', step: name, title });
      try {
        await step.run(data, {
          detail: (text) => context.watch({ type: 'detail', step: name, text }),
          save: (now, further) => journal.write(now, further),
          change(late) {
            changes = { ...changes, ...late };
          },
          tenant: () => journal.tenant,
          reopen(...names) {
            operation.done = operation.done.filter((done) => !names.includes(done));
          },
          signal,
        });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        context.watch({ type: 'step-failed', step: name, title, durationMs: durationMs(), reason });
        // What a step did before it failed is done.
        journal.note(changes);
        await fail(step, error);
      }
      if (!operation.done.includes(name)) operation.done.push(name);
      operation.steps[index] = { ...entry, durationMs: durationMs() };
      journal.note(changes);
      context.watch({ type: 'step-done', step: name, title, durationMs: durationMs(), skipped: false });
      reports.push({ name, status: 'done', durationMs: durationMs() });
    }
    const { act } = run;
    const ended = await journal.end(run.end, act && ((end) => endAudited(context, act, end)));
    return {
      operationId: reference,
      tenant: ended,
      data,
      steps: reports,
      durationMs: Math.round(performance.now() - began),
    };
  } finally {
    await journal.close({ release: context.signal.aborted });
  }
}

/** The error, its hint ending with the command that tells all of it. */
function withExplain(error: SaasError, command: string): SaasError {
  const { code, message, detail, hint, exitCode } = error;
  return new SaasError(code, message, {
    ...(detail !== undefined && { detail }),
    hint: hint === undefined ? `see why: ${command}` : `${hint}; see why: ${command}`,
    exitCode,
    cause: error,
  });
}
