import { SaasError } from '../../model/error.ts';
import type { Context } from '../context.ts';
import type { UserPool } from '../identity.ts';
import type { Step } from '../operation.ts';
import type { TenantRecord } from '../registry/registry.ts';
import { IdentityProviders } from '../users/identity-providers.ts';
import type { ProviderDefinition } from '../users/provider-file.ts';
import { placeOf } from '../users/tenant-providers.ts';

/** What an onboarding's record keeps of the provider that was asked for: its name, so that no later run forgets it. */
export const providerNote = (provider: ProviderDefinition | undefined): Record<string, unknown> =>
  provider ? { provider: provider.name } : {};

/**
 * The step of an onboarding that was asked for an identity provider, by this run or by the one that it takes up. The secret
 * is written down nowhere, so a run that takes it up needs the file again, unless the step is done.
 */
export function providerStep<Data>(
  context: Context,
  tenant: TenantRecord,
  given: ProviderDefinition | undefined,
  poolOf: (data: Partial<Data>) => UserPool,
): Step<Data>[] {
  const asked = given?.name ?? tenant.operation?.data['provider'];
  if (asked === undefined) return [];
  return [
    {
      name: 'identity-provider',
      title: 'Have it sign in by its identity provider',
      async run(data) {
        if (!given)
          throw new SaasError(
            'provider_file_needed',
            `the onboarding of "${tenant.name}" was begun with the identity provider "${String(asked)}"`,
            {
              detail: 'its file is kept nowhere, since it leads to a secret',
              hint: `give it again: saas-ecs onboard --resume ${tenant.name} --idp FILE`,
            },
          );
        const pool = poolOf(data);
        await placeOf(context, tenant, pool);
        await new IdentityProviders(context.target.client, pool).put(given);
      },
    },
  ];
}
