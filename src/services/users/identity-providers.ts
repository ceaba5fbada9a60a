/** The identity providers of one user pool, and the app client that offers them. */
import {
  CognitoIdentityProviderClient,
  CreateIdentityProviderCommand,
  DeleteIdentityProviderCommand,
  DescribeIdentityProviderCommand,
  DescribeUserPoolClientCommand,
  type IdentityProviderType,
  ListIdentityProvidersCommand,
  type ListIdentityProvidersCommandOutput,
  UpdateIdentityProviderCommand,
  UpdateUserPoolClientCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { SaasError } from '../../model/error.ts';
import type { ClientOptions } from '../environment.ts';
import type { UserPool } from '../identity.ts';
import type { ProviderDefinition } from './provider-file.ts';

/** A provider as commands show it, without its secret; the JSON shape is part of the CLI's contract. */
export interface IdentityProvider {
  name: string;
  type: 'oidc' | 'saml';
  /** OIDC: the issuer. SAML: where its metadata is, or null when it was given as a file. */
  source: string | null;
  clientId: string | null;
  scopes: string[];
  mapping: Record<string, string>;
  domains: string[];
  /** ISO 8601. */
  createdAt: string;
  updatedAt: string;
}

const isNamed = (error: unknown, name: string): boolean => error instanceof Error && error.name === name;

export class IdentityProviders {
  readonly #client: CognitoIdentityProviderClient;
  readonly #pool: UserPool;
  constructor(options: ClientOptions, pool: UserPool) {
    this.#client = new CognitoIdentityProviderClient(options);
    this.#pool = pool;
  }

  async names(): Promise<string[]> {
    const names: string[] = [];
    let NextToken: string | undefined;
    do {
      const page: ListIdentityProvidersCommandOutput = await this.#client.send(
        new ListIdentityProvidersCommand({
          UserPoolId: this.#pool.userPoolId,
          MaxResults: 60,
          ...(NextToken !== undefined && { NextToken }),
        }),
      );
      for (const { ProviderName } of page.Providers ?? []) if (ProviderName) names.push(ProviderName);
      NextToken = page.NextToken;
    } while (NextToken);
    return names.sort();
  }

  async get(ProviderName: string): Promise<IdentityProvider | undefined> {
    try {
      const { IdentityProvider } = await this.#client.send(
        new DescribeIdentityProviderCommand({ UserPoolId: this.#pool.userPoolId, ProviderName }),
      );
      return IdentityProvider && shown(IdentityProvider);
    } catch (error) {
      if (isNamed(error, 'ResourceNotFoundException')) return undefined;
      throw error;
    }
  }

  /** Makes the provider, or changes the one of that name; then the pool's client offers it. Throws `provider_type_differs`. */
  async put({ name, type, details, mapping, domains }: ProviderDefinition): Promise<{ created: boolean }> {
    const given = {
      UserPoolId: this.#pool.userPoolId,
      ProviderName: name,
      ProviderDetails: details,
      AttributeMapping: mapping,
      IdpIdentifiers: domains,
    };
    const known = await this.get(name);
    if (known && known.type !== type.toLowerCase())
      throw new SaasError(
        'provider_type_differs',
        `the identity provider "${name}" is of type ${known.type}`,
        {
          hint: 'use another name, or remove that one first',
        },
      );
    if (known) await this.#client.send(new UpdateIdentityProviderCommand(given));
    else await this.#client.send(new CreateIdentityProviderCommand({ ...given, ProviderType: type }));
    await this.offer(await this.names());
    return { created: !known };
  }

  /** Deletes a provider that the client does not offer any more. */
  async delete(ProviderName: string): Promise<void> {
    try {
      await this.#client.send(
        new DeleteIdentityProviderCommand({ UserPoolId: this.#pool.userPoolId, ProviderName }),
      );
    } catch (error) {
      if (!isNamed(error, 'ResourceNotFoundException')) throw error;
    }
  }

  /**
   * Has the pool's client sign in users of these providers, and the pool's own as ever. The template knows none of them, so
   * whatever sets the client anew (an update of its stack that changes the client) is followed by this.
   */
  async offer(names: readonly string[]): Promise<void> {
    const { userPoolId: UserPoolId, clientId: ClientId } = this.#pool;
    const { UserPoolClient = {} } = await this.#client.send(
      new DescribeUserPoolClientCommand({ UserPoolId, ClientId }),
    );
    // An update takes what it isn't told for the default, which for attributes is to write all of them: everything is told.
    const { ClientSecret: _, CreationDate: __, LastModifiedDate: ___, ...kept } = UserPoolClient;
    const SupportedIdentityProviders = ['COGNITO', ...names];
    const offered = new Set(kept.SupportedIdentityProviders);
    if (
      offered.size === SupportedIdentityProviders.length &&
      SupportedIdentityProviders.every((name) => offered.has(name))
    )
      return;
    await this.#client.send(
      new UpdateUserPoolClientCommand({ ...kept, UserPoolId, ClientId, SupportedIdentityProviders }),
    );
  }
}

/** Of the details only what is named here: one of them is the client secret. */
function shown(provider: IdentityProviderType): IdentityProvider {
  const { ProviderDetails: details = {} } = provider;
  return {
    name: provider.ProviderName ?? '',
    type: provider.ProviderType === 'SAML' ? 'saml' : 'oidc',
    source: details['oidc_issuer'] ?? details['MetadataURL'] ?? null,
    clientId: details['client_id'] ?? null,
    scopes: (details['authorize_scopes'] ?? '').split(/\s+/).filter(Boolean),
    mapping: provider.AttributeMapping ?? {},
    domains: provider.IdpIdentifiers ?? [],
    createdAt: provider.CreationDate?.toISOString() ?? '',
    updatedAt: provider.LastModifiedDate?.toISOString() ?? '',
  };
}
