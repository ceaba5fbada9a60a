import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateRuleCommand,
  CreateTargetGroupCommand,
  DeleteTargetGroupCommand,
  DescribeRulesCommand,
  DescribeTargetHealthCommand,
  ElasticLoadBalancingV2Client,
  ModifyTargetGroupAttributesCommand,
  type RuleCondition,
  SetRulePrioritiesCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import type { LoadBalancerResponse, ResourceContext } from '../../src/embedded/platform.ts';

let stateDir: string;
let cloud: RunningCloud;
let client: ElasticLoadBalancingV2Client;
const servers: Server[] = [];

beforeAll(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'load-balancer-'));
  cloud = await startCloud({ stateDir });
  client = new ElasticLoadBalancingV2Client({
    endpoint: cloud.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
});

afterAll(async () => {
  client.destroy();
  await cloud.stop();
  for (const server of servers) server.closeAllConnections();
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  await rm(stateDir, { recursive: true });
});

async function serve(handler: RequestListener): Promise<{ port: number; server: Server }> {
  const server = createServer(handler);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, server };
}

/** Answers health checks with 200 and everything else with its name and what it got. */
const echo =
  (name: string): RequestListener =>
  (request, response) => {
    if (request.url === '/health') {
      response.end();
      return;
    }
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({ name, method: request.method, url: request.url, headers: request.headers }),
    );
  };

let names = 0;
const unique = (prefix: string): string => `${prefix}-${++names}`;

async function loadBalancer(): Promise<{ arn: string; listener: string }> {
  const { LoadBalancers } = await client.send(
    new CreateLoadBalancerCommand({
      Name: unique('alb'),
      Subnets: ['subnet-a', 'subnet-b'],
      Scheme: 'internal',
    }),
  );
  const arn = LoadBalancers?.[0]?.LoadBalancerArn ?? '';
  const { Listeners } = await client.send(
    new CreateListenerCommand({
      LoadBalancerArn: arn,
      Port: 80,
      Protocol: 'HTTP',
      DefaultActions: [
        {
          Type: 'fixed-response',
          FixedResponseConfig: {
            StatusCode: '404',
            ContentType: 'application/json',
            MessageBody: '{"no":1}',
          },
        },
      ],
    }),
  );
  return { arn, listener: Listeners?.[0]?.ListenerArn ?? '' };
}

async function targetGroup(options: { delay?: number } = {}): Promise<string> {
  const { TargetGroups } = await client.send(
    new CreateTargetGroupCommand({
      Name: unique('group'),
      Protocol: 'HTTP',
      Port: 3010,
      VpcId: 'vpc-1',
      TargetType: 'ip',
      HealthCheckPath: '/health',
      HealthyThresholdCount: 2,
      HealthCheckIntervalSeconds: 5,
      HealthCheckTimeoutSeconds: 2,
    }),
  );
  const arn = TargetGroups?.[0]?.TargetGroupArn ?? '';
  await client.send(
    new ModifyTargetGroupAttributesCommand({
      TargetGroupArn: arn,
      Attributes: [{ Key: 'deregistration_delay.timeout_seconds', Value: String(options.delay ?? 5) }],
    }),
  );
  return arn;
}

const forwardRule = (listener: string, priority: number, group: string, conditions: RuleCondition[]) =>
  client.send(
    new CreateRuleCommand({
      ListenerArn: listener,
      Priority: priority,
      Conditions: conditions,
      Actions: [{ Type: 'forward', TargetGroupArn: group }],
    }),
  );

const pathIs = (...values: string[]): RuleCondition => ({ Field: 'path-pattern', Values: values });
const tenantIs = (value: string): RuleCondition => ({
  Field: 'http-header',
  HttpHeaderConfig: { HttpHeaderName: 'tenantPath', Values: [value] },
});

