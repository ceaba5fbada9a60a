import { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import { IAM } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  addresses,
  createResource,
  credentials,
  type Fixture,
  region,
  resourceContext,
  resourceType,
  startFixture,
  webImage,
  webServer,
  webTask,
} from './ecs-fixture.ts';

let fixture: Fixture;
let image: string;
let targetGroup: string;
let elb: ElasticLoadBalancingV2;

beforeAll(async () => {
  fixture = await startFixture();
  const client = { region, endpoint: fixture.cloud.endpoint, credentials };
  elb = new ElasticLoadBalancingV2(client);
  image = await fixture.image('web', webImage());
  await fixture.ecs.createCluster({ clusterName: 'main' });
  const { TargetGroups } = await elb.createTargetGroup({
    Name: 'web',
    Protocol: 'HTTP',
    Port: 3010,
    VpcId: 'vpc-1',
    TargetType: 'ip',
    HealthCheckPath: '/',
  });
  targetGroup = TargetGroups?.[0]?.TargetGroupArn ?? '';
});
afterAll(() => fixture.close());

const service = async (name: string, task: Record<string, unknown>) => {
  const { physicalId: TaskDefinition } = await createResource(
    fixture.cloud,
    'AWS::ECS::TaskDefinition',
    task,
  );
  return {
    Cluster: 'main',
    ServiceName: name,
    TaskDefinition,
    DesiredCount: 1,
    NetworkConfiguration: { AwsvpcConfiguration: { Subnets: ['subnet-1'] } },
    LoadBalancers: [{ ContainerName: 'web', ContainerPort: 3010, TargetGroupArn: targetGroup }],
    DeploymentConfiguration: { DeploymentCircuitBreaker: { Enable: true, Rollback: true } },
  };
};

/** Without a load balancer's listener a target group checks nothing. */
async function listen(): Promise<void> {
  const { LoadBalancers } = await elb.createLoadBalancer({
    Name: 'inner',
    Scheme: 'internal',
    Subnets: ['subnet-1', 'subnet-2'],
  });
  await elb.createListener({
    LoadBalancerArn: LoadBalancers?.[0]?.LoadBalancerArn ?? '',
    Protocol: 'HTTP',
    Port: 80,
    DefaultActions: [{ Type: 'forward', TargetGroupArn: targetGroup }],
  });
}

test('a service is stable when its target group finds it healthy, and its targets follow its tasks', async () => {
  await listen();
  const first = await service('web', webTask(image, { VERSION: 'one' }));
  const { physicalId } = await createResource(fixture.cloud, 'AWS::ECS::Service', first);
  const targets = async (): Promise<(string | undefined)[]> => {
    const { TargetHealthDescriptions = [] } = await elb.describeTargetHealth({ TargetGroupArn: targetGroup });
    return TargetHealthDescriptions.filter((target) => target.TargetHealth?.State === 'healthy').map(
      (target) => target.Target?.Id,
    );
  };
  const before = await addresses(fixture, 'main', 'web');
  expect(await targets()).toEqual(before);
  const second = await service('web', webTask(image, { VERSION: 'two' }));
  await resourceType(fixture.cloud, 'AWS::ECS::Service').update(resourceContext(), physicalId, second, first);
  const after = await addresses(fixture, 'main', 'web');
  expect(after).not.toEqual(before);
  expect(await targets()).toEqual(after);
});

test("a task gets its role's credentials by its token, and nobody else does", async () => {
  const iam = new IAM({ region, endpoint: fixture.cloud.endpoint, credentials });
  const trust = {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: { Service: 'ecs-tasks.amazonaws.com' }, Action: 'sts:AssumeRole' },
    ],
  };
  const { Role } = await iam.createRole({
    RoleName: 'task',
    AssumeRolePolicyDocument: JSON.stringify(trust),
  });
  const roleArn = Role?.Arn ?? '';
  const properties = await service('role', {
    ...webTask(await fixture.image('web', webImage(webServer))),
    TaskRoleArn: roleArn,
  });
  await createResource(fixture.cloud, 'AWS::ECS::Service', properties);
  const [host = ''] = await addresses(fixture, 'main', 'role');
  const env = (await (await fetch(`http://${host}:3010/env`)).json()) as Record<string, string>;
  const uri = env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] ?? '';
  const token = env['AWS_CONTAINER_AUTHORIZATION_TOKEN'] ?? '';
  expect((await fetch(uri)).status).toBe(403);
  expect((await fetch(uri, { headers: { authorization: 'guess' } })).status).toBe(403);
  const issued = (await (await fetch(uri, { headers: { authorization: token } })).json()) as Record<
    string,
    string
  >;
  expect(issued['RoleArn']).toBe(roleArn);
  const principal = fixture.cloud.sts.principalOf(issued['AccessKeyId'], issued['Token']);
  expect(principal).toMatchObject({ type: 'role', roleArn });
  const metadata = (await (await fetch(`${env['ECS_CONTAINER_METADATA_URI_V4']}/task`)).json()) as Record<
    string,
    string
  >;
  expect(metadata).toMatchObject({ Family: 'web', KnownStatus: 'RUNNING' });
});

test('a role that does not trust ECS keeps the task from starting', async () => {
  const properties = await service('distrust', {
    ...webTask(image),
    TaskRoleArn: 'arn:aws:iam::000000000000:role/missing',
  });
  await expect(createResource(fixture.cloud, 'AWS::ECS::Service', properties)).rejects.toThrow(
    "ECS was unable to assume the role 'arn:aws:iam::000000000000:role/missing'",
  );
});
