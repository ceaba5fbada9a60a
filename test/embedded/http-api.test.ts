import { request } from 'node:http';
import { CognitoIdentityProvider } from '@aws-sdk/client-cognito-identity-provider';
import { STS } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { account, HttpApiFixture } from './http-api-fixture.ts';
import { resourceContext } from './resource-context.ts';
import { zipArchive } from './zip-archive.ts';

const fixture = new HttpApiFixture();
let version2 = '';

beforeAll(async () => {
  await fixture.start();
  await fixture.setUp();
  version2 = await fixture.integration('2.0');
});
afterAll(() => fixture.stop());

const wish = (answer: unknown): RequestInit => ({ headers: { 'x-wish': JSON.stringify(answer) } });

describe('routes', () => {
  beforeAll(async () => {
    for (const key of ['GET /pets/dog', 'GET /pets/{id}', 'ANY /pets/{id}', 'ANY /pets/{proxy+}', 'POST /'])
      await fixture.route(key, version2);
  });

  it.each([
    ['GET', '/pets/dog', 'GET /pets/dog', undefined],
    ['GET', '/pets/cat', 'GET /pets/{id}', { id: 'cat' }],
    ['DELETE', '/pets/cat', 'ANY /pets/{id}', { id: 'cat' }],
    ['POST', '/pets/dog', 'ANY /pets/{id}', { id: 'dog' }],
    ['GET', '/pets/a/b%20c', 'ANY /pets/{proxy+}', { proxy: 'a/b c' }],
    ['POST', '/', 'POST /', undefined],
  ])('%s %s is %s', async (method, path, routeKey, pathParameters) => {
    const event = (await fixture.call(path, { method })).json();
    expect(event.routeKey).toBe(routeKey);
    expect(event.pathParameters).toEqual(pathParameters);
  });

  it('answer what none of them is for with 404, until there is a default', async () => {
    const missing = await fixture.call('/nothing/here');
    expect([missing.status, missing.text]).toEqual([404, '{"message":"Not Found"}']);
    const RouteId = await fixture.route('$default', version2);
    expect((await fixture.call('/nothing/here')).json().routeKey).toBe('$default');
    await fixture.gateway.deleteRoute({ ApiId: fixture.apiId, RouteId });
    expect((await fixture.call('/nothing/here')).status).toBe(404);
  });

  it('are refused when their key or target is wrong, or there is one already', async () => {
    await expect(fixture.route('FETCH /x', version2)).rejects.toMatchObject({ name: 'BadRequestException' });
    await expect(fixture.route('GET /{a+}/b', version2)).rejects.toMatchObject({
      name: 'BadRequestException',
    });
    await expect(fixture.route('GET /x', 'nothere')).rejects.toMatchObject({ name: 'NotFoundException' });
    await expect(fixture.route('POST /', version2)).rejects.toMatchObject({ name: 'ConflictException' });
  });

  it('need the function to let them invoke it', async () => {
    const { FunctionName } = await fixture.lambda.createFunction({
      FunctionName: 'closed',
      Runtime: 'nodejs22.x',
      Handler: 'index.handler',
      Role: `arn:aws:iam::${account}:role/functions`,
      Code: {
        ZipFile: zipArchive([
          { name: 'index.mjs', content: 'export const handler = async () => ({ ok: true });' },
        ]),
      },
    });
    const closed = await fixture.integration('2.0', {
      IntegrationUri: `arn:aws:lambda:us-east-1:${account}:function:${FunctionName}`,
    });
    await fixture.route('GET /closed/{id}', closed);
    const refused = await fixture.call('/closed/1');
    expect([refused.status, refused.text]).toEqual([500, '{"message":"Internal Server Error"}']);
    await fixture.lambda.addPermission({
      FunctionName,
      StatementId: 'route',
      Action: 'lambda:InvokeFunction',
      Principal: 'apigateway.amazonaws.com',
      // The parameter's name, not its value, is what a policy holds.
      SourceArn: `arn:aws:execute-api:us-east-1:${account}:${fixture.apiId}/*/GET/closed/{id}`,
    });
    expect((await fixture.call('/closed/1')).status).toBe(200);
  });
});

