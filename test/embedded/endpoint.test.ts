/** Each wire protocol, spoken by the real SDK clients to services made for the purpose. */
import { request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import {
  APIGatewayClient,
  GetRestApi$,
  GetRestApiCommand,
  UpdateUsagePlan$,
  UpdateUsagePlanCommand,
} from '@aws-sdk/client-api-gateway';
import { ApiGatewayV2Client, CreateApi$, GetApi$, GetApiCommand } from '@aws-sdk/client-apigatewayv2';
import {
  CloudFormationClient,
  CreateStack$,
  CreateStackCommand,
  DescribeStacks$,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import {
  CognitoIdentityProviderClient,
  InitiateAuth$,
  InitiateAuthCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { DescribeVpcs$, DescribeVpcsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { DescribeServices$, DescribeServicesCommand, ECSClient, ListTasksCommand } from '@aws-sdk/client-ecs';
import {
  DescribeTargetGroups$,
  DescribeTargetGroupsCommand,
  ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { Invoke$, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  GetBucketLocation$,
  GetBucketLocationCommand,
  GetObject$,
  GetObjectCommand,
  PutObject$,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Endpoint, startEndpoint } from '../../src/embedded/endpoint/server.ts';
import {
  type Access,
  AwsError,
  type AwsService,
  type Cloud,
  operation,
  type Principal,
} from '../../src/embedded/platform.ts';

interface Seen {
  input: unknown;
  principal: Principal;
}
let seen: Seen[] = [];
let authorized: Access[] = [];
let denied: string | undefined;
let logged: string[] = [];
const uploaded: Buffer[] = [];

const remember =
  (output: unknown) =>
  (input: unknown, call: { principal: Principal }): unknown => {
    seen.push({ input, principal: call.principal });
    if (output instanceof Error) throw output;
    return output;
  };

const stack = {
  StackName: 'a & <b>',
  StackStatus: 'CREATE_COMPLETE',
  CreationTime: '2026-01-31T10:00:00.000Z',
  Outputs: [{ OutputKey: 'k', OutputValue: 'v' }],
  Capabilities: [],
};

const services: AwsService[] = [
  {
    signingName: 'ecs',
    protocol: 'json-1.1',
    operations: [
      operation(DescribeServices$, (input: { cluster?: string }, call) => {
        if (input.cluster === 'missing') throw new AwsError('ClusterNotFoundException', 'Cluster not found.');
        if (input.cluster === 'broken') throw new TypeError('a secret detail');
        return remember({ services: [{ serviceName: 'orders', createdAt: new Date(1_700_000_000_500) }] })(
          input,
          call,
        );
      }),
    ],
  },
  {
    signingName: 'dynamodb',
    protocol: 'json-1.0',
    operations: [],
    async raw(name, body) {
      if (name !== 'GetItem') throw new AwsError('ResourceNotFoundException', 'no such table');
      return {
        status: 200,
        contentType: 'application/x-amz-json-1.0',
        body: JSON.stringify({ Item: { got: { S: JSON.parse(body.toString()).TableName } } }),
      };
    },
  },
  {
    signingName: 'cognito-idp',
    protocol: 'json-1.1',
    operations: [operation(InitiateAuth$, remember({ Session: 's' }), { public: true })],
  },
  {
    signingName: 'cloudformation',
    protocol: 'query',
    xmlNamespace: 'http://cloudformation.amazonaws.com/doc/2010-05-15/',
    operations: [
      operation(DescribeStacks$, (input: { StackName?: string }, call) => {
        if (input.StackName === 'none')
          throw new AwsError('ValidationError', 'Stack with id none does not exist');
        return remember({ Stacks: [stack] })(input, call);
      }),
      operation(CreateStack$, remember({ StackId: 'arn:stack' })),
    ],
  },
  {
    signingName: 'elasticloadbalancing',
    protocol: 'query',
    xmlNamespace: 'http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/',
    operations: [
      operation(DescribeTargetGroups$, () => {
        throw new AwsError('TargetGroupNotFound', 'One or more target groups not found');
      }),
    ],
  },
  {
    signingName: 'ec2',
    protocol: 'ec2',
    xmlNamespace: 'http://ec2.amazonaws.com/doc/2016-11-15/',
    operations: [
      operation(DescribeVpcs$, (input: { VpcIds?: string[] }, call) => {
        if (input.VpcIds?.[0] === 'vpc-0')
          throw new AwsError('InvalidVpcID.NotFound', "The vpc ID 'vpc-0' does not exist");
        return remember({ Vpcs: [{ VpcId: 'vpc-1', IsDefault: false, Tags: [{ Key: 'a', Value: 'b' }] }] })(
          input,
          call,
        );
      }),
    ],
  },
  {
    signingName: 'apigateway',
    protocol: 'rest-json',
    operations: [
      operation(GetRestApi$, (input: { restApiId: string }, call) => {
        if (input.restApiId === 'none')
          throw new AwsError('NotFoundException', 'Invalid API identifier specified');
        return remember({
          id: input.restApiId,
          createdDate: new Date(1_700_000_000_000),
          apiKeySource: 'AUTHORIZER',
        })(input, call);
      }),
      operation(UpdateUsagePlan$, remember({ id: 'p', throttle: { rateLimit: 1.5, burstLimit: 2 } })),
    ],
  },
  {
    signingName: 'apigateway',
    protocol: 'rest-json',
    operations: [
      operation(GetApi$, remember({ ApiId: 'v2', Name: 'two' })),
      operation(CreateApi$, remember({})),
    ],
  },
  {
    signingName: 'lambda',
    protocol: 'rest-json',
    operations: [
      operation(
        Invoke$,
        remember({
          StatusCode: 200,
          FunctionError: 'Unhandled',
          Payload: Buffer.from('{"errorMessage":"x"}'),
        }),
        {
          access: (input: { FunctionName: string }) => [
            { action: 'lambda:InvokeFunction', resource: input.FunctionName },
          ],
        },
      ),
    ],
  },
  {
    signingName: 's3',
    protocol: 'rest-xml',
    xmlNamespace: 'http://s3.amazonaws.com/doc/2006-03-01/',
    operations: [
      operation(PutObject$, async (input: { Body: Readable }, call) => {
        const parts: Buffer[] = [];
        for await (const part of input.Body) parts.push(part as Buffer);
        uploaded.push(Buffer.concat(parts));
        return remember({ ETag: '"e"' })(input, call);
      }),
      operation(GetObject$, (input: { Key: string }, call) => {
        if (input.Key === 'none')
          throw new AwsError('NoSuchKey', 'The specified key does not exist.', 404, { Key: 'none' });
        return remember({
          Body: Readable.from([Buffer.from('hello '), Buffer.from('world')], { objectMode: false }),
          ContentLength: 11,
          ContentType: 'text/x-greeting',
          Metadata: { one: '1' },
          LastModified: new Date(1_700_000_000_000),
        })(input, call);
      }),
      operation(GetBucketLocation$, remember({ LocationConstraint: 'eu-west-1' })),
    ],
  },
];

const cloud = {
  account: '000000000000',
  clock: { now: () => Date.now() },
  services,
  stateDir: '/nowhere',
  log: (message: string) => logged.push(message),
  store: { flushed: async () => {} },
  iam: {
    authorize(_principal: Principal, access: Access) {
      authorized.push(access);
      if (access.action === denied)
        throw new AwsError('AccessDeniedException', `not authorized to perform: ${access.action}`);
    },
  },
  sts: {
    principalOf: (accessKeyId: string | undefined, sessionToken: string | undefined): Principal => ({
      type: accessKeyId === undefined ? 'anonymous' : 'role',
      arn: `${accessKeyId}/${sessionToken}`,
      userId: '',
      tags: {},
      sessionPolicies: [],
    }),
  },
} as unknown as Cloud;

let endpoint: Endpoint;
let options: {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken: string };
  maxAttempts: number;
};
beforeAll(async () => {
  endpoint = await startEndpoint(cloud, 0);
  endpoint.ready();
  options = {
    endpoint: endpoint.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'ASIA1', secretAccessKey: 's', sessionToken: 'token' },
    maxAttempts: 1,
  };
});
afterAll(() => endpoint.close());
beforeEach(() => {
  seen = [];
  authorized = [];
  denied = undefined;
  logged = [];
});

/** A raw request with whatever headers; undici's fetch would not send a foreign Host. */
function send(
  path: string,
  init: { method?: string; headers?: Record<string, string>; body?: string | Buffer | undefined } = {},
): Promise<{ status: number; headers: Record<string, unknown>; body: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      `${endpoint.url}${path}`,
      { method: init.method ?? 'POST', headers: init.headers },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
      },
    );
    request.on('error', reject);
    request.end(init.body);
  });
}

