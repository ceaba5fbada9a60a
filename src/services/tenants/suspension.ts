/**
 * Shutting a tenant out and letting it in again. Two things refuse a suspended tenant: the authorizer, which reads its
 * status, and its API key, which is switched off, since the gateway remembers the authorizer's decisions for a while.
 */
import { ExitCode, SaasError } from '../../model/error.ts';
import type { Proof } from '../../model/gatekeeper.ts';
import { reasonProblem, type Tenant } from '../../model/tenant.ts';
import { type Act, audited } from '../audit/audited.ts';
import type { Context } from '../context.ts';
import { standingStep } from '../control-plane/steps.ts';
import { checkGatekeeper, Gatekeeper } from '../gatekeeper.ts';
import { runOperation, type Step } from '../operation.ts';
import { operationNoun } from '../operation-words.ts';
import type { TenantRecord } from '../registry/registry.ts';
import { openSession, type Session } from '../session.ts';
import { UsagePlans } from '../usage-plans.ts';
import { toTenant } from './view.ts';

export interface SuspendRequest {
  /** Id or name. */
  tenant: string;
  /** Kept with the tenant and in the audit, see {@link reasonProblem}; a later one takes its place. */
  reason?: string;
}

export type Changed = Tenant & { operationId: string; durationMs: number };

/** The tenant, if it can be suspended or resumed; for the question that an operator answers first. */
export async function suspendable(context: Context, reference: string): Promise<TenantRecord> {
  const { registry } = await openSession(context);
  return checked(await registry.findTenant(reference), 'suspend');
}

/**
 * Shuts a tenant out and proves by a request that it is refused; data, users and services stay. A tenant that is
 * suspended is shut out anew. Throws `tenant_not_active`, `unfinished_operation`.
 */
export async function suspend(context: Context, request: SuspendRequest): Promise<Changed> {
  const { tenant, reason } = request;
  const problem = reason === undefined ? undefined : reasonProblem(reason);
  if (problem !== undefined)
    throw new SaasError('bad_reason', `the reason can't be kept: ${problem}`, {
      hint: "for example: --reason 'invoice 4711 is unpaid'",
      exitCode: ExitCode.usage,
    });
  return audited(context, { action: 'suspend', tenant, parameters: { reason } }, (act) =>
    shutOut(context, request, act),
  );
}

async function shutOut(context: Context, { tenant: reference, reason }: SuspendRequest, act: Act) {
  const session = await openSession(context);
  const tenant = await session.registry.findTenant(reference);
  act.tenant = tenant;
  checked(tenant, 'suspend');
  const why = reason ?? tenant.suspension?.reason;
  return change(context, session, tenant, {
    act,
    kind: 'suspend',
    title: `Suspending ${tenant.name}`,
    // With the claim, so that it holds from the operation's first write.
    begin: {
      status: 'suspended',
      suspension: {
        since: tenant.suspension?.since ?? context.now().toISOString(),
        ...(why !== undefined && { reason: why }),
      },
    },
    end: 'suspended',
    steps: [
      {
        name: 'close',
        title: 'Switch its API key off',
        // An earlier run may have been long ago.
        always: true,
        async run(_data, tools) {
          const { apiKeyId } = tools.tenant();
          // Without a key the gateway refuses it as well.
          if (apiKeyId !== undefined) await new UsagePlans(context.target.client).enableKey(apiKeyId, false);
        },
      },
      proof(context, session, 'Prove that it is refused', 'refused'),
      ...standingStep<object>(context, session, 'suspended'),
    ],
  });
}

/**
 * Lets a suspended tenant in again and proves by a request that it is served; does the same for one that is active.
 * Throws `tenant_not_active`, `missing_key`, `unfinished_operation`.
 */
export async function resume(context: Context, reference: string): Promise<Changed> {
  return audited(context, { action: 'resume', tenant: reference, parameters: {} }, (act) =>
    letIn(context, reference, act),
  );
}

async function letIn(context: Context, reference: string, act: Act): Promise<Changed> {
  const session = await openSession(context);
  const tenant = await session.registry.findTenant(reference);
  act.tenant = tenant;
  checked(tenant, 'resume');
  return change(context, session, tenant, {
    act,
    kind: 'resume',
    title: `Resuming ${tenant.name}`,
    end: 'active',
    steps: [
      {
        name: 'open',
        title: 'Switch its API key on',
        always: true,
        async run(_data, tools) {
          const { apiKeyId, name } = tools.tenant();
          const there =
            apiKeyId !== undefined && (await new UsagePlans(context.target.client).enableKey(apiKeyId, true));
          if (!there)
            throw new SaasError('missing_key', `the API key of tenant "${name}" is not there`, {
              hint: `make it anew, then resume: saas-ecs reconcile --tenant ${name}`,
            });
          await tools.save({ status: 'active', suspension: undefined });
        },
      },
      proof(context, session, 'Prove that it is served', 'served'),
      ...standingStep<object>(context, session, 'active'),
    ],
  });
}

interface Change {
  act: Act;
  kind: 'suspend' | 'resume';
  title: string;
  begin?: Pick<TenantRecord, 'status' | 'suspension'>;
  end: 'active' | 'suspended';
  steps: Step<object>[];
}

async function change(
  context: Context,
  session: Session,
  tenant: TenantRecord,
  { steps, ...rest }: Change,
): Promise<Changed> {
  checkGatekeeper(session.shared);
  const ran = await runOperation<object>(context, session.registry, tenant, {
    ...rest,
    steps: () => steps,
    onFailure: 'unchanged',
  });
  return {
    ...toTenant(ran.tenant, context.config, await session.registry.tiers()),
    operationId: ran.operationId,
    durationMs: ran.durationMs,
  };
}

const proof = (
  context: Context,
  session: Session,
  title: string,
  expected: Proof['expected'],
): Step<object> => ({
  name: 'prove',
  title,
  always: true,
  async run(_data, tools) {
    const { tenantId, name, model, cell = '', holdings } = tools.tenant();
    const issuer = (model === 'pool' ? session.shared.pool : holdings?.pool)?.issuer;
    if (issuer === undefined)
      throw new SaasError('tenant_not_ready', `tenant "${name}" has no user pool`, {
        hint: `see what is missing: saas-ecs describe-tenant ${name}`,
      });
    const gatekeeper = new Gatekeeper(context.target.client, session.shared);
    await gatekeeper.prove({ tenantId, cell }, { issuer, expected }, tools.signal);
  },
});

function checked(tenant: TenantRecord, what: 'suspend' | 'resume'): TenantRecord {
  const { name, status, operation } = tenant;
  if (status === 'offboarded')
    throw new SaasError('tenant_gone', `tenant "${name}" is offboarded`, {
      detail: `at ${tenant.updatedAt}`,
      exitCode: ExitCode.notFound,
    });
  if (status !== 'active' && status !== 'suspended')
    throw new SaasError(
      'tenant_not_active',
      `tenant "${name}" is ${status}, so there is nothing to ${what}`,
      {
        hint: `see it: saas-ecs describe-tenant ${name}`,
      },
    );
  // What its key was being moved between is written there alone.
  if (operation?.kind === 'throttle')
    throw new SaasError('unfinished_operation', `${operationNoun('throttle', name)} is unfinished`, {
      hint: `finish it first: saas-ecs throttle --tenant ${name} --reset`,
    });
  return tenant;
}
