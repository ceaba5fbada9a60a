import { CloudFormation } from '@aws-sdk/client-cloudformation';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  addresses,
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
let image: string;
let crashing: string;
const breaker = {
  DeploymentCircuitBreaker: { Enable: true, Rollback: true },
  MinimumHealthyPercent: 100,
  MaximumPercent: 200,
};
const service = (name: string, taskDefinition: unknown, more: Record<string, unknown> = {}) => ({
  Cluster: 'main',
  ServiceName: name,
  TaskDefinition: taskDefinition,
  DesiredCount: 2,
  LaunchType: 'FARGATE',
  NetworkConfiguration: { AwsvpcConfiguration: { Subnets: ['subnet-1'] } },
  DeploymentConfiguration: breaker,
  ...more,
});
const definition = async (properties: Record<string, unknown>): Promise<string> =>
  (await createResource(fixture.cloud, 'AWS::ECS::TaskDefinition', properties)).physicalId;
const ask = async (address: string, path = '/'): Promise<string> =>
  (await fetch(`http://${address}:3010${path}`)).text();

beforeAll(async () => {
  fixture = await startFixture();
  image = await fixture.image('web', webImage());
  crashing = await fixture.image(
    'crashing',
    webImage(
      "console.log('reading configuration'); console.error('FATAL: no database url'); process.exit(7);",
    ),
  );
  await createResource(fixture.cloud, 'AWS::ECS::Cluster', { ClusterName: 'main' });
});
afterAll(() => fixture.close());

test('a service is stable when its tasks are healthy, each on an address of its own', async () => {
  const state = await createResource(
    fixture.cloud,
    'AWS::ECS::Service',
    service('plain', await definition(webTask(image))),
  );
  expect(state.attributes?.['Name']).toBe('plain');
  const { services } = await fixture.ecs.describeServices({ cluster: 'main', services: ['plain'] });
  expect(services?.[0]).toMatchObject({ runningCount: 2, pendingCount: 0, desiredCount: 2 });
  expect(services?.[0]?.deployments).toMatchObject([{ status: 'PRIMARY', rolloutState: 'COMPLETED' }]);
  expect(services?.[0]?.events?.[0]?.message).toBe('(service plain) has reached a steady state.');
  const hosts = await addresses(fixture, 'main', 'plain');
  expect(new Set(hosts).size).toBe(2);
  expect(await Promise.all(hosts.map((host) => ask(host)))).toEqual(['hello', 'hello']);
});

test("a task's environment holds nothing of the operator's", async () => {
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'the-operators');
  vi.stubEnv('OPERATOR_ONLY', 'secret');
  const properties = service('clean', await definition(webTask(image, { VERSION: '1' })), {
    DesiredCount: 1,
  });
  await createResource(fixture.cloud, 'AWS::ECS::Service', properties);
  vi.unstubAllEnvs();
  const [host = ''] = await addresses(fixture, 'main', 'clean');
  const env = JSON.parse(await ask(host, '/env')) as Record<string, string>;
  expect(env).toMatchObject({
    VERSION: '1',
    PORT: '3010',
    HOST: host,
    AWS_ENDPOINT_URL: fixture.cloud.endpoint,
  });
  expect(env['OPERATOR_ONLY']).toBeUndefined();
  expect(env['AWS_SECRET_ACCESS_KEY']).toBeUndefined();
  expect(env['HOME']).not.toBe(process.env['HOME']);
});

test('a rolling update never has fewer healthy tasks than asked for', async () => {
  const first = service('rolling', await definition(webTask(image, { VERSION: 'one' })));
  const type = resourceType(fixture.cloud, 'AWS::ECS::Service');
  const { physicalId } = await createResource(fixture.cloud, 'AWS::ECS::Service', first);
  const second = { ...first, TaskDefinition: await definition(webTask(image, { VERSION: 'two' })) };
  let least = Number.POSITIVE_INFINITY;
  let done = false;
  const watching = (async () => {
    while (!done) {
      const answers = await Promise.all(
        (await addresses(fixture, 'main', 'rolling')).map((host) => ask(host).catch(() => undefined)),
      );
      least = Math.min(least, answers.filter((answer) => answer !== undefined).length);
    }
  })();
  await type.update(resourceContext(), physicalId, second, first);
  done = true;
  await watching;
  expect(least).toBeGreaterThanOrEqual(1);
  const hosts = await addresses(fixture, 'main', 'rolling');
  expect(await Promise.all(hosts.map((host) => ask(host)))).toEqual(['two', 'two']);
});

