/** The builtin control plane and its jobs on a whole system; and what brings registry, registrations and account apart. */
import {
  APIGatewayClient,
  CreateApiKeyCommand,
  DeleteApiKeyCommand,
  DeleteUsagePlanKeyCommand,
} from '@aws-sdk/client-api-gateway';
import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  waitUntilStackCreateComplete,
  waitUntilStackDeleteComplete,
} from '@aws-sdk/client-cloudformation';
import {
  AdminCreateUserCommand,
  CognitoIdentityProviderClient,
  CreateGroupCommand,
  CreateUserPoolCommand,
  DeleteGroupCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateRuleCommand, ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import {
  DisableRuleCommand,
  EnableRuleCommand,
  EventBridgeClient,
  ListRulesCommand,
  PutEventsCommand,
} from '@aws-sdk/client-eventbridge';
import { type Parameter, paginateGetParametersByPath, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ControlPlaneOutputs } from '../../src/model/control-plane.ts';
import type { PoolOutputs } from '../../src/model/names.ts';
import { newTenantId } from '../../src/model/tenant-id.ts';
import type { ClientOptions } from '../../src/services/environment.ts';
import type { Finding } from '../../src/services/reconcile/finding.ts';
import { Registry } from '../../src/services/registry/registry.ts';
import { RegistryTable } from '../../src/services/registry/table.ts';
import { api, newProject, type Project } from './project.ts';

type Json = Record<string, string>;

let project: Project;
let options: ClientOptions;
let registry: Registry;
let outputs: ControlPlaneOutputs;
let pool: PoolOutputs;
let token: string;

beforeAll(async () => {
  project = await newProject();
  await project.json('deploy-shared');
  const { endpoint } = await project.json<{ endpoint: string }>('local', 'start');
  options = {
    region: 'us-east-1',
    endpoint,
    credentials: { accessKeyId: 'operator', secretAccessKey: 'operator' },
  };
  const parameters: Parameter[] = [];
  for await (const { Parameters = [] } of paginateGetParametersByPath(
    { client: new SSMClient(options) },
    { Path: '/saas-ecs', Recursive: true },
  ))
    parameters.push(...Parameters);
  const parameter = (name: string): string =>
    parameters.find(({ Name }) => Name?.endsWith(`/${name}`))?.Value ?? '';
  outputs = JSON.parse(parameter('control-plane')) as ControlPlaneOutputs;
  pool = JSON.parse(parameter('pool')) as PoolOutputs;
  registry = new Registry(new RegistryTable(options, parameter('registry-table')));
  ({ token } = await project.json<{ token: string }>('token', '--control-plane'));
});
afterAll(() => project.remove());

async function call(method: string, path: string, body?: object) {
  const reply = await api(`${outputs.apiUrl}${path}`, { method, token, ...(body && { body }) });
  return { status: reply.status, data: reply.body['data'] as Json, message: reply.body['message'] };
}
const register = (tenantName: string, tier: string) =>
  call('POST', '/tenant-registrations', {
    tenantData: { tenantName, tier, email: `admin@${tenantName}.example` },
    tenantRegistrationData: { registrationStatus: 'In progress' },
  });

/** The registration's own data once it says `status`. */
async function registrationAt(id: string | undefined, status: string): Promise<Json> {
  return vi.waitFor(
    async () => {
      const { data } = await call('GET', `/tenant-registrations/${id}`);
      expect(data, JSON.stringify(data)).toMatchObject({ registrationStatus: status });
      return data;
    },
    { timeout: 50_000, interval: 100 },
  );
}
const registeredTenants = async (): Promise<Json[]> =>
  (await call('GET', '/tenants?limit=100')).data as unknown as Json[];

describe('the API', () => {
  it('admits nobody without a token, and an operator with one', async () => {
    for (const path of ['/tenants', '/tenant-registrations', '/users'])
      expect((await api(`${outputs.apiUrl}${path}`)).status).toBe(401);
    expect((await call('GET', '/tenants')).status).toBe(200);
    // The machine client that this token is of has no business with operators.
    expect((await call('GET', '/users')).status).toBe(403);
  });

  it('has invited the system administrator', async () => {
    const mails = await project.json<{ mails: { to: string; subject: string }[] }>('local', 'outbox');
    expect(JSON.stringify(mails)).toContain('ops@');
  });

  it('tells the configuration of a name that nobody has', async () => {
    const reply = await api(`${outputs.apiUrl}/tenant-config?tenantName=nobody-at-all`);
    expect(reply).toMatchObject({ status: 200, body: { userPoolId: pool.userPoolId } });
  });
});

describe('a registration by the API', () => {
  it.each(['basic', 'advanced'])(
    'of the tier %s is provisioned by a job, and taken out by one',
    async (tier) => {
      const name = `by-api-${tier}`;
      const { status, data } = await register(name, tier);
      expect(status).toBe(201);
      await registrationAt(data['tenantRegistrationId'], 'Complete');

      const tenant = await project.json('describe-tenant', name);
      expect(tenant).toMatchObject({ tenantId: data['tenantId'], tier, status: 'active' });
      const shown = (await call('GET', `/tenants/${data['tenantId']}`)).data;
      expect(shown).toMatchObject({ tenantName: name, apiUrl: tenant['apiUrl'], sbtaws_active: true });
      const config = await api(`${outputs.apiUrl}/tenant-config/${name}`);
      expect(config.body).toEqual(JSON.parse(shown['tenantConfig'] ?? ''));
      const { token: own } = await project.json<{ token: string }>('token', '--tenant', name);
      expect((await api(`${String(tenant['apiUrl'])}/orders`, { token: own })).status).toBe(200);

      const gone = await call('DELETE', `/tenant-registrations/${data['tenantRegistrationId']}`);
      expect(gone.status).toBe(200);
      const past = await registrationAt(data['tenantRegistrationId'], 'Deleted');
      expect(past).toMatchObject({ sbtaws_active: false });
      const { tenants } = await project.json<{ tenants: { name: string }[] }>('list-tenants');
      expect(tenants.map((one) => one.name)).not.toContain(name);
    },
  );

  it('that fails says why and where its log is, and is asked for again', async () => {
    const { data } = await register('wrong', 'no-such-tier');
    const failed = await registrationAt(data['tenantRegistrationId'], 'Failed');
    expect(failed['failureReason']).toContain('no-such-tier');
    expect(failed['failureLog']).toMatch(/^https:\/\/.*executions/);
    expect((await call('DELETE', `/tenant-registrations/${data['tenantRegistrationId']}`)).status).toBe(200);
    await registrationAt(data['tenantRegistrationId'], 'Deleted');
  });
});

describe('the command line', () => {
  it('registers whom it onboards, and no job meddles', async () => {
    const tenant = await project.json<{ tenantId: string; steps: { name: string }[] }>(
      'onboard',
      ...['--tier', 'basic', '--name', 'by-hand', '--email', 'admin@by-hand.example'],
    );
    expect(tenant.steps.map(({ name }) => name)).toEqual(expect.arrayContaining(['register', 'announce']));
    const registered = (await registeredTenants()).find(({ tenantName }) => tenantName === 'by-hand');
    expect(registered).toMatchObject({
      tenantId: tenant.tenantId,
      provisionedBy: 'cli',
      sbtaws_active: true,
    });
    await registrationAt(registered?.['tenantRegistrationId'], 'Complete');
    expect(await register('by-hand', 'basic')).toMatchObject({ status: 409 });
  });

  it('tells the registration of a failure', async () => {
    // The address is that of another tenant's administrator.
    const failed = await project.cli(
      ...['onboard', '--tier', 'basic', '--name', 'unlucky', '--email', 'admin@by-hand.example', '--json'],
    );
    expect(failed.code).toBe(1);
    const registered = (await registeredTenants()).find(({ tenantName }) => tenantName === 'unlucky');
    const { failureReason } = await registrationAt(registered?.['tenantRegistrationId'], 'Failed');
    expect(failureReason).toContain("can't be invited");
    await project.json('offboard', 'unlucky', '--confirm', 'unlucky');
    await registrationAt(registered?.['tenantRegistrationId'], 'Deleted');
  });
});

describe('reconcile', () => {
  const find = async (...argv: string[]): Promise<Finding[]> =>
    (await project.json<{ findings: Finding[] }>('reconcile', ...argv)).findings;

  it('finds nothing where nothing is wrong', async () => {
    expect(await find('--dry-run')).toEqual([]);
    expect((await project.cli('reconcile', '--dry-run', '--exit-code')).code).toBe(0);
  });

  it('finds each difference, mends what is safe, and names the command for the rest', async () => {
    const cognito = new CognitoIdentityProviderClient(options);
    const gateway = new APIGatewayClient(options);
    const { userPoolId: UserPoolId } = pool;
    for (const name of ['keyless', 'planless', 'groupless', 'unknown', 'stale'])
      await project.json('onboard', '--tier', 'basic', '--name', name, '--email', `admin@${name}.example`);
    const tenant = (name: string) => registry.findTenant(name);
    const [keyless, planless, groupless, unknown, stale] = await Promise.all(
      ['keyless', 'planless', 'groupless', 'unknown', 'stale'].map(tenant),
    );
    const report = (id: string | undefined, DetailType: string, jobOutput: object) =>
      new EventBridgeClient(options).send(
        new PutEventsCommand({
          Entries: [
            {
              EventBusName: outputs.busName,
              Source: 'applicationPlaneEventSource',
              DetailType,
              Detail: JSON.stringify({ tenantRegistrationId: id, jobOutput }),
            },
          ],
        }),
      );

    await gateway.send(new DeleteApiKeyCommand({ apiKey: keyless?.apiKeyId }));
    await gateway.send(
      new DeleteUsagePlanKeyCommand({ usagePlanId: planless?.usagePlanId, keyId: planless?.apiKeyId }),
    );
    await cognito.send(new DeleteGroupCommand({ UserPoolId, GroupName: groupless?.tenantId }));
    await report(unknown?.registrationId, 'deprovisionSuccess', {});
    await registrationAt(unknown?.registrationId, 'Deleted');
    await report(stale?.registrationId, 'provisionFailure', {});
    await registrationAt(stale?.registrationId, 'Failed');
    const nobody = newTenantId();
    await cognito.send(new CreateGroupCommand({ UserPoolId, GroupName: nobody }));
    await registry.takeSlots('cell-1', new Map([[99, `${nobody}/orders`]]));
    await new DynamoDBClient(options).send(
      new CreateTableCommand({
        TableName: `tenant-${nobody}-Orders`,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      }),
    );
    const lost = (await register('lost', 'no-such-tier')).data['tenantRegistrationId'];
    await registrationAt(lost, 'Failed');

    const expected = [
      ['key-without-plan', `planless (${planless?.tenantId})`],
      ['missing-group', `groupless (${groupless?.tenantId})`],
      ['missing-key', `keyless (${keyless?.tenantId})`],
      ['orphaned-group', nobody],
      ['orphaned-slot', 'cell-1 slot 99'],
      ['orphaned-table', `tenant-${nobody}-Orders`],
      ['registration-out-of-date', `stale (${stale?.tenantId})`],
      ['registration-without-tenant', `lost (registration ${lost})`],
      ['unregistered-tenant', `unknown (${unknown?.tenantId})`],
    ];
    const kinds = (findings: Finding[]) => findings.map(({ kind, subject }) => [kind, subject]).sort();
    const preview = await project.cli('reconcile', '--dry-run', '--exit-code', '--json');
    expect(preview.code).toBe(3);
    expect(kinds((preview.json() as { data: { findings: Finding[] } }).data.findings)).toEqual(expected);
    expect(kinds(await find('--dry-run', '--tenant', 'keyless'))).toEqual([expected[2]]);

    const mended = await find();
    expect(kinds(mended)).toEqual(expected);
    expect(mended.filter(({ status }) => status !== 'repaired')).toEqual([
      {
        kind: 'orphaned-table',
        subject: `tenant-${nobody}-Orders`,
        detail: 'a table with the data of no tenant',
        repair: `aws dynamodb delete-table --table-name tenant-${nobody}-Orders`,
        status: 'manual',
      },
    ]);
    await registrationAt((await tenant('unknown')).registrationId, 'Complete');
    await registrationAt(stale?.registrationId, 'Complete');
    await registrationAt(lost, 'Deleted');
    expect((await find('--dry-run')).map(({ kind }) => kind)).toEqual(['orphaned-table']);
    for (const name of ['keyless', 'planless', 'groupless']) {
      const { token: own } = await project.json<{ token: string }>('token', '--tenant', name);
      const { apiUrl = '' } = await tenant(name);
      expect((await api(`${apiUrl}/orders`, { token: own })).status).toBe(200);
    }
  });

  it('finds what silos leave behind, and what is missing of them', async () => {
    const cognito = new CognitoIdentityProviderClient(options);
    const balancer = new ElasticLoadBalancingV2Client(options);
    const stacks = new CloudFormationClient(options);
    const events = new EventBridgeClient(options);
    const { userPoolId: UserPoolId } = pool;
    const before = await find('--dry-run');
    await project.json(
      ...['onboard', '--tier', 'advanced', '--name', 'siloed', '--email', 'admin@siloed.example'],
    );
    const silo = await registry.findTenant('siloed');
    const subject = `siloed (${silo.tenantId})`;
    const nobody = newTenantId();

    await registry.deleteIssuer(silo.holdings?.pool.issuer ?? '');
    const [slot = 0, owner = ''] =
      [...(await registry.slots('cell-1'))].find(([, one]) => one.startsWith(silo.tenantId)) ?? [];
    await registry.freeSlot('cell-1', slot, owner);
    const [cell] = await registry.cells();
    const rule = await balancer.send(
      new CreateRuleCommand({
        ListenerArn: cell?.listenerArn,
        Priority: 98,
        Conditions: [
          {
            Field: 'http-header',
            HttpHeaderConfig: { HttpHeaderName: 'tenantPath', Values: [nobody] },
          },
        ],
        Actions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404' } }],
      }),
    );
    await stacks.send(
      new CreateStackCommand({
        StackName: `tenant-${nobody}`,
        TemplateBody: JSON.stringify({ Resources: { Topic: { Type: 'AWS::Logs::LogGroup' } } }),
        Tags: [
          { Key: 'saas-ecs:app', Value: 'shop' },
          { Key: 'saas-ecs:environment', Value: 'local' },
        ],
      }),
    );
    await waitUntilStackCreateComplete(
      { client: stacks, maxWaitTime: 30, minDelay: 1 },
      { StackName: `tenant-${nobody}` },
    );
    const { UserPool } = await cognito.send(new CreateUserPoolCommand({ PoolName: `tenant-${nobody}` }));
    await cognito.send(
      new AdminCreateUserCommand({
        UserPoolId,
        Username: 'left@over.example',
        MessageAction: 'SUPPRESS',
        UserAttributes: [{ Name: 'custom:tenantId', Value: nobody }],
      }),
    );
    const key = await new APIGatewayClient(options).send(
      new CreateApiKeyCommand({
        name: `tenant-${nobody}`,
        tags: { 'saas-ecs:app': 'shop', 'saas-ecs:environment': 'local' },
      }),
    );
    // The offboarding is asked for, and nobody hears of it.
    const { Rules = [] } = await events.send(new ListRulesCommand({ EventBusName: outputs.busName }));
    const offboarding = Rules.find(({ EventPattern }) => EventPattern?.includes('offboardingRequest'));
    const at = { EventBusName: outputs.busName, Name: offboarding?.Name };
    await events.send(new DisableRuleCommand(at));
    expect((await call('DELETE', `/tenant-registrations/${silo.registrationId}`)).status).toBe(200);
    await events.send(new EnableRuleCommand(at));

    const known = new Set(before.map((finding) => finding.subject));
    const found = (await find()).filter((finding) => !known.has(finding.subject));
    expect(found.map(({ kind, subject: of, status }) => [kind, of, status]).sort()).toEqual(
      [
        ['missing-issuer', subject, 'repaired'],
        ['missing-slot', subject, 'repaired'],
        ['orphaned-key', key.id, 'repaired'],
        ['orphaned-rule', rule.Rules?.[0]?.RuleArn, 'repaired'],
        ['orphaned-stack', `tenant-${nobody}`, 'repaired'],
        ['orphaned-user', expect.any(String), 'manual'],
        ['orphaned-user-pool', UserPool?.Id, 'manual'],
        ['tenant-of-deleted-registration', subject, 'manual'],
      ].sort(),
    );
    expect((await find('--dry-run')).map(({ kind }) => kind).sort()).toEqual(
      ['orphaned-table', 'orphaned-user', 'orphaned-user-pool', 'tenant-of-deleted-registration'].sort(),
    );

    await stacks.send(new DeleteStackCommand({ StackName: `tenant-${silo.tenantId}` }));
    await waitUntilStackDeleteComplete(
      { client: stacks, maxWaitTime: 60, minDelay: 1 },
      { StackName: `tenant-${silo.tenantId}` },
    );
    expect(await find('--dry-run', '--tenant', 'siloed')).toMatchObject([
      { kind: 'tenant-of-deleted-registration' },
      { kind: 'missing-stack', subject, status: 'manual' },
    ]);
    await project.json('offboard', 'siloed', '--confirm', 'siloed');
    await registrationAt(silo.registrationId, 'Deleted');
  });
});
