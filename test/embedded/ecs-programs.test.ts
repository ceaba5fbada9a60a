/** Containers that run other programs than Node.js: what they find is what a container's platform gives them. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { programOnMachine } from '../../src/embedded/compute/programs.ts';
import { packageRoot } from '../../src/model/installation.ts';
import type { Service } from '../../src/model/service.ts';
import { nginxConfig, nginxConfigFile } from '../../src/templates/images/rproxy/nginx-config.ts';
import {
  addresses,
  createResource,
  type Fixture,
  resourceContext,
  resourceType,
  startFixture,
  until,
  webImage,
} from './ecs-fixture.ts';

let fixture: Fixture;
let web: string;

beforeAll(async () => {
  fixture = await startFixture();
  web = await fixture.image('web', webImage());
  await fixture.ecs.createCluster({ clusterName: 'main' });
  await createResource(fixture.cloud, 'AWS::ServiceDiscovery::HttpNamespace', { Name: 'shop' });
});
afterAll(() => fixture.close());

interface Program {
  name: string;
  image: string;
  port?: number;
  environment?: Readonly<Record<string, string>>;
  /** The namespace's name for it. */
  alias?: string;
}

async function serve({ name, image, port, environment = {}, alias }: Program): Promise<string> {
  const { physicalId: TaskDefinition } = await createResource(fixture.cloud, 'AWS::ECS::TaskDefinition', {
    Family: name,
    NetworkMode: 'awsvpc',
    ContainerDefinitions: [
      {
        Name: name,
        Image: image,
        Memory: 128,
        ...(port && { PortMappings: [{ ContainerPort: port, Name: 'http' }] }),
        Environment: Object.entries(environment).map(([Name, Value]) => ({ Name, Value })),
        LogConfiguration: {
          LogDriver: 'awslogs',
          Options: { 'awslogs-group': '/tasks', 'awslogs-stream-prefix': 'test' },
        },
      },
    ],
  });
  const { physicalId } = await createResource(fixture.cloud, 'AWS::ECS::Service', {
    Cluster: 'main',
    ServiceName: name,
    TaskDefinition,
    DesiredCount: 1,
    NetworkConfiguration: { AwsvpcConfiguration: { Subnets: ['subnet-1'] } },
    ServiceConnectConfiguration: {
      Enabled: true,
      Namespace: 'shop',
      ...(alias && { Services: [{ PortName: 'http', ClientAliases: [{ DnsName: alias, Port: port }] }] }),
    },
  });
  return physicalId;
}

/** What the only task of a service has written. */
async function said(name: string): Promise<string[]> {
  const { taskArns: [task = ''] = [] } = await fixture.ecs.listTasks({ cluster: 'main', serviceName: name });
  return fixture.cloud.logs.tail('/tasks', `test/${name}/${task.split('/').at(-1)}`, 50);
}

test.runIf(process.platform === 'linux')(
  "a shell script reads Service Connect's names in /etc/hosts",
  async () => {
    await serve({ name: 'products', image: web, port: 3010, alias: 'products-api.shop.sc' });
    const image = await fixture.image('reader', {
      Dockerfile:
        'FROM alpine\nENTRYPOINT ["/bin/sh", "-c", "while read -r line; do echo $line; done </etc/hosts; exec sleep 600"]\n',
    });
    await serve({ name: 'reader', image });
    const lines = await until(async () => {
      const found = await said('reader');
      return found.length >= 2 && found;
    });
    expect(lines).toEqual([
      expect.stringMatching(/^127\.\S+ localhost$/),
      expect.stringMatching(/^127\.\S+ products-api\.shop\.sc$/),
    ]);
  },
);

test('what a program writes to /dev/stdout and /dev/stderr is logged', async () => {
  const image = await fixture.image('writer', {
    Dockerfile:
      'FROM alpine\nENTRYPOINT ["/bin/sh", "-c", "echo out >/dev/stdout; echo err >/dev/stderr; exec sleep 600"]\n',
  });
  await serve({ name: 'writer', image });
  await until(async () => (await said('writer')).toSorted().join() === 'err,out');
});

const service = (name: string, port: number): Service => ({
  name,
  path: `/${name}`,
  image: 'builtin:order',
  port,
  cpu: 256,
  memory: 512,
  access: 'none',
  routes: [
    { path: '', methods: ['GET'] },
    { path: '/{id}', methods: ['GET'] },
  ],
  tasks: { min: 1, max: 1 },
  environment: {},
});

test.runIf(process.platform === 'linux' && programOnMachine('nginx'))(
  'the reverse proxy reaches the services of its namespace',
  async () => {
    const source = path.join(packageRoot(), 'src', 'templates', 'images', 'rproxy');
    const image = await fixture.image('proxy', {
      Dockerfile: await readFile(path.join(source, 'Dockerfile'), 'utf8'),
      'start.sh': await readFile(path.join(source, 'start.sh'), 'utf8'),
      [nginxConfigFile]: nginxConfig([service('orders', 3010), service('users', 3010)]),
    });
    const orders = await serve({
      name: 'orders',
      image: web,
      port: 3010,
      alias: 'orders-api.shop.sc',
      environment: { VERSION: 'these are orders' },
    });
    await serve({ name: 'proxy', image, port: 8080, environment: { NAMESPACE: 'shop' } });
    const [host = ''] = await addresses(fixture, 'main', 'proxy');
    const get = async (url: string, method = 'GET') => {
      const response = await fetch(`http://${host}:8080${url}`, { method });
      return { status: response.status, body: await response.text() };
    };
    // Both have no health check: they run before they listen.
    await until(() =>
      get('/orders').then(
        ({ status }) => status === 200,
        () => false,
      ),
    );
    expect(await get('/health')).toMatchObject({ status: 200 });
    expect(await get('/orders')).toEqual({ status: 200, body: 'these are orders' });
    expect(await get('/orders/1')).toMatchObject({ status: 200 });
    expect(await get('/orders', 'DELETE')).toMatchObject({ status: 405 });
    expect(await get('/elsewhere')).toMatchObject({ status: 404 });
    // Not in the namespace when the proxy started.
    expect(await get('/users')).toMatchObject({ status: 503 });
    await until(async () =>
      (await said('proxy')).some((line) => line.includes('"route":"/orders","status":200')),
    );

    // The service is gone, the proxy is not.
    await resourceType(fixture.cloud, 'AWS::ECS::Service').delete(resourceContext(), orders, {});
    expect(await get('/orders')).toMatchObject({ status: 503 });
  },
);
