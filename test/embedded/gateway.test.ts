import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { echo, GatewayFixture, token } from './gateway-fixture.ts';
import { resourceContext } from './resource-context.ts';

let fixture: GatewayFixture;
let api: string;
let key: { id: string; value: string };

beforeAll(async () => {
  fixture = await GatewayFixture.start();
  await fixture.tenant('acme', 1, echo('acme'));
  await fixture.tenant('basic', 2, echo('pool'));
  api = await fixture.api();
  const plan = await fixture.plan(api, 'wide', 10_000, 10_000, 1_000_000);
  key = await fixture.key(plan, 'tenant-acme');
});
afterAll(() => fixture.close());
beforeEach(() => {
  fixture.invocations.length = 0;
});

const acme = (more: object = {}): Record<string, string> => ({
  authorization: token({ tenantPath: 'acme', key: key.value, ...more }),
});

describe('a request', () => {
  it('goes through authorizer, key, load balancer and target, and back', async () => {
    const answer = await fixture.call(api, '/orders/17?limit=5&x=a%20b', { headers: acme() });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'x-from': 'acme',
      'content-type': 'application/json',
      'x-amzn-requestid': expect.stringMatching(/^[0-9a-f-]{36}$/),
      'x-amz-apigw-id': expect.any(String),
      'x-amzn-remapped-date': expect.any(String),
    });
    expect(answer.json()).toMatchObject({
      name: 'acme',
      method: 'GET',
      url: '/orders/17?limit=5&x=a%20b',
      headers: {
        tenantpath: 'acme',
        host: 'internal-cell.us-east-1.elb.amazonaws.com',
        'x-forwarded-for': '127.0.0.1, 127.0.0.1',
        'x-amzn-apigateway-api-id': api,
        'x-amzn-trace-id': expect.stringContaining('Root=1-'),
      },
    });
  });

  it('carries a body, whatever its framing', async () => {
    const body = JSON.stringify({ orderName: 'x'.repeat(100_000) });
    const sized = await fixture.call(api, '/orders', {
      method: 'POST',
      headers: { ...acme(), 'content-type': 'application/json', 'content-length': String(body.length) },
      body,
    });
    expect(sized.json()['body']).toBe(body);
    const chunked = await fixture.call(api, '/orders', {
      method: 'POST',
      headers: { ...acme(), 'transfer-encoding': 'chunked' },
      body,
    });
    expect(chunked.json()['body']).toBe(body);
    const empty = await fixture.call(api, '/orders', { method: 'POST', headers: acme() });
    expect(empty.json()['body']).toBe('');
  });

  it('of more than 10 MB is 413', async () => {
    const answer = await fixture.call(api, '/orders', {
      method: 'POST',
      headers: { ...acme(), 'content-length': String(10 * 1024 * 1024 + 1) },
      body: 'x'.repeat(10 * 1024 * 1024 + 1),
    });
    expect([answer.status, answer.json()]).toEqual([413, { message: 'Request Too Long' }]);
  });

  it("can't say which tenant it is of, nor speak for the gateway", async () => {
    for (const headers of [
      { tenantPath: 'basic' },
      { TENANTPATH: 'basic' },
      { tenantpath: ['basic', 'basic'] },
      { 'x-amzn-apigateway-api-id': 'forged', tenantPath: 'basic' },
    ]) {
      const answer = await fixture.call(api, '/orders', { headers: { ...acme(), ...headers } });
      expect(answer.json()).toMatchObject({
        name: 'acme',
        headers: { tenantpath: 'acme', 'x-amzn-apigateway-api-id': api },
      });
    }
    // Not even when the authorizer names none.
    const none = await fixture.call(api, '/orders', {
      headers: { authorization: token({ key: key.value }), tenantPath: 'basic' },
    });
    expect([none.status, none.text]).toEqual([404, '{"message":"not found"}']);
  });

  it("does not pass on its connection's headers", async () => {
    const answer = await fixture.call(api, '/orders', {
      headers: { ...acme(), connection: 'keep-alive, x-mine', 'x-mine': '1', te: 'trailers', 'x-kept': '2' },
    });
    const { headers } = answer.json() as { headers: Record<string, string> };
    expect(headers).toMatchObject({ 'x-kept': '2' });
    expect(headers).not.toHaveProperty('x-mine');
    expect(headers).not.toHaveProperty('te');
  });
});

