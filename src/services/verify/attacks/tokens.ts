import {
  CognitoIdentityProviderClient,
  CreateUserPoolClientCommand,
  CreateUserPoolCommand,
  DeleteUserPoolClientCommand,
  DeleteUserPoolCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { tenantAttributes } from '../../../model/tenant.ts';
import type { UserPool } from '../../identity.ts';
import { ownerTags } from '../../session.ts';
import type { OutsideAttack, Scene, Shot } from '../attack.ts';
import { type Forger, forger, publicKeyOf } from '../forged-token.ts';
import { judged } from '../judge.ts';
import { rawRequest } from '../request.ts';
import { addressOf } from '../users.ts';

export const refused = 'the gateway itself answers 401';

export const pathOf = ({ estate }: Scene): string => estate.context.config.services[0]?.path ?? '/';

/** A request with exactly these headers; nothing of it counts against the tenant's limits while it is refused. */
async function shoot(scene: Scene, sent: string, headers: readonly string[], query = ''): Promise<Shot> {
  const path = `${pathOf(scene)}${query}`;
  const reply = await rawRequest(scene.attacker.apiUrl, path, { headers, signal: scene.signal });
  return judged(`GET ${pathOf(scene)} ${sent}`, reply, { statuses: [401], byGateway: true });
}

export const bear = (scene: Scene, sent: string, token: string): Promise<Shot> =>
  shoot(scene, sent, ['authorization', `Bearer ${token}`]);

/** What an attacker would put into his token: the neighbour's id, and a longer life for himself. */
async function forge(
  scene: Scene,
  ways: (forger: Forger) => Promise<Record<string, string>> | Record<string, string>,
  changes: Record<string, unknown> = {},
): Promise<Shot[]> {
  const { attacker, neighbour } = scene;
  const year = 365 * 86_400;
  const claims: Record<string, Record<string, unknown>> = {
    [`names ${neighbour.name}`]: { [tenantAttributes.tenantId]: neighbour.tenantId },
    'lasts for a year': { exp: Math.floor(Date.now() / 1_000) + year },
  };
  const shots: Shot[] = [];
  for (const [which, own] of Object.entries(claims)) {
    // An administrator's: whatever else is checked of it besides its signature holds.
    const made = await ways(forger(attacker.admin.idToken, { ...own, ...changes }));
    for (const [what, token] of Object.entries(made))
      shots.push(await bear(scene, `with a token that ${which}: ${what}`, token));
  }
  return shots;
}

/** Attacks with a token of a user whom the operator's hand made with claims that don't fit the pool; he is there meanwhile. */
async function contradiction(
  scene: Scene,
  pool: UserPool,
  claim: { tenantId: string; n: number | string; sent: string },
): Promise<Shot> {
  const { users } = scene.estate;
  const email = addressOf(`stray-${claim.n}`, scene.attacker.tenantId);
  try {
    const { idToken } = await users.make(pool, { email, tenantId: claim.tenantId, role: 'TenantAdmin' });
    return await bear(scene, claim.sent, idToken);
  } finally {
    await users.delete(pool, email);
  }
}

export const cognitoOf = ({ estate }: Scene) =>
  new CognitoIdentityProviderClient(estate.context.target.client);

/** A client of a pool that the application did not make. */
async function withClient<T>(
  scene: Scene,
  UserPoolId: string,
  use: (clientId: string) => Promise<T>,
): Promise<T> {
  const cognito = cognitoOf(scene);
  const { UserPoolClient } = await cognito.send(
    new CreateUserPoolClientCommand({
      UserPoolId,
      ClientName: 'saas-ecs-verify',
      ExplicitAuthFlows: ['ALLOW_USER_PASSWORD_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
    }),
  );
  const ClientId = UserPoolClient?.ClientId ?? '';
  try {
    return await use(ClientId);
  } finally {
    await cognito.send(new DeleteUserPoolClientCommand({ UserPoolId, ClientId }));
  }
}

/** A user pool that the attacker made himself, with a client; its users can have a tenant's attributes. */
export async function withPool<T>(
  scene: Scene,
  what: string,
  use: (pool: UserPool) => Promise<T>,
): Promise<T> {
  const cognito = cognitoOf(scene);
  const { UserPool } = await cognito.send(
    new CreateUserPoolCommand({
      PoolName: `saas-ecs-verify-${what}-${scene.attacker.name}`,
      // Of the environment, so that destroying it finds what a killed run has left.
      UserPoolTags: ownerTags(scene.estate.context),
      UsernameAttributes: ['email'],
      Schema: ['tenantId', 'userRole'].map((Name) => ({ Name, AttributeDataType: 'String' as const })),
    }),
  );
  const userPoolId = UserPool?.Id ?? '';
  try {
    return await withClient(scene, userPoolId, (clientId) => use({ userPoolId, clientId }));
  } finally {
    await cognito.send(new DeleteUserPoolCommand({ UserPoolId: userPoolId }));
    scene.estate.users.forgetPool(userPoolId);
  }
}

export const tokenAttacks: readonly OutsideAttack[] = [
  {
    name: 'token-missing',
    tries: 'asks without a token',
    expects: refused,
    control: 'api-authorization',
    async run(scene) {
      const { services } = scene.estate.context.config;
      const shots: Shot[] = [];
      for (const { path, routes } of services)
        for (const route of routes)
          for (const method of route.methods.filter((each) => each !== 'OPTIONS')) {
            const at = `${path === '/' ? '' : path}${route.path}`.replaceAll(/\{[^}]*\}/g, 'x') || '/';
            const verb = method === 'ANY' ? 'GET' : method;
            const reply = await rawRequest(scene.attacker.apiUrl, at, { method: verb, signal: scene.signal });
            shots.push(judged(`${verb} ${at} without a token`, reply, { statuses: [401], byGateway: true }));
          }
      return shots;
    },
  },
  {
    name: 'token-not-one-bearer',
    tries: 'sends his token bare, under another scheme, twice, or with something behind it',
    expects: refused,
    control: 'authorizer-bearer',
    async run(scene) {
      const token = scene.attacker.user.idToken;
      const values = {
        bare: token,
        'as Basic': `Basic ${token}`,
        'with a word behind it': `Bearer ${token} x`,
        'with a comma behind it': `Bearer ${token},`,
        'behind nothing': 'Bearer ',
      };
      const shots: Shot[] = [];
      for (const [what, value] of Object.entries(values))
        shots.push(await shoot(scene, `with a token ${what}`, ['authorization', value]));
      return shots;
    },
  },
  {
    name: 'token-in-query',
    tries: 'sends his token in the query string, where logs would keep it',
    expects: refused,
    control: 'api-authorization',
    async run(scene) {
      const token = scene.attacker.user.idToken;
      const shots: Shot[] = [];
      for (const name of ['token', 'access_token', 'Authorization'])
        shots.push(await shoot(scene, `?${name}=…`, [], `?${name}=${encodeURIComponent(`Bearer ${token}`)}`));
      return shots;
    },
  },
  {
    name: 'token-tampered-claims',
    tries: "writes a neighbour's tenant id and the administrator's role into his token",
    expects: refused,
    control: 'authorizer-signature',
    run: (scene) => forge(scene, (with_) => ({ 'the old signature over other claims': with_.tampered() })),
  },
  {
    name: 'token-alg-none',
    tries: 'declares his token to need no signature',
    expects: refused,
    control: 'authorizer-signature',
    run: (scene) =>
      forge(scene, (with_) => ({
        'alg none': with_.unsigned('none'),
        'alg NONE, a signature left': with_.unsigned('NONE', 'AAAA'),
        'RS256 without a signature': with_.unsigned('RS256'),
      })),
  },
  {
    name: 'token-hs256-public-key',
    tries: "signs by HMAC with the issuer's public key as the secret",
    expects: refused,
    control: 'authorizer-signature',
    run: (scene) =>
      forge(scene, async (with_) => {
        const pem = await publicKeyOf(scene.attacker.pool.issuer, scene.signal);
        return {
          'HS256 with the public key': with_.hmac(pem),
          'HS256 with the public key, trimmed': with_.hmac(pem.trim()),
          'HS256 with an empty secret': with_.hmac(''),
        };
      }),
  },
  {
    name: 'token-self-signed',
    tries: 'signs with a key of his own under the name of a published one',
    expects: refused,
    control: 'authorizer-signature',
    run: (scene) =>
      forge(scene, (with_) => ({ "the issuer's key id, a key of his own": with_.selfSigned() })),
  },
  {
    name: 'token-embedded-key',
    tries: 'brings the key to verify with along, in the header or by an address',
    expects: refused,
    control: 'authorizer-signature',
    run: (scene) =>
      forge(scene, (with_) => ({
        jwk: with_.selfSigned({ jwk: with_.jwk }),
        'jku and x5u': with_.selfSigned({ jku: 'http://127.0.0.1:9/jwks.json', x5u: 'http://127.0.0.1:9/' }),
      })),
  },
  {
    name: 'token-unknown-kid',
    tries: 'names a key that nobody has, or a path instead of a key',
    expects: refused,
    control: 'authorizer-signature',
    run: (scene) =>
      forge(scene, (with_) => ({
        'an unknown kid': with_.selfSigned({ kid: 'another' }),
        'a path as kid': with_.selfSigned({ kid: '../../../../dev/null' }),
        'no kid': with_.selfSigned({ kid: undefined }),
      })),
  },
  {
    name: 'token-expired',
    tries: 'sends a token whose time is over',
    expects: refused,
    control: 'authorizer-lifetime',
    run: (scene) =>
      forge(scene, (with_) => ({ 'expired an hour ago': with_.selfSigned() }), {
        exp: Math.floor(Date.now() / 1_000) - 3_600,
      }),
  },
  {
    name: 'token-not-yet-valid',
    tries: 'sends a token whose time has not come',
    expects: refused,
    control: 'authorizer-lifetime',
    run: (scene) =>
      forge(scene, (with_) => ({ 'valid in an hour': with_.selfSigned() }), {
        nbf: Math.floor(Date.now() / 1_000) + 3_600,
      }),
  },
  {
    name: 'token-of-foreign-pool',
    tries: 'brings a genuine token of a user pool that he made himself in the same account and Region',
    expects: refused,
    control: 'authorizer-issuer',
    writes: true,
    run: (scene) =>
      withPool(scene, 'foreign', async (pool) => {
        const shots: Shot[] = [];
        for (const victim of [scene.attacker, ...scene.victims]) {
          const sent = `with a token of another pool that names ${victim.name}`;
          const claim = { tenantId: victim.tenantId, n: 'foreign', sent };
          shots.push(await contradiction(scene, pool, claim));
        }
        return shots;
      }),
  },
  {
    name: 'token-of-foreign-client',
    tries: "signs in by another client of the tenant's own user pool",
    expects: refused,
    control: 'authorizer-audience',
    writes: true,
    run: (scene) =>
      withClient(scene, scene.attacker.pool.userPoolId, async (clientId) => {
        const { email, password } = scene.attacker.user;
        const { idToken } = await scene.estate.users.signIn(
          { ...scene.attacker.pool, clientId },
          email,
          password,
        );
        return [await bear(scene, 'with a genuine ID token for another client', idToken)];
      }),
  },
  {
    name: 'token-of-other-use',
    tries: 'sends the access token that came with his ID token',
    expects: refused,
    control: 'authorizer-token-use',
    async run(scene) {
      const { email, password } = scene.attacker.user;
      const { accessToken } = await scene.estate.users.signIn(scene.attacker.pool, email, password);
      return [await bear(scene, 'with a genuine access token', accessToken)];
    },
  },
  {
    name: 'token-silo-issuer-for-another',
    tries: "has his silo's own issuer sign a token that names another tenant",
    expects: refused,
    control: 'authorizer-silo-issuer',
    models: ['shared-cluster', 'dedicated-cluster'],
    writes: true,
    async run(scene) {
      const shots: Shot[] = [];
      for (const [n, victim] of scene.victims.entries()) {
        const sent = `with a token of ${scene.attacker.name}'s issuer that names ${victim.name}`;
        shots.push(await contradiction(scene, scene.attacker.pool, { tenantId: victim.tenantId, n, sent }));
      }
      return shots;
    },
  },
  {
    name: 'token-pool-issuer-for-silo',
    tries: "has the pool's issuer sign a token that names a silo's tenant",
    expects: refused,
    control: 'authorizer-pool-issuer',
    models: ['pool'],
    writes: true,
    async run(scene) {
      const silos = scene.victims.filter(({ model }) => model !== 'pool');
      // Without silos the tenant that such a token could name is one that is not there.
      const ids = silos.length > 0 ? silos.map(({ tenantId }) => tenantId) : ['no-silo'];
      const shots: Shot[] = [];
      for (const [n, tenantId] of ids.entries()) {
        const sent = `with a token of the pool's issuer that names ${tenantId}`;
        shots.push(await contradiction(scene, scene.attacker.pool, { tenantId, n: `silo-${n}`, sent }));
      }
      return shots;
    },
  },
  {
    name: 'token-of-unknown-tenant',
    tries: 'has his issuer sign a token of a tenant that does not exist, or of a pattern',
    expects: refused,
    control: 'authorizer-known-tenant',
    models: ['pool'],
    writes: true,
    async run(scene) {
      const shots: Shot[] = [];
      for (const [n, tenantId] of ['nobody', 'basic', '*', '../x'].entries()) {
        const sent = `with a token that names "${tenantId}"`;
        shots.push(await contradiction(scene, scene.attacker.pool, { tenantId, n: `unknown-${n}`, sent }));
      }
      return shots;
    },
  },
];