describe('payloads', () => {
  beforeAll(async () => {
    await fixture.route('ANY /v2/{name}', version2);
    await fixture.route('ANY /v1/{name}', await fixture.integration('1.0'));
  });

  it('of format 2.0 hold path, query, headers, cookies and body', async () => {
    const event = (
      await fixture.call('/v2/a%20b?x=1&x=2&y=%26', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Cookie: 'a=1; b=2', 'User-Agent': 'test' },
        body: '{"n":1}',
      })
    ).json();
    expect(event).toMatchObject({
      version: '2.0',
      rawPath: '/v2/a b',
      rawQueryString: 'x=1&x=2&y=%26',
      cookies: ['a=1', 'b=2'],
      queryStringParameters: { x: '1,2', y: '&' },
      pathParameters: { name: 'a b' },
      body: '{"n":1}',
      isBase64Encoded: false,
      requestContext: {
        apiId: fixture.apiId,
        domainName: `${fixture.apiId}.execute-api.us-east-1.amazonaws.com`,
        http: { method: 'POST', path: '/v2/a b', sourceIp: '127.0.0.1', userAgent: 'test' },
        stage: '$default',
      },
    });
    expect(event.headers).toMatchObject({
      'content-type': 'application/json',
      'x-forwarded-for': '127.0.0.1',
    });
    expect(event.headers.cookie).toBeUndefined();
  });

  it('of format 1.0 hold single and multiple values', async () => {
    const event = (
      await fixture.call('/v1/a?x=1&x=2', {
        method: 'PUT',
        body: new Uint8Array([255, 1]),
        headers: { 'content-type': 'application/octet-stream' },
      })
    ).json();
    expect(event).toMatchObject({
      version: '1.0',
      resource: '/v1/{name}',
      path: '/v1/a',
      httpMethod: 'PUT',
      queryStringParameters: { x: '2' },
      multiValueQueryStringParameters: { x: ['1', '2'] },
      pathParameters: { name: 'a' },
      requestContext: { resourcePath: '/v1/{name}', stage: '$default', identity: { sourceIp: '127.0.0.1' } },
      body: '/wE=',
      isBase64Encoded: true,
    });
  });

  it('come back with status, headers, cookies and bytes', async () => {
    const answer = await fixture.call(
      '/v2/a',
      wish({
        statusCode: 201,
        headers: { 'X-Made': 'yes', 'content-type': 'application/octet-stream' },
        cookies: ['a=1', 'b=2'],
        body: Buffer.from('bytes').toString('base64'),
        isBase64Encoded: true,
      }),
    );
    expect([answer.status, answer.text, answer.headers.get('x-made')]).toEqual([201, 'bytes', 'yes']);
    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  });

  it('without a status are the body in format 2.0, and an error in 1.0', async () => {
    const inferred = await fixture.call('/v2/a', wish({ hello: 'world' }));
    expect([inferred.status, inferred.text]).toEqual([200, '{"hello":"world"}']);
    expect(inferred.headers.get('content-type')).toBe('application/json');
    const refused = await fixture.call('/v1/a', wish({ hello: 'world' }));
    expect([refused.status, refused.text]).toEqual([500, '{"message":"Internal Server Error"}']);
  });

  it('that never come are 500 when the function fails, and 503 when it is late', async () => {
    expect((await fixture.call('/v2/a', { headers: { 'x-wish': 'throw' } })).status).toBe(500);
    await fixture.route('GET /slow', await fixture.integration('2.0', { TimeoutInMillis: 100 }));
    const late = await fixture.call('/slow', { headers: { 'x-wish': 'sleep' } });
    expect([late.status, late.text]).toEqual([503, '{"message":"Service Unavailable"}']);
  });
});

