/** Users of an identity provider who want to be somebody else's, or more than users. */
import { DescribeUserPoolClientCommand } from '@aws-sdk/client-cognito-identity-provider';
import { mappable } from '../../../model/federation.ts';
import { tenantAttributes } from '../../../model/tenant.ts';
import { IdentityProviders } from '../../users/identity-providers.ts';
import { providerMistakes } from '../../users/provider-file.ts';
import type { OutsideAttack, Shot } from '../attack.ts';
import { addressOf } from '../users.ts';
import { bear, cognitoOf, refused } from './tokens.ts';

const silos = ['shared-cluster', 'dedicated-cluster'] as const;

export const federationAttacks: readonly OutsideAttack[] = [
  {
    name: 'federated-without-provider',
    tries:
      "signs in to a silo's user pool as a user whom nothing binds to its tenant, and no identity provider sent",
    expects: refused,
    control: 'authorizer-federated-user',
    models: silos,
    writes: true,
    async run(scene) {
      const { attacker, estate } = scene;
      const email = addressOf('nobody', attacker.tenantId);
      try {
        const { idToken } = await estate.users.make(attacker.pool, { email, role: 'TenantAdmin' });
        return [await bear(scene, 'as a user who names no tenant', idToken)];
      } finally {
        await estate.users.delete(attacker.pool, email);
      }
    },
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
