import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { APIGateway } from '@aws-sdk/client-api-gateway';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCloud } from '../../src/embedded/cloud.ts';
import type { ResourceType } from '../../src/embedded/platform.ts';
import { GatewayFixture, token } from './gateway-fixture.ts';
import { resourceContext } from './resource-context.ts';

let fixture: GatewayFixture;
let gateway: APIGateway;

beforeAll(async () => {
  fixture = await GatewayFixture.start();
  gateway = fixture.gateway;
});
afterAll(() => fixture.close());

const mock = (status: number, body = '') => ({
  type: 'mock',
  requestTemplates: { 'application/json': `{"statusCode":${status}}` },
  responses: {
    default: {
      statusCode: String(status),
      responseTemplates: body ? { 'application/json': body } : {},
    },
  },
});

const openApi = (paths: object, more: object = {}) => ({
  openapi: '3.0.1',
  info: { title: 'test', version: '7' },
  paths,
  ...more,
});

describe('importing', () => {
  it('reads the product’s own document', async () => {
    const { id: restApiId = '' } = await gateway.importRestApi({
      body: Buffer.from(JSON.stringify(fixture.document())),
    });
    expect(await gateway.getRestApi({ restApiId })).toMatchObject({
      name: 'cell',
      version: '1',
      apiKeySource: 'AUTHORIZER',
    });
    const { items: authorizers } = await gateway.getAuthorizers({ restApiId });
    expect(authorizers).toMatchObject([
      {
        name: 'authorizer',
        type: 'REQUEST',
        identitySource: 'method.request.header.Authorization',
        authorizerResultTtlInSeconds: 30,
      },
    ]);
    const { items: resources = [] } = await gateway.getResources({ restApiId, embed: ['methods'] });
    expect(resources.map((resource) => resource.path).toSorted()).toEqual([
      '/',
      '/orders',
      '/orders/summary',
      '/orders/{id}',
      '/orders/{id}/{rest+}',
    ]);
    const get = resources.find((resource) => resource.path === '/orders/{id}')?.resourceMethods?.['GET'];
    expect(get).toMatchObject({
      authorizationType: 'CUSTOM',
      authorizerId: authorizers?.[0]?.id,
      apiKeyRequired: true,
      requestParameters: { 'method.request.path.id': true },
      methodIntegration: {
        type: 'HTTP_PROXY',
        connectionType: 'VPC_LINK',
        connectionId: fixture.vpcLinkId,
        integrationTarget: fixture.loadBalancerArn,
        requestParameters: { 'integration.request.header.tenantPath': 'context.authorizer.tenantPath' },
      },
    });
  });

  it('reads Swagger 2.0, in YAML too', async () => {
    const { id: restApiId = '' } = await gateway.importRestApi({
      body: Buffer.from(`
swagger: "2.0"
info: { title: yaml, version: 1.0.0 }
paths:
  /pets/{id}:
    parameters: [{ name: id, in: path, required: true, type: string }]
    get:
      parameters: [{ name: q, in: query, required: true, type: string }]
      responses: { "200": { description: ok } }
      x-amazon-apigateway-integration:
        type: mock
        requestTemplates: { application/json: '{"statusCode": 200}' }
        responses: { default: { statusCode: "200" } }
`),
    });
    const { items = [] } = await gateway.getResources({ restApiId, embed: ['methods'] });
    expect(items.find((each) => each.path === '/pets/{id}')?.resourceMethods?.['GET']).toMatchObject({
      requestParameters: { 'method.request.path.id': true, 'method.request.querystring.q': true },
      methodResponses: { '200': { statusCode: '200' } },
    });
  });

  it('says everything that is wrong at once', async () => {
    const bad = openApi({
      '/a': { get: { 'x-amazon-apigateway-integration': { type: 'aws_proxy', uri: 'arn:x' } } },
      '/{one}': {},
      '/{two}': {},
      '/b': { get: { security: [{ nothing: [] }], 'x-amazon-apigateway-integration': mock(200) } },
    });
    const problem = await gateway
      .importRestApi({ body: Buffer.from(JSON.stringify(bad)) })
      .catch((error: Error) => error.message);
    expect(problem).toContain("'GET' on resource at path '/a'");
    expect(problem).toContain("'AWS_PROXY' are not available");
    expect(problem).toContain("path '/{two}'");
    expect(problem).toContain("'nothing'");
    const { items = [] } = await gateway.getRestApis({ limit: 500 });
    expect(items.map(({ name }) => name)).not.toContain('test');
    await expect(gateway.importRestApi({ body: Buffer.from('{"a":') })).rejects.toMatchObject({
      name: 'BadRequestException',
    });
  });

  it('refuses a VPC Link that does not exist', async () => {
    const text = JSON.stringify(fixture.document()).replaceAll(fixture.vpcLinkId, 'nolink');
    await expect(gateway.importRestApi({ body: Buffer.from(text) })).rejects.toThrow('Invalid Vpc link');
  });

  it('keeps ids of what a further import has again', async () => {
    const body = (paths: object) => Buffer.from(JSON.stringify(openApi(paths)));
    const path = { get: { 'x-amazon-apigateway-integration': mock(200) } };
    const { id: restApiId = '' } = await gateway.importRestApi({ body: body({ '/a': path, '/b': path }) });
    const ids = async () =>
      Object.fromEntries(
        ((await gateway.getResources({ restApiId })).items ?? []).map(({ path: at = '', id }) => [at, id]),
      );
    const before = await ids();
    await gateway.putRestApi({ restApiId, mode: 'overwrite', body: body({ '/a': path, '/c': path }) });
    const after = await ids();
    expect(after).toMatchObject({ '/': before['/'], '/a': before['/a'] });
    expect(Object.keys(after).toSorted()).toEqual(['/', '/a', '/c']);
    await gateway.putRestApi({ restApiId, mode: 'merge', body: body({ '/d': path }) });
    expect(Object.keys(await ids()).toSorted()).toEqual(['/', '/a', '/c', '/d']);
  });
});

