/** The life of users on both sides: a tenant's, in the pool and in a silo, and the control plane's operators. */
import {
  CognitoIdentityProviderClient,
  InitiateAuthCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registryKeys } from '../../src/model/registry.ts';
import type { Tenant } from '../../src/model/tenant.ts';
import { loadConfig } from '../../src/services/config/load.ts';
import { resolveEnvironment, type Target } from '../../src/services/environment.ts';
import { readSharedOutputs } from '../../src/services/shared-outputs.ts';
import type { LockedOut, User } from '../../src/services/users/users.ts';
import { api, newProject, type Project } from './project.ts';

type Described = Tenant & { resources: { userPoolId: string; clientId: string } };
interface Page {
  users: User[];
  nextToken: string | null;
}

let project: Project;
let target: Target;
const tenants: Record<string, Described> = {};

beforeAll(async () => {
  project = await newProject('--tiers', 'basic,advanced', '--services', 'products');
  await project.json('deploy-shared');
  for (const [name, tier] of [
    ['acorn', 'basic'],
    ['birch', 'basic'],
    ['cedar', 'advanced'],
  ] as const) {
    await project.json('onboard', '--tier', tier, '--name', name, '--email', `admin@${name}.example`);
    tenants[name] = await project.json<Described>('describe-tenant', name);
  }
  target = await resolveEnvironment(await loadConfig({ cwd: project.directory }));
}, 120_000);
afterAll(() => project.remove());

const users = <T = LockedOut>(...argv: string[]): Promise<T> => project.json<T>('users', ...argv);

/** Exit code and error of a command that must fail. */
async function refused(...argv: string[]) {
  const ran = await project.cli('users', ...argv, '--json');
  const { code, message, hint } = ran.json().error;
  return { exit: ran.code, code, message, hint };
}

const addresses = ({ users: listed }: Page): string[] => listed.map(({ email }) => email).sort();

/** What a client keeps to stay signed in with; `use` gives it in for new tokens. */
async function session(name: string, email: string): Promise<{ use: () => Promise<string> }> {
  const { userPoolId = '', clientId } = tenants[name]?.resources ?? {};
  const cognito = new CognitoIdentityProviderClient(target.client);
  const password = (await target.mailbox?.password(userPoolId, email)) ?? '';
  const { AuthenticationResult } = await cognito.send(
    new InitiateAuthCommand({
      ClientId: clientId,
      AuthFlow: 'USER_PASSWORD_AUTH',
      AuthParameters: { USERNAME: email, PASSWORD: password },
    }),
  );
  const use = async (): Promise<string> => {
    const refreshed = await cognito.send(
      new InitiateAuthCommand({
        ClientId: clientId,
        AuthFlow: 'REFRESH_TOKEN_AUTH',
        AuthParameters: { REFRESH_TOKEN: AuthenticationResult?.RefreshToken ?? '' },
      }),
    );
    return refreshed.AuthenticationResult?.IdToken ?? '';
  };
  return { use };
}

const tokenOf = async (name: string, user: string): Promise<string> =>
  (await project.json<{ token: string }>('token', '--tenant', name, '--user', user)).token;

const call = async (name: string, token: string): Promise<number> =>
  (await api(`${tenants[name]?.apiUrl}/products`, { token })).status;

