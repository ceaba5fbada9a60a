import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import type { Config } from '../../src/model/config.ts';
import { SaasError } from '../../src/model/error.ts';
import { packageRoot } from '../../src/model/installation.ts';
import { bootstrapNeeded } from '../../src/services/deployment/bootstrap.ts';
import { checkRegion } from '../../src/services/doctor/account.ts';
import { look } from '../../src/services/doctor/check.ts';
import { checkImages } from '../../src/services/doctor/images.ts';
import { checkDocker, checkNode } from '../../src/services/doctor/machine.ts';
import { type Needs, needsOf } from '../../src/services/doctor/needs.ts';
import { checkQuotas } from '../../src/services/doctor/quotas.ts';
import type { Target } from '../../src/services/environment.ts';
import { apps, deployment, resources, templates, tiers } from '../templates/synthesized.ts';

let cloud: RunningCloud;
let stateDir = '';
const administrator = { accessKeyId: 'operator', secretAccessKey: 'operator' };

beforeAll(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'saas-ecs-doctor-'));
  cloud = await startCloud({ stateDir });
});
afterAll(async () => {
  await cloud.stop();
  await rm(stateDir, { recursive: true, force: true });
});

const target = (credentials: Target['client']['credentials'] = administrator, azs = 2): Target =>
  ({
    region: 'us-east-1',
    azs,
    client: { region: 'us-east-1', endpoint: cloud.endpoint, credentials, maxAttempts: 1 },
  }) as unknown as Target;

const needs = (changes: Partial<Needs> = {}): Needs => ({
  stacks: 6,
  roles: 12,
  tables: 3,
  userPools: 1,
  namespaces: 1,
  apiKeys: 1,
  usagePlans: 1,
  restApis: 1,
  vpcLinks: 1,
  loadBalancers: 1,
  targetGroupsPerCell: 3,
  fargateVcpus: 0.75,
  ...changes,
});

describe('this machine', () => {
  it.each([
    ['20.18.3', 'FAIL'],
    ['20.19.0', 'PASS'],
    ['24.1.0', 'PASS'],
    ['26.0.0', 'WARN'],
  ])('with Node.js %s: %s', (version, status) => {
    expect(checkNode(version).status).toBe(status);
  });

  it('may build images with another program than Docker, if it is there', async () => {
    expect(await checkDocker({ ...process.env, CDK_DOCKER: process.execPath })).toMatchObject({
      status: 'PASS',
      detail: expect.stringContaining(process.execPath),
    });
    expect(await checkDocker({ ...process.env, CDK_DOCKER: 'no-such-program' })).toMatchObject({
      status: 'FAIL',
      hint: expect.stringContaining('CDK_DOCKER'),
    });
  });
});

describe('images', () => {
  const service = (name: string, image: string) => ({ name, image }) as Config['services'][number];
  const builtins = ['order', 'product', 'user'].map((name) => service(name, `builtin:${name}`));

  it('need an emulator where a Dockerfile has something run and this machine is not ARM64', async () => {
    await writeFile(path.join(stateDir, 'Dockerfile'), 'FROM node:22-slim\nRUN npm ci\n');
    const services = [...builtins, service('reviews', stateDir)];
    expect(await checkImages({ services }, 'x64')).toMatchObject({
      status: 'WARN',
      detail: expect.stringMatching(/^reviews: /),
    });
    expect(await checkImages({ services }, 'arm64')).toMatchObject({ status: 'PASS' });
    expect(await checkImages({ services: builtins }, 'x64')).toMatchObject({ status: 'PASS' });
  });

  it('that are built in have nothing run while they build', async () => {
    for (const name of ['order', 'product', 'user', 'rproxy']) {
      const file = path.join(packageRoot(), 'src', 'templates', 'images', name, 'Dockerfile');
      expect(await readFile(file, 'utf8')).not.toMatch(/^\s*RUN\s/im);
    }
  });
});

