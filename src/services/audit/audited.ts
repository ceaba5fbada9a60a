import { SaasError } from '../../model/error.ts';
import { WaitTimeout } from '../../model/stop.ts';
import { tenantNameProblem } from '../../model/tenant.ts';
import { isTenantId } from '../../model/tenant-id.ts';
import { toSaasError } from '../aws-errors.ts';
import type { Context } from '../context.ts';
import { RegistryTable, type Write } from '../registry/table.ts';
import { knownRegistryTable, registryTableOf } from '../shared-outputs.ts';
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
  /** The event that says so is written. */
  written?: boolean;
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
    const { failure, outcome = 'done', written } = act;
    if (!written) await record(context, act, failure ? ['failed', failure.code] : [outcome, null]);
    return result;
  } catch (error) {
    const [outcome, code] = endingOf(context, error);
    // Without shared stacks there is nothing that could have been done, and nowhere to write it.
    if (code !== 'not_deployed' && !act.written) await record(context, act, [outcome, code]);
    throw error;
  }
}

/**
 * Ends what `act` is about: `end` makes its writes together with the event that says so. Without the event when the audit
 * can't be read, or too many others write to it: then {@link audited} says so.
 */
export async function endAudited<T>(
  context: Context,
  act: Act,
  end: (event: Write[]) => Promise<T>,
): Promise<T> {
  let ended: { result: T } | undefined;
  try {
    const entry = await entryOf(context, act, ['done', null]);
    const table = knownRegistryTable(context.target);
    if (entry && table !== undefined) {
      const log = new AuditLog(new RegistryTable(context.target.client, table));
      await log.append(entry, async (event) => {
        ended = { result: await end(event) };
      });
      act.written = true;
    }
  } catch (error) {
    // The end's own refusal.
    if (error instanceof SaasError) throw error;
  }
  return ended ? ended.result : end([]);
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
  const { now, watch } = context;
  const at = now().toISOString();
  try {
    const entry = await entryOf(context, act, [outcome, code], at);
    if (!entry) return;
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

/** Undefined for credentials that are refused, or another account's: they have signed nothing, so nothing was done. */
async function entryOf(
  { target, now }: Context,
  act: Act,
  [outcome, code]: [AuditOutcome, string | null],
  at: string = now().toISOString(),
): Promise<AuditEntry | undefined> {
  const who = await target.verify().catch(() => undefined);
  return (
    who && {
      at,
      who: { arn: who.arn, account: who.account },
      action: act.action,
      tenant: tenantOf(act.tenant),
      outcome,
      code,
      parameters: plain(act.parameters) as Record<string, unknown>,
    }
  );
}

/** The audit of an environment. Throws `not_deployed`. */
export async function openAuditLog({ target }: Pick<Context, 'target'>): Promise<AuditLog> {
  const table = knownRegistryTable(target) ?? (await registryTableOf(target));
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