describe('JWT authorizers', () => {
  let cognito: CognitoIdentityProvider;
  let pool = '';
  let client: { ClientId?: string | undefined; ClientSecret?: string | undefined } = {};

  const token = async (scope?: string): Promise<string> => {
    const response = await fetch(`${fixture.cloud.endpoint}/_aws/cognito-domain/acme-test/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: client.ClientId ?? '',
        client_secret: client.ClientSecret ?? '',
        ...(scope && { scope }),
      }),
    });
    return ((await response.json()) as { access_token: string }).access_token;
  };
  const authorizer = async (Name: string, Issuer: string, audience = client.ClientId): Promise<string> => {
    const { AuthorizerId = '' } = await fixture.gateway.createAuthorizer({
      ApiId: fixture.apiId,
      Name,
      AuthorizerType: 'JWT',
      IdentitySource: ['$request.header.Authorization'],
      JwtConfiguration: { Issuer, Audience: [audience ?? ''] },
    });
    return AuthorizerId;
  };
  const bearer = (value: string) => ({ headers: { authorization: `Bearer ${value}` } });

  beforeAll(async () => {
    cognito = new CognitoIdentityProvider({
      endpoint: fixture.cloud.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'x' },
    });
    pool = (await cognito.createUserPool({ PoolName: 'test' })).UserPool?.Id ?? '';
    await cognito.createUserPoolDomain({ UserPoolId: pool, Domain: 'acme-test' });
    await cognito.createResourceServer({
      UserPoolId: pool,
      Identifier: 'orders',
      Name: 'orders',
      Scopes: ['read', 'write'].map((name) => ({ ScopeName: name, ScopeDescription: name })),
    });
    const { UserPoolClient } = await cognito.createUserPoolClient({
      UserPoolId: pool,
      ClientName: 'machine',
      GenerateSecret: true,
      AllowedOAuthFlowsUserPoolClient: true,
      AllowedOAuthFlows: ['client_credentials'],
      AllowedOAuthScopes: ['orders/read', 'orders/write'],
    });
    client = { ...UserPoolClient };
    // As templates form it of the pool's id.
    const id = await authorizer('pool', `https://cognito-idp.us-east-1.amazonaws.com/${pool}`);
    await fixture.route('GET /orders', version2, {
      AuthorizationType: 'JWT',
      AuthorizerId: id,
      AuthorizationScopes: ['orders/read'],
    });
    await fixture.route('GET /open', version2, { AuthorizationType: 'JWT', AuthorizerId: id });
  });
  afterAll(() => cognito.destroy());

  it('let holders of a token with the scope through, and hand its claims on', async () => {
    const { authorizer: found } = (await fixture.call('/orders', bearer(await token('orders/read')))).json()
      .requestContext;
    expect(found.jwt).toMatchObject({
      claims: {
        client_id: client.ClientId,
        token_use: 'access',
        scope: 'orders/read',
        iss: `${fixture.cloud.endpoint}/_aws/cognito/${pool}`,
      },
      scopes: ['orders/read'],
    });
    expect(typeof found.jwt.claims.exp).toBe('string');
    expect(
      (await fixture.call('/open', { headers: { authorization: await token() } })).json().requestContext
        .authorizer.jwt.scopes,
    ).toBeNull();
  });

  it('refuse others: no token, no scope, an end, a change, another audience', async () => {
    const none = await fixture.call('/orders');
    expect([none.status, none.text]).toEqual([401, '{"message":"Unauthorized"}']);
    const scope = await fixture.call('/orders', bearer(await token('orders/write')));
    expect([scope.status, scope.text]).toEqual([403, '{"message":"Forbidden"}']);
    const good = await token('orders/read');
    const [header, , signature] = good.split('.');
    const forged = Buffer.from(
      JSON.stringify({
        iss: `${fixture.cloud.endpoint}/_aws/cognito/${pool}`,
        client_id: client.ClientId,
        scope: 'orders/read',
        exp: 9_999_999_999,
      }),
    ).toString('base64url');
    expect((await fixture.call('/orders', bearer(`${header}.${forged}.${signature}`))).status).toBe(401);
    const other = await authorizer(
      'other',
      `${fixture.cloud.endpoint}/_aws/cognito/${pool}`,
      'somebody-else',
    );
    await fixture.route('GET /elsewhere', version2, { AuthorizationType: 'JWT', AuthorizerId: other });
    const elsewhere = await fixture.call('/elsewhere', bearer(good));
    expect(elsewhere.status).toBe(401);
    expect(elsewhere.headers.get('www-authenticate')).toContain('the token does not have a valid audience');
    fixture.advance(2 * 3600_000);
    expect((await fixture.call('/orders', bearer(good))).status).toBe(401);
  });

  it('say so when their issuer can not be asked', async () => {
    const id = await authorizer('lost', 'http://127.0.0.1:9/none');
    await fixture.route('GET /lost', version2, { AuthorizationType: 'JWT', AuthorizerId: id });
    const lost = await fixture.call('/lost', bearer(await token()));
    expect(lost.status).toBe(401);
    expect(lost.headers.get('www-authenticate')).toContain('OIDC discovery endpoint communication error');
  });

  it('go by tokens that the domain gives to clients it knows, in the scopes that they have', async () => {
    const ask = async (form: Record<string, string>) => {
      const response = await fetch(`${fixture.cloud.endpoint}/_aws/cognito-domain/acme-test/oauth2/token`, {
        method: 'POST',
        body: new URLSearchParams(form),
      });
      return { status: response.status, body: await response.json() };
    };
    const known = { client_id: client.ClientId ?? '', client_secret: client.ClientSecret ?? '' };
    expect(await ask({ grant_type: 'client_credentials', ...known, client_secret: 'wrong' })).toEqual({
      status: 400,
      body: { error: 'invalid_client' },
    });
    expect(await ask({ grant_type: 'client_credentials', ...known, scope: 'orders/delete' })).toEqual({
      status: 400,
      body: { error: 'invalid_scope' },
    });
    expect(await ask({ grant_type: 'password', ...known })).toEqual({
      status: 400,
      body: { error: 'unsupported_grant_type' },
    });
    await expect(
      cognito.createUserPoolClient({
        UserPoolId: pool,
        ClientName: 'x',
        AllowedOAuthScopes: ['orders/delete'],
      }),
    ).rejects.toMatchObject({ name: 'ScopeDoesNotExistException' });
    await expect(
      cognito.createUserPoolClient({
        UserPoolId: pool,
        ClientName: 'x',
        AllowedOAuthFlows: ['client_credentials'],
      }),
    ).rejects.toMatchObject({ name: 'InvalidOAuthFlowException' });
  });
});

