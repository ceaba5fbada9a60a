/** The control plane's own API: what a tenant, a stranger, or a name that a sign-up page let through gets there. */
import { randomBytes } from 'node:crypto';
import { provisionedBy } from '../../../model/control-plane.ts';
import { isSilo } from '../../../model/tier.ts';
import { type ControlPlane, controlPlaneOf } from '../../control-plane/client.ts';
import { offboarded } from '../../control-plane/steps.ts';
import type { OutsideAttack, Scene, Shot } from '../attack.ts';
import { claimsOf, forger, publicKeyOf } from '../forged-token.ts';
import { judged } from '../judge.ts';
import { unthrottled } from '../pace.ts';
import { type RawRequest, type Reply, rawRequest } from '../request.ts';
import { addressOf } from '../users.ts';
import { confusable } from './names.ts';
import { withPool } from './tokens.ts';

const refused = 'the API answers 401 or 403';

/** Where the control plane is; an attack that needs it is not planned without. */
function planeOf({ estate }: Scene): { apiUrl: string; plane: ControlPlane } {
  const { context, session } = estate;
  const plane = controlPlaneOf(context.target, session.shared);
  const { controlPlane } = session.shared;
  if (!plane || !controlPlane) throw new Error('the environment has no control plane');
  return { apiUrl: controlPlane.apiUrl, plane };
}

/** One request, sent again as long as others use the API's limits up. */
const ask = (scene: Scene, path: string, request: RawRequest = {}): Promise<Reply> =>
  unthrottled(scene.signal, () =>
    rawRequest(planeOf(scene).apiUrl, path, { ...request, signal: scene.signal }),
  );

const bearing = (token: string): readonly string[] => ['authorization', `Bearer ${token}`];

const registrationOf = async ({ estate, neighbour }: Scene): Promise<string> =>
  (await estate.session.registry.findTenant(neighbour.tenantId)).registrationId ?? 'none';

/** Every route that is an operator's, asked about the neighbour. Of tenants that live nothing is changed. */
async function operatorRequests(scene: Scene): Promise<{ method: string; path: string; body?: object }[]> {
  const { neighbour, attacker } = scene;
  const registration = `/tenant-registrations/${await registrationOf(scene)}`;
  const tenantData = { tenantName: `of-${attacker.name}`, email: attacker.admin.email, tier: attacker.tier };
  const user = { userName: attacker.admin.email, email: attacker.admin.email, userRole: 'SystemAdmin' };
  const all = [
    { method: 'GET', path: '/tenants' },
    { method: 'GET', path: `/tenants/${neighbour.tenantId}` },
    { method: 'GET', path: '/tenant-registrations' },
    { method: 'GET', path: registration },
    { method: 'GET', path: '/users' },
    { method: 'GET', path: '/users/admin' },
    { method: 'POST', path: '/tenant-registrations', body: { tenantData, tenantRegistrationData: {} } },
    { method: 'PATCH', path: registration, body: { tenantData: { apiUrl: 'http://127.0.0.1:9' } } },
    { method: 'DELETE', path: registration },
    { method: 'POST', path: '/users', body: user },
    { method: 'PUT', path: '/users/admin', body: user },
    { method: 'DELETE', path: '/users/nobody' },
  ];
  return attacker.disposable && neighbour.disposable ? all : all.filter(({ method }) => method === 'GET');
}

/** Each of these, with each token; all must be refused. */
async function askAll(
  scene: Scene,
  requests: readonly { method: string; path: string; body?: object }[],
  ways: Readonly<Record<string, readonly string[]>>,
): Promise<Shot[]> {
  const shots: Shot[] = [];
  for (const [who, headers] of Object.entries(ways))
    for (const { method, path, body } of requests) {
      const reply = await ask(scene, path, { method, headers, ...(body && { body }) });
      const never = scene.victims.flatMap(({ name, tenantId }) => [name, tenantId]);
      shots.push(judged(`${method} ${path} ${who}`, reply, { statuses: [401, 403], never }));
    }
  return shots;
}

const reads = ['/tenants', '/tenant-registrations', '/users'].map((path) => ({ method: 'GET', path }));

/** What comes of a wish to register; what was let in is closed again, which frees its name. */
async function registering(scene: Scene, what: string, tenantData: object, expected: number): Promise<Shot> {
  const { plane } = planeOf(scene);
  const { token } = await plane.token();
  const reply = await ask(scene, '/tenant-registrations', {
    method: 'POST',
    headers: bearing(token),
    // No job sets out for what the command line is said to provision.
    body: {
      tenantData: { ...tenantData, [provisionedBy.attribute]: provisionedBy.cli },
      tenantRegistrationData: {},
    },
  });
  const id = /"tenantRegistrationId":"([\w-]+)"/.exec(reply.body)?.[1];
  if (reply.status === 201 && id !== undefined) await plane.report('deprovisionSuccess', id, offboarded);
  return judged(`a registration ${what}`, reply, { statuses: [expected] });
}