describe('the account', () => {
  it('has too few zones for azs', async () => {
    expect(await checkRegion(target())).toMatchObject({ status: 'PASS' });
    expect(await checkRegion(target(administrator, 4))).toMatchObject({ status: 'FAIL' });
  });

  it('has quotas that bear the configuration, nearly do not, or do not', async () => {
    const found = async (changes: Partial<Needs>, name: string) =>
      (await checkQuotas(target(), needs(changes))).find((check) => check.name === `quota/${name}`);
    expect(await found({}, 'namespaces')).toMatchObject({
      status: 'PASS',
      detail: '1 of 50 Cloud Map namespaces',
      hint: null,
    });
    expect(await found({ namespaces: 45 }, 'namespaces')).toMatchObject({ status: 'WARN' });
    expect(await found({ namespaces: 51 }, 'namespaces')).toMatchObject({
      status: 'FAIL',
      hint: expect.stringContaining(
        'request-service-quota-increase --service-code AWSCloudMap --quota-code L-0FE3F50E',
      ),
    });
    // What can't be raised is not asked for.
    expect(await found({ apiKeys: 10_001 }, 'api-keys')).toMatchObject({
      status: 'FAIL',
      hint: expect.not.stringContaining('request-service-quota-increase'),
    });
    // The embedded cloud limits no vCPUs.
    expect(await found({}, 'fargate-vcpus')).toMatchObject({ status: 'WARN' });
  });

  it('keeps a look from whoever lacks the permission: one warning that names it', async () => {
    const { Role } = await new IAMClient(target().client).send(
      new CreateRoleCommand({
        RoleName: 'powerless',
        AssumeRolePolicyDocument: JSON.stringify({
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Principal: { AWS: cloud.account }, Action: 'sts:AssumeRole' }],
        }),
      }),
    );
    const { Credentials } = await new STSClient(target().client).send(
      new AssumeRoleCommand({ RoleArn: Role?.Arn, RoleSessionName: 'doctor' }),
    );
    const powerless = target({
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
    });
    expect(await checkQuotas(powerless, needs())).toEqual([
      {
        name: 'quotas',
        status: 'WARN',
        detail: 'not looked at: the permission servicequotas:GetServiceQuota is missing',
        hint: expect.stringContaining('servicequotas:GetServiceQuota'),
      },
    ]);
    expect(await look('region', 'ec2:DescribeAvailabilityZones', () => checkRegion(powerless))).toMatchObject(
      [{ status: 'WARN', detail: expect.stringContaining('ec2:DescribeAvailabilityZones') }],
    );
  });

  it('that fails in another way is a failure with what to do', async () => {
    const error = new SaasError('broken', 'it is broken', { detail: 'the reason\nmore', hint: 'mend it' });
    expect(await look('thing', 'a:B', () => Promise.reject(error))).toEqual([
      { name: 'thing', status: 'FAIL', detail: 'it is broken: the reason', hint: 'mend it' },
    ]);
  });
});

describe('what a configuration needs', () => {
  const counted = {
    roles: 'AWS::IAM::Role',
    tables: 'AWS::DynamoDB::Table',
    userPools: 'AWS::Cognito::UserPool',
    namespaces: 'AWS::ServiceDiscovery::HttpNamespace',
    usagePlans: 'AWS::ApiGateway::UsagePlan',
    restApis: 'AWS::ApiGateway::RestApi',
    vpcLinks: 'AWS::ApiGatewayV2::VpcLink',
    loadBalancers: 'AWS::ElasticLoadBalancingV2::LoadBalancer',
  } as const;

  it.each([
    { routing: 'direct', capacity: 'fargate', controlPlane: 'builtin' },
    { routing: 'proxy', capacity: 'ec2', controlPlane: 'sbt' },
  ] as const)(
    'is what the templates make: $routing, $capacity, $controlPlane',
    async ({ routing, capacity, controlPlane }) => {
      const of = deployment({ routing, tiers: tiers(capacity), controlPlane });
      const template = await templates(of);
      const { shared } = await apps(of);
      const stacks = shared.synth().stacks.map(({ id }) => id);
      // Two tenants of each silo tier.
      const all = [...stacks, ...['tenant-advanced', 'tenant-premium'].flatMap((name) => [name, name])];
      const need = needsOf(of as unknown as Config, { basic: 7, advanced: 2, premium: 2 }, controlPlane);
      for (const [name, type] of Object.entries(counted)) {
        const made = all.reduce((sum, stack) => sum + resources(template(stack), type).length, 0);
        // The CDK's bootstrap stack has roles of its own.
        const elsewhere = name === 'roles' ? 5 : 0;
        expect(`${name}: ${need[name as keyof Needs]}`).toBe(`${name}: ${made + elsewhere}`);
      }
      expect(need.stacks).toBe(all.length + 1);
      expect(need.apiKeys).toBe(11);
      const services = all.reduce(
        (sum, stack) => sum + resources(template(stack), 'AWS::ECS::Service').length,
        0,
      );
      expect(need.fargateVcpus).toBe((capacity === 'fargate' ? services : 3) / 4);
    },
    60_000,
  );

  it('grows by a cell when the load balancers are full', () => {
    const config = deployment() as unknown as Config;
    // Three target groups of the pool's leave room for 32 silos of three in the first cell, and 33 in each further one.
    expect(needsOf(config, { premium: 32 }, 'builtin')).toMatchObject({
      loadBalancers: 1,
      restApis: 1,
      vpcLinks: 1,
    });
    expect(needsOf(config, { premium: 33 }, 'builtin')).toMatchObject({
      loadBalancers: 2,
      restApis: 2,
      vpcLinks: 1,
    });
    expect(needsOf(config, { premium: 66 }, 'builtin').loadBalancers).toBe(3);
  });

  it('is a bootstrap stack as new as the assembly asks for', async () => {
    const { shared } = await apps(deployment());
    const asked = shared.synth().stacks.map((stack) => stack.requiresBootstrapStackVersion ?? 0);
    expect(Math.max(...asked)).toBeLessThanOrEqual(bootstrapNeeded);
  });
});
