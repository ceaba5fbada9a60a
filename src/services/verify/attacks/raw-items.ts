/** Ways to a neighbour's data past the services: with the credentials of a task that was taken over, on raw AWS calls. */
import { serviceEnvironment, tenantSessionTag } from '../../../model/names.ts';
import type { TierModel } from '../../../model/tier.ts';
import type { InsideAttack, Scene } from '../attack.ts';
import type { ControlName } from '../controls.ts';
import type { Subject } from '../estate.ts';
import type { Call, JsonCall, QueryCall } from '../inside/plan.ts';
import { taskFacts } from '../inside/run.ts';

export const silos: readonly TierModel[] = ['shared-cluster', 'dedicated-cluster'];

interface Item {
  table: string;
  sortKey: string;
  tenantId: string;
  id: string;
}

/** A tenant's item in the table of the service that tasks are run of. */
export function itemOf(scene: Scene, subject: Subject): Item {
  const service = scene.estate.catalog.of('data');
  const table = service && subject.tables[service.name];
  if (!service?.table || table === undefined) throw new Error(`${subject.name} has no table`);
  return {
    table,
    sortKey: service.table.sortKey,
    tenantId: subject.tenantId,
    // Whether the item is there makes no difference to what a policy says.
    id: subject.stored[service.name] ?? 'some-id',
  };
}

export const dynamodb = (operation: string, body: object, sent: string): JsonCall => ({
  aws: 'dynamodb',
  target: `DynamoDB_20120810.${operation}`,
  body,
  sent,
});
export const keyOf = ({ tenantId, sortKey, id }: Item) => ({
  tenantId: { S: tenantId },
  [sortKey]: { S: id },
});

/** Every way to an item that DynamoDB has, by name; `own` is an item of the attacker's. */
const ways: Readonly<
  Record<string, { writes?: boolean; operation: string; body: (item: Item, own: Item) => object }>
> = {
  'get-item': { operation: 'GetItem', body: (item) => ({ TableName: item.table, Key: keyOf(item) }) },
  'batch-get': {
    operation: 'BatchGetItem',
    body: (item) => ({ RequestItems: { [item.table]: { Keys: [keyOf(item)] } } }),
  },
  query: {
    operation: 'Query',
    body: (item) => ({
      TableName: item.table,
      KeyConditionExpression: 'tenantId = :t',
      ExpressionAttributeValues: { ':t': { S: item.tenantId } },
    }),
  },
  'query-index': {
    operation: 'Query',
    body: (item) => ({
      TableName: item.table,
      IndexName: 'any',
      KeyConditionExpression: 'tenantId = :t',
      ExpressionAttributeValues: { ':t': { S: item.tenantId } },
    }),
  },
  scan: { operation: 'Scan', body: (item) => ({ TableName: item.table }) },
  'scan-filtered': {
    operation: 'Scan',
    body: (item) => ({
      TableName: item.table,
      FilterExpression: 'tenantId = :t',
      ExpressionAttributeValues: { ':t': { S: item.tenantId } },
    }),
  },
  'transact-get': {
    operation: 'TransactGetItems',
    body: (item) => ({ TransactItems: [{ Get: { TableName: item.table, Key: keyOf(item) } }] }),
  },
  partiql: {
    operation: 'ExecuteStatement',
    body: (item) => ({ Statement: `SELECT * FROM "${item.table}" WHERE tenantId = '${item.tenantId}'` }),
  },
  'condition-check': {
    operation: 'TransactWriteItems',
    body: (item) => ({
      TransactItems: [
        {
          ConditionCheck: {
            TableName: item.table,
            Key: keyOf(item),
            ConditionExpression: 'attribute_exists(tenantId)',
          },
        },
      ],
    }),
  },
  put: {
    writes: true,
    operation: 'PutItem',
    body: (item) => ({
      TableName: item.table,
      Item: { ...keyOf({ ...item, id: 'verify-planted' }), note: { S: 'planted' } },
    }),
  },
  update: {
    writes: true,
    operation: 'UpdateItem',
    body: (item) => ({
      TableName: item.table,
      Key: keyOf(item),
      UpdateExpression: 'SET note = :n',
      ExpressionAttributeValues: { ':n': { S: 'taken' } },
    }),
  },
  delete: {
    writes: true,
    operation: 'DeleteItem',
    body: (item) => ({ TableName: item.table, Key: keyOf({ ...item, id: 'verify-planted' }) }),
  },
  'batch-write': {
    writes: true,
    operation: 'BatchWriteItem',
    body: (item) => ({
      RequestItems: { [item.table]: [{ DeleteRequest: { Key: keyOf({ ...item, id: 'verify-planted' }) } }] },
    }),
  },
  'mixed-batch': {
    operation: 'BatchGetItem',
    body: (item, own) => ({
      RequestItems: { [item.table]: { Keys: [keyOf({ ...own, table: item.table }), keyOf(item)] } },
    }),
  },
  'mixed-transaction': {
    operation: 'TransactGetItems',
    body: (item, own) => ({
      TransactItems: [
        { Get: { TableName: own.table, Key: keyOf(own) } },
        { Get: { TableName: item.table, Key: keyOf(item) } },
      ],
    }),
  },
};

export const tenantRole = async (scene: Scene): Promise<string> => {
  const service = scene.estate.catalog.of('data');
  const pool = [scene.attacker, ...scene.victims].find(({ model }) => model === 'pool');
  if (!service || !pool) throw new Error('there is no pool, so no tenant role');
  const { environment } = await taskFacts(scene.estate.context, pool, service);
  const arn = environment[serviceEnvironment.tenantRoleArn];
  if (arn === undefined) throw new Error("the pool's service has no tenant role");
  return arn;
};

