/** Follows an operation that another process runs, by its record in the registry. It writes nothing. */
import { setTimeout as delay } from 'node:timers/promises';
import { ExitCode, SaasError } from '../model/error.ts';
import { tenantStackName } from '../model/names.ts';
import type { StepReport } from '../model/progress.ts';
import { operationReference } from '../model/registry.ts';
import { stopError } from '../model/stop.ts';
import type { Tenant } from '../model/tenant.ts';
import type { Context } from './context.ts';
import { type Operation, type OperationKind, observeMs, standing } from './lease.ts';
import { operationNoun, resumeCommand } from './operation-words.ts';
import type { PastOperation, Registry, TenantRecord } from './registry/registry.ts';
import { Replay } from './replay.ts';
import { openSession } from './session.ts';
import { describeEvent } from './stack-events.ts';
import { StackFeed } from './stack-feed.ts';
import { toTenant } from './tenants/view.ts';

/** An operation that ended well, and its tenant now. */
export interface Followed {
  operation: {
    id: string;
    kind: OperationKind;
    status: 'done';
    startedAt: string;
    endedAt: string;
    steps: StepReport[];
  };
  tenant: Tenant;
}

/** The registry is asked no more often than this, in milliseconds. */
const leastPollMs = 250;

/**
 * Waits until an operation ends, showing what it does; `reference` is its id, or a tenant's name or id for the one
 * that is under way, else the last. Throws `operation_failed`, `operation_stopped` when nobody works on it any more,
 * `operation_not_found`.
 */
export async function follow(context: Context, reference: string): Promise<Followed> {
  const session = await openSession(context);
  const { registry } = session;
  const { tenant, id } = await find(registry, reference);
  const { tenantId } = tenant;
  const replay = new Replay(context.watch);
  const feed =
    tenant.model === 'pool'
      ? undefined
      : new StackFeed(context.target.client, tenantStackName(context.target.prefix, tenantId));
  let kind = tenant.operation?.kind;
  let silence: { holder: string; leaseUntil: string; since: number } | undefined;
  const title = (operation: Operation | PastOperation): string =>
    `Watching ${operationNoun(operation.kind, tenant.name)}`;
  try {
    for (;;) {
      context.signal.throwIfAborted();
      const record = (await registry.tenant(tenantId)) ?? tenant;
      const { operation } = record;
      if (operation?.id !== id) {
        const past = await registry.pastOperation(tenantId, id);
        if (!past) throw gone(reference, record);
        replay.show(title(past), operationReference(tenantId, id), past);
        return {
          operation: ended(tenantId, past),
          tenant: toTenant(record, context.config, await registry.tiers()),
        };
      }
      kind = operation.kind;
      replay.show(title(operation), operationReference(tenantId, id), operation);
      if (operation.failure) throw failed(context, record, operation, operation.failure);
      for (const event of (await feed?.next(operation.startedAt)) ?? []) {
        const text = describeEvent(event);
        if (text !== undefined) replay.detail(text);
      }
      if (standing(operation, context.now()) === 'held') silence = undefined;
      else {
        const { holder, leaseUntil } = operation;
        if (silence?.holder !== holder || silence.leaseUntil !== leaseUntil)
          silence = { holder, leaseUntil, since: performance.now() };
        // One that was only just let go of may be about to be taken up: --no-wait does that.
        if (performance.now() - silence.since > observeMs) throw abandoned(context, record, operation);
      }
      await delay(Math.max(context.target.pollMs, leastPollMs), undefined, { signal: context.signal });
    }
  } catch (error) {
    if (!context.signal.aborted) throw error;
    throw stopError(context.signal, kind ? operationNoun(kind, tenant.name) : 'the operation', {
      detail: 'it goes on without being watched',
      hint: `watch it again: saas-ecs watch ${operationReference(tenantId, id)}`,
      cause: error,
    });
  }
}

async function find(registry: Registry, reference: string): Promise<{ tenant: TenantRecord; id: string }> {
  const [tenantId = '', operationId] = reference.split('/');
  if (operationId !== undefined) {
    const tenant = await registry.tenant(tenantId);
    if (tenant) return { tenant, id: operationId };
    throw notFound(`no operation has the id "${reference}"`);
  }
  const tenant = await registry.findTenant(reference);
  const id = tenant.operation?.id ?? (await registry.operations(tenant.tenantId)).at(-1)?.id;
  if (id !== undefined) return { tenant, id };
  throw notFound(`nothing was ever done with tenant "${tenant.name}"`);
}

const notFound = (message: string): SaasError =>
  new SaasError('operation_not_found', message, {
    hint: 'describe-tenant shows the id of the operation that is under way',
    exitCode: ExitCode.notFound,
  });

/** Neither on its tenant nor in its history: it never was, or it failed and another one took its place. */
const gone = (reference: string, { name, operation }: TenantRecord): SaasError =>
  operation
    ? new SaasError('operation_superseded', `"${reference}" did not end well`, {
        detail: `${operationNoun(operation.kind, name)} took its place, at ${operation.startedAt}`,
        hint: `watch that one: saas-ecs watch ${name}`,
      })
    : notFound(`no operation has the id "${reference}"`);

function failed(
  context: Context,
  { name }: TenantRecord,
  { kind, steps }: Operation,
  failure: NonNullable<Operation['failure']>,
): SaasError {
  const title = steps?.find((step) => step.name === failure.step)?.title ?? failure.step;
  return new SaasError('operation_failed', `${operationNoun(kind, name)} failed at "${title}"`, {
    detail: failure.reason,
    hint: `repair the cause, then go on: ${resumeCommand(context, kind, name)}`,
  });
}

function abandoned(context: Context, { name }: TenantRecord, operation: Operation): SaasError {
  const { kind, process: by, steps = [], done } = operation;
  // An export that was asked for must be asked for again.
  const exporting = steps.some((step) => step.name === 'export') && !done.includes('export');
  return new SaasError('operation_stopped', `nobody works on ${operationNoun(kind, name)} any more`, {
    detail: `${by.user} on ${by.host} (process ${by.pid}) did, and has stopped`,
    hint: `take it up where it stopped: ${resumeCommand(context, kind, name, exporting ? '--export DIR' : '')}`,
  });
}

const ended = (tenantId: string, past: PastOperation): Followed['operation'] => ({
  id: operationReference(tenantId, past.id),
  kind: past.kind,
  status: 'done',
  startedAt: past.startedAt,
  endedAt: past.endedAt,
  steps: (past.steps ?? []).map(({ name, durationMs = 0 }) => ({ name, status: 'done', durationMs })),
});
