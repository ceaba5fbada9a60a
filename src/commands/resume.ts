import { resume as resumeTenant } from '../services/tenants/suspension.ts';
import { type Invocation, waiting } from './invocation.ts';

export async function resume(
  cli: Invocation,
  reference: string,
  options: { waitTimeout?: number },
): Promise<void> {
  const tenant = await cli.run((context) => resumeTenant(context, reference), waiting(options));
  cli.output.result(
    tenant,
    (colors) =>
      `${colors.green('✔')} tenant ${colors.bold(tenant.name)} is served again at ${tenant.apiUrl}; who was refused a moment ago may be so for 30 seconds more`,
  );
  cli.output.next(`saas-ecs describe-tenant ${tenant.name}`);
}