describe('deployments', () => {
  it('are snapshots: a change goes live with the next one', async () => {
    const { id: restApiId = '' } = await gateway.importRestApi({
      body: Buffer.from(
        JSON.stringify(openApi({ '/a': { get: { 'x-amazon-apigateway-integration': mock(201) } } })),
      ),
    });
    const { id: first = '' } = await gateway.createDeployment({ restApiId, stageName: 'prod' });
    await gateway.putRestApi({
      restApiId,
      mode: 'overwrite',
      body: Buffer.from(
        JSON.stringify(openApi({ '/a': { get: { 'x-amazon-apigateway-integration': mock(202) } } })),
      ),
    });
    expect((await fixture.call(restApiId, '/a')).status).toBe(201);
    const { id: second = '' } = await gateway.createDeployment({ restApiId });
    await gateway.updateStage({
      restApiId,
      stageName: 'prod',
      patchOperations: [{ op: 'replace', path: '/deploymentId', value: second }],
    });
    expect((await fixture.call(restApiId, '/a')).status).toBe(202);
    await expect(gateway.deleteDeployment({ restApiId, deploymentId: second })).rejects.toThrow(
      'Active stages',
    );
    await gateway.deleteDeployment({ restApiId, deploymentId: first });
    await gateway.deleteStage({ restApiId, stageName: 'prod' });
    expect((await fixture.call(restApiId, '/a')).status).toBe(403);
  });

  it('can be built piece by piece, and read back as OpenAPI', async () => {
    const { id: restApiId = '', rootResourceId: parentId = '' } = await gateway.createRestApi({
      name: 'pieces',
    });
    await expect(gateway.createDeployment({ restApiId })).rejects.toThrow("doesn't contain any methods");
    const { id: resourceId = '' } = await gateway.createResource({ restApiId, parentId, pathPart: 'items' });
    const method = { restApiId, resourceId, httpMethod: 'GET' };
    await gateway.putMethod({ ...method, authorizationType: 'NONE' });
    await expect(gateway.createDeployment({ restApiId })).rejects.toThrow('No integration defined');
    await gateway.putIntegration({
      ...method,
      type: 'MOCK',
      requestTemplates: { 'application/json': '{"statusCode":200}' },
    });
    await gateway.putMethodResponse({ ...method, statusCode: '200' });
    await gateway.putIntegrationResponse({
      ...method,
      statusCode: '200',
      responseTemplates: { 'application/json': '{"stage":"$context.stage"}' },
    });
    await gateway.createDeployment({ restApiId, stageName: 'prod' });
    expect((await fixture.call(restApiId, '/items')).json()).toEqual({ stage: 'prod' });
    const { body } = await gateway.getExport({
      restApiId,
      stageName: 'prod',
      exportType: 'oas30',
      parameters: { extensions: 'integrations' },
    });
    const document = JSON.parse(Buffer.from(body ?? []).toString()) as Record<string, unknown>;
    expect(document).toMatchObject({
      openapi: '3.0.1',
      info: { title: 'pieces' },
      paths: { '/items': { get: { 'x-amazon-apigateway-integration': { type: 'mock' } } } },
    });
    // What was exported can be imported.
    const { id: copy = '' } = await gateway.importRestApi({ body: Buffer.from(JSON.stringify(document)) });
    await gateway.createDeployment({ restApiId: copy, stageName: 'prod' });
    expect((await fixture.call(copy, '/items')).json()).toEqual({ stage: 'prod' });
  });
});

