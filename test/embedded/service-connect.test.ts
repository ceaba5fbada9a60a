import { ServiceDiscovery } from '@aws-sdk/client-servicediscovery';
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
  until,
  webImage,
  webTask,
} from './ecs-fixture.ts';

let fixture: Fixture;
let image: string;
const connect = (namespace: string, published: boolean) => ({
  Enabled: true,
  Namespace: namespace,
  ...(published && {
    Services: [
      {
        PortName: 'http',
        DiscoveryName: 'products',
        ClientAliases: [{ DnsName: 'products-api.shop.sc', Port: 8080 }],
      },
    ],
  }),
});

async function service(
  name: string,
  configuration: unknown,
  environment: Record<string, string> = {},
  count = 1,
) {
  const { physicalId: TaskDefinition } = await createResource(
    fixture.cloud,
    'AWS::ECS::TaskDefinition',
    webTask(image, environment),
  );
  const properties = {
    Cluster: 'main',
    ServiceName: name,
    TaskDefinition,
    DesiredCount: count,
    NetworkConfiguration: { AwsvpcConfiguration: { Subnets: ['subnet-1'] } },
    DeploymentConfiguration: { DeploymentCircuitBreaker: { Enable: true, Rollback: true } },
    ServiceConnectConfiguration: configuration,
  };
  const { physicalId } = await createResource(fixture.cloud, 'AWS::ECS::Service', properties);
  return { physicalId, properties };
}

/** What a task gets from a URL. */
async function fromTask(name: string, url: string): Promise<string> {
  const [host = ''] = await addresses(fixture, 'main', name);
  return (await fetch(`http://${host}:3010/fetch?url=${encodeURIComponent(url)}`)).text();
}

beforeAll(async () => {
  fixture = await startFixture();
  image = await fixture.image('web', webImage());
  await createResource(fixture.cloud, 'AWS::ECS::Cluster', { ClusterName: 'main' });
});
afterAll(() => fixture.close());

test('tasks reach each other by name within their namespace, and not from another', async () => {
  const shop = await createResource(fixture.cloud, 'AWS::ServiceDiscovery::HttpNamespace', { Name: 'shop' });
  await createResource(fixture.cloud, 'AWS::ServiceDiscovery::HttpNamespace', { Name: 'other' });
  // Started before the name exists: the tasks learn it when it does.
  await service('orders', connect(String(shop.attributes?.['Arn']), false));
  await service('stranger', connect('other', false));
  await service('alone', undefined);
  await service('products', connect(shop.physicalId, true), { VERSION: 'products' });

  const url = 'http://products-api.shop.sc:8080/';
  expect(await until(async () => (await fromTask('orders', url)) === 'products')).toBe(true);
  expect(await fromTask('stranger', url)).toMatch(/ENOTFOUND|EAI_AGAIN/);
  expect(await fromTask('alone', url)).toMatch(/ENOTFOUND|EAI_AGAIN/);
  const [host = ''] = await addresses(fixture, 'main', 'orders');
  const address = await (await fetch(`http://${host}:3010/lookup?name=products-api.shop.sc`)).text();
  expect(address).toMatch(/^127\./);
});

test('requests go round the healthy tasks and survive a rolling update', async () => {
  await createResource(fixture.cloud, 'AWS::ServiceDiscovery::HttpNamespace', { Name: 'round' });
  await service('caller', connect('round', false));
  const configuration = {
    Enabled: true,
    Namespace: 'round',
    Services: [{ PortName: 'http', ClientAliases: [{ DnsName: 'target', Port: 80 }] }],
  };
  const { physicalId, properties } = await service('target', configuration, {}, 2);
  const hosts = async (): Promise<Set<string>> => {
    const answers = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const body = await fromTask('caller', `http://target/env?${Math.random()}`);
        return (JSON.parse(body) as { HOST: string }).HOST;
      }),
    );
    return new Set(answers);
  };
  expect((await hosts()).size).toBe(2);
  const { physicalId: next } = await createResource(
    fixture.cloud,
    'AWS::ECS::TaskDefinition',
    webTask(image, { VERSION: 'two' }),
  );
  await resourceType(fixture.cloud, 'AWS::ECS::Service').update(
    resourceContext(),
    physicalId,
    { ...properties, TaskDefinition: next },
    properties,
  );
  expect(await fromTask('caller', 'http://target/')).toBe('two');
});

test('a wrong port name or namespace is refused', async () => {
  const wrongPort = { Enabled: true, Namespace: 'shop', Services: [{ PortName: 'grpc' }] };
  await expect(service('wrong', wrongPort)).rejects.toThrow(
    "portName 'grpc' does not refer to any named PortMapping",
  );
  await expect(service('wrong', connect('nowhere', false))).rejects.toThrow(
    'Namespace nowhere does not exist.',
  );
});

// DiscoverInstances goes to a host of its own, data-…, which loopback doesn't have.
test('Cloud Map keeps namespaces, services and instances, and holds its quota', async () => {
  const client = new ServiceDiscovery({
    region,
    endpoint: fixture.cloud.endpoint,
    credentials,
    disableHostPrefix: true,
  });
  const { OperationId } = await client.createHttpNamespace({ Name: 'kept' });
  const { Operation } = await client.getOperation({ OperationId });
  expect(Operation?.Status).toBe('SUCCESS');
  const NamespaceId = Operation?.Targets?.['NAMESPACE'] ?? '';
  const { Service } = await client.createService({ Name: 'api', NamespaceId });
  await client.registerInstance({
    ServiceId: Service?.Id ?? '',
    InstanceId: 'one',
    Attributes: { color: 'red' },
  });
  const found = await client.discoverInstances({
    NamespaceName: 'kept',
    ServiceName: 'api',
    QueryParameters: { color: 'red' },
  });
  expect(found.Instances).toMatchObject([{ InstanceId: 'one', Attributes: { color: 'red' } }]);
  await expect(client.deleteNamespace({ Id: NamespaceId })).rejects.toMatchObject({ name: 'ResourceInUse' });
  await expect(client.createHttpNamespace({ Name: 'kept' })).rejects.toMatchObject({
    name: 'NamespaceAlreadyExists',
  });
  const { Namespaces = [] } = await client.listNamespaces({});
  for (let n = Namespaces.length; n < 50; n++) await client.createHttpNamespace({ Name: `filler-${n}` });
  await expect(client.createHttpNamespace({ Name: 'one-too-many' })).rejects.toMatchObject({
    name: 'ResourceLimitExceeded',
  });
});
