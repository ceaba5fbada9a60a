/** Every command runs under exactly the policy that `iam-policy` prints, and the policy holds nothing that none needs. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { APIGatewayClient, DeleteApiKeyCommand, GetApiKeysCommand } from '@aws-sdk/client-api-gateway';
import {
  AdminSetUserPasswordCommand,
  CognitoIdentityProviderClient,
  CreateGroupCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import {
  AttachRolePolicyCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  IAMClient,
} from '@aws-sdk/client-iam';
import { AssumeRoleCommand, type Credentials, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import type { Access } from '../../src/embedded/platform.ts';
import { packageRoot } from '../../src/model/installation.ts';
import type { Tenant } from '../../src/model/tenant.ts';
import { newTenantId } from '../../src/model/tenant-id.ts';
import { loadConfig } from '../../src/services/config/load.ts';
import { runToolkit } from '../../src/services/deployment/toolkit.ts';
import { resolveEnvironment } from '../../src/services/environment.ts';
import { managedPolicyLimit, type PolicyDocument } from '../../src/services/iam-policy/documents.ts';
import type { Need } from '../../src/services/iam-policy/need.ts';
import { commandNeeds } from '../../src/services/iam-policy/needs.ts';
import type { CommandPolicy } from '../../src/services/iam-policy/policy.ts';
import type { Finding } from '../../src/services/reconcile/finding.ts';
import type { Verification } from '../../src/services/verify/verify.ts';
import { type Ran, runCli } from '../cli/run-cli.ts';

const account = '000000000000';
const region = 'us-east-1';
let directory = '';
let cloud: RunningCloud;
/** What calls of assumed roles asked for, as `role action`. */
const asked = new Map<string, Access[]>();

const cliWith = (env: Record<string, string>, ...argv: string[]): Promise<Ran> =>
  runCli([...argv, '--env', 'ci', '--json'], { cwd: directory, env });
const cli = (...argv: string[]): Promise<Ran> => cliWith({}, ...argv);
async function json<T>(...argv: string[]): Promise<T> {
  const ran = await cli(...argv);
  if (ran.code !== 0) throw new Error(`saas-ecs ${argv.join(' ')}: ${ran.code}\n${ran.stdout}${ran.stderr}`);
  return ran.json().data;
}

/** Whoever runs commands from now on: the account itself, or a session of a role. */
function become(credentials?: Credentials): void {
  vi.stubEnv('AWS_ACCESS_KEY_ID', credentials?.AccessKeyId ?? 'account');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', credentials?.SecretAccessKey ?? 'account');
  vi.stubEnv('AWS_SESSION_TOKEN', credentials?.SessionToken);
}

type Described = Tenant & { resources: { tables: string[]; userPoolId: string } };

const credentials = { accessKeyId: 'account', secretAccessKey: 'account' };

/** An item of a tenant in one of its tables, as if one of its users had made it. */
async function addItem(tenant: Described): Promise<void> {
  await new DynamoDBClient({ credentials }).send(
    new PutItemCommand({
      TableName: tenant.resources.tables[0],
      Item: { tenantId: { S: tenant.tenantId }, productId: { S: 'lamp' } },
    }),
  );
}

/** A role with these policies, and every command from now on run as it. */
async function runAs(name: string, documents: readonly PolicyDocument[]): Promise<void> {
  become();
  const iam = new IAMClient({});
  const { Role } = await iam.send(
    new CreateRoleCommand({
      RoleName: name,
      AssumeRolePolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { AWS: account }, Action: 'sts:AssumeRole' }],
      }),
    }),
  );
  for (const [index, document] of documents.entries()) {
    const { Policy } = await iam.send(
      new CreatePolicyCommand({ PolicyName: `${name}-${index}`, PolicyDocument: JSON.stringify(document) }),
    );
    await iam.send(new AttachRolePolicyCommand({ RoleName: name, PolicyArn: Policy?.Arn }));
  }
  const { Credentials } = await new STSClient({}).send(
    new AssumeRoleCommand({ RoleArn: Role?.Arn, RoleSessionName: 'pipeline' }),
  );
  become(Credentials);
}

