/** No secret gets where it does not belong, in the whole life of an environment and its tenants. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { APIGateway } from '@aws-sdk/client-api-gateway';
import { CloudFormation, paginateDescribeStackEvents } from '@aws-sdk/client-cloudformation';
import {
  CloudWatchLogs,
  paginateDescribeLogGroups,
  paginateFilterLogEvents,
} from '@aws-sdk/client-cloudwatch-logs';
import { CognitoIdentityProvider } from '@aws-sdk/client-cognito-identity-provider';
import { DynamoDB, paginateScan } from '@aws-sdk/client-dynamodb';
import { ECS, paginateListTaskDefinitions } from '@aws-sdk/client-ecs';
import { Lambda } from '@aws-sdk/client-lambda';
import { SecretsManager } from '@aws-sdk/client-secrets-manager';
import { paginateGetParametersByPath, SSM } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfig } from '../../src/services/config/load.ts';
import { type ClientOptions, resolveEnvironment, type Target } from '../../src/services/environment.ts';
import { readOutbox } from '../../src/services/local-cloud.ts';
import { newProject, type Project } from './project.ts';

let project: Project;
let target: Target;
let options: ClientOptions & { endpoint: string };
/** Kind -> values. */
const secrets = new Map<string, Set<string>>();
/** What a person or a program saw of the commands, by command line. */
const printed: [string, string][] = [];
/** By place: all text that was found there. */
const found = new Map<string, string>();

const add = (kind: string, ...values: (string | undefined)[]): void => {
  const known = secrets.get(kind) ?? new Set();
  for (const value of values) if (value !== undefined && value !== '') known.add(value);
  secrets.set(kind, known);
};
const put = (place: string, text: unknown): void => {
  found.set(place, `${found.get(place) ?? ''}\n${typeof text === 'string' ? text : JSON.stringify(text)}`);
};

/** Runs a command and keeps what it printed. */
async function run(...argv: string[]): Promise<string> {
  const { stdout, stderr } = await project.cli(...argv);
  printed.push([argv.join(' '), `${stdout}\n${stderr}`]);
  return stdout;
}

/** A token is what `token` is for: its own output is the one place where it may be. */
async function token(tenant: string): Promise<void> {
  const { stdout, stderr } = await project.cli('token', '--tenant', tenant, '--json');
  printed.push([`token --tenant ${tenant} (stderr)`, stderr]);
  add('token', (JSON.parse(stdout) as { data: { token?: string } }).data.token?.split('.')[2]);
}

async function gatherSecrets(): Promise<void> {
  const manager = new SecretsManager(options);
  for (const { ARN } of (await manager.listSecrets({})).SecretList ?? [])
    add('key secret', (await manager.getSecretValue({ SecretId: ARN })).SecretString);
  for (const key of (await new APIGateway(options).getApiKeys({ includeValues: true })).items ?? [])
    add('API key', key.value);
  const mails = await readOutbox(options.endpoint);
  add('temporary password', ...mails.map(({ secret }) => secret));
  for (const { userPoolId, to } of mails) add('password', await target.mailbox?.password(userPoolId, to));
  const cognito = new CognitoIdentityProvider(options);
  for (const { Id } of (await cognito.listUserPools({ MaxResults: 60 })).UserPools ?? [])
    for (const { ClientId } of (await cognito.listUserPoolClients({ UserPoolId: Id })).UserPoolClients ?? [])
      add(
        'client secret',
        (await cognito.describeUserPoolClient({ UserPoolId: Id, ClientId })).UserPoolClient?.ClientSecret,
      );
}

async function gatherPlaces(): Promise<void> {
  const db = new DynamoDB(options);
  for (const TableName of (await db.listTables({})).TableNames ?? [])
    for await (const { Items } of paginateScan({ client: db }, { TableName }))
      put(TableName.includes('Registry') ? 'registry' : 'tables', Items);
  const logs = new CloudWatchLogs(options);
  for await (const { logGroups = [] } of paginateDescribeLogGroups({ client: logs }, {}))
    for (const { logGroupName } of logGroups)
      for await (const { events } of paginateFilterLogEvents({ client: logs }, { logGroupName }))
        put('logs', events);
  const stacks = new CloudFormation(options);
  for (const stack of (await stacks.describeStacks({})).Stacks ?? []) {
    put('stacks', stack);
    for await (const page of paginateDescribeStackEvents({ client: stacks }, { StackName: stack.StackId }))
      put('stacks', page.StackEvents);
    put('templates', (await stacks.getTemplate({ StackName: stack.StackId })).TemplateBody);
  }
  const everywhere = { Path: '/saas-ecs', Recursive: true };
  for await (const { Parameters } of paginateGetParametersByPath({ client: new SSM(options) }, everywhere))
    put('parameters', Parameters);
  const ecs = new ECS(options);
  for await (const { taskDefinitionArns = [] } of paginateListTaskDefinitions({ client: ecs }, {}))
    for (const taskDefinition of taskDefinitionArns)
      put('task definitions', (await ecs.describeTaskDefinition({ taskDefinition })).taskDefinition);
  put('functions', (await new Lambda(options).listFunctions({})).Functions);
  const state = path.join(project.directory, '.saas-ecs');
  put("the cloud's log", await readFile(path.join(state, 'embedded', 'cloud.log'), 'utf8'));
  for (const entry of await readdir(state, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    // The embedded cloud's own state stands for AWS, where these secrets are at home.
    if (
      entry.isFile() &&
      !file.startsWith(path.join(state, 'embedded')) &&
      /\.(json|ya?ml|log|txt)$/.test(file)
    )
      put("the project's files", await readFile(file, 'utf8'));
  }
  for (const pid of (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name)))
    put(
      'command lines',
      (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' '),
    );
}