describe('paths', () => {
  const statusOf = async (target: string, method = 'GET'): Promise<number> =>
    (await fixture.call(api, target, { method, headers: acme() })).status;

  it('are matched literally before parameters before greedy ones', async () => {
    const urlOf = async (target: string) =>
      (await fixture.call(api, target, { headers: acme() })).json()['url'];
    // Past what the authorizer's answer is kept for.
    fixture.pass(60_000);
    expect(await urlOf('/orders/summary')).toBe('/orders/summary');
    expect(fixture.invocations[0]).toMatchObject({ resource: '/orders/summary' });
    fixture.pass(60_000);
    expect(await urlOf('/orders/7')).toBe('/orders/7');
    expect(fixture.invocations[1]).toMatchObject({ resource: '/orders/{id}', pathParameters: { id: '7' } });
    fixture.pass(60_000);
    expect(await urlOf('/orders/7/a/b%2Fc')).toBe('/orders/7/a/b%2Fc');
    expect(fixture.invocations[2]).toMatchObject({ resource: '/orders/{id}/{rest+}' });
  });

  it('are what they are: no decoding, no tidying', async () => {
    for (const target of [
      '//orders',
      '/Orders',
      '/%6frders',
      '/orders/',
      '/./orders',
      '/x/../orders',
      '/orders//',
    ])
      expect([target, await statusOf(target)]).toEqual([target, 403]);
    expect(await statusOf('/orders/a%2f..%2fb')).toBe(200);
  });

  it('that nothing answers at are 403, as are methods', async () => {
    const answer = await fixture.call(api, '/nothing', { headers: acme() });
    expect(answer.json()).toEqual({ message: 'Missing Authentication Token' });
    expect(answer.headers['x-amzn-errortype']).toBe('MissingAuthenticationTokenException');
    expect(answer.headers['access-control-allow-origin']).toBe('*');
    expect(await statusOf('/orders', 'PATCH')).toBe(403);
    expect(fixture.invocations).toHaveLength(0);
  });

  it('of other stages and APIs are 403', async () => {
    expect((await fetch(`${fixture.cloud.endpoint}/_aws/execute-api/${api}/none/orders`)).status).toBe(403);
    expect((await fetch(`${fixture.cloud.endpoint}/_aws/execute-api/none/prod/orders`)).status).toBe(403);
  });
});

