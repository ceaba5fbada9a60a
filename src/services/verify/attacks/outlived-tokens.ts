/** Genuine tokens that outlived whom they speak of. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  AdminDisableUserCommand,
  AdminUpdateUserAttributesCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { tenantAttributes } from '../../../model/tenant.ts';
import { resume, suspend } from '../../tenants/suspension.ts';
import type { OutsideAttack, Scene, Shot } from '../attack.ts';
import type { Subject } from '../estate.ts';
import { type Expected, judged } from '../judge.ts';
import { unthrottled } from '../pace.ts';
import { rawRequest } from '../request.ts';
import { addressOf } from '../users.ts';
import { bear, cognitoOf, pathOf, refused } from './tokens.ts';

/** A user of this attack alone, with a token that nobody has seen yet: the gateway remembers an answer for 30 seconds. */
const freshUser = ({ estate }: Scene, subject: Subject, what: string) =>
  estate.users.make(
    subject.pool,
    {
      email: addressOf(what, subject.tenantId),
      tenantId: subject.tenantId,
      role: 'TenantAdmin',
      tier: subject.tier,
      tenantName: subject.name,
    },
    { group: true },
  );

async function whileSuspended(scene: Scene, shoot: () => Promise<Shot[]>): Promise<Shot[]> {
  const { tenantId } = scene.neighbour;
  const context = { ...scene.estate.context, watch: () => {} };
  await suspend(context, { tenant: tenantId, reason: 'a verification' });
  try {
    return await shoot();
  } finally {
    await resume(context, tenantId);
  }
}

async function asNeighbour(scene: Scene, sent: string, token: string, expected: Expected): Promise<Shot> {
  const path = pathOf(scene);
  const headers = ['authorization', `Bearer ${token}`];
  const reply = await unthrottled(scene.signal, () =>
    rawRequest(scene.neighbour.apiUrl, path, { headers, signal: scene.signal }),
  );
  return judged(`GET ${path} ${sent}`, reply, expected);
}

export const outlivedTokenAttacks: readonly OutsideAttack[] = [
  {
    name: 'token-of-deleted-user',
    tries: 'goes on with the token of a user who was deleted since',
    expects: refused,
    control: 'authorizer-live-user',
    writes: true,
    async run(scene) {
      const { email, idToken } = await freshUser(scene, scene.attacker, 'deleted');
      await scene.estate.users.delete(scene.attacker.pool, email);
      return [await bear(scene, 'with a genuine token of a deleted user', idToken)];
    },
  },
  {
    name: 'token-of-disabled-user',
    tries: 'goes on with the token of a user who was disabled since',
    expects: refused,
    control: 'authorizer-live-user',
    writes: true,
    async run(scene) {
      const { email, idToken } = await freshUser(scene, scene.attacker, 'disabled');
      const { userPoolId: UserPoolId } = scene.attacker.pool;
      await cognitoOf(scene).send(new AdminDisableUserCommand({ UserPoolId, Username: email }));
      return [await bear(scene, 'with a genuine token of a disabled user', idToken)];
    },
  },
  {
    name: 'token-of-demoted-administrator',
    tries: 'goes on as administrator with a token from before his role was taken',
    expects: refused,
    control: 'authorizer-live-user',
    writes: true,
    async run(scene) {
      const { email, idToken } = await freshUser(scene, scene.attacker, 'demoted');
      await cognitoOf(scene).send(
        new AdminUpdateUserAttributesCommand({
          UserPoolId: scene.attacker.pool.userPoolId,
          Username: email,
          UserAttributes: [{ Name: tenantAttributes.role, Value: 'TenantUser' }],
        }),
      );
      return [await bear(scene, "with a genuine administrator's token of one who is a user now", idToken)];
    },
  },
  {
    name: 'token-of-suspended-tenant',
    tries: 'goes on with a genuine token while his tenant is suspended',
    expects: 'the authorizer refuses it: 403',
    control: 'authorizer-tenant-status',
    writes: true,
    turn: 'last',
    async run(scene) {
      const { idToken } = await freshUser(scene, scene.neighbour, 'suspended');
      return whileSuspended(scene, async () => {
        // The authorizer believes what it read of a tenant for three seconds.
        await delay(3_500, undefined, { signal: scene.signal });
        const expected = { statuses: [403], errorType: 'AccessDeniedException' };
        return [await asNeighbour(scene, 'with a genuine token of a suspended tenant', idToken, expected)];
      });
    },
  },
  {
    name: 'remembered-token-of-suspended-tenant',
    tries: 'goes on with a token that the gateway let through a moment before his tenant was suspended',
    expects: 'the gateway answers 403 at once, and serves again once the tenant is resumed',
    control: 'suspended-api-key',
    writes: true,
    turn: 'last',
    async run(scene) {
      const { idToken } = await freshUser(scene, scene.neighbour, 'remembered');
      const before = await asNeighbour(scene, 'before he is suspended', idToken, { statuses: [200] });
      const during = await whileSuspended(scene, async () => [
        await asNeighbour(scene, 'once he is suspended', idToken, { statuses: [403] }),
      ]);
      return [
        before,
        ...during,
        await asNeighbour(scene, 'once he is resumed', idToken, { statuses: [200] }),
      ];
    },
  },
  {
    name: 'token-of-offboarded-tenant',
    tries: 'goes on with a genuine token after his tenant was offboarded',
    expects: 'the gateway answers 401 or 403',
    control: 'authorizer-tenant-status',
    writes: true,
    turn: 'last',
    async run(scene) {
      const { neighbour, estate } = scene;
      const { email, password } = neighbour.user;
      const { idToken } = await estate.users.signIn(neighbour.pool, email, password);
      await estate.retire(neighbour);
      const path = pathOf(scene);
      const headers = ['authorization', `Bearer ${idToken}`];
      const reply = await rawRequest(neighbour.apiUrl, path, { headers, signal: scene.signal });
      return [
        judged(`GET ${path} with a genuine token of an offboarded tenant`, reply, { statuses: [401, 403] }),
      ];
    },
  },
];
