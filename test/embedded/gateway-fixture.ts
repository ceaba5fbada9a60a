/** An embedded cloud with a load balancer, a real Lambda authorizer and the product's own API in front. */
import { mkdtemp, rm } from 'node:fs/promises';
import {
  createServer,
  type IncomingHttpHeaders,
  type RequestListener,
  request,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { APIGateway } from '@aws-sdk/client-api-gateway';
import { ApiGatewayV2 } from '@aws-sdk/client-apigatewayv2';
import { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import { IAM } from '@aws-sdk/client-iam';
import { Lambda } from '@aws-sdk/client-lambda';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import type { LambdaApi } from '../../src/embedded/platform.ts';
import type { Service } from '../../src/model/service.ts';
import { openApiDocument } from '../../src/templates/shared-infra/openapi.ts';
import { zipArchive } from './zip-archive.ts';

const account = '123456789012';
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  json(): Record<string, unknown>;
}

/** What a token asks the authorizer of the tests to answer. */
export interface Wish {
  tenantPath?: string;
  key?: string;
  effect?: 'Allow' | 'Deny';
  /** Below `<api>/<stage>/`. */
  resource?: string;
  context?: Record<string, unknown>;
  /** The error message to fail with. */
  raise?: string;
  /** Something that is no answer at all. */
  nonsense?: boolean;
}
export const token = (wish: Wish): string =>
  `Bearer ${Buffer.from(JSON.stringify(wish)).toString('base64url')}`;

const authorizerCode = `
export const handler = async (event) => {
  const header = event.headers.Authorization ?? event.headers.authorization;
  const wish = JSON.parse(Buffer.from(header.replace('Bearer ', ''), 'base64url').toString());
  if (wish.raise) throw new Error(wish.raise);
  if (wish.nonsense) return { hello: 'world' };
  const [api, stage] = event.methodArn.split('/');
  return {
    principalId: 'user',
    policyDocument: { Version: '2012-10-17', Statement: [{
      Action: 'execute-api:Invoke', Effect: wish.effect ?? 'Allow', Resource: api + '/' + stage + '/' + (wish.resource ?? '*/*') }] },
    context: { ...(wish.tenantPath ? { tenantPath: wish.tenantPath } : {}), ...wish.context },
    ...(wish.key ? { usageIdentifierKey: wish.key } : {}),
  };
};`;

const orders: Service = {
  name: 'orders',
  path: '/orders',
  image: 'builtin:order',
  port: 3010,
  cpu: 256,
  memory: 512,
  access: 'data',
  tasks: { min: 1, max: 1 },
  environment: {},
  routes: [
    { path: '', methods: ['GET', 'POST'] },
    { path: '/{id}', methods: ['GET', 'DELETE'] },
    { path: '/{id}/{rest+}', methods: ['GET'] },
    { path: '/summary', methods: ['GET'] },
  ],
};

export class GatewayFixture {
  readonly cloud: RunningCloud;
  readonly gateway: APIGateway;
  readonly gatewayV2: ApiGatewayV2;
  readonly elb: ElasticLoadBalancingV2;
  readonly lambda: Lambda;
  /** Events that the authorizer was invoked with. */
  readonly invocations: Record<string, unknown>[] = [];
  loadBalancerArn = '';
  listenerArn = '';
  vpcLinkId = '';
  authorizerArn = '';
  readonly #stateDir: string;
  readonly #clock: { offset: number };
  readonly #servers: Server[] = [];
  readonly #iam: IAM;

  private constructor(cloud: RunningCloud, stateDir: string, clock: { offset: number }) {
    this.cloud = cloud;
    this.#stateDir = stateDir;
    this.#clock = clock;
    const options = { endpoint: cloud.endpoint, region: 'us-east-1', credentials, maxAttempts: 1 };
    this.gateway = new APIGateway(options);
    this.gatewayV2 = new ApiGatewayV2(options);
    this.elb = new ElasticLoadBalancingV2(options);
    this.lambda = new Lambda(options);
    this.#iam = new IAM(options);
  }

  static async start(): Promise<GatewayFixture> {
    const stateDir = await mkdtemp(path.join(tmpdir(), 'gateway-'));
    const clock = { offset: 0 };
    const cloud = await startCloud({ stateDir, account, clock: { now: () => Date.now() + clock.offset } });
    const fixture = new GatewayFixture(cloud, stateDir, clock);
    fixture.#watchInvocations();
    await fixture.#makeAuthorizer();
    await fixture.#makeLoadBalancer();
    return fixture;
  }

  /** Moves the cloud's clock on. */
  pass(milliseconds: number): void {
    this.#clock.offset += milliseconds;
  }

  #watchInvocations(): void {
    const { invoke } = this.cloud.lambda;
    const watched: LambdaApi['invoke'] = (name, event, caller) => {
      this.invocations.push(event as Record<string, unknown>);
      return invoke.call(this.cloud.lambda, name, event, caller);
    };
    Object.assign(this.cloud, { lambda: { ...this.cloud.lambda, invoke: watched } });
  }

  async #makeAuthorizer(): Promise<void> {
    await this.#iam.createRole({
      RoleName: 'authorizer',
      AssumeRolePolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
        ],
      }),
    });
    const { FunctionArn = '' } = await this.lambda.createFunction({
      FunctionName: 'authorizer',
      Runtime: 'nodejs22.x',
      Handler: 'index.handler',
      Role: `arn:aws:iam::${account}:role/authorizer`,
      Code: { ZipFile: zipArchive([{ name: 'index.mjs', content: authorizerCode }]) },
    });
    this.authorizerArn = FunctionArn;
  }

  async #makeLoadBalancer(): Promise<void> {
    const { LoadBalancers } = await this.elb.createLoadBalancer({
      Name: 'cell',
      Scheme: 'internal',
      Subnets: ['subnet-a', 'subnet-b'],
    });
    this.loadBalancerArn = LoadBalancers?.[0]?.LoadBalancerArn ?? '';
    const { Listeners } = await this.elb.createListener({
      LoadBalancerArn: this.loadBalancerArn,
      Port: 80,
      Protocol: 'HTTP',
      DefaultActions: [
        {
          Type: 'fixed-response',
          FixedResponseConfig: {
            StatusCode: '404',
            ContentType: 'application/json',
            MessageBody: '{"message":"not found"}',
          },
        },
      ],
    });
    this.listenerArn = Listeners?.[0]?.ListenerArn ?? '';
    const link = await this.gatewayV2.createVpcLink({ Name: 'link', SubnetIds: ['subnet-a'] });
    this.vpcLinkId = link.VpcLinkId ?? '';
  }

  /** A target group with one target behind a rule for a tenant's path. */
  async tenant(tenantPath: string, priority: number, handler: RequestListener): Promise<string> {
    const { TargetGroups } = await this.elb.createTargetGroup({
      Name: `tenant-${tenantPath}`,
      Protocol: 'HTTP',
      Port: 3010,
      VpcId: 'vpc-1',
      TargetType: 'ip',
      HealthCheckPath: '/health',
      HealthyThresholdCount: 2,
    });
    const arn = TargetGroups?.[0]?.TargetGroupArn ?? '';
    await this.elb.createRule({
      ListenerArn: this.listenerArn,
      Priority: priority,
      Conditions: [
        { Field: 'http-header', HttpHeaderConfig: { HttpHeaderName: 'tenantPath', Values: [tenantPath] } },
      ],
      Actions: [{ Type: 'forward', TargetGroupArn: arn }],
    });
    const server = createServer((incoming, response) => {
      if (incoming.url === '/health') response.end();
      else handler(incoming, response);
    });
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    this.cloud.loadBalancer.register(arn, { id: tenantPath, host: '127.0.0.1', port });
    await this.cloud.loadBalancer.healthy(arn, tenantPath, 5000);
    return arn;
  }

  /** The product's own document. */
  document(): Record<string, unknown> {
    return openApiDocument({
      title: 'cell',
      services: [orders],
      vpcLinkId: this.vpcLinkId,
      loadBalancer: { arn: this.loadBalancerArn, url: 'http://internal-cell.us-east-1.elb.amazonaws.com' },
      authorizerUri: `arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${this.authorizerArn}/invocations`,
    });
  }

  /** Imports a document and serves it at the stage `prod`; lets it invoke the authorizer. */
  async api(document: Record<string, unknown> = this.document()): Promise<string> {
    const { id = '' } = await this.gateway.importRestApi({
      body: Buffer.from(JSON.stringify(document)),
      failOnWarnings: true,
    });
    await this.lambda.addPermission({
      FunctionName: 'authorizer',
      StatementId: `api-${id}`,
      Action: 'lambda:InvokeFunction',
      Principal: 'apigateway.amazonaws.com',
      SourceArn: `arn:aws:execute-api:us-east-1:${account}:${id}/authorizers/*`,
    });
    await this.gateway.createDeployment({ restApiId: id, stageName: 'prod' });
    return id;
  }

  async plan(apiId: string, name: string, rate: number, burst: number, limit: number): Promise<string> {
    const { id = '' } = await this.gateway.createUsagePlan({
      name,
      apiStages: [{ apiId, stage: 'prod' }],
      throttle: { rateLimit: rate, burstLimit: burst },
      quota: { limit, period: 'DAY' },
    });
    return id;
  }

  /** A key on a plan; the value is its name, filled up. */
  async key(planId: string, name: string): Promise<{ id: string; value: string }> {
    const value = name.padEnd(24, '0');
    const { id = '' } = await this.gateway.createApiKey({ name, value, enabled: true });
    await this.gateway.createUsagePlanKey({ usagePlanId: planId, keyId: id, keyType: 'API_KEY' });
    return { id, value };
  }

  /** A request with its path exactly as given. */
  call(
    apiId: string,
    target: string,
    options: { method?: string; headers?: Record<string, string | string[]>; body?: string } = {},
  ): Promise<Answer> {
    const { hostname, port } = new URL(this.cloud.endpoint);
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          hostname,
          port,
          path: `/_aws/execute-api/${apiId}/prod${target}`,
          method: options.method ?? 'GET',
          headers: options.headers ?? {},
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.once('end', () => {
            const text = Buffer.concat(chunks).toString();
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text,
              json: () => JSON.parse(text) as Record<string, unknown>,
            });
          });
          response.once('error', reject);
        },
      );
      outgoing.once('error', reject);
      outgoing.end(options.body);
    });
  }

  async close(): Promise<void> {
    for (const client of [this.gateway, this.gatewayV2, this.elb, this.lambda, this.#iam]) client.destroy();
    await this.cloud.stop();
    for (const server of this.#servers) server.closeAllConnections();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
    await rm(this.#stateDir, { recursive: true, force: true });
  }
}

/** Answers with what arrived. */
export const echo =
  (name: string): RequestListener =>
  (incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.once('end', () => {
      response.setHeader('content-type', 'application/json');
      response.setHeader('x-from', name);
      response.end(
        JSON.stringify({
          name,
          method: incoming.method,
          url: incoming.url,
          headers: incoming.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
  };
