/** Ways to a neighbour's data past the services: with the credentials of a task that was taken over, on raw AWS calls. */
import { serviceEnvironment, tenantSessionTag } from '../../../model/names.ts';
import { tenantAttributes } from '../../../model/tenant.ts';
import type { TierModel } from '../../../model/tier.ts';
import type { InsideAttack, Scene } from '../attack.ts';
import type { ControlName } from '../controls.ts';
import type { Subject } from '../estate.ts';
import type { Call, JsonCall, QueryCall } from '../inside/plan.ts';
import { taskFacts } from '../inside/run.ts';

const silos: readonly TierModel[] = ['shared-cluster', 'dedicated-cluster'];

interface Item {
  table: string;
  sortKey: string;
  tenantId: string;
  id: string;
}

/** A tenant's item in the table of the service that tasks are run of. */
function itemOf(scene: Scene, subject: Subject): Item {
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

const dynamodb = (operation: string, body: object, sent: string): JsonCall => ({
  aws: 'dynamodb',
  target: `DynamoDB_20120810.${operation}`,
  body,
  sent,
});
const keyOf = ({ tenantId, sortKey, id }: Item) => ({ tenantId: { S: tenantId }, [sortKey]: { S: id } });

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

const tenantRole = async (scene: Scene): Promise<string> => {
  const service = scene.estate.catalog.of('data');
  const pool = [scene.attacker, ...scene.victims].find(({ model }) => model === 'pool');
  if (!service || !pool) throw new Error('there is no pool, so no tenant role');
  const { environment } = await taskFacts(scene.estate.context, pool, service);
  const arn = environment[serviceEnvironment.tenantRoleArn];
  if (arn === undefined) throw new Error("the pool's service has no tenant role");
  return arn;
};

const assume = (
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
const ownSession = async (scene: Scene): Promise<QueryCall> =>
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
const readsOn = (scene: Scene, victims: readonly Subject[], as: { as?: string }): Call[] =>
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

const cognito = (operation: string, body: object, sent: string): JsonCall => ({
  aws: 'cognito-idp',
  target: `AWSCognitoIdentityProviderService.${operation}`,
  body,
  sent,
});
const userOf = (subject: Subject) => ({
  UserPoolId: subject.pool.userPoolId,
  Username: subject.user.username,
});

/** Shows that the user service's role works on what it is for. */
const ownUser = (scene: Scene): Call => ({
  ...cognito('AdminGetUser', userOf(scene.attacker), 'AdminGetUser of a user of his own'),
  expect: 'allowed',
});

/** Roles of this environment: of every tenant's tasks, and the one that ECS starts them with. */
async function rolesOf(scene: Scene): Promise<string[]> {
  const { context, catalog } = scene.estate;
  const services = (['data', 'identity'] as const).flatMap((access) => catalog.of(access) ?? []);
  const facts = await Promise.all(
    [scene.attacker, ...scene.victims].flatMap((subject) =>
      services.map((service) => taskFacts(context, subject, service)),
    ),
  );
  const arns = facts.flatMap(({ taskRoleArn, executionRoleArn }) => [taskRoleArn, executionRoleArn]);
  return [...new Set(arns.filter((arn) => arn !== undefined))];
}

const operatorCalls = (): Call[] => [
  { aws: 'secretsmanager', target: 'secretsmanager.ListSecrets', body: {}, sent: 'ListSecrets' },
  { aws: 'apigateway', path: '/apikeys?includeValues=true', sent: 'GetApiKeys with their values' },
  { aws: 'ecs', target: 'AmazonEC2ContainerServiceV20141113.ListClusters', body: {}, sent: 'ListClusters' },
  { aws: 'iam', form: { Action: 'ListRoles', Version: '2010-05-08' }, sent: 'ListRoles' },
  { aws: 'ec2', form: { Action: 'DescribeInstances', Version: '2016-11-15' }, sent: 'DescribeInstances' },
  { aws: 'logs', target: 'Logs_20140328.DescribeLogGroups', body: {}, sent: 'DescribeLogGroups' },
  dynamodb('ListTables', {}, 'ListTables'),
];

export const credentialAttacks: readonly InsideAttack[] = [
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
  {
    name: 'session-without-tag',
    tries: 'takes the tenant role without saying for which tenant',
    expects: 'AccessDenied',
    control: 'tenant-role-trust-tag',
    models: ['pool'],
    from: 'data',
    async calls(scene) {
      const role = await tenantRole(scene);
      return [
        await ownSession(scene),
        assume(role, {}, { sent: 'AssumeRole of the tenant role without a tag' }),
        assume(role, { [tenantSessionTag]: '' }, { sent: 'AssumeRole of the tenant role with an empty tag' }),
      ];
    },
  },
  {
    name: 'session-with-other-tags',
    tries: 'takes the tenant role with tags that it was not meant to have',
    expects: 'AccessDenied',
    control: 'tenant-role-trust-tag-keys',
    models: ['pool'],
    from: 'data',
    async calls(scene) {
      const role = await tenantRole(scene);
      const own = scene.attacker.tenantId;
      return [
        assume(role, { [tenantSessionTag]: own, other: 'x' }, { sent: 'AssumeRole with a further tag' }),
        assume(
          role,
          { [tenantSessionTag]: own, Tenant2: scene.neighbour.tenantId },
          { sent: 'AssumeRole with a second tenant under another key' },
        ),
      ];
    },
  },
  {
    name: 'session-with-pattern',
    tries: "takes the tenant role for a pattern instead of a tenant, and reads the neighbour's items with it",
    expects: 'no session, or one that reaches nothing',
    control: 'tenant-role-leading-keys',
    models: ['pool'],
    from: 'data',
    async calls(scene) {
      const role = await tenantRole(scene);
      const item = itemOf(scene, scene.neighbour);
      return ['*', `${item.tenantId.slice(0, 4)}*`].flatMap((value, index) => [
        assume(
          role,
          { [tenantSessionTag]: value },
          { keep: `pattern-${index}`, sent: `AssumeRole with the tag "${value}"` },
        ),
        {
          ...dynamodb(
            'GetItem',
            { TableName: item.table, Key: keyOf(item) },
            `GetItem of an item of ${scene.neighbour.name} in the session of "${value}"`,
          ),
          as: `pattern-${index}`,
        },
      ]);
    },
    // AWS gives no session with such a tag; here it may, and then it must be of no use.
    judge: (results) =>
      results
        .filter(({ call }) => !('keep' in call && call.keep !== undefined))
        .map(({ call, status, code = '', message = '' }) => ({
          sent: call.sent,
          received: `${status || 'no session'} ${code} ${message}`.trim(),
          outcome: /^(AccessDenied|AccessDeniedException|NoSession)$/.test(code)
            ? 'held'
            : status === 200
              ? 'succeeded'
              : 'inconclusive',
        })),
  },
  {
    name: 'session-of-session',
    tries: "takes the tenant role for the neighbour with his own tenant's session",
    expects: 'AccessDenied',
    control: 'tenant-role-trust-principal',
    models: ['pool'],
    from: 'data',
    async calls(scene) {
      return [
        await ownSession(scene),
        assume(
          await tenantRole(scene),
          { [tenantSessionTag]: scene.neighbour.tenantId },
          {
            as: 'own',
            sent: "AssumeRole of the tenant role for the neighbour, from his own tenant's session",
          },
        ),
      ];
    },
  },
  {
    name: 'session-from-silo',
    tries: "takes the pool's tenant role with a silo's task",
    expects: 'AccessDenied',
    control: 'tenant-role-trust-principal',
    models: silos,
    from: 'data',
    async calls(scene) {
      const pooled = scene.victims.find(({ model }) => model === 'pool');
      // Without a pool there is no such role.
      if (!pooled) return [];
      const role = await tenantRole(scene);
      return [scene.attacker, pooled].map(({ tenantId, name }) =>
        assume(
          role,
          { [tenantSessionTag]: tenantId },
          { sent: `AssumeRole of the pool's tenant role for ${name}` },
        ),
      );
    },
  },
  {
    name: 'session-from-user-service',
    tries: "takes the pool's tenant role with the user service's task",
    expects: 'AccessDenied',
    control: 'tenant-role-trust-principal',
    models: ['pool'],
    needs: ['users'],
    from: 'identity',
    calls: async (scene) => [
      assume(
        await tenantRole(scene),
        { [tenantSessionTag]: scene.neighbour.tenantId },
        { sent: 'AssumeRole of the tenant role for the neighbour' },
      ),
    ],
  },
  {
    name: 'raw-other-user-pools',
    tries: "with the user service's credentials reads and promotes users of other user pools",
    expects: 'AccessDenied',
    control: 'identity-role-pool',
    from: 'identity',
    writes: true,
    calls: (scene) => [
      ownUser(scene),
      ...scene.victims
        .filter(({ pool }) => pool.userPoolId !== scene.attacker.pool.userPoolId)
        .flatMap((victim) => [
          cognito('AdminGetUser', userOf(victim), `AdminGetUser of a user of ${victim.name}`),
          cognito(
            'AdminUpdateUserAttributes',
            { ...userOf(victim), UserAttributes: [{ Name: tenantAttributes.role, Value: 'TenantUser' }] },
            `AdminUpdateUserAttributes of a user of ${victim.name}`,
          ),
        ]),
    ],
  },
  {
    name: 'raw-user-pool-operations',
    tries: "with the user service's credentials sets a password, lists the whole pool and reads its settings",
    expects: 'AccessDenied',
    control: 'identity-role-actions',
    from: 'identity',
    writes: true,
    calls(scene) {
      const { UserPoolId } = userOf(scene.attacker);
      return [
        ownUser(scene),
        cognito(
          'AdminSetUserPassword',
          { ...userOf(scene.neighbour), UserPoolId, Password: 'Correct-Horse-7-Staple', Permanent: true },
          'AdminSetUserPassword',
        ),
        cognito('ListUsers', { UserPoolId }, 'ListUsers'),
        cognito('DescribeUserPool', { UserPoolId }, 'DescribeUserPool'),
        cognito(
          'AdminInitiateAuth',
          {
            UserPoolId,
            ClientId: scene.attacker.pool.clientId,
            AuthFlow: 'ADMIN_USER_PASSWORD_AUTH',
            AuthParameters: { USERNAME: 'x', PASSWORD: 'x' },
          },
          'AdminInitiateAuth',
        ),
      ];
    },
  },
  {
    name: 'raw-move-user',
    tries: "with the user service's credentials moves a user into the neighbour's tenant",
    expects: 'Cognito refuses: the attribute can not be changed',
    control: 'tenant-id-immutable',
    from: 'identity',
    writes: true,
    calls: (scene) => [
      ownUser(scene),
      cognito(
        'AdminUpdateUserAttributes',
        {
          ...userOf(scene.attacker),
          UserAttributes: [{ Name: tenantAttributes.tenantId, Value: scene.neighbour.tenantId }],
        },
        'AdminUpdateUserAttributes of custom:tenantId',
      ),
    ],
    // Not a policy but the schema refuses it.
    judge: (results) =>
      results.map(({ call, status, code = '', message = '' }) => ({
        sent: call.sent,
        received: `${status} ${code} ${message}`.trim(),
        outcome:
          call.expect === 'allowed'
            ? status === 200
              ? 'held'
              : 'inconclusive'
            : status === 200
              ? 'succeeded'
              : code === 'InvalidParameterException' || code === 'NotAuthorizedException'
                ? 'held'
                : 'inconclusive',
      })),
  },
  {
    name: 'raw-items-as-user-service',
    tries: "with the user service's credentials reads items",
    expects: 'AccessDenied',
    control: 'task-roles-only',
    needs: ['items'],
    from: 'identity',
    calls: (scene) => [ownUser(scene), ...readsOn(scene, [scene.attacker, scene.neighbour], {})],
  },
  {
    name: 'role-other-roles',
    tries: "takes the other roles of the environment with a data service's task",
    expects: 'AccessDenied',
    control: 'role-trust',
    from: 'data',
    async calls(scene) {
      return (await rolesOf(scene)).map((arn) =>
        assume(arn, {}, { sent: `AssumeRole of ${arn.split('/').at(-1)}` }),
      );
    },
  },
  {
    name: 'role-other-roles-as-user-service',
    tries: "takes the other roles of the environment with the user service's task",
    expects: 'AccessDenied',
    control: 'role-trust',
    from: 'identity',
    async calls(scene) {
      return (await rolesOf(scene)).map((arn) =>
        assume(arn, {}, { sent: `AssumeRole of ${arn.split('/').at(-1)}` }),
      );
    },
  },
  {
    name: 'role-operator-calls',
    tries: "with a data service's credentials reads secrets, API keys, clusters, roles and tables",
    expects: 'AccessDenied',
    control: 'task-roles-only',
    from: 'data',
    calls: (scene) => [
      ...operatorCalls(),
      {
        aws: 'secretsmanager',
        target: 'secretsmanager.GetSecretValue',
        body: { SecretId: scene.estate.session.shared.apiKeySecretArn },
        sent: 'GetSecretValue of the secret behind the API keys',
      },
    ],
  },
  {
    name: 'role-operator-calls-as-user-service',
    tries: "with the user service's credentials reads secrets, API keys, clusters, roles and tables",
    expects: 'AccessDenied',
    control: 'task-roles-only',
    from: 'identity',
    calls: (scene) => [
      ...operatorCalls(),
      {
        aws: 'secretsmanager',
        target: 'secretsmanager.GetSecretValue',
        body: { SecretId: scene.estate.session.shared.apiKeySecretArn },
        sent: 'GetSecretValue of the secret behind the API keys',
      },
    ],
  },
];