describe('IAM authorization', () => {
  it('asks the policies of whoever signed, for the path that was called', async () => {
    await fixture.route('ANY /iam/{id}', version2, { AuthorizationType: 'AWS_IAM' });
    expect((await fixture.call('/iam/1')).status).toBe(403);
    await fixture.iam.createRole({
      RoleName: 'caller',
      AssumeRolePolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { AWS: account }, Action: 'sts:AssumeRole' }],
      }),
    });
    await fixture.iam.putRolePolicy({
      RoleName: 'caller',
      PolicyName: 'invoke',
      PolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Action: 'execute-api:Invoke',
            Resource: `arn:aws:execute-api:us-east-1:${account}:${fixture.apiId}/$default/PUT/iam/*`,
          },
        ],
      }),
    });
    const sts = new STS({
      endpoint: fixture.cloud.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'x' },
    });
    const { Credentials } = await sts.assumeRole({
      RoleArn: `arn:aws:iam::${account}:role/caller`,
      RoleSessionName: 'test',
    });
    sts.destroy();
    // Signatures are not verified here: who signed is what counts.
    const signed = (method: string) =>
      fixture.call('/iam/1', {
        method,
        headers: {
          authorization: `AWS4-HMAC-SHA256 Credential=${Credentials?.AccessKeyId}/20260101/us-east-1/execute-api/aws4_request, SignedHeaders=host, Signature=0`,
          'x-amz-security-token': Credentials?.SessionToken ?? '',
        },
      });
    const allowed = await signed('PUT');
    expect(allowed.json().requestContext.authorizer.iam.userArn).toContain('assumed-role/caller/test');
    const denied = await signed('DELETE');
    expect([denied.status, denied.text]).toEqual([403, '{"message":"Forbidden"}']);
  });
});