/** The neighbour if both are of the pool, or both silos; else the attacker, whose name anybody may try as well. */
const likeAttacker = ({ attacker, neighbour }: Scene): Scene['neighbour'] =>
  isSilo(neighbour.model) === isSilo(attacker.model) ? neighbour : attacker;

export const operatorApiAttacks: readonly OutsideAttack[] = [
  {
    name: 'operator-api-with-tenants-token',
    tries: "takes his tenant's ID and access tokens to every operator's route of the control plane's API",
    expects: refused,
    control: 'control-plane-token',
    controlPlane: 'any',
    async run(scene) {
      const { admin, user } = scene.attacker;
      return askAll(scene, await operatorRequests(scene), {
        "with his administrator's ID token": bearing(admin.idToken),
        "with his administrator's access token": bearing(admin.accessToken),
        "with his user's ID token": bearing(user.idToken),
      });
    },
  },
  {
    name: 'operator-api-without-token',
    tries: "asks the control plane's API without a token, by another scheme, or with one in the query string",
    expects: refused,
    control: 'control-plane-token',
    controlPlane: 'any',
    async run(scene) {
      const { token } = await planeOf(scene).plane.token();
      const inQuery = reads.map(({ method, path }) => ({
        method,
        path: `${path}?access_token=${token}&token=${token}`,
      }));
      return [
        ...(await askAll(scene, await operatorRequests(scene), { 'without a token': [] })),
        ...(await askAll(scene, reads, {
          'as Basic': ['authorization', `Basic ${Buffer.from('admin:admin').toString('base64')}`],
          'with nothing behind Bearer': ['authorization', 'Bearer '],
          'with a token in another header': ['x-amz-security-token', token],
        })),
        ...(await askAll(scene, inQuery, { '': [] })).map((shot) => ({
          ...shot,
          // A genuine token is nobody's to read in a report.
          sent: shot.sent.replace(/\?.*/, '?access_token=…'),
        })),
      ];
    },
  },
  {
    name: 'operator-api-forged-token',
    tries: "forges a token of the operators' pool with every scope in it",
    expects: refused,
    control: 'control-plane-token',
    controlPlane: 'any',
    async run(scene) {
      const { token } = await planeOf(scene).plane.token();
      const pem = await publicKeyOf(String(claimsOf(token)['iss']), scene.signal);
      const scope =
        'tenant/tenant_read tenant/tenant_write user/user_read user/user_write aws.cognito.signin.user.admin';
      const forged = forger(token, { scope, exp: Math.floor(Date.now() / 1_000) + 31_536_000 });
      return askAll(scene, reads, {
        'with the old signature over other claims': bearing(forged.tampered()),
        'with alg none': bearing(forged.unsigned('none')),
        'signed with a key of his own': bearing(forged.selfSigned()),
        'with the key to verify with in its header': bearing(forged.selfSigned({ jwk: forged.jwk })),
        'with an unknown kid': bearing(forged.selfSigned({ kid: 'another' })),
        'with HS256 and the public key': bearing(forged.hmac(pem)),
      });
    },
  },
  {
    name: 'operator-api-foreign-pool',
    tries: 'brings genuine tokens of a user pool that he made himself in the same account and Region',
    expects: refused,
    control: 'control-plane-token',
    controlPlane: 'any',
    writes: true,
    run: (scene) =>
      withPool(scene, 'operators', async (pool) => {
        const { users } = scene.estate;
        const { tenantId } = scene.attacker;
        const email = addressOf('operator', tenantId);
        const { idToken, accessToken } = await users.make(pool, { email, tenantId, role: 'TenantAdmin' });
        try {
          return await askAll(scene, reads, {
            'with an ID token of another pool': bearing(idToken),
            'with an access token of another pool': bearing(accessToken),
          });
        } finally {
          await users.delete(pool, email);
        }
      }),
  },
  {
    name: 'operator-api-other-scope',
    tries: "takes a program's token, which is for tenants alone, to the routes of operators",
    expects: 'the API answers 403',
    control: 'control-plane-scopes',
    controlPlane: 'any',
    async run(scene) {
      const { token } = await planeOf(scene).plane.token();
      const shots: Shot[] = [];
      for (const path of ['/users', '/users/admin']) {
        const reply = await ask(scene, path, { headers: bearing(token) });
        shots.push(judged(`GET ${path} with a token for tenants alone`, reply, { statuses: [403] }));
      }
      return shots;
    },
  },
  {
    name: 'operator-api-enumeration',
    tries: 'learns from the refusals of the control plane which ids and names are tenants',
    expects: 'the same refusal as for an id or name that nobody has',
    control: 'control-plane-token',
    controlPlane: 'any',
    async run(scene) {
      const { neighbour, attacker } = scene;
      const registration = await registrationOf(scene);
      const shots: Shot[] = [];
      for (const [headers, who] of [
        [bearing(attacker.admin.idToken), 'with his token'],
        [[], 'without a token'],
      ] as const)
        for (const [path, theirs, nobodys] of [
          ['/tenants/', neighbour.tenantId, 'k3m5p7q9ab'],
          ['/tenants/', neighbour.name, 'nobody-at-all'],
          ['/tenant-registrations/', registration, '00000000-0000-4000-8000-000000000000'],
        ] as const) {
          const said = async (id: string): Promise<string> => {
            const { status, body } = await ask(scene, `${path}${id}`, { headers });
            return `${status} ${body.replaceAll(id, '{id}')}`;
          };
          const [known, unknown] = [await said(theirs), await said(nobodys)];
          const same = known === unknown && /^40[13] /.test(known);
          shots.push({
            sent: `GET ${path}{id} ${who}, of ${neighbour.name} and of nobody`,
            received: known === unknown ? `both: ${known}` : `"${known}" and "${unknown}"`,
            outcome: same ? 'held' : 'succeeded',
          });
        }
      return shots;
    },
  },
  {
    name: 'tenant-config-enumeration',
    tries: "tries out by the public configuration which names are the pool's tenants",
    expects: 'the same answer for whoever is one and whoever is not',
    control: 'tenant-config',
    controlPlane: 'builtin',
    models: ['pool'],
    async run(scene) {
      const { name } = likeAttacker(scene);
      const shots: Shot[] = [];
      for (const path of ['/tenant-config?tenantName=', '/tenant-config/']) {
        const said = async (name: string): Promise<string> => {
          const { status, body } = await ask(scene, `${path}${name}`);
          return `${status} ${body}`;
        };
        const [known, unknown] = [await said(name), await said('nobody-at-all')];
        shots.push({
          sent: `GET ${path}{name} of ${name} and of nobody`,
          received: known === unknown ? `both: ${known.slice(0, 3)}` : `"${known}" and "${unknown}"`,
          outcome: known === unknown ? 'held' : 'succeeded',
        });
      }
      return shots;
    },
  },
  {
    name: 'tenant-config-by-like-name',
    tries:
      "gets a silo's configuration by a name that only looks like its own, by a part of it, or by its id",
    expects: "an answer without the silo's user pool",
    control: 'tenant-config',
    controlPlane: 'any',
    models: ['shared-cluster', 'dedicated-cluster'],
    async run(scene) {
      const { name, tenantId, pool } = likeAttacker(scene);
      const parts = [name.slice(0, -1), `${name}x`, tenantId, `${name}%00`, `${name}%2f..`];
      const shots: Shot[] = [];
      for (const other of [...parts, ...confusable(name).map(encodeURIComponent)]) {
        const reply = await ask(scene, `/tenant-config?tenantName=${other}`);
        const told = [pool.userPoolId, pool.clientId];
        shots.push(
          judged(`GET /tenant-config for ${other}`, reply, { statuses: [200, 400, 404], never: told }),
        );
      }
      return shots;
    },
  },
  {
    name: 'register-same-name',
    tries: "registers a second tenant under the neighbour's name, and one with the neighbour's id",
    expects: 'the API answers 409',
    control: 'control-plane-names',
    controlPlane: 'builtin',
    writes: true,
    async run(scene) {
      const { neighbour, attacker } = scene;
      const { name: tenantName, tier, tenantId } = neighbour;
      const email = 'verify@second.invalid';
      const other = `second-${randomBytes(4).toString('hex')}`;
      return [
        await registering(
          scene,
          `of the name ${tenantName}, by somebody else`,
          { tenantName, email, tier },
          409,
        ),
        await registering(
          scene,
          `of the name ${tenantName} on the attacker's tier`,
          { tenantName, email, tier: attacker.tier },
          409,
        ),
        await registering(
          scene,
          `of the id ${tenantId} under another name`,
          { tenantName: other, email, tier, registryTenantId: tenantId },
          409,
        ),
      ];
    },
  },
  {
    name: 'register-confusable-name',
    tries:
      "registers a tenant whose name looks like the neighbour's: other scripts, case, invisible characters, blanks",
    expects: 'the API answers 400',
    control: 'control-plane-names',
    controlPlane: 'builtin',
    writes: true,
    async run(scene) {
      const { name, tier } = scene.neighbour;
      const shots: Shot[] = [];
      for (const tenantName of confusable(name)) {
        const data = { tenantName, email: 'verify@second.invalid', tier };
        shots.push(await registering(scene, `of the name ${JSON.stringify(tenantName)}`, data, 400));
      }
      return shots;
    },
  },
];
