/**
 * A pool tenant is brought in and out on moto: as far as moto goes. It serves no API of a tenant's and no control plane
 * of ours, so the onboarding must come to the gatekeeper's proving request, say there that the tenant is not served, and leave what the
 * same command on the embedded cloud makes; offboarding must take all of it away.
 */
import * as gateway from '@aws-sdk/client-api-gateway';
import * as cognito from '@aws-sdk/client-cognito-identity-provider';
import * as dynamodb from '@aws-sdk/client-dynamodb';
import * as secrets from '@aws-sdk/client-secrets-manager';

const name = 'twin';
const email = 'admin@twin.example';

/** Copies what a pool tenant needs beside the registry: user pool and client, tables, key secret. Gives old id -> new id. */
export async function copyPool(from, to, { pool, apiKeySecret }) {
  const renamed = new Map();
  const { UserPool } = await from.cognito.send(
    new cognito.DescribeUserPoolCommand({ UserPoolId: pool.userPoolId }),
  );
  const made = await to.cognito.send(
    new cognito.CreateUserPoolCommand({
      PoolName: UserPool.Name,
      UsernameAttributes: UserPool.UsernameAttributes,
      Policies: UserPool.Policies,
      Schema: UserPool.SchemaAttributes.filter(({ Name }) => Name.startsWith('custom:')).map((attribute) => ({
        ...attribute,
        Name: attribute.Name.slice('custom:'.length),
      })),
    }),
  );
  renamed.set(pool.userPoolId, made.UserPool.Id);
  const { UserPoolClient: client } = await from.cognito.send(
    new cognito.DescribeUserPoolClientCommand({ UserPoolId: pool.userPoolId, ClientId: pool.clientId }),
  );
  const { UserPoolClient } = await to.cognito.send(
    new cognito.CreateUserPoolClientCommand({
      UserPoolId: made.UserPool.Id,
      ClientName: client.ClientName,
      ExplicitAuthFlows: client.ExplicitAuthFlows,
    }),
  );
  renamed.set(pool.clientId, UserPoolClient.ClientId);
  for (const TableName of Object.values(pool.tables)) {
    const { Table } = await from.dynamodb.send(new dynamodb.DescribeTableCommand({ TableName }));
    const { KeySchema, AttributeDefinitions } = Table;
    await to.dynamodb.send(
      new dynamodb.CreateTableCommand({
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema,
        AttributeDefinitions,
      }),
    );
  }
  const { SecretString, Name } = await from.secrets.send(
    new secrets.GetSecretValueCommand({ SecretId: apiKeySecret }),
  );
  const { ARN } = await to.secrets.send(new secrets.CreateSecretCommand({ Name, SecretString }));
  renamed.set(apiKeySecret, ARN);
  return renamed;
}

/** What there is of the tenant, without what each side chose: ids and times. */
async function inventory({ clients, registry, pool }) {
  const { Items } = await clients.dynamodb.send(new dynamodb.ScanCommand({ TableName: registry }));
  const tenants = Items.filter(({ sk, name: of }) => sk.S === 'TENANT' && of?.S === name);
  const living = tenants.find(({ status }) => status.S !== 'offboarded');
  const tenantId = (living ?? tenants.at(-1))?.tenantId.S;
  const plain = (text) => text?.replaceAll(tenantId, '<tenant>');
  const { items: keys } = await clients.gateway.send(
    new gateway.GetApiKeysCommand({ nameQuery: `tenant-${tenantId}`, includeValues: true }),
  );
  const plan = living?.usagePlanId?.S;
  const onPlan = plan
    ? await clients.gateway.send(new gateway.GetUsagePlanKeysCommand({ usagePlanId: plan, limit: 500 }))
    : { items: [] };
  const { Users } = await clients.cognito.send(new cognito.ListUsersCommand({ UserPoolId: pool.userPoolId }));
  const mine = (user) => user.Attributes.some(({ Value }) => Value === tenantId || Value === email);
  const { Groups } = await clients.cognito.send(
    new cognito.ListGroupsCommand({ UserPoolId: pool.userPoolId }),
  );
  const members = Groups.some(({ GroupName }) => GroupName === tenantId)
    ? await clients.cognito.send(
        new cognito.ListUsersInGroupCommand({ UserPoolId: pool.userPoolId, GroupName: tenantId }),
      )
    : { Users: [] };
  return {
    tenant: living && {
      tier: living.tier.S,
      model: living.model.S,
      adminEmail: living.adminEmail.S,
      cell: living.cell?.S,
      key: keys.some(({ id }) => id === living.apiKeyId?.S),
    },
    nameLock: Items.some(({ pk }) => pk.S === `NAME#${name}`),
    keys: keys.map((key) => [plain(key.name), key.customerId && plain(key.customerId), key.value?.length]),
    onPlan: onPlan.items.filter(({ id }) => keys.some((key) => key.id === id)).length,
    users: Users.filter(mine).map(({ UserStatus, Enabled, Attributes }) => [
      UserStatus,
      Enabled,
      ...Attributes.filter(({ Name }) => Name !== 'sub')
        .map(({ Name, Value }) => `${Name}=${plain(Value)}`)
        .toSorted(),
    ]),
    groups: Groups.filter(({ GroupName }) => GroupName === tenantId).length,
    members: members.Users.length,
  };
}

/** `here` and `there`: `{ saas, clients, registry, pool }` of the embedded cloud and of moto. */
export async function comeAndGo(report, here, there) {
  const compare = (what, ours, theirs) => {
    for (const part of Object.keys(ours)) {
      const [mine, other] = [ours[part], theirs[part]].map((value) => JSON.stringify(value) ?? 'nothing');
      report.check(`${what}: ${part}`, mine === other, `embedded ${mine}; moto ${other}`);
    }
  };
  const onboard = ['onboard', '--tier', 'basic', '--name', name, '--email', email];
  const made = await here.saas(...onboard);
  report.check('onboard on the embedded cloud', made.ok, JSON.stringify(made).slice(0, 1000));
  const refused = await there.saas(...onboard);
  report.check(
    'onboard --tier basic comes to its proving request, and fails there',
    refused.error?.code === 'not_served' &&
      refused.error.exitCode === 1 &&
      refused.error.hint?.includes('explain'),
    JSON.stringify(refused).slice(0, 1000),
  );
  const described = await there.saas('describe-tenant', name);
  report.check(
    'and says so of the tenant',
    described.data?.status === 'failed' && /prove that it is served/.test(described.data.lastError),
    JSON.stringify(described).slice(0, 1000),
  );
  compare('onboarded', await inventory(here), await inventory(there));
  for (const [where, side] of [
    ['the embedded cloud', here],
    ['moto', there],
  ]) {
    const gone = await side.saas('offboard', name, '--confirm', name);
    const { users, apiKeys } = gone.data?.deleted ?? {};
    report.check(`offboard on ${where}`, users === 1 && apiKeys === 1, JSON.stringify(gone).slice(0, 1000));
  }
  const left = await inventory(there);
  compare('offboarded', await inventory(here), left);
  const { nameLock, keys, users, groups } = left;
  report.check(
    'and nothing is left',
    !left.tenant && !nameLock && keys.length + users.length + groups === 0,
    JSON.stringify(left),
  );
}