const signed = (service: string): Record<string, string> => ({
  authorization: `AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=0`,
});

describe('AWS JSON', () => {
  test('carries input, output, timestamps and the signer', async () => {
    const ecs = new ECSClient(options);
    const { services: found, $metadata } = await ecs.send(
      new DescribeServicesCommand({ cluster: 'c', services: ['orders'] }),
    );
    expect(found?.[0]?.createdAt).toEqual(new Date(1_700_000_000_500));
    expect($metadata.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(seen).toMatchObject([
      { input: { cluster: 'c', services: ['orders'] }, principal: { arn: 'ASIA1/token' } },
    ]);
    expect(authorized).toEqual([{ action: 'ecs:DescribeServices', resource: '*' }]);
  });

  test('raises modelled errors, denials, and names what is not implemented', async () => {
    const ecs = new ECSClient(options);
    await expect(
      ecs.send(new DescribeServicesCommand({ cluster: 'missing', services: [] })),
    ).rejects.toMatchObject({
      name: 'ClusterNotFoundException',
      message: 'Cluster not found.',
    });
    await expect(ecs.send(new ListTasksCommand({}))).rejects.toMatchObject({
      name: 'NotImplementedException',
      message: "saas-ecs' embedded cloud does not implement ecs:ListTasks",
    });
    denied = 'ecs:DescribeServices';
    await expect(ecs.send(new DescribeServicesCommand({ services: [] }))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
    expect(seen).toEqual([]);
  });

  test('keeps an unexpected error to the log', async () => {
    const ecs = new ECSClient(options);
    const error = await ecs
      .send(new DescribeServicesCommand({ cluster: 'broken', services: [] }))
      .catch((e: Error) => e);
    expect(error).toMatchObject({ name: 'InternalFailure', $metadata: { httpStatusCode: 500 } });
    expect(String(error)).not.toContain('secret');
    expect(logged.join()).toContain('a secret detail');
  });

  test('the raw path takes and gives bodies as they are', async () => {
    const client = new DynamoDBClient(options);
    const { Item } = await client.send(new GetItemCommand({ TableName: 't1', Key: { a: { S: 'b' } } }));
    expect(Item).toEqual({ got: { S: 't1' } });
  });

  test('public operations need no signature, others do', async () => {
    const client = new CognitoIdentityProviderClient({ endpoint: endpoint.url, region: 'us-east-1' });
    await client.send(new InitiateAuthCommand({ AuthFlow: 'USER_PASSWORD_AUTH', ClientId: 'c' }));
    expect(seen).toMatchObject([{ principal: { type: 'anonymous' } }]);
    const answer = await send('/', {
      headers: { 'x-amz-target': 'AmazonEC2ContainerServiceV20141113.DescribeServices' },
      body: '{"services":[]}',
    });
    expect(answer).toMatchObject({
      status: 400,
      headers: { 'x-amzn-errortype': 'MissingAuthenticationTokenException' },
    });
  });

  test('refuses what it cannot read', async () => {
    const headers = { ...signed('ecs'), 'x-amz-target': 'X.DescribeServices' };
    for (const body of ['{', '[]', 'null', '"x"']) {
      expect(await send('/', { headers, body })).toMatchObject({
        status: 400,
        headers: { 'x-amzn-errortype': 'SerializationException' },
      });
    }
    for (const [body, what] of [
      ['{"services":"orders"}', 'services is a string, not a list'],
      ['{"services":[1]}', 'services[0] is a number, not a string'],
      ['{"services":[null]}', 'services[0] is null, not a string'],
      ['{"services":[],"cluster":{}}', 'cluster is an object, not a string'],
    ]) {
      expect(JSON.parse((await send('/', { headers, body })).body)).toMatchObject({
        __type: 'SerializationException',
        message: what,
      });
    }
    expect(seen).toEqual([]);
    const missing = await send('/', { headers, body: '{}' });
    expect(JSON.parse(missing.body)).toMatchObject({
      message: expect.stringContaining("Value null at 'services'"),
    });
  });
});

describe('AWS Query', () => {
  test('carries nested lists and structures, and escapes', async () => {
    const client = new CloudFormationClient(options);
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: 's' }));
    expect(Stacks).toMatchObject([{ ...stack, CreationTime: new Date(stack.CreationTime) }]);
    const input = {
      StackName: 's',
      TemplateBody: '{"a": "x=1&b+c %20 ü"}',
      Parameters: [
        { ParameterKey: 'a', ParameterValue: '' },
        { ParameterKey: 'b', UsePreviousValue: true },
      ],
      Tags: Array.from({ length: 12 }, (_, i) => ({ Key: `k${i}`, Value: `${i}` })),
      Capabilities: ['CAPABILITY_IAM' as const],
      TimeoutInMinutes: 5,
      NotificationARNs: [],
    };
    await client.send(new CreateStackCommand(input));
    expect(seen[1]?.input).toEqual(input);
  });

  test('raises errors by their wire code', async () => {
    await expect(
      new CloudFormationClient(options).send(new DescribeStacksCommand({ StackName: 'none' })),
    ).rejects.toMatchObject({ name: 'ValidationError', message: 'Stack with id none does not exist' });
    await expect(
      new ElasticLoadBalancingV2Client(options).send(new DescribeTargetGroupsCommand({})),
    ).rejects.toMatchObject({ name: 'TargetGroupNotFoundException' });
  });

  test("does not take the classic load balancer's version for the newer one", async () => {
    const answer = await send('/', {
      headers: { ...signed('elasticloadbalancing'), 'content-type': 'application/x-www-form-urlencoded' },
      body: 'Action=DescribeTargetGroups&Version=2012-06-01',
    });
    expect(answer.body).toContain('does not implement elasticloadbalancing:DescribeTargetGroups');
  });
});

