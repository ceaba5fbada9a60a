import type { IdentityProvider } from '../services/users/identity-providers.ts';
import { readProviderFile } from '../services/users/provider-file.ts';
import {
  addProvider,
  listProviders,
  removeProvider,
  type SignInPlace,
  showProvider,
} from '../services/users/tenant-providers.ts';
import { facts, plural, table } from '../ui/table.ts';
import type { Invocation } from './invocation.ts';

interface TenantOption {
  tenant?: string;
}

const tenantOf = (cli: Invocation, { tenant }: TenantOption): Promise<string> =>
  cli.prompts.text(tenant, { flag: '--tenant', message: 'Tenant' });

export async function providerAdd(cli: Invocation, file: string, options: TenantOption): Promise<void> {
  const definition = await readProviderFile(file, { cwd: cli.cwd, env: cli.output.terminal.env });
  const tenant = await tenantOf(cli, options);
  const added = await addProvider(await cli.quietContext(), tenant, definition);
  cli.output.result(added, (colors) =>
    [
      `${colors.green('✔')} users of ${colors.bold(added.name)} sign in to ${tenant}${added.created ? '' : ': the provider was there, and is changed'}`,
      '',
      facts(colors, told(added)),
    ].join('\n'),
  );
}

export async function providerList(cli: Invocation, options: TenantOption): Promise<void> {
  const tenant = await tenantOf(cli, options);
  const list = await listProviders(await cli.quietContext(), tenant);
  cli.output.result(list, (colors) =>
    list.providers.length === 0
      ? 'No identity providers.'
      : table<IdentityProvider>(colors, list.providers, [
          { title: 'NAME', value: ({ name }) => name },
          { title: 'TYPE', value: ({ type }) => type },
          { title: 'SOURCE', value: ({ source }) => source ?? 'a file' },
          { title: 'DOMAINS', value: ({ domains }) => domains.join(' ') || '-' },
          { title: 'CREATED', value: ({ createdAt }) => createdAt.slice(0, 16).replace('T', ' ') },
        ]),
  );
}

export async function providerShow(cli: Invocation, name: string, options: TenantOption): Promise<void> {
  const tenant = await tenantOf(cli, options);
  const provider = await showProvider(await cli.quietContext(), tenant, name);
  cli.output.result(provider, (colors) =>
    facts(colors, [
      ['name', colors.bold(provider.name)],
      ['type', provider.type],
      ['source', provider.source ?? 'a file'],
      ...(provider.clientId === null ? [] : [['client id', provider.clientId] as const]),
      ...(provider.scopes.length === 0 ? [] : [['scopes', provider.scopes.join(' ')] as const]),
      [
        'attributes',
        Object.entries(provider.mapping)
          .map(([own, theirs]) => `${own} is ${theirs}`)
          .join('\n'),
      ],
      ['domains', provider.domains.join(' ') || '-'],
      ...told(provider),
      ['created', provider.createdAt],
      ['updated', provider.updatedAt],
    ]),
  );
}

export async function providerRemove(
  cli: Invocation,
  name: string,
  options: TenantOption & { confirm?: string },
): Promise<void> {
  const tenant = await tenantOf(cli, options);
  await cli.prompts.confirmName(options.confirm, name, {
    message: `The users who came from ${name} go with it. Type ${name} to remove it`,
  });
  const removed = await removeProvider(await cli.quietContext(), tenant, name);
  cli.output.result(
    removed,
    (colors) =>
      `${colors.green('✔')} ${colors.bold(name)} is removed, and ${plural(removed.users, 'user')} who came from it`,
  );
}

/** What has to be set up on the other side. */
const told = ({
  type,
  signIn,
}: Pick<IdentityProvider, 'type'> & { signIn: SignInPlace }): [string, string][] =>
  type === 'saml'
    ? [
        ['its assertions go to', signIn.assertionConsumerUrl],
        ['its audience is', signIn.entityId],
      ]
    : [['its redirect URI is', signIn.redirectUri]];
