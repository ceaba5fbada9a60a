/** All that an account holds of tenants, in words: what is there twice, or of nobody, is seen by comparing lists. */
import { APIGatewayClient, paginateGetApiKeys } from '@aws-sdk/client-api-gateway';
import { CloudFormationClient, paginateListStacks } from '@aws-sdk/client-cloudformation';
import {
  CognitoIdentityProviderClient,
  paginateListUserPools,
  paginateListUsers,
} from '@aws-sdk/client-cognito-identity-provider';
import { DynamoDBClient, paginateListTables, paginateScan } from '@aws-sdk/client-dynamodb';

/** Everything that the account has that is a tenant's, sorted. */
export async function inventoryOf({ endpoint, region }) {
  const options = { endpoint, region, credentials: { accessKeyId: 'auditor', secretAccessKey: 'auditor' } };
  const all = async (pages, itemsOf) => {
    const items = [];
    for await (const page of pages) items.push(...(itemsOf(page) ?? []));
    return items;
  };
  const gateway = new APIGatewayClient(options);
  const formation = new CloudFormationClient(options);
  const cognito = new CognitoIdentityProviderClient(options);
  const dynamodb = new DynamoDBClient(options);
  const [keys, stacks, pools, tables] = await Promise.all([
    all(paginateGetApiKeys({ client: gateway }, { limit: 500 }), ({ items }) => items),
    all(paginateListStacks({ client: formation }, {}), ({ StackSummaries }) => StackSummaries),
    all(paginateListUserPools({ client: cognito }, { MaxResults: 60 }), ({ UserPools }) => UserPools),
    all(paginateListTables({ client: dynamodb }, {}), ({ TableNames }) => TableNames),
  ]);
  const users = [];
  for (const { Id, Name } of pools)
    for (const { Attributes = [] } of await all(
      paginateListUsers({ client: cognito }, { UserPoolId: Id }),
      ({ Users }) => Users,
    )) {
      const email = Attributes.find((attribute) => attribute.Name === 'email')?.Value;
      users.push(`user ${email} in ${Name}`);
    }
  const registries = tables.filter((name) => /^controlplane-stack-Registry/.test(name));
  const items = [];
  for (const TableName of registries)
    items.push(...(await all(paginateScan({ client: dynamodb }, { TableName }), ({ Items }) => Items)));
  const registered = items.flatMap(({ pk, sk, status, owner, operation }) => {
    const [kind, id, rest] = pk.S.split('#');
    if (kind === 'TENANT' && sk.S === 'TENANT' && status.S !== 'offboarded')
      return [`tenant ${id} ${status.S}${operation ? ' with an operation' : ''}`];
    if (kind === 'NAME') return [`name ${id}`];
    if (kind === 'REGISTRATION' && id === 'TENANT') return [`registration of ${rest}`];
    if (kind === 'REGISTRATION' && id === 'NAME') return [`registered name ${rest}`];
    if (kind === 'CELL' && sk.S.startsWith('SLOT#') && !owner.S.startsWith('pool/'))
      return [`slot of ${owner.S}`];
    return [];
  });
  return [
    ...registered,
    ...keys.map(({ name }) => `key ${name}`),
    ...stacks
      .filter(({ StackStatus }) => StackStatus !== 'DELETE_COMPLETE')
      .map(
        ({ StackName, StackStatus }) =>
          `stack ${StackName} ${StackStatus.replace(/^(CREATE|UPDATE)_COMPLETE$/, 'COMPLETE')}`,
      ),
    ...pools.map(({ Name }) => `user pool ${Name}`),
    ...tables
      .filter((name) => name.startsWith('tenant-'))
      .map((name) => `table ${name.replace(/[0-9A-F]{8}(-[A-Z0-9]+)?$/, '')}`),
    ...users,
  ].sort();
}

/** What has come and what has gone between two inventories. */
export function difference(before, after) {
  const count = (list) =>
    list.reduce((counts, line) => counts.set(line, (counts.get(line) ?? 0) + 1), new Map());
  const [was, is] = [count(before), count(after)];
  const lines = [];
  for (const line of new Set([...was.keys(), ...is.keys()])) {
    const change = (is.get(line) ?? 0) - (was.get(line) ?? 0);
    if (change !== 0) lines.push(`${change > 0 ? '+' : ''}${change} ${line}`);
  }
  return lines.sort();
}

/** What one whole tenant adds to an inventory, as {@link difference} tells it. */
export function tenantAdds({ tenantId, name, adminEmail, model, stackPrefix = 'tenant-' }) {
  const stack = `${stackPrefix}${tenantId}`;
  const shared = [
    `+1 tenant ${tenantId} active`,
    `+1 name ${name}`,
    `+1 key tenant-${tenantId}`,
    `+1 registration of ${tenantId}`,
    `+1 registered name ${name}`,
  ];
  if (model === 'pool') return [...shared, `+1 user ${adminEmail} in tenant-template-basic`].sort();
  return [
    ...shared,
    `+1 slot of ${tenantId}/products`,
    `+1 stack ${stack} COMPLETE`,
    `+1 user pool ${stack}`,
    `+1 user ${adminEmail} in ${stack}`,
    `+1 table ${stack}-AppTablesProducts`,
  ].sort();
}