test('the circuit breaker fails a new service with the reason, the exit code and the last log lines', async () => {
  const properties = service('broken', await definition(webTask(crashing)));
  const error = await createResource(fixture.cloud, 'AWS::ECS::Service', properties).then(
    () => undefined,
    (reason: Error) => reason,
  );
  expect(error?.message).toContain('ECS Deployment Circuit Breaker was triggered.');
  expect(error?.message).toContain('Essential container in task exited');
  expect(error?.message).toContain('exited with code 7');
  expect(error?.message).toContain('FATAL: no database url');
  const { services } = await fixture.ecs.describeServices({ cluster: 'main', services: ['broken'] });
  expect(services?.[0]?.deployments?.[0]).toMatchObject({ rolloutState: 'FAILED' });
  expect(services?.[0]?.deployments?.[0]?.failedTasks).toBeGreaterThanOrEqual(3);
  await resourceType(fixture.cloud, 'AWS::ECS::Service').delete(
    resourceContext(),
    services?.[0]?.serviceArn ?? '',
    properties,
  );
});

test('the circuit breaker returns to the last completed deployment, which serves all the while', async () => {
  const good = service('returning', await definition(webTask(image, { VERSION: 'good' })));
  const { physicalId } = await createResource(fixture.cloud, 'AWS::ECS::Service', good);
  const bad = { ...good, TaskDefinition: await definition(webTask(crashing)) };
  const type = resourceType(fixture.cloud, 'AWS::ECS::Service');
  await expect((async () => type.update(resourceContext(), physicalId, bad, good))()).rejects.toThrow(
    'ECS Deployment Circuit Breaker was triggered.',
  );
  // What CloudFormation does then: the update back is done when the service is steady.
  await type.update(resourceContext(), physicalId, good, bad);
  const { services } = await fixture.ecs.describeServices({ cluster: 'main', services: ['returning'] });
  expect(services?.[0]).toMatchObject({ taskDefinition: good.TaskDefinition, runningCount: 2 });
  expect(services?.[0]?.events?.some((event) => event.message?.includes('rolling back to deployment'))).toBe(
    true,
  );
  const hosts = await addresses(fixture, 'main', 'returning');
  expect(await Promise.all(hosts.map((host) => ask(host)))).toEqual(['good', 'good']);
});

test('a container that never passes its health check fails the deployment with what the check said', async () => {
  const task = webTask(image);
  const [container] = task.ContainerDefinitions;
  const sick = {
    ...task,
    ContainerDefinitions: [
      {
        ...container,
        HealthCheck: {
          Command: ['CMD-SHELL', 'echo "disk is full"; exit 1'],
          Interval: 5,
          Timeout: 2,
          Retries: 1,
        },
      },
    ],
  };
  const properties = service('sick', await definition(sick), {
    DesiredCount: 1,
    DeploymentConfiguration: {
      DeploymentCircuitBreaker: {
        Enable: true,
        Rollback: false,
        ThresholdConfiguration: { Type: 'COUNT', Value: 1 },
      },
    },
  });
  await expect(createResource(fixture.cloud, 'AWS::ECS::Service', properties)).rejects.toThrow(
    /Task failed container health checks[\s\S]*disk is full/,
  );
});

test('a task that dies is replaced', async () => {
  const properties = service('mortal', await definition(webTask(image)), { DesiredCount: 1 });
  await createResource(fixture.cloud, 'AWS::ECS::Service', properties);
  const { taskArns: [before = ''] = [] } = await fixture.ecs.listTasks({
    cluster: 'main',
    serviceName: 'mortal',
  });
  const [host = ''] = await addresses(fixture, 'main', 'mortal');
  await ask(host, '/exit?code=3').catch(() => {});
  await until(async () => {
    const { services } = await fixture.ecs.describeServices({ cluster: 'main', services: ['mortal'] });
    const { taskArns = [] } = await fixture.ecs.listTasks({ cluster: 'main', serviceName: 'mortal' });
    return services?.[0]?.runningCount === 1 && !taskArns.includes(before);
  });
  const stopped = await until(async () => {
    const { tasks } = await fixture.ecs.describeTasks({ cluster: 'main', tasks: [before] });
    return tasks?.[0]?.lastStatus === 'STOPPED' && tasks[0];
  });
  expect(stopped).toMatchObject({
    stopCode: 'EssentialContainerExited',
    stoppedReason: 'Essential container in task exited',
    containers: [{ exitCode: 3 }],
  });
});

