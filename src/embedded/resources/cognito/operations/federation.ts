/** Domains, resource servers and identity providers. */
import {
  CreateIdentityProvider$,
  type CreateIdentityProviderCommandInput,
  CreateResourceServer$,
  type CreateResourceServerCommandInput,
  CreateUserPoolDomain$,
  type CreateUserPoolDomainCommandInput,
  DeleteIdentityProvider$,
  type DeleteIdentityProviderCommandInput,
  DeleteResourceServer$,
  type DeleteResourceServerCommandInput,
  DeleteUserPoolDomain$,
  type DeleteUserPoolDomainCommandInput,
  DescribeIdentityProvider$,
  type DescribeIdentityProviderCommandInput,
  DescribeResourceServer$,
  type DescribeResourceServerCommandInput,
  DescribeUserPoolDomain$,
  type DescribeUserPoolDomainCommandInput,
  ListIdentityProviders$,
  type ListIdentityProvidersCommandInput,
  ListResourceServers$,
  type ListResourceServersCommandInput,
  UpdateIdentityProvider$,
  type UpdateIdentityProviderCommandInput,
  UpdateResourceServer$,
  type UpdateResourceServerCommandInput,
  UpdateUserPoolDomain$,
  type UpdateUserPoolDomainCommandInput,
} from '@aws-sdk/client-cognito-identity-provider';
import { type Operation, operation } from '../../../platform.ts';
import { pageOf } from '../../pages.ts';
import { invalidParameter, notFound } from '../errors.ts';
import {
  createDomain,
  createProvider,
  describeDomain,
  describeProvider,
  describeResourceServer,
  domains,
  type ProviderRecord,
  providers,
  putResourceServer,
  type ResourceServerRecord,
  resourceServers,
  saveProvider,
  sortedBy,
} from '../federation.ts';
import type { Parts } from '../parts.ts';
import { onPool } from './making.ts';

export function federationOperations(parts: Parts): Operation[] {
  const { cloud } = parts;
  const domainIn = (poolId: string, domain: string | undefined) => {
    const record = domains(cloud).get(domain ?? '');
    if (record?.poolId !== poolId) throw invalidParameter(`No such domain or user pool exists.`);
    return record;
  };
  const serverOf = (input: CreateResourceServerCommandInput): ResourceServerRecord => ({
    identifier: input.Identifier ?? '',
    name: input.Name ?? '',
    scopes: input.Scopes ?? [],
  });
  const serverIn = (poolId: string, identifier: string | undefined): ResourceServerRecord => {
    const server = resourceServers(cloud, poolId).get(identifier ?? '');
    if (!server) throw notFound(`Resource server ${identifier} does not exist.`);
    return server;
  };
  const providerIn = (poolId: string, name: string | undefined): ProviderRecord => {
    const provider = providers(cloud, poolId).get(name ?? '');
    if (!provider) throw notFound(`Identity provider ${name} does not exist.`);
    return provider;
  };

  return [
    onPool(parts, CreateUserPoolDomain$, (input: CreateUserPoolDomainCommandInput, pool) => {
      const { CustomDomainConfig: custom, ManagedLoginVersion: managedLoginVersion } = input;
      const { cloudFront } = createDomain(cloud, pool.id, input.Domain ?? '', {
        custom,
        managedLoginVersion,
      });
      return { CloudFrontDomain: custom && cloudFront, ManagedLoginVersion: managedLoginVersion ?? 1 };
    }),
    operation(DescribeUserPoolDomain$, (input: DescribeUserPoolDomainCommandInput) => {
      const record = domains(cloud).get(input.Domain ?? '');
      return { DomainDescription: record ? describeDomain(cloud, record) : {} };
    }),
    onPool(parts, UpdateUserPoolDomain$, (input: UpdateUserPoolDomainCommandInput, pool) => {
      const record = domainIn(pool.id, input.Domain);
      domains(cloud).put(record.domain, {
        ...record,
        custom: input.CustomDomainConfig ?? record.custom,
        managedLoginVersion: input.ManagedLoginVersion ?? record.managedLoginVersion,
      });
      return { CloudFrontDomain: record.custom && record.cloudFront };
    }),
    onPool(parts, DeleteUserPoolDomain$, (input: DeleteUserPoolDomainCommandInput, pool) => {
      domains(cloud).delete(domainIn(pool.id, input.Domain).domain);
      return {};
    }),
    onPool(parts, CreateResourceServer$, (input: CreateResourceServerCommandInput, pool) => ({
      ResourceServer: describeResourceServer(
        pool.id,
        putResourceServer(cloud, pool.id, serverOf(input), false),
      ),
    })),
    onPool(parts, UpdateResourceServer$, (input: UpdateResourceServerCommandInput, pool) => ({
      ResourceServer: describeResourceServer(
        pool.id,
        putResourceServer(cloud, pool.id, serverOf(input), true),
      ),
    })),
    onPool(parts, DescribeResourceServer$, (input: DescribeResourceServerCommandInput, pool) => ({
      ResourceServer: describeResourceServer(pool.id, serverIn(pool.id, input.Identifier)),
    })),
    onPool(parts, DeleteResourceServer$, (input: DeleteResourceServerCommandInput, pool) => {
      resourceServers(cloud, pool.id).delete(serverIn(pool.id, input.Identifier).identifier);
      return {};
    }),
    onPool(parts, ListResourceServers$, (input: ListResourceServersCommandInput, pool) => {
      const all = sortedBy(resourceServers(cloud, pool.id).values(), ({ identifier }) => identifier);
      const page = pageOf(
        all,
        ({ identifier }) => identifier,
        input.MaxResults ?? 50,
        input.NextToken,
        'InvalidParameterException',
      );
      return {
        ResourceServers: page.items.map((server) => describeResourceServer(pool.id, server)),
        NextToken: page.next,
      };
    }),
    onPool(parts, CreateIdentityProvider$, (input: CreateIdentityProviderCommandInput, pool) => ({
      IdentityProvider: describeProvider(
        pool.id,
        createProvider(cloud, pool.id, {
          name: input.ProviderName ?? '',
          type: input.ProviderType ?? 'OIDC',
          details: input.ProviderDetails ?? {},
          mapping: input.AttributeMapping ?? {},
          identifiers: input.IdpIdentifiers ?? [],
        }),
      ),
    })),
    onPool(parts, UpdateIdentityProvider$, (input: UpdateIdentityProviderCommandInput, pool) => {
      const provider = providerIn(pool.id, input.ProviderName);
      const saved = saveProvider(cloud, pool.id, {
        ...provider,
        details: input.ProviderDetails ?? provider.details,
        mapping: input.AttributeMapping ?? provider.mapping,
        identifiers: input.IdpIdentifiers ?? provider.identifiers,
      });
      return { IdentityProvider: describeProvider(pool.id, saved) };
    }),
    onPool(parts, DescribeIdentityProvider$, (input: DescribeIdentityProviderCommandInput, pool) => ({
      IdentityProvider: describeProvider(pool.id, providerIn(pool.id, input.ProviderName)),
    })),
    onPool(parts, DeleteIdentityProvider$, (input: DeleteIdentityProviderCommandInput, pool) => {
      providers(cloud, pool.id).delete(providerIn(pool.id, input.ProviderName).name);
      return {};
    }),
    onPool(parts, ListIdentityProviders$, (input: ListIdentityProvidersCommandInput, pool) => {
      const all = sortedBy(providers(cloud, pool.id).values(), ({ name }) => name);
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