describe.each([['acorn'], ['cedar']])('a user of %s', (name) => {
  const of = ['--tenant', name];
  const admin = `admin@${name}.example`;
  const bo = `bo@${name}.example`;
  const cy = `cy@${name}.example`;

  it('is invited once, and listed with the others of the tenant page by page', async () => {
    const invite = ['add', ...of, '--email', `Bo@${name}.example`, '--role'];
    expect(await users(...invite, 'TenantUser')).toMatchObject({
      email: bo,
      role: 'TenantUser',
      status: 'FORCE_CHANGE_PASSWORD',
      enabled: true,
      created: true,
    });
    expect(await users(...invite, 'TenantUser')).toMatchObject({ email: bo, created: false });
    expect(await refused(...invite, 'TenantAdmin')).toMatchObject({
      exit: 1,
      code: 'user_exists',
      hint: expect.stringContaining(`set-role ${bo} --tenant ${name} --role TenantAdmin`),
    });
    const first = await users<Page>('list', ...of, '--limit', '1');
    const second = await users<Page>('list', ...of, '--limit', '1', '--next-token', first.nextToken ?? '');
    expect([...addresses(first), ...addresses(second)].sort()).toEqual([admin, bo]);
    expect(second.nextToken).toBeNull();
    expect((await project.cli('users', 'list', ...of)).stdout).toMatch(
      /^EMAIL +ROLE +STATUS +ENABLED +CREATED\n/,
    );
  });

  it('is out of the API and of his session once disabled, and signs in anew once enabled', async () => {
    // A token that nobody has seen yet is not believed for the while that caches hold.
    const token = await tokenOf(name, bo);
    const kept = await session(name, bo);
    expect(await kept.use()).not.toBe('');
    expect(await users('disable', bo, ...of)).toMatchObject({ enabled: false, tokensEndWithinSeconds: 60 });
    expect(await call(name, token)).toBe(401);
    // Again is no error, in words as well.
    expect((await project.cli('users', 'disable', bo, ...of)).stdout).toMatch(
      /is disabled\n {2}refresh tokens are revoked at once; .* within 1 minute\n/,
    );
    expect((await project.cli('token', ...of, '--user', bo)).code).toBe(1);
    expect((await refused('reset-password', bo, ...of)).code).toBe('user_disabled');
    expect(await users('enable', bo, ...of)).toMatchObject({ enabled: true });
    await expect(kept.use()).rejects.toThrow(/revoked|Refresh Token/i);
    expect(await tokenOf(name, bo)).not.toBe('');
  });

  it('is not disabled, deleted or demoted as the last administrator who is enabled', async () => {
    const attempts = [
      ['disable', admin],
      ['delete', admin, '--confirm', admin],
      ['set-role', admin, '--role', 'TenantUser'],
    ];
    for (const attempt of attempts)
      expect(await refused(...attempt, ...of)).toMatchObject({
        exit: 1,
        code: 'last_administrator',
        message: expect.stringContaining(`"${admin}" is the last enabled TenantAdmin`),
      });
    const kept = await session(name, bo);
    expect(await kept.use()).not.toBe('');
    expect(await users('set-role', bo, '--role', 'TenantAdmin', ...of)).toMatchObject({
      role: 'TenantAdmin',
    });
    await expect(kept.use()).rejects.toThrow(/revoked|Refresh Token/i);
    expect(await users('disable', admin, ...of)).toMatchObject({ enabled: false });
    expect((await refused('disable', bo, ...of)).code).toBe('last_administrator');
    await users('enable', admin, ...of);
    expect(await users('set-role', bo, '--role', 'TenantUser', ...of)).toMatchObject({ role: 'TenantUser' });
  });

  it('chooses a new password, or gets the invitation again', async () => {
    expect(await users('reset-password', bo, ...of)).toMatchObject({
      mailed: 'code',
      status: 'RESET_REQUIRED',
    });
    expect((await project.cli('token', ...of, '--user', bo)).stderr).toMatch(/can't sign in to tenant/);
    await users('add', ...of, '--email', cy, '--role', 'TenantUser');
    expect(await users('reset-password', cy, ...of)).toMatchObject({ mailed: 'invitation' });
    const { mails } = await project.json<{ mails: { to: string }[] }>('local', 'outbox', '--to', cy);
    expect(mails).toHaveLength(2);
    expect(await call(name, await tokenOf(name, cy))).toBe(200);
  });

  it('is deleted once his address is typed', async () => {
    expect(await refused('delete', cy, ...of)).toMatchObject({ exit: 2, code: 'missing_input' });
    expect((await refused('delete', cy, ...of, '--confirm', bo)).exit).toBe(2);
    expect(addresses(await users<Page>('list', ...of))).toContain(cy);
    expect(await users('delete', cy, ...of, '--confirm', cy)).toMatchObject({ email: cy, deleted: true });
    expect(addresses(await users<Page>('list', ...of))).toEqual([admin, bo]);
    expect(await refused('enable', cy, ...of)).toMatchObject({ exit: 4, code: 'user_not_found' });
  });
});

describe("another tenant's user in the pool", () => {
  it('is nobody here, by address and by id, and his address says nothing of whose he is', async () => {
    const theirs = 'admin@birch.example';
    const [{ username = '' } = {}] = (await users<Page>('list', '--tenant', 'birch')).users;
    for (const user of [theirs, username])
      for (const attempt of [
        ['disable', user],
        ['enable', user],
        ['reset-password', user],
        ['delete', user, '--confirm', theirs],
        ['set-role', user, '--role', 'TenantUser'],
      ])
        expect(await refused(...attempt, '--tenant', 'acorn')).toMatchObject({
          exit: 4,
          code: 'user_not_found',
        });
    const taken = await refused('add', '--tenant', 'acorn', '--email', theirs, '--role', 'TenantUser');
    expect(taken).toMatchObject({ exit: 1, code: 'user_exists' });
    expect(JSON.stringify(taken).replaceAll(theirs, '')).not.toContain('birch');
    expect((await users<Page>('list', '--tenant', 'birch')).users).toMatchObject([
      { email: theirs, role: 'TenantAdmin', enabled: true },
    ]);
    expect(await call('birch', await tokenOf('birch', theirs))).toBe(200);
  });
});

describe('an operator', () => {
  const ops = 'ops2@shop.example';

  it('is invited, promoted and deleted; the last one stays', async () => {
    const before = await users<Page>('list', '--operators');
    expect(before.users).toMatchObject([{ username: 'admin', role: 'SystemAdmin', enabled: true }]);
    expect((await refused('disable', 'admin', '--operators')).code).toBe('last_administrator');
    const invite = ['add', '--operators', '--email', ops, '--role'];
    expect(await users(...invite, 'CustomerSupport')).toMatchObject({ email: ops, created: true });
    expect(await users(...invite, 'CustomerSupport')).toMatchObject({ created: false });
    expect(await users('set-role', ops, '--operators', '--role', 'SystemAdmin')).toMatchObject({
      role: 'SystemAdmin',
      tokensEndWithinSeconds: 0,
    });
    const first = before.users[0]?.email ?? '';
    expect(await users('disable', first, '--operators')).toMatchObject({ username: 'admin', enabled: false });
    expect((await refused('delete', ops, '--operators', '--confirm', ops)).code).toBe('last_administrator');
    await users('enable', 'admin', '--operators');
    await users('delete', ops, '--operators', '--confirm', ops);
    expect(addresses(await users<Page>('list', '--operators'))).toEqual([first]);
  });

  it('is not asked for twice under one address', async () => {
    const [first] = (await users<Page>('list', '--operators')).users;
    const again = ['add', '--operators', '--email', first?.email ?? '', '--role', 'SystemAdmin'];
    expect(await users(...again)).toMatchObject({ username: 'admin', created: false });
  });
});

describe('what is wrong with a command', () => {
  it.each([
    [['list'], 2, 'missing_input'],
    [['list', '--tenant', 'acorn', '--operators'], 2, 'bad_usage'],
    [['list', '--tenant', 'nobody'], 4, 'tenant_not_found'],
    [['list', '--tenant', 'acorn', '--next-token', 'made-up'], 2, 'bad_next_token'],
    [['add', '--tenant', 'acorn', '--email', 'bo', '--role', 'TenantUser'], 2, 'bad_email'],
    [['add', '--tenant', 'acorn', '--email', 'x@acorn.example', '--role', 'SystemAdmin'], 2, 'bad_role'],
    [['add', '--tenant', 'acorn', '--email', 'x@acorn.example', '--role', 'Owner'], 2, 'bad_usage'],
    [['add', '--tenant', 'acorn', '--email', 'x@acorn.example'], 2, 'missing_input'],
    [['set-role', 'no body', '--tenant', 'acorn', '--role', 'TenantUser'], 4, 'user_not_found'],
    [['disable', 'no"body@shop.example', '--operators'], 4, 'user_not_found'],
  ])('users %j ends with %i', async (argv, exit, code) => {
    expect(await refused(...argv)).toMatchObject({ exit, code });
  });

  it('is said of a tenant that is not served: its users are shown, not changed', async () => {
    const { pk, sk } = registryKeys.tenant(tenants['birch']?.tenantId ?? '');
    const { registryTable } = await readSharedOutputs(target);
    await new DynamoDBClient(target.client).send(
      new UpdateItemCommand({
        TableName: registryTable,
        Key: { pk: { S: pk }, sk: { S: sk } },
        UpdateExpression: 'SET #status = :status',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: { ':status': { S: 'suspended' } },
      }),
    );
    expect(await refused('disable', 'admin@birch.example', '--tenant', 'birch')).toMatchObject({
      exit: 1,
      code: 'tenant_not_active',
      hint: expect.stringContaining('resume'),
    });
    expect(addresses(await users<Page>('list', '--tenant', 'birch'))).toEqual(['admin@birch.example']);
  });
});