beforeAll(async () => {
  project = await newProject();
  target = await resolveEnvironment(await loadConfig({ cwd: project.directory }));
  options = { ...target.client, endpoint: target.client.endpoint ?? '' };
  await run('deploy-shared', '--json');
  await run('onboard', '--tier', 'basic', '--name', 'cedar', '--email', 'admin@cedar.example', '--json');
  await run('onboard', '--tier', 'advanced', '--name', 'dogwood', '--email', 'admin@dogwood.example');
  await gatherSecrets();
  for (const tenant of ['cedar', 'dogwood']) await token(tenant);
  await run('users', 'add', '--tenant', 'cedar', '--email', 'user@cedar.example', '--json');
  await run('users', 'reset-password', '--tenant', 'cedar', 'user@cedar.example');
  await run('users', 'list', '--tenant', 'cedar', '--json');
  await run('throttle', '--tenant', 'cedar', '--rate', '5', '--burst', '5', '--json');
  await run('list-tenants', '--json');
  for (const tenant of ['cedar', 'dogwood']) {
    await run('describe-tenant', tenant, '--json');
    await run('describe-tenant', tenant);
    await run('watch', tenant, '--output', 'ndjson');
    await run('explain', tenant, '--json');
  }
  await run('audit', '--json');
  await run('reconcile', '--json');
  await run('doctor', '--json');
  // Errors tell much: of names that are taken, of what is not there, of a wrong file.
  await run('onboard', '--tier', 'basic', '--name', 'cedar', '--email', 'admin@cedar.example', '--debug');
  await run('describe-tenant', 'nobody', '--debug');
  await gatherSecrets();
  await gatherPlaces();
  await run(
    'offboard',
    'dogwood',
    '--confirm',
    'dogwood',
    '--export',
    path.join(project.directory, 'export'),
    '--json',
  );
  await run('offboard', 'cedar', '--confirm', 'cedar');
  put('registry', (await registryItems()) ?? []);
  await run('destroy-shared', '--delete-data', '--confirm', 'shop and its data', '--json');
}, 300_000);
afterAll(() => project.remove());

async function registryItems(): Promise<unknown> {
  const db = new DynamoDB(options);
  const name = (await db.listTables({})).TableNames?.find((table) => table.includes('Registry'));
  return name === undefined ? [] : (await db.scan({ TableName: name })).Items;
}

it('knows the secrets that it looks for, and the places where it looks', () => {
  for (const kind of ['key secret', 'API key', 'temporary password', 'password', 'client secret', 'token'])
    expect([kind, secrets.get(kind)?.size ?? 0]).not.toEqual([kind, 0]);
  for (const values of secrets.values()) for (const value of values) expect(value.length).toBeGreaterThan(7);
  const known: Record<string, string> = {
    registry: 'cedar',
    logs: 'tenantPath',
    stacks: 'tenant-template-basic',
    templates: 'AWS::DynamoDB::Table',
    parameters: '/saas-ecs/shop/local/registry-table',
    'task definitions': 'ISSUER',
    functions: 'REGISTRY_TABLE',
    "the project's files": 'AWS::',
  };
  for (const [place, word] of Object.entries(known))
    expect([place, found.get(place)?.includes(word)]).toEqual([place, true]);
  expect(printed.filter(([, text]) => text.trim() !== '').length).toBeGreaterThan(20);
});

it('finds none of them in what commands print, text, JSON or errors', () => {
  for (const [command, text] of printed)
    for (const [kind, values] of secrets)
      for (const value of values)
        expect([command, kind, text.includes(value)]).toEqual([command, kind, false]);
});

it.each([
  'registry',
  'tables',
  'logs',
  'stacks',
  'templates',
  'parameters',
  'task definitions',
  'functions',
  "the cloud's log",
  "the project's files",
  'command lines',
])('finds none of them in %s', (place) => {
  const text = found.get(place) ?? '';
  for (const [kind, values] of secrets)
    for (const value of values) expect([place, kind, text.includes(value)]).toEqual([place, kind, false]);
});