describe('stages', () => {
  it('serve the deployment that they have, below their name, with their variables', async () => {
    await fixture.route('GET /first', version2);
    const { DeploymentId } = await fixture.gateway.createDeployment({ ApiId: fixture.apiId });
    await fixture.gateway.createStage({
      ApiId: fixture.apiId,
      StageName: 'prod',
      DeploymentId,
      StageVariables: { color: 'blue' },
    });
    await fixture.route('GET /second', version2);
    expect((await fixture.call('/prod/first')).json()).toMatchObject({
      rawPath: '/prod/first',
      stageVariables: { color: 'blue' },
      requestContext: { stage: 'prod', http: { path: '/prod/first' } },
    });
    expect((await fixture.call('/prod/second')).status).toBe(404);
    expect((await fixture.call('/second')).status).toBe(200);
    await fixture.gateway.createDeployment({ ApiId: fixture.apiId, StageName: 'prod' });
    expect((await fixture.call('/prod/second')).status).toBe(200);
  });

  it('hold requests to their rate, by route', async () => {
    await fixture.route('GET /limited', version2);
    await fixture.gateway.updateStage({
      ApiId: fixture.apiId,
      StageName: '$default',
      RouteSettings: { 'GET /limited': { ThrottlingRateLimit: 0.001, ThrottlingBurstLimit: 2 } },
    });
    const statuses = [];
    for (let n = 0; n < 3; n++) statuses.push((await fixture.call('/limited')).status);
    expect(statuses).toEqual([200, 200, 429]);
    expect((await fixture.call('/limited')).text).toBe('{"message":"Too Many Requests"}');
    expect((await fixture.call('/second')).status).toBe(200);
  });

  it('write access logs', async () => {
    await fixture.gateway.updateStage({
      ApiId: fixture.apiId,
      StageName: '$default',
      AccessLogSettings: {
        DestinationArn: `arn:aws:logs:us-east-1:${account}:log-group:/http-api/access`,
        Format: '{"route":"$context.routeKey","status":"$context.status","error":"$context.error.message"}',
      },
    });
    await fixture.call('/second');
    await fixture.call('/none');
    await vi.waitFor(() => {
      const lines = fixture.cloud.logs.tail('/http-api/access', `${fixture.apiId}-$default`, 10);
      expect(lines.map((line) => JSON.parse(line))).toEqual([
        { route: 'GET /second', status: '200', error: '-' },
        { route: '-', status: '404', error: 'Not Found' },
      ]);
    });
  });
});