describe('request validators', () => {
  it('refuse what lacks parameters or does not fit the model', async () => {
    const document = openApi(
      {
        '/orders': {
          post: {
            parameters: [
              { name: 'limit', in: 'query', required: true, schema: { type: 'string' } },
              { name: 'X-Own', in: 'header', required: true, schema: { type: 'string' } },
            ],
            requestBody: {
              content: { 'application/json': { schema: { $ref: '#/components/schemas/Order' } } },
            },
            'x-amazon-apigateway-request-validator': 'all',
            'x-amazon-apigateway-integration': mock(200),
          },
        },
      },
      {
        'x-amazon-apigateway-request-validators': {
          all: { validateRequestBody: true, validateRequestParameters: true },
        },
        'x-amazon-apigateway-gateway-responses': {
          BAD_REQUEST_BODY: {
            statusCode: 422,
            responseParameters: { 'gatewayresponse.header.x-why': "'body'" },
            responseTemplates: {
              'application/json':
                '{"error":$context.error.messageString,"why":"$context.error.validationErrorString"}',
            },
          },
        },
        components: {
          schemas: {
            Order: {
              type: 'object',
              required: ['orderName'],
              additionalProperties: false,
              properties: {
                orderName: { type: 'string', minLength: 1 },
                lines: { type: 'array', items: { $ref: '#/components/schemas/Line' } },
              },
            },
            Line: { type: 'object', properties: { quantity: { type: 'integer', minimum: 1 } } },
          },
        },
      },
    );
    const api = await fixture.api(document);
    const post = (target: string, body: unknown, headers: Record<string, string> = { 'x-own': '1' }) =>
      fixture.call(api, target, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      });
    const missing = await post('/orders', { orderName: 'a' }, {});
    expect([missing.status, missing.json()]).toEqual([
      400,
      { message: 'Missing required request parameters: [limit, X-Own]' },
    ]);
    expect((await post('/orders?limit=1', { orderName: 'a', lines: [{ quantity: 2 }] })).status).toBe(200);
    for (const body of [
      {},
      { orderName: '' },
      { orderName: 'a', x: 1 },
      { orderName: 'a', lines: [{ quantity: 0 }] },
      7,
    ]) {
      const answer = await post('/orders?limit=1', body);
      expect([answer.status, answer.json()['error'], answer.headers['x-why']]).toEqual([
        422,
        'Invalid request body',
        'body',
      ]);
    }
  });
});