describe('the authorizer', () => {
  it('gets the event that AWS sends', async () => {
    await fixture.call(api, '/orders/5?a=1&a=2', {
      headers: { ...acme({ context: { event: 1 } }), 'X-Own': 'y' },
    });
    expect(fixture.invocations).toHaveLength(1);
    expect(fixture.invocations[0]).toMatchObject({
      type: 'REQUEST',
      methodArn: `arn:aws:execute-api:us-east-1:123456789012:${api}/prod/GET/orders/5`,
      resource: '/orders/{id}',
      path: '/orders/5',
      httpMethod: 'GET',
      headers: { 'X-Own': 'y' },
      multiValueHeaders: { 'X-Own': ['y'] },
      queryStringParameters: { a: '2' },
      multiValueQueryStringParameters: { a: ['1', '2'] },
      pathParameters: { id: '5' },
      stageVariables: {},
      requestContext: {
        resourcePath: '/orders/{id}',
        httpMethod: 'GET',
        path: '/prod/orders/5',
        stage: 'prod',
        apiId: api,
        accountId: '123456789012',
        identity: { sourceIp: '127.0.0.1' },
      },
    });
  });

  it('is not asked without a token: 401', async () => {
    const answer = await fixture.call(api, '/orders');
    expect([answer.status, answer.json()]).toEqual([401, { message: 'Unauthorized' }]);
    expect(answer.headers).toMatchObject({
      'x-amzn-errortype': 'UnauthorizedException',
      'access-control-allow-origin': '*',
    });
    expect(fixture.invocations).toHaveLength(0);
  });

  it('says Unauthorized by that error alone; any other is 500', async () => {
    const asked = async (wish: object) =>
      fixture.call(api, '/orders', { headers: { authorization: token(wish) } });
    expect((await asked({ raise: 'Unauthorized' })).status).toBe(401);
    const failed = await asked({ raise: 'boom' });
    expect([failed.status, failed.json()]).toEqual([500, { message: null }]);
    const nonsense = await asked({ nonsense: true });
    expect([nonsense.status, nonsense.headers['x-amzn-errortype']]).toEqual([
      500,
      'AuthorizerConfigurationException',
    ]);
    expect((await asked({ key: key.value, context: { nested: { a: 1 } } })).status).toBe(500);
  });

  it('is asked once for a token, whatever the path; its policy is applied to each path', async () => {
    const headers = acme({ resource: 'GET/orders/*', context: { once: 1 } });
    const answers = await Promise.all(
      ['/orders/1', '/orders/2', '/orders/summary'].map((target) => fixture.call(api, target, { headers })),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const other = await fixture.call(api, '/orders', { headers });
    expect([other.status, other.json()]).toEqual([
      403,
      { message: 'User is not authorized to access this resource' },
    ]);
    expect((await fixture.call(api, '/orders/1', { method: 'DELETE', headers })).status).toBe(403);
    expect(fixture.invocations).toHaveLength(1);
    // 30 s, as the document says.
    fixture.pass(31_000);
    await fixture.call(api, '/orders/1', { headers });
    expect(fixture.invocations).toHaveLength(2);
  });

  it('denies', async () => {
    const answer = await fixture.call(api, '/orders', { headers: acme({ effect: 'Deny' }) });
    expect(answer.status).toBe(403);
    expect(answer.headers['x-amzn-errortype']).toBe('AccessDeniedException');
    expect(answer.json()['message']).toContain('explicit deny');
  });

  it('must let API Gateway invoke it', async () => {
    const { id = '' } = await fixture.gateway.importRestApi({
      body: Buffer.from(JSON.stringify(fixture.document())),
    });
    await fixture.gateway.createDeployment({ restApiId: id, stageName: 'prod' });
    expect((await fixture.call(id, '/orders', { headers: acme() })).status).toBe(500);
  });

  it('and the target see the same token when there are two', async () => {
    const first = token({ tenantPath: 'basic', key: key.value });
    const second = token({ tenantPath: 'acme', key: key.value, context: { two: 2 } });
    const answer = await fixture.call(api, '/orders', { headers: { authorization: [first, second] } });
    expect(answer.json()).toMatchObject({ headers: { authorization: second, tenantpath: 'acme' } });
  });
});

describe('the resource policy', () => {
  const mockAt = (policy: unknown) => ({
    openapi: '3.0.1',
    info: { title: 'policy', version: '1' },
    paths: Object.fromEntries(
      ['/open', '/closed'].map((at) => [
        at,
        {
          get: {
            'x-amazon-apigateway-integration': {
              type: 'mock',
              requestTemplates: { 'application/json': '{"statusCode":200}' },
              responses: { default: { statusCode: '200' } },
            },
          },
        },
      ]),
    ),
    'x-amazon-apigateway-policy': policy,
  });
  const statement = (Effect: string, Resource: string, Condition?: object) => ({
    Effect,
    Principal: '*',
    Action: 'execute-api:Invoke',
    Resource,
    ...(Condition && { Condition }),
  });

  it('holds for whoever calls', async () => {
    const id = await fixture.api(
      mockAt({
        Version: '2012-10-17',
        Statement: [
          statement('Allow', 'execute-api:/*'),
          statement('Deny', 'execute-api:/prod/GET/closed'),
          statement('Deny', 'execute-api:/*', { NotIpAddress: { 'aws:SourceIp': '127.0.0.0/8' } }),
        ],
      }),
    );
    expect((await fixture.call(id, '/open')).status).toBe(200);
    const closed = await fixture.call(id, '/closed');
    expect([closed.status, closed.json()['Message']]).toEqual([
      403,
      expect.stringContaining('with an explicit deny'),
    ]);
    const silent = await fixture.api(
      mockAt({ Version: '2012-10-17', Statement: [statement('Allow', 'execute-api:/prod/GET/open')] }),
    );
    expect((await fixture.call(silent, '/open')).status).toBe(200);
    expect((await fixture.call(silent, '/closed')).status).toBe(403);
  });
});

describe('CORS', () => {
  it('preflights are answered by the gateway, without token or key', async () => {
    const answer = await fixture.call(api, '/orders/5', {
      method: 'OPTIONS',
      headers: { origin: 'https://shop.example', 'access-control-request-method': 'GET' },
    });
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-headers': 'Authorization,Content-Type',
    });
    expect(fixture.invocations).toHaveLength(0);
  });
});

