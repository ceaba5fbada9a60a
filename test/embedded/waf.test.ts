import { CloudWatchLogs } from '@aws-sdk/client-cloudwatch-logs';
import { type CreateWebACLCommandInput, type Statement, WAFV2 } from '@aws-sdk/client-wafv2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { echo, GatewayFixture, token } from './gateway-fixture.ts';
import { resourceContext } from './resource-context.ts';

let fixture: GatewayFixture;
let waf: WAFV2;
let key: string;

beforeAll(async () => {
  fixture = await GatewayFixture.start();
  const { endpoint } = fixture.cloud;
  waf = new WAFV2({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
  await fixture.tenant('basic', 1, echo('pool'));
});
afterAll(async () => {
  waf.destroy();
  await fixture.close();
});

const visible = (MetricName: string) => ({
  CloudWatchMetricsEnabled: false,
  SampledRequestsEnabled: false,
  MetricName,
});

const acl = (name: string, statement: Statement): CreateWebACLCommandInput => ({
  Name: name,
  Scope: 'REGIONAL',
  DefaultAction: { Allow: {} },
  VisibilityConfig: visible(name),
  Rules: [
    {
      Name: 'rule',
      Priority: 0,
      Action: { Block: {} },
      Statement: statement,
      VisibilityConfig: visible('rule'),
    },
  ],
});

const stageArn = (api: string): string => `arn:aws:apigateway:us-east-1::/restapis/${api}/stages/prod`;

/** An API with a web ACL in front. */
async function guarded(name: string, statement: Statement): Promise<{ api: string; arn: string }> {
  const api = await fixture.api();
  const plan = await fixture.plan(api, name, 1000, 1000, 10_000);
  key = (await fixture.key(plan, name)).value;
  const { Summary } = await waf.createWebACL(acl(name, statement));
  const arn = Summary?.ARN ?? '';
  await waf.associateWebACL({ WebACLArn: arn, ResourceArn: stageArn(api) });
  return { api, arn };
}

const ask = (api: string, target = '/orders', headers: Record<string, string> = {}) =>
  fixture.call(api, target, {
    headers: { authorization: token({ tenantPath: 'basic', key }), ...headers },
  });

async function burst(api: string, count: number): Promise<Record<number, number>> {
  const seen: Record<number, number> = {};
  for (let index = 0; index < count; index++) {
    const { status } = await ask(api);
    seen[status] = (seen[status] ?? 0) + 1;
  }
  return seen;
}

describe('a rate-based rule', () => {
  it('lets an address send up to its limit in the window, and answers 403 after that', async () => {
    const { api } = await guarded('rate', { RateBasedStatement: { Limit: 10, AggregateKeyType: 'IP' } });
    expect(await burst(api, 14)).toEqual({ 200: 10, 403: 4 });
    const refused = await ask(api);
    expect(refused.json()).toEqual({ message: 'Forbidden' });
    expect(refused.headers).toMatchObject({
      'x-amzn-errortype': 'ForbiddenException',
      'access-control-allow-origin': '*',
    });
    // Half a window later the first ones still count; a whole one later none does.
    fixture.pass(150_000);
    expect((await ask(api)).status).toBe(403);
    fixture.pass(301_000);
    expect((await ask(api)).status).toBe(200);
  });

  it('counts what an authorizer never gets to see', async () => {
    const { api } = await guarded('early', { RateBasedStatement: { Limit: 10, AggregateKeyType: 'IP' } });
    await burst(api, 10);
    const before = fixture.invocations.length;
    const answer = await fixture.call(api, '/orders', {
      headers: { authorization: token({ tenantPath: 'basic', key, context: { other: 'token' } }) },
    });
    expect(answer.status).toBe(403);
    expect(fixture.invocations).toHaveLength(before);
  });

  it('counts over all stages that its web ACL stands in front of', async () => {
    const { api, arn } = await guarded('several', {
      RateBasedStatement: { Limit: 10, AggregateKeyType: 'IP' },
    });
    const other = await fixture.api();
    const preflight = () => fixture.call(other, '/orders', { method: 'OPTIONS' });
    expect((await preflight()).status).toBe(204);
    await waf.associateWebACL({ WebACLArn: arn, ResourceArn: stageArn(other) });
    await burst(api, 10);
    expect((await preflight()).status).toBe(403);
    expect(
      (await waf.listResourcesForWebACL({ WebACLArn: arn, ResourceType: 'API_GATEWAY' })).ResourceArns,
    ).toEqual(expect.arrayContaining([stageArn(api), stageArn(other)]));
  });
});

it('matches paths and sizes, and only those', async () => {
  const { api } = await guarded('match', {
    OrStatement: {
      Statements: [
        {
          ByteMatchStatement: {
            FieldToMatch: { UriPath: {} },
            PositionalConstraint: 'CONTAINS',
            SearchString: Buffer.from('/etc/'),
            TextTransformations: [
              { Priority: 0, Type: 'URL_DECODE' },
              { Priority: 1, Type: 'LOWERCASE' },
            ],
          },
        },
        {
          SizeConstraintStatement: {
            FieldToMatch: { QueryString: {} },
            ComparisonOperator: 'GT',
            Size: 100,
            TextTransformations: [{ Priority: 0, Type: 'NONE' }],
          },
        },
      ],
    },
  });
  expect((await ask(api, '/orders/1')).status).toBe(200);
  expect((await ask(api, '/orders/%2FETC%2Fpasswd')).status).toBe(403);
  expect((await ask(api, `/orders?q=${'x'.repeat(100)}`)).status).toBe(403);
});

it('accepts the rule groups that AWS keeps and counts their capacity; it knows no others', async () => {
  const group = (Name: string) => ({
    ...acl('managed', {}),
    Rules: [
      {
        Name: 'group',
        Priority: 1,
        OverrideAction: { None: {} },
        Statement: { ManagedRuleGroupStatement: { VendorName: 'AWS', Name } },
        VisibilityConfig: visible('group'),
      },
    ],
  });
  const { Summary } = await waf.createWebACL(group('AWSManagedRulesCommonRuleSet'));
  const { WebACL } = await waf.getWebACL({ Name: 'managed', Id: Summary?.Id, Scope: 'REGIONAL' });
  expect(WebACL?.Capacity).toBe(700);
  await expect(waf.createWebACL({ ...group('AWSManagedRulesNothing'), Name: 'other' })).rejects.toMatchObject(
    {
      name: 'WAFInvalidParameterException',
    },
  );
});

it('refuses a rule that it would not act upon', async () => {
  await expect(
    waf.createWebACL(acl('geo', { GeoMatchStatement: { CountryCodes: ['AQ'] } })),
  ).rejects.toMatchObject({ name: 'WAFInvalidParameterException', message: expect.stringContaining('Geo') });
});

it('is changed by whoever saw its last state, and not deleted while it guards something', async () => {
  const { api, arn } = await guarded('locked', { RateBasedStatement: { Limit: 10, AggregateKeyType: 'IP' } });
  const { WebACL, LockToken } = await waf.getWebACL({ ARN: arn });
  const named = { Name: 'locked', Id: WebACL?.Id, Scope: 'REGIONAL' as const };
  await expect(waf.deleteWebACL({ ...named, LockToken })).rejects.toMatchObject({
    name: 'WAFAssociatedItemException',
  });
  await expect(waf.deleteWebACL({ ...named, LockToken: 'earlier' })).rejects.toMatchObject({
    name: 'WAFOptimisticLockException',
  });
  const changed = acl('locked', { RateBasedStatement: { Limit: 20, AggregateKeyType: 'IP' } });
  const { NextLockToken } = await waf.updateWebACL({ ...changed, ...named, LockToken });
  expect(await burst(api, 22)).toEqual({ 200: 20, 403: 2 });
  expect((await fixture.gateway.getStage({ restApiId: api, stageName: 'prod' })).webAclArn).toBe(arn);
  await waf.disassociateWebACL({ ResourceArn: stageArn(api) });
  expect((await ask(api)).status).toBe(200);
  await waf.deleteWebACL({ ...named, LockToken: NextLockToken });
  await expect(waf.getWebACL({ ARN: arn })).rejects.toMatchObject({ name: 'WAFNonexistentItemException' });
});

it('logs what it blocks without what is redacted', async () => {
  const { api, arn } = await guarded('logged', { RateBasedStatement: { Limit: 10, AggregateKeyType: 'IP' } });
  const logs = new CloudWatchLogs({
    endpoint: fixture.cloud.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  await logs.createLogGroup({ logGroupName: 'aws-waf-logs-test' });
  const group = 'arn:aws:logs:us-east-1:123456789012:log-group:aws-waf-logs-test';
  await expect(
    waf.putLoggingConfiguration({
      LoggingConfiguration: { ResourceArn: arn, LogDestinationConfigs: [group.replace('aws-waf-logs-', '')] },
    }),
  ).rejects.toMatchObject({ name: 'WAFInvalidParameterException' });
  await waf.putLoggingConfiguration({
    LoggingConfiguration: {
      ResourceArn: arn,
      LogDestinationConfigs: [group],
      RedactedFields: [{ SingleHeader: { Name: 'authorization' } }],
      LoggingFilter: {
        DefaultBehavior: 'DROP',
        Filters: [
          {
            Behavior: 'KEEP',
            Requirement: 'MEETS_ANY',
            Conditions: [{ ActionCondition: { Action: 'BLOCK' } }],
          },
        ],
      },
    },
  });
  await burst(api, 11);
  const { events = [] } = await logs.filterLogEvents({ logGroupName: 'aws-waf-logs-test' });
  logs.destroy();
  expect(events).toHaveLength(1);
  const line = JSON.parse(events[0]?.message ?? '');
  expect(line).toMatchObject({ action: 'BLOCK', terminatingRuleId: 'rule', webaclId: arn });
  expect(line.httpRequest).toMatchObject({ uri: '/prod/orders', clientIp: '127.0.0.1' });
  expect(line.httpRequest.headers).toContainEqual({ name: 'authorization', value: 'REDACTED' });
});

it('comes and goes with a stack', async () => {
  const api = await fixture.api();
  const type = (name: string) => fixture.cloud.cloudFormation.resourceType(name) ?? expect.fail(name);
  const context = resourceContext('Acl');
  const properties = {
    Scope: 'REGIONAL',
    DefaultAction: { Allow: {} },
    VisibilityConfig: visible('stack'),
    Rules: acl('', { RateBasedStatement: { Limit: 10, AggregateKeyType: 'IP' } }).Rules,
  };
  const made = await type('AWS::WAFv2::WebACL').create(context, properties);
  const arn = String(made.attributes?.['Arn']);
  const association = await type('AWS::WAFv2::WebACLAssociation').create(context, {
    ResourceArn: stageArn(api),
    WebACLArn: arn,
  });
  const preflights: number[] = [];
  for (let index = 0; index < 12; index++)
    preflights.push((await fixture.call(api, '/orders', { method: 'OPTIONS' })).status);
  expect(preflights).toEqual([...Array(10).fill(204), 403, 403]);
  await type('AWS::WAFv2::WebACLAssociation').delete(context, association.physicalId, {});
  await type('AWS::WAFv2::WebACL').delete(context, made.physicalId, properties);
  await expect(waf.getWebACL({ ARN: arn })).rejects.toMatchObject({ name: 'WAFNonexistentItemException' });
});