/** Signs the administrator in by a password of his own, as if he had chosen it when he was invited. */
async function signIn({ name, adminEmail, resources }: Described): Promise<void> {
  const password = `${randomUUID()}aA1!`;
  await new CognitoIdentityProviderClient({ credentials }).send(
    new AdminSetUserPasswordCommand({
      UserPoolId: resources.userPoolId,
      Username: adminEmail,
      Password: password,
      Permanent: true,
    }),
  );
  const ran = await cliWith({ SAAS_ECS_PASSWORD: password }, 'token', '--tenant', name);
  expect([ran.code, ran.stderr]).toEqual([0, '']);
}

/** Everything that `users` does, with one user. */
async function lifeOfUser(...whose: string[]): Promise<void> {
  const user = 'bo@users.example';
  const [, role = ''] = whose.splice(-2);
  const run = (command: string, ...argv: string[]) => json('users', command, ...argv, ...whose);
  await run('add', '--email', user, '--role', role);
  await run('add', '--email', user, '--role', role);
  await run('list');
  await run('disable', user);
  await run('enable', user);
  await run('set-role', user, '--role', role);
  await run('reset-password', user);
  await run('delete', user, '--confirm', user);
}

/** Everything that `users` does with an identity provider of a silo, and with the second factor of a user. */
async function lifeOfProvider({ name, adminEmail }: Tenant): Promise<void> {
  const run = (...argv: string[]) => json('users', ...argv, '--tenant', name);
  await writeFile(path.join(directory, 'secret.txt'), 'a secret');
  const file = path.join(directory, 'okta.yaml');
  await writeFile(
    file,
    'name: okta\ntype: oidc\nissuer: https://okta.example\nclientId: x\nclientSecret: { file: secret.txt }\n',
  );
  await run('idp', 'add', file);
  await run('idp', 'add', file);
  await run('idp', 'list');
  await run('idp', 'show', 'okta');
  await run('idp', 'remove', 'okta', '--confirm', 'okta');
  await run('reset-mfa', adminEmail);
}

const documents = async (...commands: string[]): Promise<PolicyDocument[]> =>
  (await json<CommandPolicy>('iam-policy', ...commands)).policies.map(({ document }) => document);

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'saas-ecs-iam-'));
  cloud = await startCloud({ stateDir: path.join(directory, 'cloud') });
  const { iam } = cloud;
  const authorize = iam.authorize;
  iam.authorize = (principal, access) => {
    const role = principal.roleArn?.split('/').at(-1) ?? '';
    asked.set(role, [...(asked.get(role) ?? []), access]);
    authorize(principal, access);
  };
  vi.stubEnv('AWS_ENDPOINT_URL', cloud.endpoint);
  vi.stubEnv('AWS_REGION', region);
  vi.stubEnv('CDK_DOCKER', path.join(packageRoot(), 'bin', 'embedded-docker'));
  become();
  const made = await runCli(
    [
      ...['init', '--app', 'shop', '--yes', '--env-name', 'ci', '--account', account, '--aws-region', region],
      ...['--control-plane', 'builtin'],
      ...['--email', 'ops@shop.example', '--tiers', 'basic,premium', '--services', 'products'],
    ],
    { cwd: directory },
  );
  expect(made.code, made.stderr).toBe(0);
  const project = path.join(directory, 'saas-ecs.yaml');
  const callback = '    signIn: { callbackUrls: ["https://shop.example/signed-in"] }\n';
  await writeFile(
    project,
    (await readFile(project, 'utf8')).replace('    target: aws\n', `    target: aws\n${callback}`),
  );
  const target = await resolveEnvironment(await loadConfig({ cwd: directory }), { name: 'ci' });
  await runToolkit(
    { action: 'bootstrap', environment: `aws://${account}/${region}` },
    { target, signal: AbortSignal.timeout(60_000) },
  );
}, 120_000);
afterAll(async () => {
  vi.unstubAllEnvs();
  await cloud?.stop();
  await rm(directory, { recursive: true, force: true, maxRetries: 5 });
});

/** Actions that were never asked for, of needs that an ordinary run has. */
const unused = (needs: readonly Need[], used: ReadonlySet<string>): string[] => [
  ...new Set(
    needs.flatMap((need) =>
      need.rare === undefined ? need.actions.filter((action) => !used.has(action)) : [],
    ),
  ),
];

