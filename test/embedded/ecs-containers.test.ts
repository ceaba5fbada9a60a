import { IAM } from '@aws-sdk/client-iam';
import { SecretsManager } from '@aws-sdk/client-secrets-manager';
import { SSM } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createResource,
  credentials,
  type Fixture,
  network,
  region,
  startFixture,
  until,
  webImage,
} from './ecs-fixture.ts';

let fixture: Fixture;
let image: string;
let roleArn: string;
let secretArn: string;
/** Gives the execution role what it needs, without these actions. */
let grant: (...without: string[]) => Promise<void>;

beforeAll(async () => {
  fixture = await startFixture();
  image = await fixture.image(
    'teller',
    webImage(
      "console.log('I am', process.env.NAME, process.env.PASSWORD ?? '', process.env.PARAMETER ?? '');",
    ),
  );
  await fixture.ecs.createCluster({ clusterName: 'main' });
  const client = { region, endpoint: fixture.cloud.endpoint, credentials };
  const { ARN } = await new SecretsManager(client).createSecret({
    Name: 'database',
    SecretString: JSON.stringify({ user: 'me', password: 'pass-word' }),
  });
  secretArn = ARN ?? '';
  await new SSM(client).putParameter({ Name: '/app/parameter', Value: 'parameter-value', Type: 'String' });
  const iam = new IAM(client);
  const { Role } = await iam.createRole({
    RoleName: 'execution',
    AssumeRolePolicyDocument: JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Principal: { Service: 'ecs-tasks.amazonaws.com' }, Action: 'sts:AssumeRole' },
      ],
    }),
  });
  roleArn = Role?.Arn ?? '';
  grant = async (...without) => {
    const allow = (actions: string[], resource: string) => ({
      Effect: 'Allow',
      Action: actions.filter((action) => !without.includes(action)),
      Resource: resource,
    });
    await iam.putRolePolicy({
      RoleName: 'execution',
      PolicyName: 'start',
      PolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          allow(['ecr:GetAuthorizationToken'], '*'),
          allow(['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'], 'arn:aws:ecr:*:*:repository/teller'),
          allow(['logs:CreateLogStream', 'logs:PutLogEvents'], 'arn:aws:logs:*:*:log-group:/tasks:*'),
          allow(['secretsmanager:GetSecretValue'], secretArn),
          allow(['ssm:GetParameters'], 'arn:aws:ssm:*:*:parameter/app/*'),
        ].filter(({ Action }) => Action.length > 0),
      }),
    });
  };
  await grant();
});
afterAll(() => fixture.close());

const logs = {
  LogDriver: 'awslogs',
  Options: { 'awslogs-group': '/tasks', 'awslogs-region': region, 'awslogs-stream-prefix': 'test' },
};
const container = (name: string, more: Record<string, unknown> = {}) => ({
  Name: name,
  Image: image,
  LogConfiguration: logs,
  Environment: [{ Name: 'NAME', Value: name }],
  ...more,
});

async function runToEnd(containers: readonly Record<string, unknown>[]) {
  const { physicalId } = await createResource(fixture.cloud, 'AWS::ECS::TaskDefinition', {
    Family: 'tellers',
    NetworkMode: 'awsvpc',
    Cpu: '256',
    Memory: '512',
    RequiresCompatibilities: ['FARGATE'],
    ExecutionRoleArn: roleArn,
    ContainerDefinitions: containers,
  });
  const { tasks } = await fixture.ecs.runTask({
    cluster: 'main',
    taskDefinition: physicalId,
    networkConfiguration: network,
  });
  const taskArn = tasks?.[0]?.taskArn ?? '';
  const task = await until(async () => {
    const found = await fixture.ecs.describeTasks({ cluster: 'main', tasks: [taskArn] });
    return found.tasks?.[0]?.lastStatus === 'STOPPED' && found.tasks[0];
  });
  const id = taskArn.split('/').at(-1);
  return { task, said: (name: string) => fixture.cloud.logs.tail('/tasks', `test/${name}/${id}`, 10) };
}

test('containers start in the order of their dependencies, and their output is in their streams', async () => {
  const { task, said } = await runToEnd([
    container('last', { DependsOn: [{ ContainerName: 'first', Condition: 'SUCCESS' }] }),
    container('first', { Essential: false }),
  ]);
  expect(task.containers?.map(({ name, exitCode }) => [name, exitCode])).toEqual([
    ['last', 0],
    ['first', 0],
  ]);
  expect(said('first').join()).toContain('I am first');
  expect(said('last').join()).toContain('I am last');
});

test('a dependency that fails keeps the container from starting', async () => {
  const { task, said } = await runToEnd([
    container('last', { DependsOn: [{ ContainerName: 'first', Condition: 'SUCCESS' }] }),
    container('first', { Essential: false, Command: ['/app/missing.mjs'] }),
  ]);
  expect(task).toMatchObject({ stopCode: 'TaskFailedToStart' });
  expect(task.stoppedReason).toContain('"last" waits for "first"');
  expect(said('last')).toEqual([]);
});

test('secrets come from Secrets Manager and SSM, as far as the execution role may read them', async () => {
  const allowed = await runToEnd([
    container('web', {
      Secrets: [
        { Name: 'PASSWORD', ValueFrom: `${secretArn}:password::` },
        {
          Name: 'PARAMETER',
          ValueFrom: `arn:aws:ssm:${region}:${fixture.cloud.account}:parameter/app/parameter`,
        },
      ],
    }),
  ]);
  expect(allowed.said('web').join()).toContain('I am web pass-word parameter-value');
  const refused = await runToEnd([
    container('web', { Secrets: [{ Name: 'PARAMETER', ValueFrom: '/other/parameter' }] }),
  ]);
  expect(refused.task.stopCode).toBe('TaskFailedToStart');
  expect(refused.task.stoppedReason).toMatch(/ResourceInitializationError.*not authorized/);
});

test.each([
  ['ecr:GetAuthorizationToken', /^ResourceInitializationError: .*ecr registry auth.*not authorized/],
  ['ecr:BatchGetImage', /^CannotPullContainerError: .*not authorized/],
  ['ecr:GetDownloadUrlForLayer', /^CannotPullContainerError: .*not authorized/],
  ['logs:CreateLogStream', /^ResourceInitializationError: .*log stream.*not authorized/],
])('without %s the execution role starts no task', async (action, reason) => {
  await grant(action);
  const { task } = await runToEnd([container('web')]);
  expect([task.stopCode, task.stoppedReason]).toEqual(['TaskFailedToStart', expect.stringMatching(reason)]);
  await grant();
});

test('what a container says is lost where the execution role may not write it', async () => {
  await grant('logs:PutLogEvents');
  const { task, said } = await runToEnd([container('web')]);
  expect([task.containers?.[0]?.exitCode, said('web')]).toEqual([0, []]);
  await grant();
});
