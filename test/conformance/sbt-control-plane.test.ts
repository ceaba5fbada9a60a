/**
 * SaaS Builder Toolkit's own control plane, unchanged, on the embedded cloud: deployed by the stock CDK CLI, its Python
 * functions with the packages that pip gives (or those in SAAS_ECS_PYTHON_PACKAGES).
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { CloudFormation, waitUntilStackDeleteComplete } from '@aws-sdk/client-cloudformation';
import { CognitoIdentityProvider } from '@aws-sdk/client-cognito-identity-provider';
import { EventBridge } from '@aws-sdk/client-eventbridge';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import { packageRoot } from '../../src/model/installation.ts';
import { installPackages } from './python-packages.ts';

const run = promisify(execFile);
const account = '000000000000';

const work = await mkdtemp(path.join(tmpdir(), 'saas-ecs-sbt-'));
const installed = await installPackages(path.join(work, 'python'));
const missing = 'missing' in installed ? installed.missing : undefined;
if (missing !== undefined) await rm(work, { recursive: true, force: true });

describe.skipIf(missing !== undefined)(
  `SBT's control plane${missing ? ` (skipped: ${missing})` : ''}`,
  () => {
    let cloud: RunningCloud;
    let cloudFormation: CloudFormation;
    let cognito: CognitoIdentityProvider;
    let events: EventBridge;
    let api = '';
    let poolId = '';
    let bus = '';

    const cdk = (...argv: string[]) =>
      run(process.execPath, [path.join(packageRoot(), 'node_modules', 'aws-cdk', 'bin', 'cdk'), ...argv], {
        cwd: work,
        timeout: 300_000,
        maxBuffer: 1 << 24,
        env: {
          PATH: process.env['PATH'],
          HOME: work,
          CI: 'true',
          AWS_ENDPOINT_URL: cloud.endpoint,
          AWS_ACCESS_KEY_ID: 'local',
          AWS_SECRET_ACCESS_KEY: 'local',
          AWS_REGION: cloud.region,
        },
      });

    beforeAll(async () => {
      cloud = await startCloud({
        stateDir: path.join(work, 'state'),
        ...('directory' in installed && { pythonPackages: installed.directory }),
      });
      const options = {
        endpoint: cloud.endpoint,
        region: cloud.region,
        credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
        maxAttempts: 1,
      };
      cloudFormation = new CloudFormation(options);
      cognito = new CognitoIdentityProvider(options);
      events = new EventBridge(options);
      await cdk('bootstrap', `aws://${account}/${cloud.region}`, '--no-notices');
      const app = `${process.execPath} ${path.join(packageRoot(), 'test', 'conformance', 'sbt-app.mjs')}`;
      await cdk('deploy', '--app', app, '--require-approval', 'never', '--no-notices');
      const { Stacks } = await cloudFormation.describeStacks({ StackName: 'controlplane' });
      const outputs = Object.fromEntries(
        (Stacks?.[0]?.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue ?? '']),
      );
      poolId = outputs['ControlPlaneIdpUserPoolId'] ?? '';
      bus = outputs['eventBridgeArn'] ?? '';
      // The output is what AWS would form of the API's id.
      const id = new URL(outputs['controlPlaneAPIEndpoint'] ?? '').host.split('.')[0];
      api = `${cloud.endpoint}/_aws/execute-api/${id}`;
    });
    afterAll(async () => {
      for (const client of [cloudFormation, cognito, events]) client?.destroy();
      await cloud?.stop();
      await rm(work, { recursive: true, force: true });
    });

    const call = async (method: string, target: string, token?: string, body?: object) => {
      const response = await fetch(api + target, {
        method,
        headers: {
          ...(token && { authorization: `Bearer ${token}` }),
          ...(body && { 'content-type': 'application/json' }),
        },
        ...(body && { body: JSON.stringify(body) }),
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };

    /** SBT's machine client, with its secret. */
    const machineClient = async () => {
      const { UserPoolClients = [] } = await cognito.listUserPoolClients({ UserPoolId: poolId });
      const all = await Promise.all(
        UserPoolClients.map(({ ClientId }) =>
          cognito.describeUserPoolClient({ UserPoolId: poolId, ClientId }),
        ),
      );
      const client = all.map(({ UserPoolClient }) => UserPoolClient).find((each) => each?.ClientSecret);
      if (!client) throw new Error('SBT has no client with a secret');
      return client;
    };
    const machineToken = async (): Promise<string> => {
      const { ClientId, ClientSecret } = await machineClient();
      const { UserPool } = await cognito.describeUserPool({ UserPoolId: poolId });
      const response = await fetch(`${cloud.endpoint}/_aws/cognito-domain/${UserPool?.Domain}/oauth2/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`${ClientId}:${ClientSecret}`).toString('base64')}` },
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
      });
      const { access_token } = (await response.json()) as { access_token: string };
      return access_token;
    };
    /** Lets the machine client do what an administrator who signs in may. */
    const operatorToken = async (): Promise<string> => {
      const { ClientId, ExplicitAuthFlows } = await machineClient();
      await cognito.updateUserPoolClient({
        UserPoolId: poolId,
        ClientId,
        ExplicitAuthFlows,
        AllowedOAuthFlowsUserPoolClient: true,
        AllowedOAuthFlows: ['client_credentials'],
        AllowedOAuthScopes: [
          'tenant/tenant_read',
          'tenant/tenant_write',
          'user/user_read',
          'user/user_write',
        ],
      });
      return machineToken();
    };
    /** All events of the bus from now on. */
    const watchBus = async () => {
      const group = `/sbt/${Date.now()}`;
      const Rule = `watch-${Date.now()}`;
      await events.putRule({
        Name: Rule,
        EventBusName: bus,
        EventPattern: JSON.stringify({ account: [account] }),
      });
      await events.putTargets({
        Rule,
        EventBusName: bus,
        Targets: [{ Id: 'log', Arn: `arn:aws:logs:${cloud.region}:${account}:log-group:${group}` }],
      });
      const event = (type: string) =>
        vi.waitFor(
          () => {
            const found = cloud.logs
              .tail(group, Rule, 100)
              .map((line) => JSON.parse(line) as { 'detail-type': string; detail: Record<string, unknown> })
              .find((event) => event['detail-type'] === type);
            if (!found) throw new Error(`no ${type} on the bus yet`);
            return found;
          },
          { timeout: 20_000, interval: 50 },
        );
      // A bus with a rule on it can't be deleted.
      const done = async () => {
        await events.removeTargets({ Rule, EventBusName: bus, Ids: ['log'] });
        await events.deleteRule({ Name: Rule, EventBusName: bus });
      };
      return { event, done };
    };

    it('asks for a token, and for the scope of a route', async () => {
      expect(await call('GET', '/users')).toEqual({ status: 401, body: { message: 'Unauthorized' } });
      expect(await call('GET', '/users', await machineToken())).toEqual({
        status: 403,
        body: { message: 'Forbidden' },
      });
    });

    it('has its administrator, and creates, lists, gets, changes and deletes users', async () => {
      const token = await operatorToken();
      const jane = { userName: 'jane', userRole: 'CustomerSupport', email: 'jane@acme.example' };
      expect(await call('POST', '/users', token, jane)).toEqual({
        status: 201,
        body: { data: { userName: 'jane' } },
      });
      const { body } = await call('GET', '/users', token);
      const users = body['data'] as Record<string, unknown>[];
      expect(users.map((user) => user['email']).sort()).toEqual(['jane@acme.example', 'ops@acme.example']);
      expect((await call('GET', '/users/jane', token)).body['data']).toMatchObject({
        userRole: 'CustomerSupport',
      });
      const changed = { userRole: 'SystemAdmin', email: 'jane.doe@acme.example' };
      expect((await call('PUT', '/users/jane', token, changed)).status).toBe(200);
      expect((await call('GET', '/users/jane', token)).body['data']).toMatchObject(changed);
      expect((await call('DELETE', '/users/jane', token)).status).toBe(200);
      expect((await call('GET', '/users/jane', token)).status).toBe(404);
    });

    it('registers a tenant, takes the outcome of its provisioning, and lets it go', async () => {
      const token = await operatorToken();
      const { event, done } = await watchBus();
      const registration = await call('POST', '/tenant-registrations', token, {
        tenantData: { tenantName: 'acme', email: 'admin@acme.example', tier: 'basic' },
        tenantRegistrationData: { registrationStatus: 'In progress' },
      });
      expect(registration).toMatchObject({
        status: 201,
        body: { data: { message: 'Tenant registration initiated' } },
      });
      const { tenantId, tenantRegistrationId } = registration.body['data'] as Record<string, string>;
      expect((await event('onboardingRequest')).detail).toMatchObject({
        tenantId,
        tenantRegistrationId,
        tenantName: 'acme',
        tier: 'basic',
      });
      expect((await call('GET', '/tenants', token)).body['data']).toMatchObject([
        { tenantId, tenantName: 'acme' },
      ]);
      expect((await call('GET', '/tenant-config?tenantName=acme')).status).toBe(404);

      // What SBT's application plane says when its job is done goes back through an API destination.
      await events.putEvents({
        Entries: [
          {
            EventBusName: bus,
            Source: 'applicationPlaneEventSource',
            DetailType: 'provisionSuccess',
            Detail: JSON.stringify({
              tenantRegistrationId,
              jobOutput: {
                tenantData: { tenantConfig: '{"url":"http://acme.example"}' },
                tenantRegistrationData: { registrationStatus: 'Complete' },
              },
            }),
          },
        ],
      });
      const target = `/tenant-registrations/${tenantRegistrationId}`;
      await vi.waitFor(
        async () => {
          const { body } = await call('GET', target, token);
          expect(body['data']).toMatchObject({ tenantId, registrationStatus: 'Complete' });
        },
        { timeout: 20_000, interval: 200 },
      );
      await vi.waitFor(
        async () =>
          expect(await call('GET', '/tenant-config?tenantName=acme')).toEqual({
            status: 200,
            body: { url: 'http://acme.example' },
          }),
        { timeout: 20_000, interval: 200 },
      );

      expect((await call('DELETE', target, token)).status).toBe(200);
      expect((await event('offboardingRequest')).detail).toMatchObject({ tenantId, tenantRegistrationId });
      await done();
      expect((await call('GET', `/tenants/${tenantId}`, token)).body['data']).toMatchObject({
        sbtaws_active: false,
      });
    });

    it('keeps IAM at work between its functions: a tenant is not created by a token', async () => {
      const token = await operatorToken();
      expect(await call('POST', '/tenants', token, { tenantName: 'other' })).toEqual({
        status: 403,
        body: { message: 'Forbidden' },
      });
    });

    it('can be deleted', async () => {
      await cloudFormation.deleteStack({ StackName: 'controlplane' });
      const { state } = await waitUntilStackDeleteComplete(
        { client: cloudFormation, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
        { StackName: 'controlplane' },
      );
      expect(state).toBe('SUCCESS');
    });
  },
);
