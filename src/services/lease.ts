/**
 * Who works on a tenant: an operation's record on the tenant's item, held under a lease. A holder renews its lease
 * while it runs; one whose process died on this machine, or that fell silent, is taken over.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { SaasError } from '../model/error.ts';
import { processIdentity } from '../model/process.ts';
import type { Context } from './context.ts';
import type { Link } from './explain/chain.ts';
import type { Registry, TenantChanges, TenantRecord } from './registry/registry.ts';

export type OperationKind = 'onboard' | 'offboard' | 'throttle' | 'upgrade' | 'move' | 'suspend' | 'resume';

export interface Operation {
  id: string;
  kind: OperationKind;
  startedAt: string;
  /** Who runs it: unique to one run. */
  holder: string;
  /** The process, so that its death on the same machine is noticed at once. */
  process: OperationProcess;
  /** ISO 8601; renewed while it runs. */
  leaseUntil: string;
  /** Steps that are done. */
  done: string[];
  /** All steps in order, for whoever watches; written with the first step's writes. */
  steps?: OperationStep[];
  /** What steps leave for later ones and for a later run; plain JSON. */
  data: Record<string, unknown>;
  failure?: OperationFailure;
}

/** How a run ended, for `explain`. */
export interface OperationFailure {
  step: string;
  reason: string;
  /** ISO 8601. */
  at: string;
  /** The error's code and its hint. */
  code?: string;
  hint?: string;
  /** What was found out when it failed; a rollback takes the traces away. */
  evidence?: Link[];
}

export interface OperationStep {
  name: string;
  title: string;
  /** ISO 8601; once it began. */
  startedAt?: string;
  /** Once it is done. */
  durationMs?: number;
}

export interface OperationProcess {
  host: string;
  /** Tells machines and containers of one host name apart; empty where the system doesn't say. */
  machine: string;
  pid: number;
  /** See processIdentity: tells the process from a later one with the same id. */
  identity: string;
  user: string;
}

export const leaseMs = 15_000;
export const renewEveryMs = 5_000;

/** Longer than a holder that lives takes to renew. */
export const observeMs = renewEveryMs + 1_000;
/** Clocks of two machines are not trusted to agree better than this; AWS itself refuses requests that are further off. */
const skewMs = 5 * 60_000;

/** A lease that ended before this moment (ISO 8601) is over by every clock that AWS takes requests of. */
export const surelyOverBefore = (now: Date): string => new Date(now.getTime() - skewMs).toISOString();

/** A lease that is over whatever clock one asks. */
export const released = new Date(0).toISOString();

/** Process ids mean something on one boot of one machine, within one namespace (pid_namespaces(7)). */
function thisMachine(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot}/${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
}

/** The process that runs this, as others are told of it. */
export function thisProcess(): OperationProcess {
  return {
    host: hostname(),
    machine: thisMachine(),
    pid: process.pid,
    identity: processIdentity(process.pid) ?? '',
    user: userInfo().username,
  };
}

const isHere = ({ host, machine }: OperationProcess): boolean =>
  host === hostname() && machine === thisMachine();

/** Only for a process of this machine. */
function isAlive({ pid, identity }: OperationProcess): boolean {
  const now = processIdentity(pid);
  return now !== undefined && (now === 'unknown' || identity === '' || now === identity);
}

/**
 * `held`: somebody works on it. `free`: nobody does. `silent`: by this machine's clock the lease ran out, by the
 * holder's it may not have.
 */
export function standing(
  operation: Pick<Operation, 'process' | 'leaseUntil' | 'failure'>,
  now: Date,
): 'held' | 'free' | 'silent' {
  if (operation.failure) return 'free';
  const here = isHere(operation.process);
  if (here && !isAlive(operation.process)) return 'free';
  const overdueMs = now.getTime() - Date.parse(operation.leaseUntil);
  if (overdueMs < 0) return 'held';
  return here || overdueMs > skewMs ? 'free' : 'silent';
}

/** What a newly made tenant item carries so that its maker holds it from the first write. */
export function newOperation(kind: OperationKind, now: Date, data: Record<string, unknown> = {}): Operation {
  return {
    id: `${now.toISOString().replace(/[-:.]/g, '')}-${randomUUID().slice(0, 8)}`,
    kind,
    startedAt: now.toISOString(),
    holder: randomUUID(),
    process: thisProcess(),
    leaseUntil: leaseFrom(now),
    done: [],
    data,
  };
}

export const leaseFrom = (now: Date): string => new Date(now.getTime() + leaseMs).toISOString();

export interface Claim {
  kind: OperationKind;
  /** Written together with the claim. */
  changes: TenantChanges;
  data: Record<string, unknown>;
  /** Holder of the operation that this process wrote with the tenant's item itself: it needs no claiming. */
  held: string | undefined;
}

/**
 * Puts an operation on the tenant, or takes up the one of the same kind that was left there. The tenant must still
 * be as it was read: what the caller decided on is what the operation begins from. Throws `tenant_busy`.
 */
export async function claim(
  context: Context,
  registry: Registry,
  tenant: TenantRecord,
  { kind, changes, data, held }: Claim,
): Promise<{ tenant: TenantRecord; operation: Operation }> {
  const seen = tenant.operation;
  if (seen && seen.holder === held) return { tenant, operation: seen };
  if (seen) {
    const state = standing(seen, context.now());
    if (state === 'held') throw busy(tenant, seen);
    // A holder that lives renews its lease in this time, and the claim below fails. No two clocks are compared.
    if (state === 'silent') await delay(observeMs, undefined, { signal: context.signal });
  }
  const operation = newOperation(kind, context.now(), data);
  if (seen?.kind === kind) {
    const { id, startedAt, done, steps, data: left } = seen;
    Object.assign(
      operation,
      { id, startedAt, done: [...done], data: { ...data, ...left } },
      steps && { steps },
    );
  }
  const updatedAt = context.now().toISOString();
  const taken = await registry.claimTenant(tenant, { ...changes, operation, updatedAt });
  if (taken) return { tenant: taken, operation };
  const now = await registry.tenant(tenant.tenantId);
  if (now?.operation?.holder === operation.holder) return { tenant: now, operation };
  throw now?.operation
    ? busy(now, now.operation)
    : new SaasError('tenant_busy', `tenant "${tenant.name}" has just changed`, {
        hint: 'run the command again',
      });
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

/** `by alice on laptop (process 4711), since 2026-01-01T12:00:00.000Z` */
export const holderWords = ({ user, host, pid }: OperationProcess, since: string): string =>
  `by ${user} on ${host} (process ${pid}), since ${since}`;

function busy(tenant: TenantRecord, { kind, process: by, startedAt }: Operation): SaasError {
  return new SaasError('tenant_busy', `tenant "${tenant.name}" is ${gerund[kind]} already`, {
    detail: holderWords(by, startedAt),
    hint: `wait for it to end, then run the command again; watch it with: saas-ecs watch ${tenant.name}`,
  });
}