test('deleting a service ends its processes; the cluster can go then', async () => {
  await fixture.ecs.createCluster({ clusterName: 'short' });
  const properties = { ...service('short', await definition(webTask(image))), Cluster: 'short' };
  const { physicalId } = await createResource(fixture.cloud, 'AWS::ECS::Service', properties);
  const hosts = await addresses(fixture, 'short', 'short');
  await expect(fixture.ecs.deleteCluster({ cluster: 'short' })).rejects.toThrow(
    'The Cluster cannot be deleted while Services are active.',
  );
  await resourceType(fixture.cloud, 'AWS::ECS::Service').delete(resourceContext(), physicalId, properties);
  await expect(Promise.any(hosts.map((host) => ask(host)))).rejects.toThrow();
  const { cluster: deleted } = await fixture.ecs.deleteCluster({ cluster: 'short' });
  expect(deleted).toMatchObject({ status: 'INACTIVE', activeServicesCount: 0, runningTasksCount: 0 });
  // Deleting it again is no error: CloudFormation may try twice.
  await resourceType(fixture.cloud, 'AWS::ECS::Service').delete(resourceContext(), physicalId, properties);
});

test('an image whose program this machine lacks stops the task with a reason that names it', async () => {
  const uri = await fixture.image('elsewhere', {
    Dockerfile: 'FROM scratch\nCOPY Dockerfile /\nENTRYPOINT ["/opt/no-such-program-anywhere"]\n',
  });
  const properties = service('elsewhere', await definition(webTask(uri)), { DesiredCount: 1 });
  await expect(createResource(fixture.cloud, 'AWS::ECS::Service', properties)).rejects.toThrow(
    /CannotStartContainerError.*no-such-program-anywhere/,
  );
});

test('a one-off task runs to its end with overrides, and tells its exit code', async () => {
  const taskDefinition = await definition(
    webTask(await fixture.image('job', webImage('process.exit(Number(process.env.CODE))'))),
  );
  const { tasks } = await fixture.ecs.runTask({
    cluster: 'main',
    taskDefinition,
    networkConfiguration: network,
    overrides: { containerOverrides: [{ name: 'web', environment: [{ name: 'CODE', value: '42' }] }] },
  });
  const stopped = await until(async () => {
    const found = await fixture.ecs.describeTasks({ cluster: 'main', tasks: [tasks?.[0]?.taskArn ?? ''] });
    return found.tasks?.[0]?.lastStatus === 'STOPPED' && found.tasks[0];
  });
  expect(stopped.containers?.[0]?.exitCode).toBe(42);
  const environment = [{ name: 'LONG', value: 'x'.repeat(8_192) }];
  await expect(
    fixture.ecs.runTask({
      cluster: 'main',
      taskDefinition,
      networkConfiguration: network,
      overrides: { containerOverrides: [{ name: 'web', environment }] },
    }),
  ).rejects.toThrow('Container Overrides length must be at most 8192');
});

test('in Express mode a stack is complete before its service is, and says in which mode it was made', async () => {
  const cloudFormation = new CloudFormation({ region, endpoint: fixture.cloud.endpoint, credentials });
  await cloudFormation.createStack({
    StackName: 'express',
    DeploymentConfig: { Mode: 'EXPRESS', DisableRollback: false },
    TemplateBody: JSON.stringify({
      Resources: {
        Task: { Type: 'AWS::ECS::TaskDefinition', Properties: webTask(crashing) },
        Service: { Type: 'AWS::ECS::Service', Properties: service('express', { Ref: 'Task' }) },
      },
    }),
  });
  const stack = await until(async () => {
    const { Stacks } = await cloudFormation.describeStacks({ StackName: 'express' });
    return Stacks?.[0]?.StackStatus !== 'CREATE_IN_PROGRESS' && Stacks?.[0];
  });
  expect(stack).toMatchObject({ StackStatus: 'CREATE_COMPLETE', DeploymentConfig: { Mode: 'EXPRESS' } });
  // ECS finds out for itself that its tasks never come up; the stack stays as it is.
  await until(async () => {
    const { services } = await fixture.ecs.describeServices({ cluster: 'main', services: ['express'] });
    return services?.[0]?.deployments?.[0]?.rolloutState === 'FAILED';
  });
  const { Stacks } = await cloudFormation.describeStacks({ StackName: 'express' });
  expect(Stacks?.[0]?.StackStatus).toBe('CREATE_COMPLETE');
  await cloudFormation.deleteStack({ StackName: 'express' });
});
