import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ECS } from '@aws-sdk/client-ecs';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../../src/model/installation.ts';
import {
  addresses,
  createResource,
  credentials,
  type Fixture,
  network,
  region,
  startFixture,
  until,
  webImage,
  webTask,
} from './ecs-fixture.ts';

// Below node_modules, so that it finds its packages.
const bundle = path.join(packageRoot(), 'node_modules', '.cache', `ecs-recovery-${process.pid}.mjs`);
let fixture: Fixture;
let image: string;
beforeAll(async () => {
  fixture = await startFixture();
  image = await fixture.image('web', webImage());
  await fixture.ecs.createCluster({ clusterName: 'main' });
});
afterAll(async () => {
  await fixture.close();
  await rm(bundle, { force: true });
});

const serves = async (host: string): Promise<boolean> =>
  fetch(`http://${host}:3010/`).then(
    (response) => response.ok,
    () => false,
  );

const steady = (service: string): Promise<unknown> =>
  until(async () => {
    const { services } = await fixture.ecs.describeServices({ cluster: 'main', services: [service] });
    return services?.[0]?.deployments?.[0]?.rolloutState === 'COMPLETED' || undefined;
  });

test('after a restart every task is back, with its name and address', async () => {
  const { physicalId } = await createResource(fixture.cloud, 'AWS::ECS::TaskDefinition', webTask(image));
  const create = {
    cluster: 'main',
    taskDefinition: physicalId,
    networkConfiguration: network,
    desiredCount: 3,
  };
  await fixture.ecs.createService({ ...create, serviceName: 'web' });
  await steady('web');
  const before = await fixture.ecs.listTasks({ cluster: 'main', serviceName: 'web' });
  const hosts = await addresses(fixture, 'main', 'web');
  await fixture.cloud.stop();
  expect(await Promise.all(hosts.map(serves))).toEqual([false, false, false]);
  await fixture.restart();
  // Not until then was it said to be there.
  expect(await Promise.all(hosts.map(serves))).toEqual([true, true, true]);
  const after = await fixture.ecs.listTasks({ cluster: 'main', serviceName: 'web' });
  expect(after.taskArns?.toSorted()).toEqual(before.taskArns?.toSorted());
  expect((await addresses(fixture, 'main', 'web')).toSorted()).toEqual(hosts.toSorted());
});

test('a service that can not come back keeps nobody waiting', async () => {
  const flag = path.join(fixture.directory, 'broken');
  const script = await fixture.image('script', {
    Dockerfile: `FROM scratch\nENTRYPOINT ["sh", "-c", "test ! -e '${flag}' && exec sleep 600"]\n`,
  });
  const { physicalId } = await createResource(fixture.cloud, 'AWS::ECS::TaskDefinition', {
    Family: 'script',
    Memory: '64',
    ContainerDefinitions: [{ Name: 'script', Image: script }],
  });
  await fixture.ecs.createService({
    cluster: 'main',
    serviceName: 'script',
    taskDefinition: physicalId,
    desiredCount: 1,
  });
  await steady('script');
  await writeFile(flag, '');
  await fixture.restart();
  const { services } = await fixture.ecs.describeServices({ cluster: 'main', services: ['script', 'web'] });
  expect(services?.map(({ runningCount }) => runningCount)).toEqual([0, 3]);
});

/** Runs the cloud in a process of its own, to be killed. */
async function startProcess(stateDir: string): Promise<{ child: ChildProcess; endpoint: string }> {
  const entry = path.join(fixture.directory, 'entry.mjs');
  await writeFile(
    entry,
    `import { startCloud } from ${JSON.stringify(path.join(packageRoot(), 'src/embedded/cloud.ts'))};
     const cloud = await startCloud({ stateDir: process.argv[2] });
     process.stdout.write(cloud.endpoint + '\\n');`,
  );
  if (!existsSync(bundle))
    await build({
      entryPoints: [entry],
      outfile: bundle,
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
    });
  const child = spawn(process.execPath, [bundle, stateDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: packageRoot(),
  });
  const [line] = (await once(child.stdout ?? child, 'data')) as [Buffer];
  return { child, endpoint: line.toString().trim() };
}

test('tasks do not outlive a cloud that is killed, and come back with it', async () => {
  const { physicalId } = await createResource(fixture.cloud, 'AWS::ECS::TaskDefinition', webTask(image));
  const shell = await fixture.image('shell', {
    Dockerfile: 'FROM scratch\nENTRYPOINT ["sleep"]\nCMD ["600"]\n',
  });
  const { physicalId: sleeping } = await createResource(fixture.cloud, 'AWS::ECS::TaskDefinition', {
    Family: 'sleeping',
    Memory: '64',
    ContainerDefinitions: [{ Name: 'sleep', Image: shell }],
  });
  const create = { cluster: 'main', networkConfiguration: network, desiredCount: 1 };
  await fixture.cloud.stop();
  const stateDir = path.join(fixture.directory, 'state');
  const first = await startProcess(stateDir);
  const ecs = new ECS({ region, endpoint: first.endpoint, credentials });
  const view = { ecs } as Fixture;
  await ecs.createService({ ...create, serviceName: 'node', taskDefinition: physicalId });
  await ecs.createService({
    cluster: 'main',
    desiredCount: 1,
    serviceName: 'other',
    taskDefinition: sleeping,
  });
  const pidOf = async (client: ECS): Promise<number | undefined> => {
    const { taskArns = [] } = await client.listTasks({ cluster: 'main', serviceName: 'other' });
    if (taskArns.length === 0) return undefined;
    const { tasks } = await client.describeTasks({ cluster: 'main', tasks: taskArns });
    return Number(tasks?.[0]?.containers?.[0]?.runtimeId?.split('-').at(-1)) || undefined;
  };
  const host = await until(async () => (await addresses(view, 'main', 'node'))[0]);
  await until(() => serves(host).then((ok) => ok || undefined));
  const pid = await until(() => pidOf(ecs));
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  // Node.js programs notice by themselves, others are watched.
  await until(async () => !(await serves(host)));
  await until(async () => {
    try {
      return !process.kill(pid, 0);
    } catch {
      return true;
    }
  });

  const second = await startProcess(stateDir);
  try {
    await until(async () => (await serves(host)) || undefined);
    const again = new ECS({ region, endpoint: second.endpoint, credentials });
    await until(async () => {
      const now = await pidOf(again);
      return now !== undefined && now !== pid;
    });
  } finally {
    second.child.kill('SIGKILL');
    await once(second.child, 'exit');
    await fixture.restart();
  }
});