describe('access logs', () => {
  it('hold one line a request, in the format of the stage', async () => {
    const api = await fixture.api();
    await gateway.updateStage({
      restApiId: api,
      stageName: 'prod',
      patchOperations: [
        {
          op: 'replace',
          path: '/accessLogSettings/destinationArn',
          value: 'arn:aws:logs:us-east-1:123456789012:log-group:access',
        },
        {
          op: 'replace',
          path: '/accessLogSettings/format',
          value: JSON.stringify({
            id: '$context.requestId',
            tenant: '$context.authorizer.tenantPath',
            route: '$context.resourcePath',
            status: '$context.status',
            error: '$context.error.responseType',
          }),
        },
      ],
    });
    await fixture.call(api, '/orders/5', { headers: { authorization: token({ tenantPath: 'acme' }) } });
    await fixture.call(api, '/nowhere');
    const lines = () => fixture.cloud.logs.tail('access', `${api}-prod`, 10);
    await expect.poll(() => lines().length).toBe(2);
    expect(lines().map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { tenant: 'acme', route: '/orders/{id}', status: '403', error: 'INVALID_API_KEY' },
      { tenant: '-', route: '-', status: '403', error: 'MISSING_AUTHENTICATION_TOKEN' },
    ]);
  });
});

describe('CloudFormation', () => {
  const type = (name: string): ResourceType => {
    const [found] = fixture.cloud.services.flatMap(({ resourceTypes }) => resourceTypes?.[name] ?? []);
    if (!found) throw new Error(`${name} is missing`);
    return found;
  };
  const create = (name: string, logicalId: string, properties: Record<string, unknown>) =>
    type(`AWS::ApiGateway::${name}`).create(resourceContext(logicalId), properties);

  it('makes an API from a body, its stage, plan and key, and takes them away again', async () => {
    const body = openApi({ '/a': { get: { 'x-amazon-apigateway-integration': mock(200, '{"ok":true}') } } });
    const api = await create('RestApi', 'Api', { Body: body, Name: 'from-stack', FailOnWarnings: true });
    const RestApiId = api.physicalId;
    expect(api.attributes).toMatchObject({ RestApiId, RootResourceId: expect.any(String) });
    const deployment = await create('Deployment', 'Deployment', { RestApiId });
    const DeploymentId = deployment.physicalId;
    expect(deployment.attributes).toEqual({ DeploymentId });
    const stage = await create('Stage', 'Stage', {
      RestApiId,
      DeploymentId,
      StageName: 'prod',
      MethodSettings: [
        { ResourcePath: '/*', HttpMethod: '*', ThrottlingRateLimit: 50, ThrottlingBurstLimit: 25 },
      ],
    });
    expect(stage.physicalId).toBe('prod');
    expect(await gateway.getStage({ restApiId: RestApiId, stageName: 'prod' })).toMatchObject({
      methodSettings: { '*/*': { throttlingRateLimit: 50, throttlingBurstLimit: 25 } },
    });
    expect((await fixture.call(RestApiId, '/a')).json()).toEqual({ ok: true });
    const plan = await create('UsagePlan', 'Plan', {
      UsagePlanName: 'basic',
      ApiStages: [{ ApiId: RestApiId, Stage: 'prod' }],
      Throttle: { RateLimit: 10, BurstLimit: 10 },
      Quota: { Limit: 1000, Period: 'DAY' },
    });
    const key = await create('ApiKey', 'Key', { Enabled: true });
    expect(key.attributes).toEqual({ APIKeyId: key.physicalId });
    const link = await create('UsagePlanKey', 'PlanKey', {
      UsagePlanId: plan.physicalId,
      KeyId: key.physicalId,
      KeyType: 'API_KEY',
    });
    expect(await gateway.getUsagePlanKeys({ usagePlanId: plan.physicalId })).toMatchObject({
      items: [{ id: key.physicalId, type: 'API_KEY' }],
    });
    for (const [name, { physicalId }] of [
      ['UsagePlanKey', link],
      ['ApiKey', key],
      ['UsagePlan', plan],
      ['Stage', stage],
      ['Deployment', deployment],
      ['RestApi', api],
    ] as const) {
      const resource = type(`AWS::ApiGateway::${name}`);
      await resource.delete(resourceContext(name), physicalId, { RestApiId });
      // Deleting what is gone succeeds.
      await resource.delete(resourceContext(name), physicalId, { RestApiId });
    }
    await expect(gateway.getRestApi({ restApiId: RestApiId })).rejects.toMatchObject({
      name: 'NotFoundException',
    });
  });

  it('makes an API piece by piece', async () => {
    const api = await create('RestApi', 'Pieces', { Name: 'pieces-of-stack' });
    const RestApiId = api.physicalId;
    const resource = await create('Resource', 'Items', {
      RestApiId,
      ParentId: api.attributes?.['RootResourceId'],
      PathPart: 'items',
    });
    const authorizer = await create('Authorizer', 'Authorizer', {
      RestApiId,
      Name: 'token',
      Type: 'TOKEN',
      AuthorizerUri: `arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${fixture.authorizerArn}/invocations`,
      IdentitySource: 'method.request.header.Authorization',
      IdentityValidationExpression: 'Bearer .+',
    });
    await create('Method', 'Get', {
      RestApiId,
      ResourceId: resource.physicalId,
      HttpMethod: 'GET',
      AuthorizationType: 'CUSTOM',
      AuthorizerId: authorizer.physicalId,
      Integration: {
        Type: 'MOCK',
        RequestTemplates: { 'application/json': '{ statusCode: 200 }' },
        IntegrationResponses: [{ StatusCode: '200' }],
      },
    });
    await create('GatewayResponse', 'Unauthorized', {
      RestApiId,
      ResponseType: 'UNAUTHORIZED',
      StatusCode: '418',
    });
    await create('Deployment', 'Live', { RestApiId, StageName: 'prod' });
    expect((await fixture.call(RestApiId, '/items', { headers: { authorization: 'Basic x' } })).status).toBe(
      418,
    );
  });
});

