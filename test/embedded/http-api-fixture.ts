/** An embedded cloud with an HTTP API whose functions tell what they were given. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ApiGatewayV2, type CreateRouteRequest } from '@aws-sdk/client-apigatewayv2';
import { IAM } from '@aws-sdk/client-iam';
import { Lambda } from '@aws-sdk/client-lambda';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import { zipArchive } from './zip-archive.ts';

export const account = '123456789012';

/** Gives back its event, or what the event's body asks for. */
const echo = `
export const handler = async (event) => {
  const wish = event.headers['x-wish'] ?? event.headers['X-Wish'];
  if (wish === 'throw') throw new Error('as wished');
  if (wish === 'sleep') await new Promise((resolve) => setTimeout(resolve, 5000));
  if (wish) return JSON.parse(wish);
  return { statusCode: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(event) };
};`;

export class HttpApiFixture {
  cloud!: RunningCloud;
  gateway!: ApiGatewayV2;
  lambda!: Lambda;
  iam!: IAM;
  apiId = '';
  url = '';
  functionArn = '';
  private stateDir = '';
  private offset = 0;

  async start(port = 0): Promise<void> {
    this.stateDir ||= await mkdtemp(path.join(tmpdir(), 'saas-ecs-http-api-'));
    const clock = { now: () => Date.now() + this.offset };
    this.cloud = await startCloud({ stateDir: this.stateDir, port, account, clock });
    const options = {
      endpoint: this.cloud.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'x' },
      maxAttempts: 1,
    };
    this.gateway = new ApiGatewayV2(options);
    this.lambda = new Lambda(options);
    this.iam = new IAM(options);
  }

  /** A function `echo` and an API with its permission and a stage that deploys by itself. */
  async setUp(): Promise<void> {
    await this.iam.createRole({
      RoleName: 'functions',
      AssumeRolePolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
        ],
      }),
    });
    const { FunctionArn = '' } = await this.lambda.createFunction({
      FunctionName: 'echo',
      Runtime: 'nodejs22.x',
      Handler: 'index.handler',
      Role: `arn:aws:iam::${account}:role/functions`,
      Timeout: 10,
      Code: { ZipFile: zipArchive([{ name: 'index.mjs', content: echo }]) },
    });
    this.functionArn = FunctionArn;
    const { ApiId = '', ApiEndpoint = '' } = await this.gateway.createApi({
      Name: 'api',
      ProtocolType: 'HTTP',
    });
    this.apiId = ApiId;
    this.url = ApiEndpoint;
    await this.gateway.createStage({ ApiId, StageName: '$default', AutoDeploy: true });
    await this.permit('api', '*/*');
  }

  /** Lets the API invoke the function for `<stage>/<method>/<path>`. */
  async permit(id: string, route: string): Promise<void> {
    await this.lambda.addPermission({
      FunctionName: 'echo',
      StatementId: id,
      Action: 'lambda:InvokeFunction',
      Principal: 'apigateway.amazonaws.com',
      SourceArn: `arn:aws:execute-api:us-east-1:${account}:${this.apiId}/${route}`,
    });
  }

  async integration(version: '1.0' | '2.0' = '2.0', more: object = {}): Promise<string> {
    const { IntegrationId = '' } = await this.gateway.createIntegration({
      ApiId: this.apiId,
      IntegrationType: 'AWS_PROXY',
      IntegrationUri: this.functionArn,
      PayloadFormatVersion: version,
      ...more,
    });
    return IntegrationId;
  }

  async route(
    RouteKey: string,
    integration: string,
    more: Partial<CreateRouteRequest> = {},
  ): Promise<string> {
    const { RouteId = '' } = await this.gateway.createRoute({
      ApiId: this.apiId,
      RouteKey,
      Target: `integrations/${integration}`,
      ...more,
    });
    return RouteId;
  }

  async call(target: string, init: RequestInit = {}) {
    const response = await fetch(this.url + target, init);
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      // biome-ignore lint/suspicious/noExplicitAny: events are looked into at any depth
      json: () => JSON.parse(text) as any,
    };
  }

  advance(milliseconds: number): void {
    this.offset += milliseconds;
  }

  async restart(): Promise<void> {
    const port = Number(new URL(this.cloud.endpoint).port);
    await this.#close();
    await this.start(port);
  }

  async #close(): Promise<void> {
    for (const client of [this.gateway, this.lambda, this.iam]) client.destroy();
    await this.cloud.stop();
  }

  async stop(): Promise<void> {
    await this.#close();
    await rm(this.stateDir, { recursive: true, force: true });
  }
}
