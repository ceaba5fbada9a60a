/** Credentials and network of a task that an attacker has taken over. */
import { APIGatewayClient, GetApiKeysCommand } from '@aws-sdk/client-api-gateway';
import {
  AdminGetUserCommand,
  AdminSetUserPasswordCommand,
  AdminUpdateUserAttributesCommand,
  CognitoIdentityProviderClient,
  DescribeUserPoolCommand,
  ListUsersCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import {
  type AttributeValue,
  BatchGetItemCommand,
  BatchWriteItemCommand,
  DeleteItemCommand,
  DynamoDBClient,
  ExecuteStatementCommand,
  GetItemCommand,
  ListTablesCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  TransactGetItemsCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { DescribeTasksCommand, ECSClient, ListClustersCommand, ListTasksCommand } from '@aws-sdk/client-ecs';
import { IAMClient, ListRolesCommand } from '@aws-sdk/client-iam';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { AssumeRoleCommand, STSClient, type Tag } from '@aws-sdk/client-sts';
import { beforeAll, describe, expect, it } from 'vitest';
import { api } from '../project.ts';
import { type Credentials, type Estate, type Guest, type TenantName, tenantNames } from './estate.ts';

const silos = ['cedar', 'dogwood'] as const;

export function hostileContainers(estate: () => Estate): void {
  const guest = (name: TenantName): Guest => estate().guests[name];
  describe('a container that was taken over', () => {
    const orders = (name: TenantName): string =>
      guest(name).tables.find((table) => table.includes('Orders')) ?? '';
    const denied = async (what: string, attempt: Promise<unknown>): Promise<void> => {
      const outcome = await attempt.then(
        (answer) => `was allowed: ${JSON.stringify(answer)}`,
        (error: Error) => error.name,
      );
      expect(outcome, what).toMatch(/^(AccessDenied|AccessDeniedException|NotAuthorizedException)$/);
    };

    /** Every way to a neighbour's item, by his table and his key. */
    async function deniedItems(
      credentials: Credentials,
      TableName: string,
      tenantId: string,
      orderId: string,
    ) {
      const dynamodb = new DynamoDBClient(estate().client(credentials));
      const key = { tenantId: { S: tenantId }, orderId: { S: orderId } };
      const own = { tenantId: { S: 'own' }, orderId: { S: 'x' } };
      const values = (tenant: string): Record<string, AttributeValue> => ({ ':t': { S: tenant } });
      const ways = {
        get: new GetItemCommand({ TableName, Key: key }),
        batchGet: new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys: [key] } } }),
        query: new QueryCommand({
          TableName,
          KeyConditionExpression: 'tenantId = :t',
          ExpressionAttributeValues: values(tenantId),
        }),
        put: new PutItemCommand({ TableName, Item: { ...key, orderName: { S: 'taken' } } }),
        update: new UpdateItemCommand({
          TableName,
          Key: key,
          UpdateExpression: 'SET orderName = :t',
          ExpressionAttributeValues: values('taken'),
        }),
        remove: new DeleteItemCommand({ TableName, Key: key }),
        batchWrite: new BatchWriteItemCommand({
          RequestItems: { [TableName]: [{ PutRequest: { Item: own } }, { DeleteRequest: { Key: key } }] },
        }),
        transactGet: new TransactGetItemsCommand({ TransactItems: [{ Get: { TableName, Key: key } }] }),
        transactWrite: new TransactWriteItemsCommand({
          TransactItems: [
            { ConditionCheck: { TableName, Key: key, ConditionExpression: 'attribute_exists(tenantId)' } },
          ],
        }),
        scan: new ScanCommand({ TableName }),
        scanFiltered: new ScanCommand({
          TableName,
          FilterExpression: 'tenantId = :t',
          ExpressionAttributeValues: values(tenantId),
        }),
      };
      for (const [what, command] of Object.entries(ways))
        await denied(what, dynamodb.send(command as GetItemCommand));
      const partiql = new ExecuteStatementCommand({ Statement: `SELECT * FROM "${TableName}"` });
      await expect(dynamodb.send(partiql)).rejects.toThrow();
    }

    const assume = async (credentials: Credentials, RoleArn: string, tags: Tag[] | undefined) => {
      const sts = new STSClient(estate().client(credentials));
      const { Credentials: issued } = await sts.send(
        new AssumeRoleCommand({ RoleArn, RoleSessionName: 'attack', ...(tags && { Tags: tags }) }),
      );
      return {
        accessKeyId: issued?.AccessKeyId ?? '',
        secretAccessKey: issued?.SecretAccessKey ?? '',
        sessionToken: issued?.SessionToken ?? '',
      };
    };
    const as = (tenant: string): Tag[] => [{ Key: 'tenant', Value: tenant }];
    let tenantRole = '';
    let registry = '';

    beforeAll(async () => {
      const { environment } = await estate().takeOver(guest('acorn'), 'data');
      tenantRole = environment['TENANT_ROLE_ARN'] ?? '';
      expect(tenantRole).toMatch(/^arn:aws:iam::/);
      const { TableNames = [] } = await new DynamoDBClient(estate().client()).send(new ListTablesCommand({}));
      registry = TableNames.find((name) => name.includes('Registry')) ?? '';
      expect(registry).not.toBe('');
    });

    it('in the pool reaches items only as one tenant at a time, and then only his', async () => {
      const { credentials } = await estate().takeOver(guest('acorn'), 'data');
      const birch = guest('birch');
      await deniedItems(credentials, orders('birch'), birch.tenantId, birch.orderId);

      const session = await assume(credentials, tenantRole, as(guest('acorn').tenantId));
      const dynamodb = new DynamoDBClient(estate().client(session));
      const own = { tenantId: { S: guest('acorn').tenantId }, orderId: { S: guest('acorn').orderId } };
      const read = await dynamodb.send(new GetItemCommand({ TableName: orders('acorn'), Key: own }));
      expect(read.Item?.['orderName']).toEqual({ S: 'of acorn' });
      await deniedItems(session, orders('birch'), birch.tenantId, birch.orderId);
      for (const silo of silos)
        await deniedItems(session, orders(silo), guest(silo).tenantId, guest(silo).orderId);
      // Own keys beside a foreign one don't make it his.
      const theirs = { tenantId: { S: birch.tenantId }, orderId: { S: birch.orderId } };
      await denied(
        'own and foreign keys in one batch',
        dynamodb.send(
          new BatchGetItemCommand({ RequestItems: { [orders('acorn')]: { Keys: [own, theirs] } } }),
        ),
      );
      await denied(
        'own and foreign items in one transaction',
        dynamodb.send(
          new TransactWriteItemsCommand({
            TransactItems: [own, theirs].map((Key) => ({ Delete: { TableName: orders('acorn'), Key } })),
          }),
        ),
      );
      await denied('the registry', dynamodb.send(new ScanCommand({ TableName: registry })));
    });

    it('in the pool gets no session but one of a single tenant by name', async () => {
      const { credentials } = await estate().takeOver(guest('acorn'), 'data');
      await denied('no tag', assume(credentials, tenantRole, undefined));
      await denied('an empty tag', assume(credentials, tenantRole, as('')));
      await denied('another tag', assume(credentials, tenantRole, [{ Key: 'other', Value: 'x' }]));
      await denied(
        'a further tag',
        assume(credentials, tenantRole, [...as('x'), { Key: 'other', Value: 'x' }]),
      );
      // A pattern as the tag's value is no pattern.
      for (const value of ['*', `${guest('birch').tenantId.slice(0, 4)}*`]) {
        const outcome = await assume(credentials, tenantRole, as(value)).catch((error: Error) => error.name);
        if (typeof outcome !== 'string')
          await deniedItems(outcome, orders('birch'), guest('birch').tenantId, guest('birch').orderId);
      }
      const session = await assume(credentials, tenantRole, as(guest('acorn').tenantId));
      await denied('a session of a session', assume(session, tenantRole, as(guest('birch').tenantId)));
    });

    it.each(silos)(
      "in %s reaches its own table, and nothing of the pool's or the other silo's",
      async (name) => {
        const { credentials } = await estate().takeOver(guest(name), 'data');
        const { tenantId, orderId } = guest(name);
        const dynamodb = new DynamoDBClient(estate().client(credentials));
        const key = { tenantId: { S: tenantId }, orderId: { S: orderId } };
        const own = await dynamodb.send(new GetItemCommand({ TableName: orders(name), Key: key }));
        expect(own.Item?.['orderName']).toEqual({ S: `of ${name}` });
        await denied('a Scan of its own', dynamodb.send(new ScanCommand({ TableName: orders(name) })));
        for (const other of tenantNames.filter((each) => each !== name))
          await deniedItems(credentials, orders(other), guest(other).tenantId, guest(other).orderId);
        for (const victim of [tenantId, guest('birch').tenantId])
          await denied(`the pool's role as ${victim}`, assume(credentials, tenantRole, as(victim)));
      },
    );

    it.each(tenantNames)(
      "in %s as the user service manages its own pool's users, and nothing else",
      async (name) => {
        const { credentials } = await estate().takeOver(guest(name), 'identity');
        const cognito = new CognitoIdentityProviderClient(estate().client(credentials));
        const user = (of: TenantName) => ({
          UserPoolId: guest(of).userPoolId,
          Username: `admin@${of}.example`,
        });
        expect((await cognito.send(new AdminGetUserCommand(user(name)))).Enabled).toBe(true);
        const pools = tenantNames.filter((other) => guest(other).userPoolId !== guest(name).userPoolId);
        for (const other of pools) {
          await denied('AdminGetUser', cognito.send(new AdminGetUserCommand(user(other))));
          const UserAttributes = [{ Name: 'custom:userRole', Value: 'TenantUser' }];
          await denied(
            'AdminUpdateUserAttributes',
            cognito.send(new AdminUpdateUserAttributesCommand({ ...user(other), UserAttributes })),
          );
        }
        await denied(
          'AdminSetUserPassword',
          cognito.send(
            new AdminSetUserPasswordCommand({ ...user(name), Password: 'Correct-Horse-7-Staple' }),
          ),
        );
        const { UserPoolId } = user(name);
        await denied('ListUsers', cognito.send(new ListUsersCommand({ UserPoolId })));
        await denied('DescribeUserPool', cognito.send(new DescribeUserPoolCommand({ UserPoolId })));
        // Not even the one who may write users' attributes can move one into another tenant.
        const UserAttributes = [{ Name: 'custom:tenantId', Value: 'elsewhere' }];
        await expect(
          cognito.send(new AdminUpdateUserAttributesCommand({ ...user(name), UserAttributes })),
        ).rejects.toThrow();
        await denied('the tenant role', assume(credentials, tenantRole, as(guest('birch').tenantId)));
        await deniedItems(credentials, orders(name), guest(name).tenantId, guest(name).orderId);
      },
    );

    it.each(tenantNames)('in %s can take no other role, and read no secret', async (name) => {
      const { Roles = [] } = await new IAMClient(estate().client()).send(new ListRolesCommand({}));
      expect(Roles.length).toBeGreaterThan(5);
      for (const access of ['data', 'identity'] as const) {
        const { credentials } = await estate().takeOver(guest(name), access);
        for (const { Arn = '' } of Roles)
          if (Arn !== tenantRole || access === 'identity')
            await denied(Arn, assume(credentials, Arn, undefined));
        const secrets = new SecretsManagerClient(estate().client(credentials));
        await denied('the secret', secrets.send(new GetSecretValueCommand({ SecretId: 'anything' })));
        const iam = new IAMClient(estate().client(credentials));
        await denied('roles', iam.send(new ListRolesCommand({})));
        const gateway = new APIGatewayClient(estate().client(credentials));
        await denied('keys', gateway.send(new GetApiKeysCommand({ includeValues: true })));
        const ecs = new ECSClient(estate().client(credentials));
        await denied('clusters', ecs.send(new ListClustersCommand({})));
      }
    });

    it('gets credentials by its own token alone', async () => {
      const one = (await estate().takeOver(guest('acorn'), 'data')).environment;
      const other = (await estate().takeOver(guest('cedar'), 'data')).environment;
      const ask = async (uri: string | undefined, authorization: string | undefined) =>
        (await fetch(uri ?? '', { ...(authorization && { headers: { authorization } }) })).status;
      const uri = other['AWS_CONTAINER_CREDENTIALS_FULL_URI'];
      expect(await ask(uri, other['AWS_CONTAINER_AUTHORIZATION_TOKEN'])).toBe(200);
      expect(await ask(uri, undefined)).toBe(403);
      expect(await ask(uri, one['AWS_CONTAINER_AUTHORIZATION_TOKEN'])).toBe(403);
      expect(await ask(`${uri}/../${uri?.split('/').at(-1)}`, 'guess')).toBe(403);
      const metadata = await (await fetch(other['ECS_CONTAINER_METADATA_URI_V4'] ?? '')).text();
      expect(metadata).not.toContain(String(other['AWS_CONTAINER_AUTHORIZATION_TOKEN']));
    });

    it("at a neighbour's door is asked for a token of that neighbour", async () => {
      const ecs = new ECSClient(estate().client());
      const { clusterArns = [] } = await ecs.send(new ListClustersCommand({}));
      let doors = 0;
      for (const cluster of clusterArns) {
        const { taskArns: tasks = [] } = await ecs.send(new ListTasksCommand({ cluster }));
        if (tasks.length === 0) continue;
        const described = await ecs.send(new DescribeTasksCommand({ cluster, tasks }));
        for (const task of described.tasks ?? []) {
          const container = task.containers?.[0]?.name ?? '';
          const host = task.attachments?.[0]?.details?.find(
            ({ name }) => name === 'privateIPv4Address',
          )?.value;
          if (!['orders', 'products', 'users'].includes(container) || host === undefined) continue;
          const pool = !tenantNames.some((name) => task.group?.includes(guest(name).tenantId));
          const stranger = pool ? guest('cedar') : guest('acorn');
          const headers = { tenantPath: 'basic', 'x-amzn-apigateway-api-id': 'x' };
          const door = `http://${host}:3010/${container}`;
          doors++;
          expect((await api(door, { headers })).status, door).toBe(401);
          expect([401, 403], door).toContain((await api(door, { headers, token: stranger.token })).status);
        }
      }
      expect(doors).toBe(9);
    });
  });
}