test('EC2 Query carries filters, answers and errors', async () => {
  const client = new EC2Client(options);
  const { Vpcs } = await client.send(
    new DescribeVpcsCommand({
      Filters: [{ Name: 'tag:x', Values: ['1', '2'] }],
      VpcIds: ['vpc-1'],
      DryRun: false,
    }),
  );
  expect(Vpcs).toMatchObject([{ VpcId: 'vpc-1', IsDefault: false, Tags: [{ Key: 'a', Value: 'b' }] }]);
  expect(seen[0]?.input).toEqual({
    Filters: [{ Name: 'tag:x', Values: ['1', '2'] }],
    VpcIds: ['vpc-1'],
    DryRun: false,
  });
  await expect(client.send(new DescribeVpcsCommand({ VpcIds: ['vpc-0'] }))).rejects.toMatchObject({
    name: 'InvalidVpcID.NotFound',
  });
});

describe('REST-JSON', () => {
  test('binds labels and bodies, and tells two versions of a service apart', async () => {
    const client = new APIGatewayClient(options);
    expect(await client.send(new GetRestApiCommand({ restApiId: 'a b/c' }))).toMatchObject({
      id: 'a b/c',
      createdDate: new Date(1_700_000_000_000),
    });
    const patchOperations = [{ op: 'replace' as const, path: '/throttle/rateLimit', value: '5' }];
    expect(
      await client.send(new UpdateUsagePlanCommand({ usagePlanId: 'p', patchOperations })),
    ).toMatchObject({
      throttle: { rateLimit: 1.5 },
    });
    expect(seen[1]?.input).toEqual({ usagePlanId: 'p', patchOperations });
    expect(await new ApiGatewayV2Client(options).send(new GetApiCommand({ ApiId: 'v2' }))).toMatchObject({
      Name: 'two',
    });
  });

  test('raises modelled errors with their status', async () => {
    await expect(
      new APIGatewayClient(options).send(new GetRestApiCommand({ restApiId: 'none' })),
    ).rejects.toMatchObject({
      name: 'NotFoundException',
      $metadata: { httpStatusCode: 404 },
    });
  });

  test('binds status, headers and blob payloads', async () => {
    const client = new LambdaClient(options);
    const result = await client.send(
      new InvokeCommand({
        FunctionName: 'arn:aws:lambda:us-east-1:0:function:f',
        Payload: Buffer.from('{"a":1}'),
      }),
    );
    expect(result).toMatchObject({ StatusCode: 200, FunctionError: 'Unhandled' });
    expect(Buffer.from(result.Payload ?? []).toString()).toBe('{"errorMessage":"x"}');
    expect(String((seen[0]?.input as { Payload: Buffer } | undefined)?.Payload)).toBe('{"a":1}');
    expect(authorized).toEqual([
      { action: 'lambda:InvokeFunction', resource: 'arn:aws:lambda:us-east-1:0:function:f' },
    ]);
  });
});

