/**
 * An operation on a tenant: named, idempotent steps under a lease. Each finished step is written to the tenant's
 * item before the next begins, so a run that is killed is taken up by the next one where it stopped.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { SaasError } from '../model/error.ts';
import type { StepReport } from '../model/progress.ts';
import type { TenantStatus } from '../model/tenant.ts';
import type { Context } from './context.ts';
import type { Registry, TenantRecord } from './registry/registry.ts';

export type OperationKind = 'onboard' | 'offboard' | 'throttle' | 'upgrade' | 'move' | 'suspend' | 'resume';

export interface Operation {
  id: string;
  kind: OperationKind;
  startedAt: string;
  /** Who runs it: unique to one process. */
  holder: string;
  /** The process, so that its death on the same machine is noticed at once. */
  process: { host: string; pid: number; startedAt: string; user: string };
  /** ISO 8601; renewed while it runs. */
  leaseUntil: string;
  /** Steps that are done. */
  done: string[];
  /** What steps leave for later ones and for a later run; plain JSON. */
  data: Record<string, unknown>;
  failure?: { step: string; reason: string; at: string };
}

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
  /** Writes `data` down now, in the middle of a step. */
  save(): Promise<void>;
  holder: string;
}

const leaseMs = 15_000;
const renewEveryMs = 5_000;