describe('targets', () => {
  it('of a tenant without rule, without target, broken or too slow are 404, 503, 502 and 504', async () => {
    const headers = (tenantPath: string) => ({ authorization: token({ tenantPath, key: key.value }) });
    expect((await fixture.call(api, '/orders', { headers: headers('nobody') })).status).toBe(404);
    const gone = await fixture.tenant('gone', 10, echo('gone'));
    await fixture.cloud.loadBalancer.deregister(gone, 'gone');
    expect((await fixture.call(api, '/orders', { headers: headers('gone') })).status).toBe(503);
    await fixture.tenant('broken', 11, (request) => request.socket.destroy());
    expect((await fixture.call(api, '/orders', { headers: headers('broken') })).status).toBe(502);
    await fixture.tenant('slow', 12, () => {});
    const document = JSON.parse(
      JSON.stringify(fixture.document()).replaceAll('"timeoutInMillis":29000', '"timeoutInMillis":200'),
    ) as Record<string, unknown>;
    const hasty = await fixture.api(document);
    const plan = await fixture.plan(hasty, 'hasty', 100, 100, 1000);
    const other = await fixture.key(plan, 'tenant-slow');
    const late = await fixture.call(hasty, '/orders', {
      headers: { authorization: token({ tenantPath: 'slow', key: other.value }) },
    });
    expect([late.status, late.json()]).toEqual([504, { message: 'Endpoint request timed out' }]);
    expect(late.headers['access-control-allow-origin']).toBe('*');
  });

  it('behind a link that is gone are 504', async () => {
    const link = await fixture.gatewayV2.createVpcLink({ Name: 'short', SubnetIds: ['subnet-a'] });
    const document = JSON.parse(
      JSON.stringify(fixture.document()).replaceAll(fixture.vpcLinkId, link.VpcLinkId ?? ''),
    ) as Record<string, unknown>;
    const cut = await fixture.api(document);
    const plan = await fixture.plan(cut, 'cut', 100, 100, 1000);
    const other = await fixture.key(plan, 'tenant-cut');
    const headers = { authorization: token({ tenantPath: 'acme', key: other.value }) };
    expect((await fixture.call(cut, '/orders', { headers })).status).toBe(200);
    await fixture.gatewayV2.deleteVpcLink({ VpcLinkId: link.VpcLinkId });
    expect((await fixture.call(cut, '/orders', { headers })).status).toBe(504);
  });

  it('behind a load balancer that keeps the link out are 504', async () => {
    const make = async (type: string, logicalId: string, properties: Record<string, unknown>) => {
      const found = fixture.cloud.cloudFormation.resourceType(type);
      if (!found) throw new Error(`${type} is missing`);
      return (await found.create(resourceContext(logicalId), properties)).physicalId;
    };
    const group = (name: string, ingress: object[]) =>
      make('AWS::EC2::SecurityGroup', name, { GroupDescription: name, SecurityGroupIngress: ingress });
    const linkGroup = await group('link', []);
    const otherGroup = await group('other', []);
    const admitting = (source: string) => [
      { IpProtocol: 'tcp', FromPort: 80, ToPort: 80, SourceSecurityGroupId: source },
    ];
    const open = await group('open', admitting(linkGroup));
    const shut = await group('shut', admitting(otherGroup));
    const { VpcLinkId = '' } = await fixture.gatewayV2.createVpcLink({
      Name: 'guarded',
      SubnetIds: ['subnet-a'],
      SecurityGroupIds: [linkGroup],
    });
    const statusBehind = async (name: string, securityGroup: string): Promise<number> => {
      const { LoadBalancers } = await fixture.elb.createLoadBalancer({
        Name: name,
        Subnets: ['subnet-a', 'subnet-b'],
        SecurityGroups: [securityGroup],
        Scheme: 'internal',
      });
      const arn = LoadBalancers?.[0]?.LoadBalancerArn ?? '';
      await fixture.elb.createListener({
        LoadBalancerArn: arn,
        Port: 80,
        Protocol: 'HTTP',
        DefaultActions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '299' } }],
      });
      const text = JSON.stringify(fixture.document())
        .replaceAll(fixture.vpcLinkId, VpcLinkId)
        .replaceAll(fixture.loadBalancerArn, arn);
      const guarded = await fixture.api(JSON.parse(text) as Record<string, unknown>);
      const plan = await fixture.plan(guarded, name, 100, 100, 1000);
      const other = await fixture.key(plan, `tenant-${name}`);
      const answer = await fixture.call(guarded, '/orders', {
        headers: { authorization: token({ tenantPath: 'acme', key: other.value }) },
      });
      return answer.status;
    };
    expect(await statusBehind('open', open)).toBe(299);
    expect(await statusBehind('shut', shut)).toBe(504);
  });

  it('stream large answers through', async () => {
    const piece = Buffer.alloc(64 * 1024, 'x');
    await fixture.tenant('large', 13, (_request, response) => {
      let left = 64;
      const more = (): void => {
        while (left > 0) {
          left--;
          if (!response.write(piece)) {
            response.once('drain', more);
            return;
          }
        }
        response.end();
      };
      more();
    });
    const answer = await fixture.call(api, '/orders', {
      headers: { authorization: token({ tenantPath: 'large', key: key.value }) },
    });
    expect(answer.text.length).toBe(64 * piece.length);
  });
});