describe('CORS', () => {
  const origin = 'https://app.example';
  beforeAll(async () => {
    await fixture.route('GET /page', version2);
    await fixture.gateway.updateApi({
      ApiId: fixture.apiId,
      CorsConfiguration: {
        AllowOrigins: [origin],
        AllowMethods: ['GET', 'POST'],
        AllowHeaders: ['authorization'],
        ExposeHeaders: ['x-made'],
        MaxAge: 60,
        AllowCredentials: true,
      },
    });
  });
  const preflight = (from: string) =>
    fixture.call('/page', {
      method: 'OPTIONS',
      headers: { origin: from, 'access-control-request-method': 'GET' },
    });

  it('answers preflights of allowed origins by itself', async () => {
    const { status, headers } = await preflight(origin);
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe(origin);
    expect(headers.get('access-control-allow-methods')).toBe('GET,POST');
    expect(headers.get('access-control-allow-headers')).toBe('authorization');
    expect(headers.get('access-control-max-age')).toBe('60');
    expect((await preflight('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
  });

  it('replaces what the function says, and is on refusals too', async () => {
    const said = { statusCode: 200, headers: { 'access-control-allow-origin': '*' }, body: '' };
    const { headers } = await fixture.call('/page', { headers: { origin, 'x-wish': JSON.stringify(said) } });
    expect(headers.get('access-control-allow-origin')).toBe(origin);
    expect(headers.get('access-control-expose-headers')).toBe('x-made');
    expect(
      (await fixture.call('/none', { headers: { origin } })).headers.get('access-control-allow-origin'),
    ).toBe(origin);
  });
});

describe('the control plane', () => {
  it('lists, changes, tags and deletes', async () => {
    const { ApiId = '' } = await fixture.gateway.createApi({
      Name: 'second',
      ProtocolType: 'HTTP',
      Tags: { a: '1' },
    });
    const ResourceArn = `arn:aws:apigateway:us-east-1::/apis/${ApiId}`;
    await fixture.gateway.tagResource({ ResourceArn, Tags: { b: '2' } });
    await fixture.gateway.untagResource({ ResourceArn, TagKeys: ['a'] });
    await fixture.gateway.updateApi({ ApiId, Description: 'two' });
    expect(await fixture.gateway.getApi({ ApiId })).toMatchObject({
      Name: 'second',
      Description: 'two',
      Tags: { b: '2' },
    });
    const first = await fixture.gateway.getApis({ MaxResults: '1' });
    const rest = await fixture.gateway.getApis({ NextToken: first.NextToken });
    expect([...(first.Items ?? []), ...(rest.Items ?? [])].map(({ Name }) => Name).sort()).toEqual([
      'api',
      'second',
    ]);
    await fixture.gateway.deleteApi({ ApiId });
    await expect(fixture.gateway.getApi({ ApiId })).rejects.toMatchObject({ name: 'NotFoundException' });
  });

  it('refuses by name what is not here', async () => {
    await expect(fixture.gateway.createApi({ Name: 'ws', ProtocolType: 'WEBSOCKET' })).rejects.toThrow(
      'WebSocket APIs are not available',
    );
    await expect(
      fixture.integration('1.0', { IntegrationType: 'HTTP_PROXY', IntegrationUri: 'http://127.0.0.1' }),
    ).rejects.toThrow('HTTP_PROXY are not available');
  });

  it('makes an API of CloudFormation resources, and takes back what a template no longer says', async () => {
    const type = (name: string) => {
      const found = fixture.cloud.cloudFormation.resourceType(`AWS::ApiGatewayV2::${name}`);
      if (!found?.update) throw new Error(`${name} is not there`);
      return { ...found, update: found.update };
    };
    const make = (name: string, properties: object) =>
      type(name).create(resourceContext(name), properties as Record<string, unknown>);
    const api = await make('Api', { Name: 'stack', ProtocolType: 'HTTP' });
    const ApiId = api.physicalId;
    await make('Stage', { ApiId, StageName: '$default', AutoDeploy: 'true' });
    const { physicalId: integration } = await make('Integration', {
      ApiId,
      IntegrationType: 'AWS_PROXY',
      IntegrationUri: fixture.functionArn,
      PayloadFormatVersion: '2.0',
    });
    const { physicalId: authorizerId } = await make('Authorizer', {
      ApiId,
      Name: 'jwt',
      AuthorizerType: 'JWT',
      IdentitySource: ['$request.header.Authorization'],
      JwtConfiguration: { Issuer: 'https://issuer.example', Audience: ['me'] },
    });
    const open = { ApiId, RouteKey: 'GET /x', Target: `integrations/${integration}` };
    const guarded = { ...open, AuthorizationType: 'JWT', AuthorizerId: authorizerId };
    const route = await make('Route', guarded);
    const endpoint = String(api.attributes?.['ApiEndpoint']);
    expect((await fetch(`${endpoint}/x`)).status).toBe(401);
    await type('Route').update(resourceContext('Route'), route.physicalId, open, guarded);
    // Its function lets only the other API in.
    expect((await fetch(`${endpoint}/x`)).status).toBe(500);
    await type('Api').delete(resourceContext('Api'), ApiId, {});
    expect((await fetch(`${endpoint}/x`)).status).toBe(403);
  });

  it('answers under the name that AWS gives an API, and keeps all over a restart', async () => {
    await fixture.restart();
    expect((await fixture.call('/second')).status).toBe(200);
    const status = await new Promise((resolve, reject) => {
      const { hostname, port } = new URL(fixture.cloud.endpoint);
      request(
        {
          hostname,
          port,
          path: '/second',
          headers: { host: `${fixture.apiId}.execute-api.us-east-1.amazonaws.com` },
        },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      )
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
  });
});
