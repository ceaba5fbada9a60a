/** Tenants' stacks in Express mode: CloudFormation is done before the services run, so what is awaited is theirs. */
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tenantOutputs } from '../../src/model/names.ts';
import { byDigest } from '../../src/services/deployment/image-digests.ts';
import { type StackRequest, Stacks } from '../../src/services/stacks.ts';
import {
  createResource,
  credentials,
  type Fixture,
  region,
  startFixture,
  webImage,
  webTask,
} from '../embedded/ecs-fixture.ts';

const crash = "console.error('FATAL: no database url'); process.exit(7);";
let fixture: Fixture;
let stacks: Stacks;
let good = '';
const options = () => ({ region, endpoint: fixture.cloud.endpoint, credentials, forcePathStyle: true });

beforeAll(async () => {
  fixture = await startFixture();
  stacks = new Stacks(options());
  await createResource(fixture.cloud, 'AWS::ECS::Cluster', { ClusterName: 'main' });
  good = await fixture.image('good', webImage());
  await new S3Client(options()).send(new CreateBucketCommand({ Bucket: 'templates' }));
});
afterAll(() => fixture.close());

/** A stack with one service, `orders`, that runs the image given. */
async function request(name: string, image: string): Promise<StackRequest> {
  const template = {
    Parameters: { Image: { Type: 'String' } },
    Resources: {
      Task: { Type: 'AWS::ECS::TaskDefinition', Properties: webTask({ Ref: 'Image' } as never) },
      Service: {
        Type: 'AWS::ECS::Service',
        Properties: {
          Cluster: 'main',
          TaskDefinition: { Ref: 'Task' },
          DesiredCount: 1,
          LaunchType: 'FARGATE',
          NetworkConfiguration: { AwsvpcConfiguration: { Subnets: ['subnet-1'] } },
          DeploymentConfiguration: { DeploymentCircuitBreaker: { Enable: true, Rollback: true } },
        },
      },
    },
    Outputs: {
      [tenantOutputs.clusterName]: { Value: 'main' },
      [tenantOutputs.services]: { Value: { 'Fn::Sub': '{"orders":"${Service.Name}"}' } },
    },
  };
  await new S3Client(options()).send(
    new PutObjectCommand({ Bucket: 'templates', Key: 'one', Body: JSON.stringify(template) }),
  );
  return {
    name,
    templateUrl: `${fixture.cloud.endpoint}/templates/one`,
    parameters: { Image: image },
    tags: {},
    express: true,
  };
}
const watch = { signal: new AbortController().signal };
const running = async (outputs: Record<string, string>): Promise<number | undefined> => {
  const { orders } = JSON.parse(outputs[tenantOutputs.services] ?? '{}') as { orders: string };
  const { services } = await fixture.ecs.describeServices({ cluster: 'main', services: [orders] });
  return services?.[0]?.runningCount;
};

it('a stack is there once its services run, though CloudFormation did not wait for them', async () => {
  const outputs = await stacks.ensure(await request('healthy', good), watch);
  expect(await running(outputs)).toBe(1);
  expect((await stacks.describe('healthy'))?.DeploymentConfig).toMatchObject({
    Mode: 'EXPRESS',
    DisableRollback: false,
  });
});

it('a service that ECS gives up fails it with what its task died of, and another image mends it', async () => {
  const bad = await fixture.image('bad', webImage(crash));
  await expect(stacks.ensure(await request('mended', bad), watch)).rejects.toMatchObject({
    code: 'stack_failed',
    message: expect.stringContaining('its service "orders" does not run: ECS deployment circuit breaker'),
  });
  const outputs = await stacks.ensure(await request('mended', good), watch);
  expect(await running(outputs)).toBe(1);
});

it('what ECS gave up is tried again where the stack has nothing to change', async () => {
  const flaky = await fixture.image('flaky', webImage(crash));
  await expect(stacks.ensure(await request('again', flaky), watch)).rejects.toMatchObject({
    code: 'stack_failed',
  });
  // Whatever it lacked is there now; the image's name is the same.
  await fixture.image('flaky', webImage());
  expect(await running(await stacks.ensure(await request('again', flaky), watch))).toBe(1);
});

it('an image is named by the digest of what was pushed, and one that is not there by name', async () => {
  const pinned = await byDigest({ orders: good, nginx: 'nginx:1' }, options());
  expect(pinned).toEqual({
    orders: expect.stringMatching(/\/good@sha256:[0-9a-f]{64}$/),
    nginx: 'nginx:1',
  });
  expect(await running(await stacks.ensure(await request('pinned', pinned['orders'] ?? ''), watch))).toBe(1);
  await expect(byDigest({ orders: good.replace(':latest', ':gone') }, options())).rejects.toThrow();
});
