/** Identity providers. */
import {
  CreateIdentityProvider$,
  type CreateIdentityProviderCommandInput,
  DeleteIdentityProvider$,
  type DeleteIdentityProviderCommandInput,
  DescribeIdentityProvider$,
  type DescribeIdentityProviderCommandInput,
  GetIdentityProviderByIdentifier$,
  type GetIdentityProviderByIdentifierCommandInput,
  ListIdentityProviders$,
  type ListIdentityProvidersCommandInput,
  UpdateIdentityProvider$,
  type UpdateIdentityProviderCommandInput,
} from '@aws-sdk/client-cognito-identity-provider';
import type { Operation } from '../../../platform.ts';
import { compareText, pageOf } from '../../pages.ts';
import { notFound } from '../errors.ts';
import {
  createProvider,
  describeProvider,
  type ProviderRecord,
  providerById,
  providers,
  updateProvider,
} from '../federation/providers.ts';
import type { Parts } from '../parts.ts';
import { onPool } from './making.ts';

export function providerOperations(parts: Parts): Operation[] {
  const { cloud } = parts;
  const providerIn = (poolId: string, name: string | undefined): ProviderRecord => {
    const provider = providers(cloud, poolId).get(name ?? '');
    if (!provider) throw notFound(`Identity provider ${name} does not exist.`);
    return provider;
  };

  return [
    onPool(parts, CreateIdentityProvider$, (input: CreateIdentityProviderCommandInput, pool) => ({
      IdentityProvider: describeProvider(
        pool.id,
        createProvider(cloud, pool, {
          name: input.ProviderName ?? '',
          type: input.ProviderType ?? 'OIDC',
          details: input.ProviderDetails ?? {},
          mapping: input.AttributeMapping ?? {},
          identifiers: input.IdpIdentifiers ?? [],
        }),
      ),
    })),
    onPool(parts, UpdateIdentityProvider$, (input: UpdateIdentityProviderCommandInput, pool) => ({
      IdentityProvider: describeProvider(
        pool.id,
        updateProvider(cloud, pool, input.ProviderName ?? '', {
          details: input.ProviderDetails,
          mapping: input.AttributeMapping,
          identifiers: input.IdpIdentifiers,
        }),
      ),
    })),
    onPool(
      parts,
      GetIdentityProviderByIdentifier$,
      (input: GetIdentityProviderByIdentifierCommandInput, pool) => {
        const provider = providerById(cloud, pool.id, input.IdpIdentifier ?? '');
        if (!provider) throw notFound(`No identity provider has the identifier ${input.IdpIdentifier}.`);
        return { IdentityProvider: describeProvider(pool.id, provider) };
      },
    ),
    onPool(parts, DescribeIdentityProvider$, (input: DescribeIdentityProviderCommandInput, pool) => ({
      IdentityProvider: describeProvider(pool.id, providerIn(pool.id, input.ProviderName)),
    })),
    onPool(parts, DeleteIdentityProvider$, (input: DeleteIdentityProviderCommandInput, pool) => {
      providers(cloud, pool.id).delete(providerIn(pool.id, input.ProviderName).name);
      return {};
    }),
    onPool(parts, ListIdentityProviders$, (input: ListIdentityProvidersCommandInput, pool) => {
      const all = providers(cloud, pool.id)
        .values()
        .sort((left, right) => compareText(left.name, right.name));
      const page = pageOf(
        all,
        ({ name }) => name,
        input.MaxResults ?? 60,
        input.NextToken,
        'InvalidParameterException',
      );
      return {
        Providers: page.items.map((provider) => ({
          ProviderName: provider.name,
          ProviderType: provider.type,
          LastModifiedDate: provider.modified,
          CreationDate: provider.created,
        })),
        NextToken: page.next,
      };
    }),
  ];
}