const usedBy = (role: string): Set<string> => new Set((asked.get(role) ?? []).map(({ action }) => action));

const onboarding = (tier: string, name: string): string[] => [
  'onboard',
  ...['--tier', tier, '--name', name, '--email', `admin@${name}.example`],
];

describe('the policy for all commands', () => {
  it('is enough for each of them', async () => {
    await runAs('pipeline', await documents());
    await json('deploy-shared', '--yes');
    expect((await cli('deploy-shared', '--dry-run', '--exit-code')).code).toBe(0);
    for (const [tier, name] of [
      ['basic', 'pooled'],
      ['premium', 'siloed'],
    ] as const) {
      expect(await json<Tenant>(...onboarding(tier, name))).toMatchObject({ status: 'active' });
      const described = await json<Described>('describe-tenant', name);
      expect(described).toMatchObject({ resources: { services: [{ healthy: true }] } });
      await addItem(described);
      await json('watch', name);
      await json('explain', name);
      await json('throttle', '--tenant', name, '--rate', '5');
      await json('throttle', '--tenant', name, '--reset');
      await json('suspend', name, '--confirm', name, '--reason', 'unpaid');
      await json('resume', name);
      await lifeOfUser('--tenant', name, '--role', 'TenantUser');
      await signIn(described);
      if (tier === 'premium') await lifeOfProvider(described);
      await json('users', 'reset-password', described.adminEmail, '--tenant', name);
    }
    await lifeOfUser('--operators', '--role', 'CustomerSupport');
    await json('throttle', '--tier', 'basic', '--rate', '20');
    await json('throttle', '--tier', 'basic', '--reset');
    await json('throttle');
    const { checks } = await json<{ checks: { status: string; detail: string }[] }>('doctor');
    expect(checks.filter(({ detail }) => /denied|not authorized/i.test(detail))).toEqual([]);
    expect(await json('list-tenants')).toMatchObject({ tenants: [{}, {}] });
    const session = expect.stringContaining('/pipeline');
    expect(await json('audit', '--tenant', 'pooled', '--limit', '1')).toMatchObject({
      events: [{ action: 'users reset-password', outcome: 'done', who: { account, arn: session } }],
    });
    for (const name of ['pooled', 'siloed'])
      await json('offboard', name, '--confirm', name, '--export', path.join(directory, 'exports'));
  }, 300_000);

  it('holds no action that nothing asked for, but those that say why', async () => {
    const used = usedBy('pipeline');
    // Who may take a role, STS decides by itself: what was done as one shows that it was taken.
    for (const kind of ['deploy', 'file-publishing', 'image-publishing'])
      if (asked.has(`cdk-hnb659fds-${kind}-role-${account}-${region}`)) used.add('sts:AssumeRole');
    const { 'destroy-shared': _, verify: __, reconcile: ___, ...others } = commandNeeds;
    const needs: Need[] = Object.values(others).flat();
    expect(unused(needs, used)).toEqual([]);
    expect(needs.filter(({ why }) => why === '')).toEqual([]);
  });

  it('fits into managed policies, and leaves no action open that could name its resource', async () => {
    for (const document of await documents()) {
      expect(JSON.stringify(document).length).toBeLessThanOrEqual(managedPolicyLimit);
      for (const { Action, Resource } of document.Statement)
        if (Resource.includes('*'))
          for (const action of Action)
            expect(action).toMatch(
              /^(ecs:(List(Tasks|Services)|DescribeTaskDefinition)|cloudformation:DescribeStacks|servicequotas:Get.*Quota|(cognito-idp|dynamodb|kms|secretsmanager|s3):List(UserPools|Tables|Keys|Secrets|AllMyBuckets)|ec2:Describe(AvailabilityZones|SecurityGroups)|elasticloadbalancing:Describe(TargetHealth|LoadBalancers|Rules)|cognito-idp:CreateUserPool)$/,
            );
    }
  });
});

