import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { APIGatewayClient, GetApiKeysCommand } from '@aws-sdk/client-api-gateway';
import { CloudFormationClient, ListStacksCommand } from '@aws-sdk/client-cloudformation';
import { CognitoIdentityProviderClient, ListUsersCommand } from '@aws-sdk/client-cognito-identity-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/model/installation.ts';
import type { Tenant } from '../../src/model/tenant.ts';
import { newProject, type Project } from './project.ts';

let project: Project;
let endpoint = '';
beforeAll(async () => {
  project = await newProject();
  await project.json('deploy-shared');
  endpoint = (await project.json<{ endpoint: string }>('local', 'status')).endpoint;
});
afterAll(() => project.remove());

interface Stopped {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The last line of stdout, parsed. */
  last: { ok?: boolean; error?: { code: string; hint: string } };
}

/** Runs a command as a process of its own and sends it a signal when the event comes; undefined: never. */
function runUntil(
  argv: string[],
  event: { type: string; step: string },
  signal: NodeJS.Signals,
): Promise<Stopped> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [`${packageRoot()}/bin/saas-ecs`, ...argv, '--output', 'ndjson'], {
      cwd: project.directory,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let last: Stopped['last'] = {};
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      const message = JSON.parse(line) as { event?: { type: string; step?: string } } & Stopped['last'];
      last = message;
      if (message.event?.type === event.type && message.event.step === event.step) child.kill(signal);
    });
    child.on('error', reject);
    child.on('close', (code, by) => resolve({ code, signal: by, last }));
  });
}

const onboarding = (tier: string, name: string): string[] => [
  'onboard',
  '--tier',
  tier,
  '--name',
  name,
  '--email',
  `admin@${name}.example`,
];

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
      user.Attributes?.some(({ Name, Value }) => Name === 'email' && Value === tenant.adminEmail),
    ).length,
  };
}

const moments = (tier: string, first: string): [string, string, string][] =>
  [first, 'identity', 'limits', 'verify'].flatMap((step): [string, string, string][] => [
    [tier, 'step-started', step],
    [tier, 'step-done', step],
  ]);

describe('onboarding, killed with -9', () => {
  it.each([...moments('basic', 'placement'), ...moments('premium', 'infrastructure')])(
    'on the tier %s at %s of %s: the same command again converges, and nothing is there twice',
    async (tier, type, step) => {
      const name = `kill-${tier}-${type.slice(5)}-${step}`.slice(0, 40);
      const killed = await runUntil(onboarding(tier, name), { type, step }, 'SIGKILL');
      expect(killed.signal).toBe('SIGKILL');
      const between = await project.json<{ tenants: Tenant[] }>('list-tenants');
      expect(between.tenants.find((tenant) => tenant.name === name)?.status).toBe('provisioning');

      const tenant = await project.json<Tenant>(...onboarding(tier, name));
      expect(tenant).toMatchObject({ name, status: 'active' });
      const { resources } = await project.json<{ resources: { userPoolId: string } }>(
        'describe-tenant',
        name,
      );
      expect(await counts(tenant, resources.userPoolId)).toEqual({
        tenants: 1,
        keys: 1,
        stacks: tier === 'basic' ? 0 : 1,
        users: 1,
      });
      await project.json('offboard', name, '--confirm', name);
    },
  );
});

describe('Ctrl-C', () => {
  it('stops watching, says how to go on, and deletes nothing', async () => {
    const stopped = await runUntil(
      onboarding('advanced', 'paused'),
      { type: 'step-started', step: 'infrastructure' },
      'SIGINT',
    );
    expect(stopped.code).toBe(130);
    expect(stopped.last.error).toMatchObject({
      code: 'interrupted',
      hint: expect.stringContaining('saas-ecs onboard --tier advanced --name paused'),
    });
    expect(await project.json<Tenant>(...onboarding('advanced', 'paused'))).toMatchObject({
      status: 'active',
    });
  });

  it('exits with 143 on SIGTERM', async () => {
    const stopped = await runUntil(
      onboarding('advanced', 'ended'),
      { type: 'step-started', step: 'infrastructure' },
      'SIGTERM',
    );
    expect(stopped.code).toBe(143);
    await project.json('offboard', 'ended', '--confirm', 'ended');
  });
});

describe('offboarding, killed with -9', () => {
  it.each(['close', 'users', 'items', 'stack', 'data', 'placement', 'verify'])(
    'at %s: the same command again finishes',
    async (step) => {
      const name = `leaving-${step}`;
      const tenant = await project.json<Tenant>(...onboarding('advanced', name));
      const { resources } = await project.json<{ resources: { userPoolId: string } }>(
        'describe-tenant',
        name,
      );
      const killed = await runUntil(
        ['offboard', name, '--confirm', name],
        { type: 'step-done', step },
        'SIGKILL',
      );
      expect(killed.signal).toBe('SIGKILL');
      await project.json('offboard', name, '--confirm', name);
      expect((await project.cli('describe-tenant', name)).code).toBe(4);
      await expect(counts(tenant, resources.userPoolId)).rejects.toMatchObject({
        name: 'ResourceNotFoundException',
      });
    },
  );
});

describe('two operators', () => {
  it('never work on one tenant at once: the second is refused by name', async () => {
    const first = runUntil(onboarding('advanced', 'contested'), { type: 'none', step: 'none' }, 'SIGKILL');
    await expect
      .poll(
        async () =>
          (await project.json<{ tenants: Tenant[] }>('list-tenants')).tenants.some(
            (tenant) => tenant.name === 'contested',
          ),
        { timeout: 20_000 },
      )
      .toBe(true);
    const second = await project.cli(...onboarding('advanced', 'contested'), '--json');
    expect(second.json().error).toMatchObject({
      code: 'tenant_busy',
      message: expect.stringContaining('contested'),
    });
    expect((await first).code).toBe(0);
  });
});
