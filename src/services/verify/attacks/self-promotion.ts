/** Users who reach for more than their role: by Cognito's public operations, and through the API. */
import {
  CognitoIdentityProviderClient,
  DeleteUserAttributesCommand,
  SignUpCommand,
  UpdateUserAttributesCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { tenantAttributes } from '../../../model/tenant.ts';
import type { OutsideAttack, Scene, Shot } from '../attack.ts';
import { send } from '../estate.ts';
import { claimsOf } from '../forged-token.ts';
import { judged, judgedSdk } from '../judge.ts';
import { addressOf, type Tokens, type VerifyUser } from '../users.ts';

const cognitoOf = ({ estate }: Scene) => new CognitoIdentityProviderClient(estate.context.target.client);
/** How Cognito refuses an attribute that is not the client's, or not the user's, to write. */
const refusedAttribute = /^(NotAuthorizedException|InvalidParameterException)$/;

/** A user of one attack alone: who became more than he was must not be taken for somebody else's success. */
async function withUser<T>(
  scene: Scene,
  what: string,
  use: (user: VerifyUser, again: () => Promise<Tokens | undefined>) => Promise<T>,
): Promise<T> {
  const { users } = scene.estate;
  const { tenantId, pool, tier, name } = scene.attacker;
  const email = addressOf(what, tenantId);
  const user = await users.make(pool, { email, tenantId, role: 'TenantUser', tier, tenantName: name });
  try {
    return await use(user, () => users.signIn(pool, email, user.password).catch(() => undefined));
  } finally {
    await users.delete(pool, user.username);
  }
}

/** The user writes attributes of his own, and removes them; a token that he gets afterwards must say what it said. */
const selfWrite = (
  scene: Scene,
  what: string,
  attributes: Record<string, string>,
  claims: readonly string[],
) =>
  withUser(scene, what, async (user, again): Promise<Shot[]> => {
    const cognito = cognitoOf(scene);
    const UserAttributes = Object.entries(attributes).map(([Name, Value]) => ({ Name, Value }));
    const { accessToken: AccessToken } = user;
    const names = claims.join(' and ');
    const shots = [
      await judgedSdk(
        `UpdateUserAttributes of his own ${names}`,
        () => cognito.send(new UpdateUserAttributesCommand({ AccessToken, UserAttributes })),
        refusedAttribute,
      ),
      await judgedSdk(
        `DeleteUserAttributes of his own ${names}`,
        () => cognito.send(new DeleteUserAttributesCommand({ AccessToken, UserAttributeNames: [...claims] })),
        refusedAttribute,
      ),
    ];
    const after = claimsOf((await again())?.idToken ?? '..');
    const before = claimsOf(user.idToken);
    const same = claims.every((name) => after[name] === before[name]);
    const said = same ? `a token with the ${names} that it had` : `a token with another ${names}`;
    return [...shots, { sent: 'a new sign-in', received: said, outcome: same ? 'held' : 'succeeded' }];
  });

const ownAttribute = (
  name: string,
  tries: string,
  attributes: (scene: Scene) => Record<string, string>,
  claims: readonly string[],
): OutsideAttack => ({
  name,
  tries,
  expects: 'Cognito refuses the attribute, and his next token says what it said',
  control: 'client-write-attributes',
  writes: true,
  run: (scene) => selfWrite(scene, name, attributes(scene), claims),
});

const usersPath = ({ estate }: Scene): string => estate.catalog.users?.path ?? '/users';
const itemsPath = ({ estate }: Scene): string => estate.catalog.items?.path ?? '/products';

/** A request of the plain user; refused means 403, and no address of anybody in it. */
async function asUser(
  scene: Scene,
  method: string,
  path: string,
  options: { body?: unknown; headers?: readonly string[]; statuses?: readonly number[] } = {},
): Promise<Shot> {
  const { statuses = [403], ...rest } = options;
  const { attacker } = scene;
  const reply = await send(attacker, path, { method, token: attacker.user.idToken, ...rest }, scene.signal);
  return judged(`${method} ${path} as TenantUser`, reply, { statuses, never: [attacker.admin.email] });
}

export const selfPromotionAttacks: readonly OutsideAttack[] = [
  ownAttribute(
    'self-write-role',
    'makes himself administrator by the public Cognito API',
    () => ({ [tenantAttributes.role]: 'TenantAdmin' }),
    [tenantAttributes.role],
  ),
  ownAttribute(
    'self-write-tenant',
    'moves himself into another tenant by the public Cognito API',
    ({ neighbour }) => ({ [tenantAttributes.tenantId]: neighbour.tenantId }),
    [tenantAttributes.tenantId],
  ),
  ownAttribute(
    'self-write-tier',
    'moves himself onto a better tier by the public Cognito API',
    () => ({ [tenantAttributes.tier]: 'premium' }),
    [tenantAttributes.tier],
  ),
  ownAttribute(
    'self-write-tenant-name',
    'calls his tenant by another name by the public Cognito API',
    ({ neighbour }) => ({ [tenantAttributes.name]: neighbour.name }),
    [tenantAttributes.name],
  ),
  ownAttribute(
    'self-write-among-others',
    'hides the role among attributes that he may write',
    () => ({ name: 'New name', [tenantAttributes.role]: 'TenantAdmin' }),
    [tenantAttributes.role],
  ),
  {
    name: 'self-sign-up',
    tries: "signs up by himself, as a user of the neighbour's",
    expects: 'Cognito refuses: users are invited',
    control: 'no-self-sign-up',
    writes: true,
    async run(scene) {
      const { pool, tenantId } = scene.neighbour;
      const shots: Shot[] = [];
      for (const [what, attributes] of Object.entries({
        "with the neighbour's tenant id": { [tenantAttributes.tenantId]: tenantId },
        'with no attribute but his address': {},
      })) {
        const email = addressOf('intruder', tenantId);
        const shot = await judgedSdk(
          `SignUp ${what}`,
          () =>
            cognitoOf(scene).send(
              new SignUpCommand({
                ClientId: pool.clientId,
                Username: email,
                Password: 'Correct-Horse-7-Staple',
                UserAttributes: Object.entries({ email, ...attributes }).map(([Name, Value]) => ({
                  Name,
                  Value,
                })),
              }),
            ),
          refusedAttribute,
        );
        if (shot.outcome === 'succeeded') await scene.estate.users.delete(pool, email);
        shots.push(shot);
      }
      return shots;
    },
  },
  {
    name: 'self-address-takeover',
    tries: 'takes an address for his own that he has not proved',
    expects: 'his token keeps the proved address',
    control: 'verified-address',
    writes: true,
    run: (scene) =>
      withUser(scene, 'mover', async (user, again) => {
        const change = new UpdateUserAttributesCommand({
          AccessToken: user.accessToken,
          UserAttributes: [{ Name: 'email', Value: addressOf('moved', scene.attacker.tenantId) }],
        });
        const asked = await cognitoOf(scene)
          .send(change)
          .then(
            () => 'Cognito sent a code to the new address',
            (error: Error) => error.name,
          );
        const signedIn = await again();
        const kept = signedIn !== undefined && claimsOf(signedIn.idToken)['email'] === user.email;
        return [
          {
            sent: 'UpdateUserAttributes of his own email',
            received: `${asked}; a new sign-in ${kept ? 'has the old address' : 'by the old address is gone'}`,
            outcome: kept ? 'held' : 'succeeded',
          },
        ];
      }),
  },
  {
    name: 'user-on-admin-routes',
    tries: "manages the tenant's users without being its administrator",
    expects: 'each route answers 403, and shows nobody',
    control: 'service-role',
    needs: ['users'],
    writes: true,
    async run(scene) {
      const path = usersPath(scene);
      const { attacker } = scene;
      const admin = `${path}/${attacker.admin.username}`;
      const body = {
        userName: 'x',
        userEmail: addressOf('x', attacker.tenantId),
        userRole: 'TenantAdmin',
      };
      return [
        await asUser(scene, 'GET', path),
        await asUser(scene, 'POST', path, { body }),
        await asUser(scene, 'GET', admin),
        await asUser(scene, 'PUT', `${path}/${attacker.user.username}`, {
          body: { userRole: 'TenantAdmin' },
        }),
        await asUser(scene, 'PUT', admin, { body: { userRole: 'TenantUser' } }),
        await asUser(scene, 'DELETE', admin),
      ];
    },
  },
  {
    name: 'user-on-admin-routes-read',
    tries: "lists the tenant's users without being its administrator",
    expects: 'each route answers 403, and shows nobody',
    control: 'service-role',
    needs: ['users'],
    run: async (scene) => [
      await asUser(scene, 'GET', usersPath(scene)),
      await asUser(scene, 'GET', `${usersPath(scene)}/${scene.attacker.admin.username}`),
    ],
  },
  {
    name: 'user-after-permitted-call',
    tries:
      'calls a route that he may use, and right after and meanwhile one that he may not, so that a cached answer lets him in',
    expects: 'the first answers 200 and the other 403, each time',
    control: 'service-role',
    needs: ['users', 'items'],
    async run(scene) {
      const shots: Shot[] = [];
      const permitted = () => asUser(scene, 'GET', itemsPath(scene), { statuses: [200] });
      const forbidden = () => asUser(scene, 'GET', usersPath(scene));
      shots.push(await permitted(), await forbidden());
      shots.push(...(await Promise.all([permitted(), forbidden(), permitted(), forbidden()])));
      return shots;
    },
  },
  {
    name: 'user-method-override',
    tries: 'asks for another method by the headers with which some frameworks are told one',
    expects: 'the routes answer as without the headers',
    control: 'service-role',
    needs: ['users'],
    async run(scene) {
      const overrides = ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override'];
      const headers = overrides.flatMap((name) => [name, 'GET']);
      const path = usersPath(scene);
      return [
        await asUser(scene, 'POST', path, { headers, body: {} }),
        await asUser(scene, 'GET', `${path}?_method=GET`, { headers }),
      ];
    },
  },
  {
    name: 'user-path-tricks',
    tries: "reaches the administrators' routes by other spellings of their path",
    expects: 'each spelling answers 400, 403 or 404',
    control: 'service-role',
    needs: ['users', 'items'],
    async run(scene) {
      const users = usersPath(scene).slice(1);
      const items = itemsPath(scene).slice(1);
      const paths = [
        `//${users}`,
        `/${users}/`,
        `/${users}//`,
        `/./${users}`,
        `/${users}/.`,
        `/%75${users.slice(1)}`,
        `/${users.toUpperCase()}`,
        `/${users};x`,
        `/${users}%00`,
        `/${items}/../${users}`,
        `/${items}/%2e%2e/${users}`,
        `/${items}/..%2f${users}`,
        `/${items}/%2e%2e%2f${users}`,
      ];
      const shots: Shot[] = [];
      for (const path of paths) shots.push(await asUser(scene, 'GET', path, { statuses: [400, 403, 404] }));
      return shots;
    },
  },
  {
    name: 'admin-draws-neighbours-user',
    tries:
      "as administrator invites a neighbour's user into his own tenant, or gives his user the other's address",
    expects: "409, and the user is still the neighbour's",
    control: 'service-user-scope',
    models: ['pool'],
    needs: ['users'],
    writes: true,
    async run(scene) {
      const { attacker, neighbour, estate } = scene;
      const path = usersPath(scene);
      const userEmail = neighbour.user.email;
      const invite = { userName: 'x', userEmail, userRole: 'TenantAdmin' };
      const invited = await send(attacker, path, { method: 'POST', body: invite }, scene.signal);
      const own = `${path}/${attacker.user.username}`;
      const moved = await send(attacker, own, { method: 'PUT', body: { userEmail } }, scene.signal);
      const { idToken } = await estate.users.signIn(neighbour.pool, userEmail, neighbour.user.password);
      const his = claimsOf(idToken)[tenantAttributes.tenantId] === neighbour.tenantId;
      return [
        judged(`POST ${path} with the address of a neighbour's user`, invited, { statuses: [409] }),
        judged(`PUT ${path}/{own user} with that address`, moved, { statuses: [409] }),
        {
          sent: "a sign-in of the neighbour's user",
          received: his ? 'a token of the neighbour' : 'a token of another tenant',
          outcome: his ? 'held' : 'succeeded',
        },
      ];
    },
  },
];