describe('state', () => {
  it('is there again after the end: APIs, keys, plans and what was used', async () => {
    const stateDir = await mkdtemp(path.join(tmpdir(), 'api-gateway-'));
    const open = async () => {
      const cloud = await startCloud({ stateDir });
      const client = new APIGateway({
        endpoint: cloud.endpoint,
        region: 'us-east-1',
        credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      });
      return { cloud, client };
    };
    const value = 'a-key-that-stays-the-same';
    const before = await open();
    const document = openApi(
      { '/a': { get: { security: [{ api_key: [] }], 'x-amazon-apigateway-integration': mock(200) } } },
      { components: { securitySchemes: { api_key: { type: 'apiKey', name: 'x-api-key', in: 'header' } } } },
    );
    const { id: restApiId = '' } = await before.client.importRestApi({
      body: Buffer.from(JSON.stringify(document)),
    });
    await before.client.createDeployment({ restApiId, stageName: 'prod' });
    const { id: usagePlanId = '' } = await before.client.createUsagePlan({
      name: 'two',
      apiStages: [{ apiId: restApiId, stage: 'prod' }],
      quota: { limit: 2, period: 'MONTH' },
    });
    const { id: keyId = '' } = await before.client.createApiKey({ value, enabled: true });
    await before.client.createUsagePlanKey({ usagePlanId, keyId, keyType: 'API_KEY' });
    const call = async ({ cloud }: typeof before) =>
      (
        await fetch(`${cloud.endpoint}/_aws/execute-api/${restApiId}/prod/a`, {
          headers: { 'x-api-key': value },
        })
      ).status;
    expect(await call(before)).toBe(200);
    before.client.destroy();
    await before.cloud.stop();
    const after = await open();
    expect([await call(after), await call(after)]).toEqual([200, 429]);
    after.client.destroy();
    await after.cloud.stop();
    await rm(stateDir, { recursive: true });
  });
});
