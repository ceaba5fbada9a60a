/** How to take the control plane's controls away, and the one that a suspension has beside the authorizer. */
import {
  ApiGatewayV2Client,
  GetApisCommand,
  GetIntegrationsCommand,
  GetRoutesCommand,
  type Route,
  UpdateRouteCommand,
} from '@aws-sdk/client-apigatewayv2';
import { DeleteItemCommand, DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { registryKeys } from '../../src/model/registry.ts';
import { UsagePlans } from '../../src/services/usage-plans.ts';
import type { Mutation } from './mutation.ts';
import type { Restore, World } from './world.ts';

async function apiOf(world: World): Promise<{ client: ApiGatewayV2Client; ApiId: string }> {
  const client = new ApiGatewayV2Client(world.context.target.client);
  const { Items = [] } = await client.send(new GetApisCommand({ MaxResults: '100' }));
  const { apiUrl } = world.session.shared.controlPlane ?? {};
  const found = Items.find(({ ApiEndpoint }) => ApiEndpoint === apiUrl);
  if (!found) throw new Error(`no API is at ${apiUrl}`);
  return { client, ApiId: found.ApiId ?? '' };
}

/** Changes one route of the control plane's API. */
async function route(world: World, key: string, changes: Partial<Route>): Promise<Restore> {
  const { client, ApiId } = await apiOf(world);
  const { Items = [] } = await client.send(new GetRoutesCommand({ ApiId, MaxResults: '100' }));
  const before = Items.find(({ RouteKey }) => RouteKey === key);
  if (!before?.RouteId) throw new Error(`the API has no route ${key}`);
  const { RouteId, AuthorizationType, AuthorizerId, AuthorizationScopes } = before;
  const known = { AuthorizationType, AuthorizerId, AuthorizationScopes };
  const put = (to: Partial<Route>) =>
    client.send(new UpdateRouteCommand({ ApiId, RouteId, ...to, ApiKeyRequired: false }));
  await put({ ...known, ...changes });
  return () => put(known);
}

/** The function behind the API. */
async function functionOf(world: World): Promise<string> {
  const { client, ApiId } = await apiOf(world);
  const { Items = [] } = await client.send(new GetIntegrationsCommand({ ApiId }));
  const arn = /function:[^/]+/.exec(Items[0]?.IntegrationUri ?? '')?.[0];
  if (arn === undefined) throw new Error('the API has no function');
  return arn.slice('function:'.length);
}

/** The function no longer asks who calls: API Gateway alone does. */
const unasked = async (world: World): Promise<Restore> =>
  world.functionCode(await functionOf(world), 'control-plane', [
    'functions/control-plane/callers.ts',
    'if (open.has(event.routeKey)) return;',
    'return;',
  ]);

export const controlPlaneMutations: readonly Mutation[] = [
  {
    control: 'control-plane-token',
    how: "control plane's API: a route that asks for no token",
    models: ['pool'],
    behind: { what: 'the question whether the caller is an operator', apply: unasked },
    async apply(world) {
      const ask = await unasked(world);
      const close = await route(world, 'GET /tenants', {
        AuthorizationType: 'NONE',
        AuthorizationScopes: [],
      });
      return async () => {
        await close();
        await ask();
      };
    },
  },
  {
    control: 'control-plane-scopes',
    how: "control plane's API: a route of operators that asks for a program's scope",
    models: ['pool'],
    apply: (world) => route(world, 'GET /users', { AuthorizationScopes: ['tenant/tenant_read'] }),
  },
  {
    control: 'control-plane-names',
    how: "registry: a registered name's lock is gone",
    models: ['pool'],
    attacks: ['register-same-name'],
    async apply(world) {
      const { neighbour } = world.scene('pool');
      const dynamodb = new DynamoDBClient(world.context.target.client);
      const TableName = world.session.shared.registryTable;
      const { pk, sk } = registryKeys.registrationName(neighbour.name);
      const Key = { pk: { S: pk }, sk: { S: sk } };
      const { Item } = await dynamodb.send(new GetItemCommand({ TableName, Key }));
      await dynamodb.send(new DeleteItemCommand({ TableName, Key }));
      return () => dynamodb.send(new PutItemCommand({ TableName, Item }));
    },
  },
  {
    control: 'tenant-config',
    how: 'control plane: says of a name that nobody has it',
    models: ['pool'],
    async apply(world) {
      return world.functionCode(await functionOf(world), 'control-plane', [
        'functions/control-plane/tenant-config.ts',
        'if (shared) return',
        'if (shared && registration) return',
      ]);
    },
  },
  {
    control: 'suspended-api-key',
    how: "suspension: leaves the tenant's API key on",
    models: ['pool'],
    async apply() {
      const { enableKey } = UsagePlans.prototype;
      UsagePlans.prototype.enableKey = async () => true;
      return async () => {
        UsagePlans.prototype.enableKey = enableKey;
      };
    },
  },
];
