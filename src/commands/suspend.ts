import { suspendable, suspend as suspendTenant } from '../services/tenants/suspension.ts';
import { type Invocation, waiting } from './invocation.ts';

export interface SuspendOptions {
  confirm?: string;
  reason?: string;
  /** Milliseconds. */
  waitTimeout?: number;
}

export async function suspend(cli: Invocation, reference: string, options: SuspendOptions): Promise<void> {
  const { prompts, output } = cli;
  const { confirm, reason } = options;
  const { tenantId, name, tier } = await suspendable(await cli.quietContext(), reference);
  if (confirm === undefined)
    output.note(
      `Suspending ${output.err.bold(name)} (${tier}) shuts all its users out, until: saas-ecs resume ${name}`,
    );
  await prompts.confirmName(confirm, name, { message: `Type ${name} to suspend it` });
  prompts.sayEquivalent(`saas-ecs suspend ${name}`, { '--reason': reason });
  const tenant = await cli.run(
    (context) => suspendTenant(context, { tenant: tenantId, ...(reason !== undefined && { reason }) }),
    waiting(options),
  );
  output.result(
    tenant,
    (colors) =>
      `${colors.green('✔')} tenant ${colors.bold(tenant.name)} is suspended: its API answers 403; its data and services stay`,
  );
  output.next(`saas-ecs resume ${tenant.name}`);
}
