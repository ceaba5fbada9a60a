/**
 * Users of an identity provider who want to be somebody else's. No real provider takes part: a user whom the operator's hand
 * made is linked to one, and his tokens say so from then on (developer guide, "Linking federated users to an existing user
 * profile").
 */
import {
  CreateIdentityProviderCommand,
  DeleteIdentityProviderCommand,
  DescribeUserPoolClientCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { mappable } from '../../../model/federation.ts';
import { tenantAttributes, type UserRole } from '../../../model/tenant.ts';
import { IdentityProviders } from '../../users/identity-providers.ts';
import { providerMistakes } from '../../users/provider-file.ts';
import type { OutsideAttack, Scene, Shot } from '../attack.ts';
import { judged } from '../judge.ts';
import { rawRequest } from '../request.ts';
import { addressOf, providerPrefix } from '../users.ts';
import { bear, cognitoOf, refused } from './tokens.ts';

const silos = ['shared-cluster', 'dedicated-cluster'] as const;

/** A provider of the attacker's user pool, which its client does not offer: nobody can sign in by it. */
/** `what`: an attack has one of its own, since others are made at the same time. */
async function withProvider<T>(scene: Scene, what: string, use: (name: string) => Promise<T>): Promise<T> {
  const cognito = cognitoOf(scene);
  const { pool, tenantId } = scene.attacker;
  const of = { UserPoolId: pool.userPoolId, ProviderName: `${providerPrefix}${tenantId}-${what}` };
  // The next run's, should this one be killed.
  await new IdentityProviders(scene.estate.context.target.client, pool).delete(of.ProviderName);
  await cognito.send(
    new CreateIdentityProviderCommand({
      ...of,
      ProviderType: 'OIDC',
      ProviderDetails: {
        // Any OpenID provider will do that is there.
        oidc_issuer: pool.issuer,
        client_id: 'verify',
        client_secret: 'verify',
        authorize_scopes: 'openid',
        attributes_request_method: 'GET',
        authorize_url: `${pool.issuer}/authorize`,
        token_url: `${pool.issuer}/token`,
        attributes_url: `${pool.issuer}/userinfo`,
        jwks_uri: `${pool.issuer}/.well-known/jwks.json`,
      },
      AttributeMapping: { email: 'email' },
    }),
  );
  try {
    return await use(of.ProviderName);
  } finally {
    await cognito.send(new DeleteIdentityProviderCommand(of));
  }
}

interface Made {
  n: string;
  tenantId?: string;
  role?: UserRole;
  /** The identity provider that he is linked to. */
  linkedTo?: string;
}

async function withUser<T>(
  scene: Scene,
  { n, ...claims }: Made,
  use: (idToken: string) => Promise<T>,
): Promise<T> {
  const { attacker, estate } = scene;
  const email = addressOf(`federated-${n}`, attacker.tenantId);
  try {
    const { idToken } = await estate.users.make(attacker.pool, { email, ...claims });
    return await use(idToken);
  } finally {
    await estate.users.delete(attacker.pool, email);
  }
}

const itemsPath = ({ estate }: Scene): string => estate.catalog.of('data')?.path ?? '/';

export const federationAttacks: readonly OutsideAttack[] = [
  {
    name: 'federated-other-tenant',
    tries: "comes from his silo's identity provider with an attribute that names another tenant",
    expects: refused,
    control: 'authorizer-silo-issuer',
    models: silos,
    writes: true,
    run: (scene) =>
      withProvider(scene, 'other', async (linkedTo) => {
        const shots: Shot[] = [];
        for (const [n, victim] of scene.victims.entries())
          shots.push(
            await withUser(
              scene,
              { n: `other-${n}`, tenantId: victim.tenantId, role: 'TenantAdmin', linkedTo },
              (token) => bear(scene, `as a user of the identity provider who names ${victim.name}`, token),
            ),
          );
        return shots;
      }),
  },
  {
    name: 'federated-in-pool',
    tries: "comes from an identity provider to the user pool that tenants have in common, as nobody's user",
    expects: refused,
    control: 'authorizer-federated-silo',
    models: ['pool'],
    writes: true,
    run: (scene) =>
      withProvider(scene, 'pool', (linkedTo) =>
        withUser(scene, { n: 'pool', role: 'TenantAdmin', linkedTo }, async (token) => [
          await bear(scene, 'as a user of an identity provider who names no tenant', token),
        ]),
      ),
  },
  {
    name: 'federated-without-provider',
    tries:
      "signs in to a silo's user pool as a user whom nothing binds to its tenant, and no identity provider sent",
    expects: refused,
    control: 'authorizer-federated-user',
    models: silos,
    writes: true,
    run: (scene) =>
      withUser(scene, { n: 'nobody', role: 'TenantAdmin' }, async (token) => [
        await bear(scene, 'as a user who names no tenant', token),
      ]),
  },
  {
    name: 'federated-as-administrator',
    tries: 'comes from an identity provider, without a role, and manages the users of his tenant',
    expects: '403 of the service, which serves him otherwise',
    control: 'federated-least-role',
    models: silos,
    needs: ['items', 'users'],
    writes: true,
    run: (scene) =>
      withProvider(scene, 'admin', (linkedTo) =>
        withUser(scene, { n: 'admin', linkedTo }, async (token) => {
          const headers = ['authorization', `Bearer ${token}`];
          const { apiUrl } = scene.attacker;
          const ask = (path: string) => rawRequest(apiUrl, path, { headers, signal: scene.signal });
          const own = await ask(itemsPath(scene));
          const users = scene.estate.catalog.of('identity')?.path ?? '/users';
          return [
            {
              sent: `GET ${itemsPath(scene)} as a user of the identity provider`,
              received: String(own.status),
              // It shows that the next one is refused for his role.
              outcome: own.status === 200 ? 'held' : 'inconclusive',
            },
            judged(`GET ${users} as a user of the identity provider`, await ask(users), { statuses: [403] }),
          ];
        }),
      ),
  },
  {
    name: 'federation-mapping',
    tries: "has his identity provider's mapping set what binds a user to a tenant, his role, or who he is",
    expects:
      "the provider's file is refused; no provider that is there maps it, and no client could write it",
    control: 'provider-mapping',
    async run(scene) {
      const shots: Shot[] = [];
      for (const attribute of [
        ...Object.values(tenantAttributes),
        'sub',
        'username',
        'identities',
        'email_verified',
      ]) {
        const mistakes = providerMistakes({
          name: 'hostile',
          type: 'oidc',
          issuer: 'https://hostile.example',
          clientId: 'x',
          clientSecret: { env: 'X' },
          mapping: { email: 'email', [attribute]: 'claim' },
        });
        const refusal = mistakes.find((mistake) => mistake.startsWith(`mapping.${attribute}:`));
        shots.push({
          sent: `a provider's file that maps ${attribute}`,
          received: refusal === undefined ? 'it was accepted' : 'it was refused',
          outcome: refusal === undefined ? 'succeeded' : 'held',
        });
      }
      for (const { name, pool } of [scene.attacker, ...scene.victims]) {
        const providers = new IdentityProviders(scene.estate.context.target.client, pool);
        const mapped: string[] = [];
        for (const each of await providers.names())
          if (!each.startsWith(providerPrefix))
            mapped.push(...Object.keys((await providers.get(each))?.mapping ?? {}));
        shots.push(onlyMappable(`the identity providers of ${name} map`, mapped));
        const { UserPoolClient } = await cognitoOf(scene).send(
          new DescribeUserPoolClientCommand({ UserPoolId: pool.userPoolId, ClientId: pool.clientId }),
        );
        // Without any told, Cognito lets a client write all of them.
        const written = UserPoolClient?.WriteAttributes ?? Object.values(tenantAttributes);
        shots.push(onlyMappable(`the client of ${name} writes`, written));
      }
      return shots;
    },
  },
];

/** What Cognito tells a provider's user by besides is its own, and nobody's to map. */
function onlyMappable(sent: string, attributes: readonly string[]): Shot {
  const more = attributes.filter((attribute) => !mappable.has(attribute) && attribute !== 'username');
  return {
    sent,
    received: more.length === 0 ? 'nothing but the name and the address' : more.join(', '),
    outcome: more.length === 0 ? 'held' : 'succeeded',
  };
}
