import { ApplicationAutoScaling } from '@aws-sdk/client-application-auto-scaling';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createResource,
  credentials,
  type Fixture,
  network,
  region,
  resourceContext,
  resourceType,
  startFixture,
  until,
  webImage,
  webTask,
} from './ecs-fixture.ts';

let fixture: Fixture;
const scalable = {
  ServiceNamespace: 'ecs',
  ResourceId: 'service/main/web',
  ScalableDimension: 'ecs:service:DesiredCount',
} as const;

beforeAll(async () => {
  fixture = await startFixture();
  const image = await fixture.image('web', webImage());
  await fixture.ecs.createCluster({ clusterName: 'main' });
  const { physicalId } = await createResource(fixture.cloud, 'AWS::ECS::TaskDefinition', webTask(image));
  await fixture.ecs.createService({
    cluster: 'main',
    serviceName: 'web',
    taskDefinition: physicalId,
    desiredCount: 1,
    networkConfiguration: network,
  });
});
afterAll(() => fixture.close());

test('a service is kept within the limits of its scalable target', async () => {
  const target = await createResource(fixture.cloud, 'AWS::ApplicationAutoScaling::ScalableTarget', {
    ...scalable,
    MinCapacity: '2',
    MaxCapacity: 3,
    RoleARN: 'arn:aws:iam::000000000000:role/scaling',
  });
  expect(target.physicalId).toBe('service/main/web|ecs:service:DesiredCount|ecs');
  await until(async () => {
    const { services } = await fixture.ecs.describeServices({ cluster: 'main', services: ['web'] });
    return services?.[0]?.desiredCount === 2 && services[0].runningCount === 2;
  });
  const policy = await createResource(fixture.cloud, 'AWS::ApplicationAutoScaling::ScalingPolicy', {
    PolicyName: 'cpu',
    PolicyType: 'TargetTrackingScaling',
    ScalingTargetId: target.physicalId,
    TargetTrackingScalingPolicyConfiguration: {
      TargetValue: 70,
      PredefinedMetricSpecification: { PredefinedMetricType: 'ECSServiceAverageCPUUtilization' },
    },
  });
  const client = new ApplicationAutoScaling({ region, endpoint: fixture.cloud.endpoint, credentials });
  const { ScalingPolicies } = await client.describeScalingPolicies({ ServiceNamespace: 'ecs' });
  expect(ScalingPolicies).toMatchObject([
    {
      PolicyARN: policy.physicalId,
      ResourceId: scalable.ResourceId,
      TargetTrackingScalingPolicyConfiguration: { TargetValue: 70 },
    },
  ]);
  const { ScalableTargets } = await client.describeScalableTargets({ ServiceNamespace: 'ecs' });
  expect(ScalableTargets).toMatchObject([{ MinCapacity: 2, MaxCapacity: 3 }]);

  const type = resourceType(fixture.cloud, 'AWS::ApplicationAutoScaling::ScalableTarget');
  await type.delete(resourceContext(), target.physicalId, {});
  await type.delete(resourceContext(), target.physicalId, {});
  expect((await client.describeScalingPolicies({ ServiceNamespace: 'ecs' })).ScalingPolicies).toEqual([]);
});

test('a target for a service that does not exist is refused', async () => {
  await expect(
    createResource(fixture.cloud, 'AWS::ApplicationAutoScaling::ScalableTarget', {
      ...scalable,
      ResourceId: 'service/main/none',
      MinCapacity: 1,
      MaxCapacity: 2,
    }),
  ).rejects.toThrow("ECS service doesn't exist");
});