describe('REST-XML', () => {
  const client = (): S3Client => new S3Client({ ...options, forcePathStyle: true });

  test('streams bodies both ways, out of their chunks', async () => {
    const body = Buffer.alloc(300_000, 'abcdefghij');
    await client().send(
      new PutObjectCommand({ Bucket: 'b', Key: 'd/k e+y', Body: body, Metadata: { a: 'b' } }),
    );
    // A stream makes the SDK send aws-chunked with a trailing checksum.
    await client().send(
      new PutObjectCommand({
        Bucket: 'b',
        Key: 'k',
        Body: Readable.from([body.subarray(0, 7), body.subarray(7)]),
        ContentLength: body.length,
      }),
    );
    expect(uploaded.map((each) => each.equals(body))).toEqual([true, true]);
    expect(seen[0]?.input).toMatchObject({ Bucket: 'b', Key: 'd/k e+y', Metadata: { a: 'b' } });
    const got = await client().send(new GetObjectCommand({ Bucket: 'b', Key: 'k', Range: 'bytes=0-1' }));
    expect(await got.Body?.transformToString()).toBe('hello world');
    expect(got).toMatchObject({
      ContentType: 'text/x-greeting',
      Metadata: { one: '1' },
      LastModified: new Date(1_700_000_000_000),
    });
    expect(seen[2]?.input).toMatchObject({ Range: 'bytes=0-1' });
  });

  test('raises errors, and does not take a subresource for the object', async () => {
    await expect(client().send(new GetObjectCommand({ Bucket: 'b', Key: 'none' }))).rejects.toMatchObject({
      name: 'NoSuchKey',
      Key: 'none',
    });
    const answer = await send('/b/k?acl', { method: 'GET', headers: signed('s3') });
    expect(answer).toMatchObject({
      status: 400,
      body: expect.stringContaining('does not implement s3:GET /b/k'),
    });
  });

  test('gives an unwrapped root element', async () => {
    expect(await client().send(new GetBucketLocationCommand({ Bucket: 'b' }))).toMatchObject({
      LocationConstraint: 'eu-west-1',
    });
  });

  test('reads the bucket from the host name', async () => {
    const { port } = new URL(endpoint.url);
    await send('/d/k', { method: 'GET', headers: { ...signed('s3'), host: `my.bucket.localhost:${port}` } });
    expect(seen[0]?.input).toMatchObject({ Bucket: 'my.bucket', Key: 'd/k' });
  });

  test('takes presigned requests until they expire', async () => {
    const at = (date: string): string =>
      `/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=${date}&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=0&x-id=GetObject`;
    const now = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
    expect(await send(at(now), { method: 'GET' })).toMatchObject({ status: 200, body: 'hello world' });
    expect(await send(at('20200101T000000Z'), { method: 'GET' })).toMatchObject({ status: 403 });
    const version2 = (expires: number): string => `/b/k?AWSAccessKeyId=AKID&Signature=0&Expires=${expires}`;
    expect(await send(version2(Math.floor(Date.now() / 1000) + 60), { method: 'GET' })).toMatchObject({
      status: 200,
    });
    expect(await send(version2(1_577_836_800), { method: 'GET' })).toMatchObject({ status: 403 });
  });
});

