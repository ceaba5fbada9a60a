import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { APIGatewayClient, GetApiKeysCommand } from '@aws-sdk/client-api-gateway';
import { CloudFormationClient, ListStacksCommand } from '@aws-sdk/client-cloudformation';
import { CognitoIdentityProviderClient, ListUsersCommand } from '@aws-sdk/client-cognito-identity-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tenant } from '../../src/model/tenant.ts';
import { api, newProject, type Project } from './project.ts';
import { at, start, startToDie } from './started.ts';

let project: Project;
let endpoint = '';
beforeAll(async () => {
  project = await newProject();
  await project.json('deploy-shared');
  endpoint = (await project.json<{ endpoint: string }>('local', 'status')).endpoint;
});
afterAll(() => project.remove());

const onboarding = (tier: string, name: string): string[] => [
  'onboard',
  '--tier',
  tier,
  '--name',
  name,
  '--email',
  `admin@${name}.example`,
];
const offboarding = (name: string, ...flags: string[]): string[] => [
  'offboard',
  name,
  '--confirm',
  name,
  ...flags,
];

const statusOf = async (name: string): Promise<string | undefined> =>
  (await project.json<{ tenants: Tenant[] }>('list-tenants')).tenants.find((tenant) => tenant.name === name)
    ?.status;

const poolOf = async (name: string): Promise<string> =>
  (await project.json<{ resources: { userPoolId: string } }>('describe-tenant', name)).resources.userPoolId;