async function text(response: LoadBalancerResponse): Promise<string> {
  if (Buffer.isBuffer(response.body)) return response.body.toString();
  const chunks: Buffer[] = [];
  for await (const chunk of response.body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

const get = (arn: string, url: string, headers: Record<string, string> = {}) =>
  cloud.loadBalancer.send(arn, 80, { method: 'GET', path: url, headers, body: Buffer.alloc(0) });
const nameAt = async (arn: string, url: string, headers: Record<string, string> = {}): Promise<string> => {
  const response = await get(arn, url, headers);
  return response.status === 200
    ? (JSON.parse(await text(response)) as { name: string }).name
    : String(response.status);
};

async function group(listener: string, priority: number, conditions: RuleCondition[], name: string) {
  const arn = await targetGroup();
  await forwardRule(listener, priority, arn, conditions);
  const { port } = await serve(echo(name));
  cloud.loadBalancer.register(arn, { id: name, host: '127.0.0.1', port });
  await cloud.loadBalancer.healthy(arn, name, 5000);
  return arn;
}

describe('routing', () => {
  it('takes the first rule by priority whose conditions all hold', async () => {
    const { arn, listener } = await loadBalancer();
    await group(listener, 20, [tenantIs('acme'), pathIs('/orders', '/orders/*')], 'acme-orders');
    await group(listener, 30, [tenantIs('acme')], 'acme-rest');
    await group(listener, 10, [tenantIs('BASIC')], 'pool');

    expect(await nameAt(arn, '/orders', { tenantPath: 'acme' })).toBe('acme-orders');
    expect(await nameAt(arn, '/orders/1?x=1', { TENANTPATH: 'Acme' })).toBe('acme-orders');
    expect(await nameAt(arn, '/Orders/1', { tenantPath: 'acme' })).toBe('acme-rest');
    expect(await nameAt(arn, '/orders', { tenantPath: 'basic' })).toBe('pool');
    expect(await nameAt(arn, '/orders', { tenantPath: 'acme2' })).toBe('404');
    expect(await nameAt(arn, '/orders')).toBe('404');
  });

  it('takes hosts, methods, queries and sources into account', async () => {
    const { arn, listener } = await loadBalancer();
    await group(listener, 1, [{ Field: 'host-header', Values: ['*.Example.com'] }], 'host');
    await group(
      listener,
      2,
      [{ Field: 'http-request-method', HttpRequestMethodConfig: { Values: ['DELETE'] } }],
      'method',
    );
    await group(
      listener,
      3,
      [
        {
          Field: 'query-string',
          QueryStringConfig: { Values: [{ Key: 'version', Value: 'v?' }] },
        },
      ],
      'query',
    );
    await group(listener, 4, [{ Field: 'source-ip', SourceIpConfig: { Values: ['10.1.0.0/16'] } }], 'source');
    expect(await nameAt(arn, '/', { host: 'a.example.com:80' })).toBe('host');
    expect(await nameAt(arn, '/?version=v2')).toBe('query');
    expect(await nameAt(arn, '/?version=v22')).toBe('404');
    const from = (sourceIp: string, method = 'GET') =>
      cloud.loadBalancer.send(arn, 80, { method, path: '/', headers: {}, body: Buffer.alloc(0), sourceIp });
    expect(JSON.parse(await text(await from('10.1.2.3')))).toMatchObject({ name: 'source' });
    expect((await from('10.2.2.3')).status).toBe(404);
    expect(JSON.parse(await text(await from('10.2.2.3', 'DELETE')))).toMatchObject({ name: 'method' });
  });

  it('follows a change of priorities at once', async () => {
    const { arn, listener } = await loadBalancer();
    await group(listener, 1, [pathIs('/*')], 'first');
    await group(listener, 2, [pathIs('/a')], 'second');
    expect(await nameAt(arn, '/a')).toBe('first');
    const { Rules = [] } = await client.send(new DescribeRulesCommand({ ListenerArn: listener }));
    const [one, two, last] = Rules;
    expect(last).toMatchObject({ Priority: 'default', IsDefault: true });
    // In both spellings, as AWS shows them, whichever was used to set them.
    const TargetGroupArn = one?.Actions?.[0]?.TargetGroupArn;
    expect(TargetGroupArn).toMatch(/:targetgroup\//);
    expect(one).toMatchObject({
      Conditions: [{ Field: 'path-pattern', Values: ['/*'], PathPatternConfig: { Values: ['/*'] } }],
      Actions: [{ Type: 'forward', ForwardConfig: { TargetGroups: [{ TargetGroupArn, Weight: 1 }] } }],
    });
    await client.send(
      new SetRulePrioritiesCommand({
        RulePriorities: [
          { RuleArn: one?.RuleArn, Priority: 2 },
          { RuleArn: two?.RuleArn, Priority: 1 },
        ],
      }),
    );
    expect(await nameAt(arn, '/a')).toBe('second');
  });

  it('answers fixed responses and redirects itself', async () => {
    const { arn, listener } = await loadBalancer();
    await client.send(
      new CreateRuleCommand({
        ListenerArn: listener,
        Priority: 1,
        Conditions: [pathIs('/old/*')],
        Actions: [
          {
            Type: 'redirect',
            RedirectConfig: { StatusCode: 'HTTP_301', Path: '/new/#{path}', Port: '8080' },
          },
        ],
      }),
    );
    const moved = await get(arn, '/old/x?y=1', { host: 'shop' });
    expect(moved.status).toBe(301);
    expect(moved.headers).toContain('http://shop:8080/new/old/x?y=1');
    const none = await get(arn, '/else');
    expect([none.status, await text(none)]).toEqual([404, '{"no":1}']);
  });
});

describe('requests to targets', () => {
  it('adds who asked and drops what concerns one connection', async () => {
    const { arn, listener } = await loadBalancer();
    await group(listener, 1, [pathIs('/*')], 'headers');
    const response = await cloud.loadBalancer.send(arn, 80, {
      method: 'POST',
      path: '/x?y',
      headers: {
        'x-forwarded-for': '1.2.3.4',
        'X-Forwarded-Proto': 'gopher',
        connection: 'close',
        upgrade: 'h2c',
        'x-own': 'kept',
      },
      body: Buffer.from('hello'),
    });
    const { headers, method, url } = JSON.parse(await text(response)) as IncomingMessage;
    expect({ method, url }).toEqual({ method: 'POST', url: '/x?y' });
    expect(headers).toMatchObject({
      'x-forwarded-for': '1.2.3.4, 127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-port': '80',
      'x-own': 'kept',
      'content-length': '5',
    });
    expect(headers['x-amzn-trace-id']).toMatch(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/);
    expect(headers).not.toHaveProperty('upgrade');
  });

  it('goes round the healthy targets, and answers 503 when there is none', async () => {
    const { arn, listener } = await loadBalancer();
    const groupArn = await targetGroup();
    await forwardRule(listener, 1, groupArn, [pathIs('/*')]);
    expect((await get(arn, '/')).status).toBe(503);
    for (const name of ['a', 'b']) {
      const { port } = await serve(echo(name));
      cloud.loadBalancer.register(groupArn, { id: name, host: '127.0.0.1', port });
      await cloud.loadBalancer.healthy(groupArn, name, 5000);
    }
    const seen = [
      await nameAt(arn, '/'),
      await nameAt(arn, '/'),
      await nameAt(arn, '/'),
      await nameAt(arn, '/'),
    ];
    expect(seen.toSorted()).toEqual(['a', 'a', 'b', 'b']);
    await cloud.loadBalancer.deregister(groupArn, 'a');
    expect([await nameAt(arn, '/'), await nameAt(arn, '/')]).toEqual(['b', 'b']);
    await cloud.loadBalancer.deregister(groupArn, 'b');
    expect((await get(arn, '/')).status).toBe(503);
  });

  it('says why a target does not become healthy', async () => {
    const { listener } = await loadBalancer();
    const groupArn = await targetGroup();
    await forwardRule(listener, 1, groupArn, [pathIs('/*')]);
    const { port } = await serve((_request, response) => response.writeHead(500).end());
    cloud.loadBalancer.register(groupArn, { id: 'sick', host: '127.0.0.1', port });
    await expect(cloud.loadBalancer.healthy(groupArn, 'sick', 400)).rejects.toThrow(
      'Health checks failed with these codes: [500]',
    );
    const { TargetHealthDescriptions } = await client.send(
      new DescribeTargetHealthCommand({ TargetGroupArn: groupArn }),
    );
    expect(TargetHealthDescriptions?.[0]?.TargetHealth).toMatchObject({ State: 'initial' });
  });

  it('leaves targets unused until a rule names their group', async () => {
    const { listener } = await loadBalancer();
    const groupArn = await targetGroup();
    const { port } = await serve(echo('later'));
    cloud.loadBalancer.register(groupArn, { id: 'later', host: '127.0.0.1', port });
    const state = async () =>
      (await client.send(new DescribeTargetHealthCommand({ TargetGroupArn: groupArn })))
        .TargetHealthDescriptions?.[0]?.TargetHealth?.State;
    expect(await state()).toBe('unused');
    await forwardRule(listener, 1, groupArn, [pathIs('/*')]);
    await cloud.loadBalancer.healthy(groupArn, 'later', 5000);
    expect(await state()).toBe('healthy');
  });

  it('answers 502 when a target breaks the connection', async () => {
    const { arn, listener } = await loadBalancer();
    const groupArn = await targetGroup();
    await forwardRule(listener, 1, groupArn, [pathIs('/*')]);
    const { port } = await serve((request, response) => {
      if (request.url === '/health') response.end();
      else request.socket.destroy();
    });
    cloud.loadBalancer.register(groupArn, { id: 'broken', host: '127.0.0.1', port });
    await cloud.loadBalancer.healthy(groupArn, 'broken', 5000);
    expect((await get(arn, '/')).status).toBe(502);
  });

  it('lets requests under way end before a target is gone', async () => {
    const { arn, listener } = await loadBalancer();
    const groupArn = await targetGroup();
    await forwardRule(listener, 1, groupArn, [pathIs('/*')]);
    let finish = (): void => {};
    const reached = new Promise<void>((arrived) => {
      serve((request, response) => {
        if (request.url === '/health') {
          response.end();
          return;
        }
        finish = () => response.end('done');
        arrived();
      }).then(
        ({ port }) => cloud.loadBalancer.register(groupArn, { id: 'slow', host: '127.0.0.1', port }),
        expect.fail,
      );
    });
    await expect
      .poll(async () =>
        cloud.loadBalancer.healthy(groupArn, 'slow', 1000).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    const answer = get(arn, '/');
    await reached;
    let gone = false;
    const deregistered = cloud.loadBalancer.deregister(groupArn, 'slow').then(() => {
      gone = true;
    });
    expect((await get(arn, '/')).status).toBe(503);
    expect(gone).toBe(false);
    finish();
    expect(await text(await answer)).toBe('done');
    await deregistered;
  });
});

describe("AWS's limits", () => {
  it('holds 100 target groups a load balancer, and one load balancer a target group', async () => {
    const { arn, listener } = await loadBalancer();
    const groups: string[] = [];
    for (let index = 0; index < 101; index++) groups.push(await targetGroup());
    const tuple = (from: number, to: number) =>
      groups.slice(from, to).map((TargetGroupArn) => ({ TargetGroupArn, Weight: 1 }));
    for (let index = 0; index < 20; index++)
      await client.send(
        new CreateRuleCommand({
          ListenerArn: listener,
          Priority: index + 1,
          Conditions: [pathIs(`/${index}`)],
          Actions: [{ Type: 'forward', ForwardConfig: { TargetGroups: tuple(index * 5, index * 5 + 5) } }],
        }),
      );
    const over = groups[100] ?? '';
    await expect(forwardRule(listener, 50, over, [pathIs('/over')])).rejects.toMatchObject({
      name: 'TooManyUniqueTargetGroupsPerLoadBalancerException',
    });
    // One that it has already is no further one.
    await forwardRule(listener, 50, groups[0] ?? '', [pathIs('/again')]);
    const other = await loadBalancer();
    await expect(forwardRule(other.listener, 1, groups[0] ?? '', [pathIs('/x')])).rejects.toMatchObject({
      name: 'TargetGroupAssociationLimitException',
    });
    await expect(
      client.send(new DeleteTargetGroupCommand({ TargetGroupArn: groups[0] })),
    ).rejects.toMatchObject({ name: 'ResourceInUseException' });
    expect(arn).toContain(':loadbalancer/app/');
  });

  it('holds 100 rules, 5 values a rule, and one rule a priority', async () => {
    const { listener } = await loadBalancer();
    const groupArn = await targetGroup();
    for (let priority = 1; priority <= 100; priority++)
      await forwardRule(listener, priority, groupArn, [pathIs(`/${priority}`)]);
    await expect(forwardRule(listener, 101, groupArn, [pathIs('/x')])).rejects.toMatchObject({
      name: 'TooManyRulesException',
    });
    await expect(forwardRule(listener, 7, groupArn, [pathIs('/x')])).rejects.toMatchObject({
      name: 'PriorityInUseException',
    });
    await expect(
      forwardRule(listener, 102, groupArn, [pathIs('/1', '/2', '/3', '/4', '/5', '/6')]),
    ).rejects.toThrow("'5' condition values");
  });
});

describe('CloudFormation', () => {
  const context = (logicalId: string): ResourceContext => ({
    stackId: 'stack-id',
    stackName: 'stack',
    logicalId,
    tags: { app: 'shop' },
    signal: new AbortController().signal,
    physicalName: (max = 64) => `stack-${logicalId}-0123456789abcdef0123456789`.slice(0, max),
  });

  it('makes the four types and gives their attributes', async () => {
    const make = async (type: string, logicalId: string, properties: Record<string, unknown>) => {
      const resource = cloud.services
        .flatMap(({ resourceTypes }) => resourceTypes?.[`AWS::ElasticLoadBalancingV2::${type}`] ?? [])
        .at(0);
      if (!resource) throw new Error(`${type} is missing`);
      const state = await resource.create(context(logicalId), properties);
      return { resource, state, properties };
    };
    const balancer = await make('LoadBalancer', 'Alb', {
      Type: 'application',
      Scheme: 'internal',
      Subnets: ['subnet-a', 'subnet-b'],
      SecurityGroups: ['sg-1'],
      LoadBalancerAttributes: [{ Key: 'idle_timeout.timeout_seconds', Value: '90' }],
    });
    expect(balancer.state.attributes).toMatchObject({
      DNSName: expect.stringMatching(/^internal-stack-Alb-.+\.elb\.amazonaws\.com$/),
      LoadBalancerFullName: expect.stringMatching(/^app\/stack-Alb-.+\/[0-9a-f]{16}$/),
      SecurityGroups: ['sg-1'],
    });
    const groupState = await make('TargetGroup', 'Orders', {
      Port: 3010,
      Protocol: 'HTTP',
      TargetType: 'ip',
      VpcId: 'vpc-1',
      TargetGroupAttributes: [{ Key: 'deregistration_delay.timeout_seconds', Value: '10' }],
    });
    const listener = await make('Listener', 'Http', {
      LoadBalancerArn: balancer.state.physicalId,
      Port: 80,
      Protocol: 'HTTP',
      DefaultActions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404' } }],
    });
    const rule = await make('ListenerRule', 'Rule', {
      ListenerArn: listener.state.physicalId,
      Priority: 5,
      Conditions: [tenantIs('acme')],
      Actions: [{ Type: 'forward', TargetGroupArn: groupState.state.physicalId }],
    });
    expect(rule.state).toMatchObject({ attributes: { RuleArn: rule.state.physicalId } });
    await rule.resource.update?.(
      context('Rule'),
      rule.state.physicalId,
      { ...rule.properties, Priority: 9 },
      rule.properties,
    );
    const { Rules } = await client.send(new DescribeRulesCommand({ RuleArns: [rule.state.physicalId] }));
    expect(Rules?.[0]).toMatchObject({ Priority: '9' });
    for (const each of [rule, listener, groupState, balancer])
      await each.resource.delete(context('x'), each.state.physicalId, each.properties);
    // Deleting what is gone succeeds.
    await groupState.resource.delete(context('x'), groupState.state.physicalId, {});
  });
});