describe('the door', () => {
  test('answers on loopback names only', async () => {
    const answer = await send('/_aws/health', { method: 'GET', headers: { host: 'rebound.example' } });
    expect(answer.status).toBe(403);
    expect(await send('/_aws/health', { method: 'GET' })).toMatchObject({
      status: 200,
      body: '{"status":"ready"}',
    });
  });

  test('lets web pages call public operations only', async () => {
    const origin = { origin: 'http://localhost:5173' };
    const target = { 'x-amz-target': 'AWSCognitoIdentityProviderService.InitiateAuth' };
    const body = '{"AuthFlow":"USER_PASSWORD_AUTH","ClientId":"c"}';
    const preflight = await send('/', {
      method: 'OPTIONS',
      headers: { ...origin, 'access-control-request-headers': 'x-amz-target' },
    });
    expect(preflight).toMatchObject({
      status: 204,
      headers: { 'access-control-allow-headers': 'x-amz-target' },
    });
    expect(await send('/', { headers: { ...origin, ...target }, body })).toMatchObject({
      status: 200,
      headers: { 'access-control-allow-origin': '*' },
    });
    expect(
      await send('/', {
        headers: { ...origin, ...signed('ecs'), 'x-amz-target': 'X.DescribeServices' },
        body: '{"services":[]}',
      }),
    ).toMatchObject({ status: 403 });
    expect(seen).toHaveLength(1);
  });

  test('lets no page act by a presigned request, as <img> would', async () => {
    const credential = (service: string): string =>
      `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20260101%2Fus-east-1%2F${service}%2Faws4_request`;
    const image = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' };
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    const createStack = `/?Action=CreateStack&StackName=s&${credential('cloudformation')}`;
    for (const headers of [image, link]) {
      expect(await send(createStack, { method: 'GET', headers })).toMatchObject({ status: 403 });
    }
    expect(seen).toEqual([]);
    expect(await send(createStack, { method: 'GET' })).toMatchObject({ status: 200 });
    const object = `/b/k?${credential('s3')}`;
    expect(await send(object, { method: 'GET', headers: image })).toMatchObject({ status: 403 });
    expect(await send(object, { method: 'GET', headers: link })).toMatchObject({ status: 200 });
  });

  test('tells pages what they may send to public operations, and nothing more', async () => {
    const { headers } = await send('/', {
      method: 'OPTIONS',
      headers: {
        origin: 'https://page.example',
        'access-control-request-headers': 'x-amz-target, Content-Type, authorization, x-amz-security-token',
      },
    });
    expect(headers['access-control-allow-headers']).toBe('x-amz-target,content-type');
    const answer = await send('/', {
      headers: { origin: 'https://page.example', ...signed('ecs'), 'x-amz-target': 'X.DescribeServices' },
      body: '{"services":[]}',
    });
    expect(answer.status).toBe(403);
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  });

  test('keeps what programs have below /_aws/ from pages of others, not from those it serves itself', async () => {
    const own = `http://${new URL(endpoint.url).host}`;
    for (const headers of [
      { origin: 'https://page.example' },
      { origin: 'null' },
      { origin: 'http://localhost:1' },
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
    ])
      expect((await send('/_aws/health', { method: 'GET', headers })).status).toBe(403);
    for (const headers of [
      { origin: own },
      { 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'none' },
    ])
      expect((await send('/_aws/health', { method: 'GET', headers })).status).toBe(200);
    // What AWS serves to pages is decided by those who serve it: here nobody does.
    for (const prefix of ['execute-api', 'cognito', 'cognito-domain'])
      expect(
        (await send(`/_aws/${prefix}/x`, { method: 'GET', headers: { origin: 'https://page.example' } }))
          .status,
      ).toBe(404);
  });

  test('refuses a path that is none', async () => {
    expect(await send('/_aws/\\\\[', { method: 'GET' })).toMatchObject({ status: 404 });
    expect((await send('//[/_aws/', { method: 'GET' })).status).toBeLessThan(500);
  });

  test('bounds bodies', async () => {
    const headers = {
      ...signed('ecs'),
      'x-amz-target': 'X.DescribeServices',
      'content-length': String(17 * 1024 * 1024),
    };
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest(endpoint.url, { method: 'POST', headers }, (response) =>
        resolve(response.resume().statusCode),
      );
      request.on('error', reject);
      request.write('{');
    });
    expect(status).toBe(413);
  });

  test('names a service it does not have', async () => {
    const answer = await send('/', {
      headers: { ...signed('sqs'), 'x-amz-target': 'AmazonSQS.SendMessage' },
      body: '{}',
    });
    expect(answer.body).toContain('does not implement sqs:SendMessage');
  });
});
