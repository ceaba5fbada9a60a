import { GetParametersCommand, SSMClient } from '@aws-sdk/client-ssm';
import { SaasError } from '../../model/error.ts';
import { parameterPath } from '../../model/names.ts';
import { WaitTimeout } from '../../model/stop.ts';
import { tenantNameProblem } from '../../model/tenant.ts';
import { isTenantId } from '../../model/tenant-id.ts';
import { toSaasError } from '../aws-errors.ts';
import type { Context } from '../context.ts';
import { RegistryTable } from '../registry/table.ts';
import type { AuditEntry, AuditOutcome } from './event.ts';
import { AuditLog } from './log.ts';

/** What an action says of itself; filled in while it runs. */
export interface Act {
  action: string;
  /** As it was named by whoever asked, until the tenant is known. */
  tenant?: string | { tenantId: string; name: string };
  /** Nothing secret. What has not the form of a name or a number is not kept: people type e-mail addresses anywhere. */
  parameters: Record<string, unknown>;
  /** What is wrong although nothing was thrown. */
  failure?: SaasError | undefined;
  /** `done` when undefined. */
  outcome?: AuditOutcome;
}

/** What has not answered by then is told as unwritten; the action's result is waiting. */
const patienceMs = 15_000;

/**
 * Does `work`, and writes down who did it and what came of it. The outcome is the work's: a write that fails is told
 * to whoever watches, and changes nothing.
 */
export async function audited<T>(context: Context, act: Act, work: (act: Act) => Promise<T>): Promise<T> {
  try {
    const result = await work(act);
    const { failure, outcome = 'done' } = act;
    await record(context, act, failure ? ['failed', failure.code] : [outcome, null]);
    return result;
  } catch (error) {
    const [outcome, code] = endingOf(context, error);
    // Without shared stacks there is nothing that could have been done, and nowhere to write it.
    if (code !== 'not_deployed') await record(context, act, [outcome, code]);
    throw error;
  }
}

/** What an action that threw came to, and the code that says why. */
export function endingOf({ signal }: Context, error: unknown): [AuditOutcome, string] {
  if (!signal.aborted) return ['failed', toSaasError(error).code];
  return ['interrupted', signal.reason instanceof WaitTimeout ? 'wait_timed_out' : 'interrupted'];
}

/** Writes one event, to `log` when the caller has it open. Never throws. */
export async function record(
  context: Context,
  act: Act,
  [outcome, code]: [AuditOutcome, string | null],
  log?: AuditLog,
): Promise<void> {
  const { target, now, watch } = context;
  const at = now().toISOString();
  try {
    const who = await target.verify().catch(() => undefined);
    // Credentials that are refused, or another account's, have signed nothing: nothing was done.
    if (!who) return;
    const entry: AuditEntry = {
      at,
      who: { arn: who.arn, account: who.account },
      action: act.action,
      tenant: tenantOf(act.tenant),
      outcome,
      code,
      parameters: plain(act.parameters) as Record<string, unknown>,
    };
    const writing = (log ? Promise.resolve(log) : openAuditLog(context)).then((open) => open.append(entry));
    await inTime(writing);
  } catch (error) {
    const { message, detail } = toSaasError(error);
    watch({
      type: 'note',
      text: `warning: the audit does not have this ${act.action} (${outcome}, at ${at}): ${detail ?? message}`,
    });
  }
}

/** The audit of an environment. Throws `not_deployed`. */
export async function openAuditLog({ target }: Pick<Context, 'target'>): Promise<AuditLog> {
  const name = parameterPath(target.app, target.environment.name, 'registryTable');
  const { Parameters = [] } = await new SSMClient(target.client).send(
    new GetParametersCommand({ Names: [name] }),
  );
  const table = Parameters[0]?.Value;
  if (table === undefined)
    throw new SaasError('not_deployed', `"${target.app}" has no registry in "${target.environment.name}"`, {
      hint: `deploy it first: saas-ecs deploy-shared --env ${target.environment.name}`,
    });
  return new AuditLog(new RegistryTable(target.client, table));
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer for ${patienceMs / 1_000} s`)), patienceMs);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

function tenantOf(tenant: Act['tenant']): AuditEntry['tenant'] {
  if (tenant === undefined) return null;
  if (typeof tenant === 'object') return { id: tenant.tenantId, name: tenant.name };
  const name = tenantNameProblem(tenant) === undefined ? tenant : null;
  return isTenantId(tenant) ? { id: tenant, name: null } : { id: null, name };
}

/** A name, a path, a number with its unit, a reason in plain words; no address has this form. */
const plainText = /^[\p{L}\p{M}\p{N} _./:,;'()#&+!?%-]{1,200}$/u;

function plain(value: unknown): unknown {
  if (typeof value === 'string') return plainText.test(value) ? value : '(not kept)';
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value ?? null;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) => (member === undefined ? [] : [[name, plain(member)]])),
  );
}