/** How often each thing of a tenant exists in the account. */
async function counts(tenant: Tenant, userPoolId: string): Promise<Record<string, number>> {
  const options = {
    region: 'us-east-1',
    endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  const { items = [] } = await new APIGatewayClient(options).send(new GetApiKeysCommand({ limit: 500 }));
  const { StackSummaries = [] } = await new CloudFormationClient(options).send(
    new ListStacksCommand({
      StackStatusFilter: ['CREATE_COMPLETE', 'CREATE_IN_PROGRESS', 'ROLLBACK_COMPLETE'],
    }),
  );
  const { Users = [] } = await new CognitoIdentityProviderClient(options).send(
    new ListUsersCommand({ UserPoolId: userPoolId }),
  );
  const { tenants } = await project.json<{ tenants: Tenant[] }>('list-tenants');
  return {
    tenants: tenants.filter(({ name }) => name === tenant.name).length,
    keys: items.filter((key) => key.name === `tenant-${tenant.tenantId}`).length,
    stacks: StackSummaries.filter((stack) => stack.StackName === `tenant-${tenant.tenantId}`).length,
    users: Users.filter((user) =>
      user.Attributes?.some(({ Value }) => Value === tenant.adminEmail || Value === tenant.tenantId),
    ).length,
  };
}

/** How many tenants of the name the control plane lists. */
async function registrationsOf(name: string): Promise<number> {
  const { token, apiUrl } = await project.json<{ token: string; apiUrl: string }>('token', '--control-plane');
  const { body } = await api(`${apiUrl}/tenants?limit=100`, { token });
  return (body['data'] as { tenantName: string }[]).filter(({ tenantName }) => tenantName === name).length;
}

const moments = ['step-started', 'step-done'] as const;

describe('onboarding, killed with -9 at the start and the end of every step, each time taken up by the same command', () => {
  it.each([
    ['basic', 'placement'],
    ['advanced', 'infrastructure'],
    ['premium', 'infrastructure'],
  ])(
    'converges on the tier %s: served, nothing there twice, never active before that',
    async (tier, first) => {
      const name = `killed-${tier}`;
      for (const step of ['register', first, 'identity', 'admission', 'announce'])
        for (const moment of moments) {
          const killed = await startToDie(project, onboarding(tier, name), moment, step);
          expect([moment, step, killed.signal]).toEqual([moment, step, 'SIGKILL']);
          // All is done and proved by then; what may be missing is the last write.
          const proved = step === 'announce' && moment === 'step-done';
          expect(proved ? ['provisioning', 'active'] : ['provisioning']).toContain(await statusOf(name));
        }
      const again = await project.cli(...onboarding(tier, name), '--json');
      if (again.code !== 0) expect(again.json().error.code).toBe('tenant_exists');

      const tenant = await project.json<Tenant>('describe-tenant', name);
      expect(tenant).toMatchObject({ name, tier, status: 'active', lastError: null });
      expect(await counts(tenant, await poolOf(name))).toEqual({
        tenants: 1,
        keys: 1,
        stacks: tier === 'basic' ? 0 : 1,
        users: 1,
      });
      expect(await registrationsOf(name)).toBe(1);
      const { token } = await project.json<{ token: string }>('token', '--tenant', name);
      expect((await api(`${tenant.apiUrl}/orders`, { token })).status).toBe(200);
    },
    120_000,
  );
});

describe('offboarding, killed with -9 at the start and the end of every step, each time taken up by the same command', () => {
  it.each([
    ['basic', ['close', 'export', 'users', 'items', 'verify', 'deregister']],
    ['advanced', ['close', 'export', 'users', 'items', 'stack', 'data', 'placement', 'verify', 'deregister']],
  ])(
    'finishes on the tier %s: nothing is left, and all that went is counted',
    async (tier, steps) => {
      const name = `leaving-${tier}`;
      const tenant = await project.json<Tenant>(...onboarding(tier, name));
      const userPoolId = await poolOf(name);
      const { token } = await project.json<{ token: string }>('token', '--tenant', name);
      const product = { name: 'Lamp', price: 19.5, sku: 'lamp', category: 'light' };
      for (let made = 0; made < 3; made++)
        expect(
          (await api(`${tenant.apiUrl}/products`, { token, method: 'POST', body: product })).status,
        ).toBe(201);

      const exports = await mkdtemp(path.join(tmpdir(), 'saas-ecs-export-'));
      const command = offboarding(name, '--export', exports);
      for (const step of steps)
        for (const moment of moments) {
          const killed = await startToDie(project, command, moment, step);
          expect([moment, step, killed.signal]).toEqual([moment, step, 'SIGKILL']);
          const gone = step === 'deregister' && moment === 'step-done';
          expect(gone ? ['offboarding', undefined] : ['offboarding']).toContain(await statusOf(name));
          if (step !== 'close')
            expect((await api(`${tenant.apiUrl}/products`, { token })).status).not.toBe(200);
        }
      const again = await project.cli(...command, '--json');
      if (again.code === 0)
        expect(again.json().data).toMatchObject({
          deleted: { users: 1, items: 3, apiKeys: 1, stacks: tier === 'basic' ? 0 : 1 },
        });
      else expect(again.code).toBe(4);

      expect((await project.cli('describe-tenant', name)).code).toBe(4);
      expect((await readdir(exports, { recursive: true })).some((file) => file.endsWith('.ndjson'))).toBe(
        true,
      );
      await rm(exports, { recursive: true });
      if (tier === 'basic')
        expect(await counts(tenant, userPoolId)).toEqual({ tenants: 0, keys: 0, stacks: 0, users: 0 });
      else
        await expect(counts(tenant, userPoolId)).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
      // The name is free again.
      expect(await project.json<Tenant>(...onboarding('basic', name))).toMatchObject({ status: 'active' });
    },
    180_000,
  );
});

describe('Ctrl-C', () => {
  it('stops watching, says how to go on, and deletes nothing', async () => {
    const stopped = await start(
      project,
      onboarding('advanced', 'paused'),
      at('step-started', 'infrastructure', 'SIGINT'),
    );
    expect(stopped.code).toBe(130);
    expect(stopped.last.error).toMatchObject({
      code: 'interrupted',
      exitCode: 130,
      message: expect.stringContaining('stopped watching: the onboarding of "paused"'),
      hint: expect.stringContaining('saas-ecs onboard --resume paused'),
    });
    expect(await statusOf('paused')).toBe('provisioning');
    expect(await project.json<Tenant>('onboard', '--resume', 'paused')).toMatchObject({
      status: 'active',
    });
  });

  it('in an offboarding names the command that goes on, and leaves the tenant neither active nor gone', async () => {
    const stopped = await start(project, offboarding('paused'), at('step-started', 'stack', 'SIGINT'));
    expect(stopped.code).toBe(130);
    expect(stopped.last.error?.hint).toContain('saas-ecs offboard paused --confirm paused');
    expect(await statusOf('paused')).toBe('offboarding');
    await project.json(...offboarding('paused'));
  });

  it('exits with 143 on SIGTERM', async () => {
    const stopped = await start(
      project,
      onboarding('advanced', 'ended'),
      at('step-started', 'infrastructure', 'SIGTERM'),
    );
    expect(stopped.code).toBe(143);
    expect(stopped.last.error).toMatchObject({
      code: 'interrupted',
      exitCode: 143,
      detail: expect.stringContaining('CloudFormation has begun goes on'),
      hint: expect.stringContaining('saas-ecs onboard --resume ended'),
    });
    await project.json(...offboarding('ended'));
  });
});

describe('two operators', () => {
  it('never work on one tenant at once: the second is refused by name, whether he onboards or offboards', async () => {
    let begun = (): void => {};
    const working = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const first = start(project, onboarding('advanced', 'contested'), (event) => {
      if (event.type === 'step-started') begun();
      return undefined;
    });
    await working;
    const others = await Promise.all([
      project.cli(...onboarding('advanced', 'contested'), '--json'),
      project.cli(...offboarding('contested'), '--json'),
    ]);
    for (const { code, json } of others)
      expect([code, json().error]).toMatchObject([
        1,
        { code: 'tenant_busy', message: expect.stringContaining('contested') },
      ]);
    expect((await first).code).toBe(0);
    expect(await statusOf('contested')).toBe('active');
  });
});
