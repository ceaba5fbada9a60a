/**
 * Commands of saas-ecs against moto, as against an account (`target: aws`): the registry, the parameters and the usage
 * plans of a toured embedded cloud are copied there; moto can't make the stacks themselves.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as gateway from '@aws-sdk/client-api-gateway';
import * as cognito from '@aws-sdk/client-cognito-identity-provider';
import * as dynamodb from '@aws-sdk/client-dynamodb';
import * as ecs from '@aws-sdk/client-ecs';
import * as lambda from '@aws-sdk/client-lambda';
import * as secrets from '@aws-sdk/client-secrets-manager';
import * as ssm from '@aws-sdk/client-ssm';
import { run as execute, lastWords, root } from '../machine.mjs';
import { serveFunction } from '../moto-functions.mjs';
import { startMoto } from '../moto-server.mjs';
import { comeAndGo, copyPool } from './moto-tenant.mjs';

export const title = 'commands of saas-ecs run on moto as on an account';

const account = '123456789012';
const clientsOf = (endpoint) => {
  const credentials = { accessKeyId: 'conformance', secretAccessKey: 'conformance' };
  const options = { endpoint, region: 'us-east-1', credentials };
  return {
    cognito: new cognito.CognitoIdentityProviderClient(options),
    dynamodb: new dynamodb.DynamoDBClient(options),
    ecs: new ecs.ECSClient(options),
    gateway: new gateway.APIGatewayClient(options),
    lambda: new lambda.LambdaClient(options),
    secrets: new secrets.SecretsManagerClient(options),
    ssm: new ssm.SSMClient(options),
  };
};

/**
 * Copies the registry, the usage plans, the pool and the parameters; those of the environment `local` become `prod`'s.
 * Without the control plane, whose API moto does not serve: commands take an environment as it was before there was one.
 */