/** When this process started, in the kernel's own measure: tells a process from a later one with the same pid. */
function processStart(pid: number): string | undefined {
  try {
    // Field 22 of /proc/<pid>/stat, counted after the command's closing parenthesis (proc(5)).
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function isAlive(process_: Operation['process']): boolean {
  try {
    process.kill(process_.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const start = processStart(process_.pid);
  return start === undefined || process_.startedAt === '' || start === process_.startedAt;
}

/** True when nobody works on the operation any more: its lease ran out, or its process on this machine is gone. */
function isAbandoned(operation: Operation, now: Date): boolean {
  if (operation.failure) return true;
  if (Date.parse(operation.leaseUntil) <= now.getTime()) return true;
  return operation.process.host === hostname() && !isAlive(operation.process);
}

const gerund: Record<OperationKind, string> = {
  onboard: 'being onboarded',
  offboard: 'being offboarded',
  throttle: 'having its limits changed',
  upgrade: 'being upgraded',
  move: 'being moved',
  suspend: 'being suspended',
  resume: 'being resumed',
};

function busy(tenant: TenantRecord, operation: Operation): SaasError {
  return new SaasError('tenant_busy', `tenant "${tenant.name}" is ${gerund[operation.kind]} already`, {
    detail: `by ${operation.process.user} on ${operation.process.host} (process ${operation.process.pid}), since ${operation.startedAt}`,
    hint: `wait for it to end, then run the command again; watch it with: saas-ecs describe-tenant ${tenant.name}`,
  });
}

export interface Run<Data> {
  kind: OperationKind;
  /** What a watcher sees above the steps. */
  title: string;
  /** The tenant's status while the operation runs. */
  status?: TenantStatus;
  /** The tenant's status once it failed; `failed` unless given. */
  statusOnFailure?: TenantStatus;
  steps: readonly Step<Data>[];
  data?: Partial<Data>;
  /** Holder of the operation that this process wrote with the tenant's item itself: it needs no claiming. */
  held?: string;
}

export interface Ran<Data> {
  tenant: TenantRecord;
  data: Partial<Data>;
  steps: StepReport[];
  durationMs: number;
  holder: string;
}

/** What a newly made tenant item carries so that its maker holds it from the first write. */
export function newOperation(kind: OperationKind, now: Date, data: Record<string, unknown> = {}): Operation {
  return {
    id: `${now.toISOString().replace(/[-:.]/g, '')}-${randomUUID().slice(0, 8)}`,
    kind,
    startedAt: now.toISOString(),
    holder: randomUUID(),
    process: {
      host: hostname(),
      pid: process.pid,
      startedAt: processStart(process.pid) ?? '',
      user: userInfo().username,
    },
    leaseUntil: new Date(now.getTime() + leaseMs).toISOString(),
    done: [],
    data,
  };
}

/**
 * Runs an operation on a tenant, or takes up the one that an earlier run left. Throws `tenant_busy` while another
 * process works on the tenant. When a step fails, the tenant is marked and the step's error is thrown, with the
 * name of the step added.
 */
export async function runOperation<Data extends object>(
  context: Context,
  registry: Registry,
  tenant: TenantRecord,
  run: Run<Data>,
): Promise<Ran<Data>> {
  const began = performance.now();
  const held = await claim(context, registry, tenant, run);
  const operation = held.operation;
  const data = operation.data as Partial<Data>;
  const reports: StepReport[] = [];
  let current = held.tenant;
  let lost: unknown;

  const save = async (changes: Partial<TenantRecord> = {}): Promise<void> => {
    operation.leaseUntil = new Date(context.now().getTime() + leaseMs).toISOString();
    current = await registry.updateTenant(tenant.tenantId, { ...changes, operation }, operation.holder);
  };
  const heartbeat = setInterval(() => {
    save().catch((error) => {
      lost = error;
    });
  }, renewEveryMs);
  heartbeat.unref();

  context.watch({
    type: 'plan',
    title: run.title,
    steps: run.steps.map(({ name, title }) => ({ step: name, title })),
  });
  try {
    for (const step of run.steps) {
      if (context.signal.aborted) throw interrupted(run.kind, current);
      if (lost) throw lost;
      const skipped = operation.done.includes(step.name) && !step.always;
      const startedAt = performance.now();
      const durationMs = (): number => Math.round(performance.now() - startedAt);
      const { name, title } = step;
      if (skipped) {
        context.watch({ type: 'step-done', step: name, title, durationMs: 0, skipped: true });
        reports.push({ name, status: 'skipped', durationMs: 0 });
        continue;
      }
      context.watch({ type: 'step-started', step: name, title });
      try {
        await step.run(data, {
          detail: (text) => context.watch({ type: 'detail', step: name, text }),
          save,
          holder: operation.holder,
        });
      } catch (error) {
        const stopped = context.signal.aborted ? interrupted(run.kind, current) : error;
        const reason = error instanceof Error ? error.message : String(error);
        context.watch({ type: 'step-failed', step: name, title, durationMs: durationMs(), reason });
        // An interrupted operation has not failed: its lease ends here and the next run takes it up.
        if (stopped !== error) throw stopped;
        operation.failure = { step: name, reason, at: context.now().toISOString() };
        clearInterval(heartbeat);
        await save({
          status: run.statusOnFailure ?? 'failed',
          lastError: `${title}: ${reason}`,
          updatedAt: context.now().toISOString(),
        }).catch(() => {});
        throw error;
      }
      if (!operation.done.includes(name)) operation.done.push(name);
      await save();
      context.watch({ type: 'step-done', step: name, title, durationMs: durationMs(), skipped: false });
      reports.push({ name, status: 'done', durationMs: durationMs() });
    }
  } finally {
    clearInterval(heartbeat);
    if (context.signal.aborted) {
      operation.leaseUntil = context.now().toISOString();
      await registry.updateTenant(tenant.tenantId, { operation }, operation.holder).catch(() => {});
    }
  }
  return {
    tenant: current,
    data,
    steps: reports,
    durationMs: Math.round(performance.now() - began),
    holder: operation.holder,
  };
}

async function claim<Data>(
  context: Context,
  registry: Registry,
  tenant: TenantRecord,
  run: Run<Data>,
): Promise<{ tenant: TenantRecord; operation: Operation }> {
  const seen = tenant.operation;
  const fresh = newOperation(run.kind, context.now(), { ...run.data });
  if (seen && seen.holder === run.held) return { tenant, operation: seen };
  if (seen && !isAbandoned(seen, context.now())) throw busy(tenant, seen);
  const { failure: _, ...rest } = seen ?? fresh;
  const operation: Operation =
    seen?.kind === run.kind
      ? { ...rest, holder: fresh.holder, process: fresh.process, leaseUntil: fresh.leaseUntil }
      : fresh;
  const taken = await registry.claimTenant(
    tenant.tenantId,
    { operation, ...(run.status && { status: run.status }), updatedAt: context.now().toISOString() },
    seen,
  );
  if (taken) return { tenant: taken, operation };
  const now = await registry.tenant(tenant.tenantId);
  throw now?.operation
    ? busy(now, now.operation)
    : new SaasError('tenant_busy', `tenant "${tenant.name}" has just changed`, {
        hint: 'run the command again',
      });
}

function interrupted(kind: OperationKind, tenant: TenantRecord): SaasError {
  return new SaasError(
    'interrupted',
    `stopped watching: tenant "${tenant.name}" is not fully ${kind === 'offboard' ? 'offboarded' : 'done'}`,
    {
      detail: 'nothing was undone; what CloudFormation has begun goes on',
      hint:
        kind === 'onboard'
          ? `take it up where it stopped: saas-ecs onboard --tier ${tenant.tier} --name ${tenant.name} --email ${tenant.adminEmail}`
          : `take it up where it stopped: run the same ${kind} command again`,
      exitCode: 130,
    },
  );
}