describe('without one of its actions', () => {
  const commands: Record<string, string[]> = {
    'ssm:GetParameters': onboarding('basic', 'lacking-a'),
    'dynamodb:PutItem': onboarding('basic', 'lacking-b'),
    'cognito-idp:AdminCreateUser': onboarding('basic', 'lacking-c'),
    'lambda:InvokeFunction': onboarding('basic', 'lacking-d'),
    'iam:PassRole': onboarding('premium', 'lacking-e'),
    'cloudformation:CreateStack': onboarding('premium', 'lacking-f'),
  };
  it.each(Object.entries(commands))(
    '%s: the command that needs it is refused by name',
    async (action, argv) => {
      await runAs(
        `without-${action.replace(':', '-')}`,
        (await documents('onboard')).map((document) => without(document, action)),
      );
      const { code, json: envelope } = await cli(...argv);
      expect([code, envelope().error]).toMatchObject([
        1,
        { code: 'access_denied', detail: expect.stringContaining(action) },
      ]);
    },
  );
});

const without = (document: PolicyDocument, action: string): PolicyDocument => ({
  ...document,
  Statement: document.Statement.map((statement) => ({
    ...statement,
    Action: statement.Action.filter((name) => name !== action),
  })).filter(({ Action }) => Action.length > 0),
});

describe('what proves isolation', () => {
  it('needs no more than its own policy: no attack is held by what the policy lacks', async () => {
    await runAs('verifier', await documents('verify'));
    const { attacks, summary } = await json<Verification>('verify');
    expect(attacks.filter(({ outcome }) => outcome !== 'held')).toEqual([]);
    expect(summary.attacks).toBeGreaterThan(100);
    expect(unused(commandNeeds.verify, usedBy('verifier'))).toEqual([]);
  }, 300_000);
});

describe('what repairs', () => {
  it('needs no more than its own policy', async () => {
    become();
    await json(...onboarding('basic', 'broken'));
    const { tenantId } = await json<Described>('describe-tenant', 'broken');
    const gateway = new APIGatewayClient({ credentials });
    const { items = [] } = await gateway.send(new GetApiKeysCommand({ customerId: tenantId }));
    for (const { id } of items) await gateway.send(new DeleteApiKeyCommand({ apiKey: id }));
    const { resources } = await json<Described>('describe-tenant', 'broken');
    await new CognitoIdentityProviderClient({ credentials }).send(
      new CreateGroupCommand({ UserPoolId: resources.userPoolId, GroupName: newTenantId() }),
    );
    await runAs('repairer', await documents('reconcile'));
    const { findings } = await json<{ findings: Finding[] }>('reconcile');
    expect(findings.map(({ kind, status }) => [kind, status]).sort()).toEqual([
      ['missing-key', 'repaired'],
      ['orphaned-group', 'repaired'],
    ]);
    expect(await json('reconcile')).toEqual({ findings: [] });
    expect(unused(commandNeeds.reconcile, usedBy('repairer'))).toEqual([]);
  }, 120_000);
});

describe('what takes the environment down', () => {
  it('needs no more than its own policy', async () => {
    become();
    const { tenants } = await json<{ tenants: Tenant[] }>('list-tenants');
    for (const { name } of tenants) await json('offboard', name, '--confirm', name);
    await runAs('destroyer', await documents('destroy-shared'));
    await json('destroy-shared', '--confirm', 'shop');
    expect(unused(commandNeeds['destroy-shared'], usedBy('destroyer'))).toEqual([]);
  });
});

describe('the command', () => {
  it('names no other environment, account or Region', async () => {
    const text = JSON.stringify(await documents());
    expect(text).toContain(`arn:aws:ssm:${region}:${account}:parameter/saas-ecs/shop/ci/*`);
    expect(text.match(/arn:aws:[a-z-]*:[a-z0-9-]*:\d*/g)?.every((arn) => /::|us-east-1/.test(arn))).toBe(
      true,
    );
  });

  it('writes a file for each document, and knows the commands', async () => {
    const { files, policies } = await json<CommandPolicy & { files: string[] }>(
      ...['iam-policy', '--out', path.join(directory, 'policies')],
    );
    expect(files).toHaveLength(policies.length);
    for (const [index, file] of files.entries())
      expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(policies[index]?.document);
    const wrong = await cli('iam-policy', 'onbord');
    expect([wrong.code, wrong.json().error]).toMatchObject([2, { hint: 'did you mean "onboard"?' }]);
  });
});