async function copy(from, to) {
  const ids = new Map();
  const { items } = await from.gateway.send(new gateway.GetUsagePlansCommand({ limit: 500 }));
  for (const { id, name, throttle, quota } of items) {
    const made = await to.gateway.send(new gateway.CreateUsagePlanCommand({ name, throttle, quota }));
    ids.set(id, made.id);
  }
  await to.ecs.send(new ecs.CreateClusterCommand({ clusterName: 'tenant-template-basic' }));
  const renamed = (text) => [...ids].reduce((changed, [old, id]) => changed.replaceAll(old, id), text);

  const asked = { Path: '/saas-ecs', Recursive: true, MaxResults: 10 };
  const parameters = [];
  for await (const { Parameters } of ssm.paginateGetParametersByPath({ client: from.ssm }, asked))
    parameters.push(...Parameters);
  const parameterOf = (last) => parameters.find(({ Name }) => Name.endsWith(`/${last}`)).Value;
  const registry = parameterOf('registry-table');
  const pool = JSON.parse(parameterOf('pool'));
  const copied = await copyPool(from, to, { pool, apiKeySecret: parameterOf('api-key-secret') });
  for (const [old, id] of copied) ids.set(old, id);
  for (const { Name, Value } of parameters) {
    if (Name.endsWith('/control-plane')) continue;
    const name = Name.replace(/^(\/saas-ecs\/[^/]+)\/local\//, '$1/prod/');
    await to.ssm.send(new ssm.PutParameterCommand({ Name: name, Value: renamed(Value), Type: 'String' }));
  }

  const { Table } = await from.dynamodb.send(new dynamodb.DescribeTableCommand({ TableName: registry }));
  await to.dynamodb.send(
    new dynamodb.CreateTableCommand({
      TableName: registry,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: Table.KeySchema,
      AttributeDefinitions: Table.AttributeDefinitions,
      GlobalSecondaryIndexes: Table.GlobalSecondaryIndexes?.map(({ IndexName, KeySchema, Projection }) => ({
        IndexName,
        KeySchema,
        Projection,
      })),
    }),
  );
  for await (const { Items } of dynamodb.paginateScan({ client: from.dynamodb }, { TableName: registry }))
    for (const Item of Items) {
      const item = JSON.parse(renamed(JSON.stringify(Item)));
      await to.dynamodb.send(new dynamodb.PutItemCommand({ TableName: registry, Item: item }));
    }
  const { Environment } = await from.lambda.send(
    new lambda.GetFunctionConfigurationCommand({ FunctionName: parameterOf('gatekeeper') }),
  );
  return {
    registry,
    pool,
    poolThere: JSON.parse(renamed(JSON.stringify(pool))),
    gatekeeper: JSON.parse(renamed(JSON.stringify(Environment.Variables))),
  };
}

export async function run(report, machine) {
  let moto;
  try {
    moto = await startMoto(machine);
    report.note('with', moto.version);
  } catch (error) {
    return report.skip(title, lastWords(error));
  }
  const { endpoint, directory, tenants } = await machine.toured();
  const there = clientsOf(moto.endpoint);
  const clients = clientsOf(endpoint);
  const { registry, pool, poolThere, gatekeeper } = await copy(clients, there);
  const served = await serveFunction(moto.endpoint, 'gatekeeper', gatekeeper);

  const project = path.join(machine.work, 'moto-project');
  await mkdir(project);
  const file = await readFile(path.join(directory, 'saas-ecs.yaml'), 'utf8');
  const target = `prod: { target: aws, account: "${account}", region: us-east-1, azs: 2, nat: single }`;
  await writeFile(
    path.join(project, 'saas-ecs.yaml'),
    file.replace(/^environments:\n/m, `environments:\n  ${target}\n`),
  );
  const env = {
    PATH: process.env.PATH,
    HOME: machine.work,
    CI: 'true',
    AWS_ENDPOINT_URL: served.endpoint,
    AWS_ACCESS_KEY_ID: 'conformance',
    AWS_SECRET_ACCESS_KEY: 'conformance',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  /** The envelope of a command, whether it succeeds or fails. */
  const commands =
    (options, ...flags) =>
    async (...argv) => {
      const all = [path.join(root, 'bin', 'saas-ecs'), ...argv, ...flags, '--json'];
      const ran = await execute(process.execPath, all, options).catch((error) => error);
      if (!ran.stdout) throw new Error(`saas-ecs ${argv.join(' ')} said nothing but: ${ran.stderr}`);
      return JSON.parse(ran.stdout);
    };
  const saas = commands({ cwd: project, env }, '--env', 'prod');
  const expect = (name, answer, holds) =>
    report.check(name, answer.ok && Boolean(holds(answer.data)), JSON.stringify(answer).slice(0, 1000));

  const essence = (list) =>
    list.map(({ tenantId, name, tier, status }) => [tenantId, name, tier, status].join()).toSorted();
  expect(
    'list-tenants',
    await saas('list-tenants'),
    (data) => `${essence(data.tenants)}` === `${essence(tenants)}`,
  );
  expect(
    'list-tenants --limit 1',
    await saas('list-tenants', '--limit', '1'),
    (data) => data.tenants.length === 1 && data.nextToken,
  );
  expect('throttle', await saas('throttle'), (data) => JSON.stringify(data).includes('"basic"'));
  const limits = ['--rate', '21', '--burst', '22', '--quota', '2100/day'];
  expect(
    'throttle --tier basic',
    await saas('throttle', '--tier', 'basic', ...limits),
    (data) => data.rate === 21,
  );
  const { items } = await there.gateway.send(new gateway.GetUsagePlansCommand({}));
  report.check(
    'and the usage plan has it',
    items.some(
      ({ throttle, quota }) =>
        throttle.rateLimit === 21 && throttle.burstLimit === 22 && Number(quota.limit) === 2100,
    ),
    JSON.stringify(items),
  );
  const pooled = tenants.find(({ model }) => model === 'pool');
  const described = await saas('describe-tenant', pooled.name);
  expect('describe-tenant', described, (data) => data.tenantId === pooled.tenantId);
  const unknown = await saas('describe-tenant', 'nobody-of-that-name');
  report.check('describe-tenant unknown', unknown.error?.exitCode === 4, JSON.stringify(unknown));
  await comeAndGo(
    report,
    { saas: commands({ cwd: directory }), clients, registry, pool },
    { saas, clients: there, registry, pool: poolThere },
  );
  await served.stop();
  await moto.stop();
}
