/** Finds where the control plane, the registry and the account disagree, and mends what can be mended safely. */
import { SaasError } from '../../model/error.ts';
import { type Act, audited } from '../audit/audited.ts';
import type { Context } from '../context.ts';
import type { Difference, Finding } from './finding.ts';
import { identityDifferences } from './identity.ts';
import { keyDifferences } from './keys.ts';
import { placementDifferences } from './placement.ts';
import { registrationDifferences } from './registrations.ts';
import { stackDifferences } from './stacks.ts';
import { readWorld, type World } from './world.ts';

export interface ReconcileRequest {
  dryRun: boolean;
  /** Id or name: only what is about this tenant. */
  tenant?: string;
}

/** In the order in which they are mended: a stack takes its rules with it, and a rule gives its slot free. */
const checks: Readonly<Record<string, (world: World) => Difference[] | Promise<Difference[]>>> = {
  'Control plane': registrationDifferences,
  'Stacks and data': stackDifferences,
  'Users and groups': identityDifferences,
  'API keys and plans': keyDifferences,
  'Slots and rules': placementDifferences,
};

/** Deletes no data: what it finds of that kind it reports, with the command that would. */
export async function reconcile(
  context: Context,
  request: ReconcileRequest,
): Promise<{ findings: Finding[] }> {
  if (request.dryRun) return { findings: await compare(context, request) };
  const { tenant } = request;
  const asked: Act = { action: 'reconcile', ...(tenant !== undefined && { tenant }), parameters: {} };
  return audited(context, asked, async (act) => {
    const findings = await compare(context, request);
    const count = (status: Finding['status']): number =>
      findings.filter((finding) => finding.status === status).length;
    act.parameters = { repaired: count('repaired'), failed: count('failed'), byHand: count('manual') };
    if (count('failed') > 0) act.failure = new SaasError('repair_failed', 'not all could be repaired');
    return { findings };
  });
}

async function compare(context: Context, request: ReconcileRequest): Promise<Finding[]> {
  const { watch, signal } = context;
  watch({
    type: 'plan',
    title: `${request.dryRun ? 'Comparing' : 'Reconciling'} ${context.target.app} in ${context.target.environment.name}`,
    steps: Object.keys(checks).map((step) => ({ step, title: step })),
  });
  const world = await readWorld(context);
  const findings: Finding[] = [];
  for (const [step, check] of Object.entries(checks)) {
    const began = performance.now();
    signal.throwIfAborted();
    watch({ type: 'step-started', step, title: step });
    const differences = (await check(world)).filter((difference) => concerns(difference, request.tenant));
    for (const difference of differences) {
      signal.throwIfAborted();
      findings.push(await settle(difference, request.dryRun));
    }
    watch({
      type: 'step-done',
      step,
      title: step,
      durationMs: Math.round(performance.now() - began),
      skipped: false,
    });
  }
  return findings;
}

const concerns = ({ tenant }: Difference, asked: string | undefined): boolean =>
  asked === undefined || tenant.id === asked || tenant.name === asked;

async function settle(difference: Difference, dryRun: boolean): Promise<Finding> {
  const { mend, tenant: _, ...finding } = difference;
  if (!mend) return { ...finding, status: 'manual' };
  if (dryRun) return { ...finding, status: 'found' };
  try {
    await mend();
    return { ...finding, status: 'repaired' };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ...finding, detail: `${finding.detail}; the repair failed: ${why}`, status: 'failed' };
  }
}