export const assume = (
  RoleArn: string,
  tags: Readonly<Record<string, string>>,
  more: Omit<QueryCall, 'aws' | 'form'>,
): QueryCall => ({
  aws: 'sts',
  form: {
    Action: 'AssumeRole',
    Version: '2011-06-15',
    RoleArn,
    RoleSessionName: 'verify',
    ...Object.fromEntries(
      Object.entries(tags).flatMap(([key, value], index) => [
        [`Tags.member.${index + 1}.Key`, key],
        [`Tags.member.${index + 1}.Value`, value],
      ]),
    ),
  },
  ...more,
});

/** As the order service does it: a session of the tenant role with the tenant's tag. */
export const ownSession = async (scene: Scene): Promise<QueryCall> =>
  assume(
    await tenantRole(scene),
    { [tenantSessionTag]: scene.attacker.tenantId },
    {
      keep: 'own',
      expect: 'allowed',
      sent: "AssumeRole of the tenant role with his own tenant's tag",
    },
  );

/** The attacker's best legitimate credentials: in the pool his tenant's session, in a silo the task's role; shown to work on what is his. */
async function legitimate(scene: Scene, make: (as: { as?: string }) => readonly Call[]): Promise<Call[]> {
  const pooled = scene.attacker.model === 'pool';
  const as = pooled ? { as: 'own' } : {};
  const own = itemOf(scene, scene.attacker);
  return [
    ...(pooled ? [await ownSession(scene)] : []),
    {
      ...dynamodb('GetItem', { TableName: own.table, Key: keyOf(own) }, 'GetItem of his own item'),
      ...as,
      expect: 'allowed',
    },
    ...make(as),
  ];
}

/** Ways that name no partition key, or a table's index: no action for them is granted. */
const unkeyed = new Set(['scan', 'partiql', 'query-index']);
const controlOf =
  (way: string) =>
  (model: TierModel): ControlName => {
    if (model !== 'pool') return 'silo-task-role-tables';
    if (way === 'scan-filtered') return 'tenant-role-null-guard';
    return unkeyed.has(way) ? 'tenant-role-actions' : 'tenant-role-leading-keys';
  };

const rawAttacks: InsideAttack[] = Object.entries(ways).map(([way, { writes, operation, body }]) => ({
  name: `raw-${way}`,
  tries: `with a task's own credentials calls ${operation} on a neighbour's item`,
  expects: 'AccessDenied',
  control: controlOf(way),
  from: 'data',
  ...(writes && { writes }),
  calls: (scene) =>
    legitimate(scene, (as) => {
      const item = itemOf(scene, scene.neighbour);
      return [
        {
          ...dynamodb(
            operation,
            body(item, itemOf(scene, scene.attacker)),
            `${operation} on an item of ${scene.neighbour.name}`,
          ),
          ...as,
          never: [item.id, `secret of ${scene.neighbour.name}`],
        },
      ];
    }),
}));

const reads = ['get-item', 'batch-get', 'query', 'scan', 'transact-get', 'partiql'];

/** The reading ways on a table of each of these victims. */
export const readsOn = (scene: Scene, victims: readonly Subject[], as: { as?: string }): Call[] =>
  victims.flatMap((victim) => {
    const item = itemOf(scene, victim);
    return reads.flatMap((name) => {
      const way = ways[name];
      return way
        ? [
            {
              ...dynamodb(
                way.operation,
                way.body(item, item),
                `${way.operation} on the table of ${victim.name}`,
              ),
              ...as,
            },
          ]
        : [];
    });
  });

export const rawItemAttacks: readonly InsideAttack[] = [
  ...rawAttacks,
  {
    name: 'raw-other-tiers-tables',
    tries: "with a task's own credentials reads the tables of tenants on other tiers",
    expects: 'AccessDenied',
    control: (model) => (model === 'pool' ? 'tenant-role-tables' : 'silo-task-role-tables'),
    from: 'data',
    calls: (scene) =>
      legitimate(scene, (as) =>
        readsOn(
          scene,
          scene.victims.filter(({ tier }) => tier !== scene.attacker.tier),
          as,
        ),
      ),
  },
  {
    name: 'raw-without-session',
    tries: "reads the pool's tables with the task's role itself, without a tenant's session",
    expects: 'AccessDenied',
    control: 'pool-task-role',
    models: ['pool'],
    from: 'data',
    calls: (scene) => readsOn(scene, [scene.neighbour, scene.attacker], {}),
  },
  {
    name: 'raw-scan-of-own-table',
    tries: 'reads its own table past the partition key',
    expects: 'AccessDenied',
    control: 'silo-task-role-actions',
    models: silos,
    from: 'data',
    calls: (scene) =>
      legitimate(scene, (as) => [
        {
          ...dynamodb('Scan', { TableName: itemOf(scene, scene.attacker).table }, 'Scan of his own table'),
          ...as,
        },
      ]),
  },
  {
    name: 'raw-registry',
    tries: "reads the operator's registry, and who its tenants are",
    expects: 'AccessDenied',
    control: 'task-roles-only',
    from: 'data',
    calls: (scene) =>
      legitimate(scene, (as) => {
        const TableName = scene.estate.session.shared.registryTable;
        const key = { pk: { S: `TENANT#${scene.neighbour.tenantId}` }, sk: { S: 'TENANT' } };
        return [
          { ...dynamodb('Scan', { TableName }, 'Scan of the registry'), ...as },
          { ...dynamodb('GetItem', { TableName, Key: key }, "GetItem of the neighbour's record"), ...as },
        ];
      }),
  },
];
