/**
 * The IAM actions that each command makes itself, and why. What CloudFormation and the CDK's bootstrap roles do on its
 * behalf is theirs. Actions and resource types: the Service Authorization Reference.
 */
import { on, type Place, type Resources, where } from './place.ts';

export interface Need {
  actions: readonly string[];
  on: Resources;
  why: string;
  when?: (place: Place) => object;
  /** Why no ordinary run makes these calls: they wait for a failure, or AWS makes them. */
  rare?: string;
}

/** Actions of one service: `of('ssm', 'GetParameters')`. */
const of = (service: string, ...names: string[]): string[] => names.map((name) => `${service}:${name}`);

const session: Need[] = [
  { actions: of('ssm', 'GetParameters'), on: on.sharedParameters, why: 'find what the shared stacks made' },
];
const registryRead: Need[] = [
  { actions: of('dynamodb', 'GetItem', 'Query'), on: on.registry, why: 'read the registry' },
];
const registryList: Need[] = [
  { actions: of('dynamodb', 'Query'), on: on.registryIndex, why: 'list the tenants' },
];
const registryWrite: Need[] = [
  {
    actions: of('dynamodb', 'PutItem', 'UpdateItem'),
    on: on.registry,
    why: 'write down what is done, and hold the lease on a tenant',
  },
];
const auditWrite: Need[] = registryWrite.map((need) => ({ ...need, why: 'write down what is done' }));
const registryDelete: Need[] = [
  { actions: of('dynamodb', 'DeleteItem'), on: on.registry, why: 'free names, slots, issuers and limits' },
];
const stackWatch: Need[] = [
  {
    actions: of('cloudformation', 'DescribeStacks', 'DescribeStackEvents'),
    on: on.tenantStacks,
    why: "follow a tenant's stack",
  },
];
const stackRead: Need[] = [
  {
    actions: of('cloudformation', 'DescribeStacks'),
    on: on.tenantStacks,
    why: "read what a tenant's stack made",
  },
];
const stackDelete: Need = {
  actions: of('cloudformation', 'DeleteStack'),
  on: on.tenantStacks,
  why: "delete a tenant's stack",
};
const secret: Need = {
  actions: of('secretsmanager', 'GetSecretValue'),
  on: on.secrets,
  when: where.owned,
  why: "derive the tenant's API key",
};
const findKey: Need = { actions: of('apigateway', 'GET'), on: on.apiKeys, why: "find the tenant's API key" };

const probe: Need = {
  actions: of(
    'cognito-idp',
    'AdminCreateUser',
    'AdminSetUserPassword',
    'AdminInitiateAuth',
    'AdminDeleteUser',
  ),
  on: on.userPools,
  when: where.owned,
  why: 'prove by a user made for it that the tenant is served',
};

const probeCode: Need = {
  actions: of('cognito-idp', 'AdminRespondToAuthChallenge'),
  on: on.userPools,
  when: where.owned,
  why: 'give the code of an authenticator on behalf of that user',
  rare: 'only where the tier requires a second factor',
};
/** Who types the command has the file of the provider; a job has none. */
const provider: Need = {
  actions: of(
    'cognito-idp',
    ...['CreateIdentityProvider', 'UpdateIdentityProvider', 'DescribeIdentityProvider'],
    ...['ListIdentityProviders', 'UpdateUserPoolClient', 'DescribeUserPoolClient'],
  ),
  on: on.userPools,
  when: where.owned,
  why: 'have users of a silo sign in by an identity provider, and its client offer it',
  rare: 'only with --idp',
};

const whyFailed: Need[] = [
  {
    actions: of('ecs', 'DescribeServices'),
    on: on.services,
    why: 'say why a service did not start',
    rare: 'only when one does not',
  },
  {
    actions: of('elasticloadbalancing', 'DescribeTargetHealth'),
    on: on.anything,
    why: 'say why a target is not healthy; it knows no resource',
    rare: 'only when a service does not start',
  },
  {
    actions: of('ecs', 'ListTasks', 'DescribeTaskDefinition'),
    on: on.anything,
    why: 'say why a service did not start; they know no such resource',
    rare: 'only when one does not',
  },
  {
    actions: of('ecs', 'DescribeTasks'),
    on: on.tasks,
    why: 'say why a task stopped',
    rare: 'only when one does before its service is up',
  },
  {
    actions: of('logs', 'GetLogEvents'),
    on: on.logs,
    why: 'show the last lines of a task that stopped',
    rare: 'only when one does before its service is up',
  },
];

/** Only who types the command registers a tenant; a job has its registration. */
const register: Need = {
  actions: of('cognito-idp', 'DescribeUserPoolClient'),
  on: on.userPools,
  when: where.owned,
  why: "get a token for the control plane's API",
};
const announce: Need = {
  actions: of('events', 'PutEvents'),
  on: on.controlPlaneBus,
  why: 'tell the control plane what became of the tenant',
};

const preview: Need[] = [
  {
    actions: of('ssm', 'GetParameter'),
    on: on.bootstrapParameter,
    why: "see that the account has the CDK's bootstrap stack",
  },
  {
    actions: ['sts:AssumeRole'],
    on: on.bootstrapRoles,
    why: "deploy, look up and publish with the CDK's bootstrap roles",
  },
];

/** `suspend` and `resume` differ in what they find, not in what they call. */
const suspension: Need[] = [
  ...session,
  announce,
  ...registryRead,
  ...registryWrite,
  ...stackRead,
  {
    actions: of('apigateway', 'PATCH'),
    on: on.apiKey,
    when: where.owned,
    why: "switch the tenant's API key off or on",
  },
  { ...probe, why: 'prove by a user made for it that the tenant is refused, or served' },
];

/** `change`: CreateStack or UpdateStack. */
const cellStack = (change: string, rare: string): Need[] => [
  {
    actions: of('cloudformation', change),
    on: on.cellStacks,
    when: where.releasedTemplate,
    why: 'make a further cell, of a published template alone',
    rare,
  },
  {
    actions: of('cloudformation', 'DescribeStacks', 'DescribeStackEvents'),
    on: on.cellStacks,
    why: "follow a further cell's stack",
    rare,
  },
  {
    actions: ['iam:PassRole'],
    on: on.cellStackRole,
    when: where.passedToCloudFormation,
    why: 'let CloudFormation make the cell with the role that is made for it',
    rare,
  },
  { actions: of('ssm', 'GetParameter'), on: on.sharedParameters, why: 'read what the cell is', rare },
];

export const commandNeeds = {
  'deploy-shared': [
    ...preview,
    ...session,
    ...registryRead,
    ...registryWrite,
    {
      ...registryDelete[0],
      rare: 'only when limits that were set by hand give way to the configuration',
    } as Need,
    { actions: of('ssm', 'GetParameter'), on: on.sharedParameters, why: 'read which images were published' },
    { actions: of('s3', 'PutObject'), on: on.artifacts, why: "publish the tenants' templates" },
    {
      actions: of('ecr', 'DescribeImages'),
      on: on.assetImages,
      why: 'write down what the images of the release are by digest',
    },
    ...cellStack('UpdateStack', 'only where there are further cells'),
    {
      actions: of('cloudformation', 'GetTemplate'),
      on: on.cellStacks,
      why: 'show what would change in further cells',
      rare: 'only where there are further cells',
    },
    {
      actions: of('cloudformation', 'DescribeStacks'),
      on: on.sharedStacks,
      why: 'say what goes on when it is stopped',
      rare: 'only when it is stopped half-way',
    },
    ...whyFailed,
  ],
  'destroy-shared': [
    { actions: of('dynamodb', 'Query'), on: on.registry, why: 'see which images the releases run' },
    { actions: of('dynamodb', 'GetItem'), on: on.registry, why: 'see what the audit ends with' },
    ...auditWrite,
    ...registryList,
    {
      actions: of('cloudformation', 'DescribeStacks'),
      on: on.anything,
      why: "find the environment's stacks by their tags",
    },
    {
      actions: of(
        'cloudformation',
        ...['DescribeStackEvents', 'ListStackResources', 'GetTemplate', 'DeleteStack'],
      ),
      on: on.sharedStacks,
      why: 'see what the shared stacks hold, and delete them with the role that made them',
    },
    {
      actions: of(
        'cloudformation',
        ...['DescribeStackEvents', 'ListStackResources', 'GetTemplate', 'DeleteStack'],
      ),
      on: (place) => [...on.cellStacks(place), ...on.tenantStacks(place)],
      why: 'the same for further cells, and for silos that no tenant is left in',
      rare: 'only where there are some',
    },
    { actions: of('ssm', 'GetParametersByPath'), on: on.everyParameter, why: 'see which images others run' },
    { actions: of('ssm', 'GetParameters'), on: on.sharedParameters, why: 'find the registry' },
    {
      actions: of('ecr', 'DescribeImages', 'BatchDeleteImage'),
      on: on.assetImages,
      why: 'delete the images that nobody else runs',
    },
    { actions: of('logs', 'DescribeLogGroups'), on: on.everyLog, why: 'find the log groups' },
    {
      actions: of('logs', 'ListTagsForResource'),
      on: on.everyLog,
      why: "tell the environment's log groups",
    },
    {
      actions: of('logs', 'DeleteLogGroup'),
      on: on.everyLog,
      why: "delete log groups that no stack holds, and those that AWS's services made for its resources",
      rare: 'only where there are some',
    },
    {
      actions: of('apigateway', 'GET'),
      on: (place) => [...on.apiKeys(place), ...on.usagePlans(place)],
      why: 'find keys and plans that operations made',
    },
    {
      actions: of('apigateway', 'GET', 'PATCH', 'DELETE'),
      on: (place) => [...on.apiKey(place), ...on.usagePlan(place)],
      why: 'delete keys and plans that operations made',
      rare: 'only where some are left',
    },
    {
      actions: of('dynamodb', 'ListTables'),
      on: on.anything,
      why: 'find the tables that are kept; it knows no resource',
    },
    {
      actions: of('dynamodb', 'DescribeTable', 'ListTagsOfResource'),
      on: (place) => [...on.registry(place), ...on.tenantTables(place)],
      why: 'tell the tables that are kept',
    },
    {
      actions: of('dynamodb', 'UpdateTable', 'DeleteTable'),
      on: (place) => [...on.registry(place), ...on.tenantTables(place)],
      why: 'delete the tables',
      rare: 'only with --delete-data',
    },
    {
      actions: of('cognito-idp', 'ListUserPools'),
      on: on.anything,
      why: 'find the user pools that are kept; it knows no resource',
    },
    {
      actions: of('cognito-idp', 'DescribeUserPool'),
      on: on.userPools,
      why: 'tell the user pools that are kept',
    },
    {
      actions: of('cognito-idp', 'UpdateUserPool', 'DeleteUserPool'),
      on: on.userPools,
      when: where.owned,
      why: 'delete the user pools',
      rare: 'only with --delete-data',
    },
    {
      actions: of('s3', 'ListAllMyBuckets'),
      on: on.anything,
      why: 'find the bucket that is kept; it knows no resource',
    },
    {
      actions: of('s3', 'GetBucketTagging', 'ListBucketVersions'),
      on: on.artifactsBucket,
      why: 'tell the bucket that is kept, with its size',
    },
    {
      actions: of('s3', 'DeleteObject', 'DeleteObjectVersion', 'DeleteBucket'),
      on: (place) => [...on.artifactsBucket(place), ...on.artifacts(place)],
      why: 'empty and delete the bucket',
      rare: 'only with --delete-data',
    },
    {
      actions: of('secretsmanager', 'ListSecrets'),
      on: on.anything,
      why: 'find the key secret that is kept; it knows no resource',
    },
    {
      actions: of('secretsmanager', 'DeleteSecret'),
      on: on.secrets,
      when: where.owned,
      why: 'delete the key secret',
      rare: 'only with --delete-data',
    },
  ],
  onboard: [
    ...session,
    register,
    announce,
    ...registryRead,
    ...registryWrite,
    { ...registryDelete[0], rare: 'only when a name is taken anew, or a cell is too full' } as Need,
    {
      actions: of('cloudformation', 'CreateStack'),
      on: on.tenantStacks,
      when: where.releasedTemplate,
      why: "make a silo tenant's stack, of a published template alone",
    },
    {
      actions: of('cloudformation', 'UpdateStack'),
      on: on.tenantStacks,
      when: where.releasedTemplate,
      why: 'bring a stack whose services do not run to the newest release',
      rare: 'only when they do not',
    },
    ...stackWatch,
    { ...stackDelete, rare: 'only after a creation that failed' },
    { actions: of('ecs', 'DescribeServices'), on: on.services, why: "see that a silo's services run" },
    {
      actions: of('elasticloadbalancing', 'DescribeTargetHealth'),
      on: on.anything,
      why: "see that a silo's targets are healthy; it knows no resource",
    },
    {
      actions: of('ecs', 'UpdateService'),
      on: on.services,
      why: 'have ECS try a service again that it gave up',
      rare: 'only when it gave one up',
    },
    ...cellStack('CreateStack', 'only when every cell is full'),
    {
      actions: of('apigateway', 'PATCH'),
      on: on.usagePlan,
      when: where.owned,
      why: 'give a further cell the limits that were set by hand',
      rare: 'only when every cell is full',
    },
    {
      actions: ['iam:PassRole'],
      on: on.tenantStackRole,
      when: where.passedToCloudFormation,
      why: 'let CloudFormation make the stack with the role that is made for it',
    },
    {
      actions: of('s3', 'GetObject'),
      on: on.artifacts,
      why: 'let CloudFormation read the template',
      rare: 'CloudFormation reads it for the caller; on the embedded cloud it asks nobody',
    },
    {
      actions: of('cognito-idp', 'CreateGroup', 'AdminCreateUser', 'AdminAddUserToGroup'),
      on: on.userPools,
      when: where.owned,
      why: "invite the tenant's administrator",
    },
    {
      actions: of('cognito-idp', 'AdminGetUser'),
      on: on.userPools,
      when: where.owned,
      why: 'see whose the address is, where it is taken',
      rare: 'only when the address is known to the user pool',
    },
    probe,
    probeCode,
    provider,
    secret,
    { actions: of('apigateway', 'GET', 'POST'), on: on.apiKeys, why: "find or make the tenant's API key" },
    {
      actions: of('apigateway', 'PATCH'),
      on: on.apiKey,
      when: where.owned,
      why: 'mend a key that a run before this one made half',
      rare: 'only after a run that was killed',
    },
    { actions: of('apigateway', 'POST'), on: on.usagePlanKeys, why: "put the key on the tier's plan" },
    {
      actions: of('apigateway', 'PUT'),
      on: on.gatewayTags,
      why: 'tag the key',
      rare: 'AWS asks for it beside POST when what is made has tags',
    },
    ...whyFailed,
  ],
  offboard: [
    ...session,
    announce,
    ...registryRead,
    ...registryWrite,
    ...registryDelete,
    ...stackWatch,
    stackDelete,
    {
      actions: of('cloudformation', 'ListStackResources'),
      on: on.tenantStacks,
      why: 'find the data that a stack leaves behind',
    },
    findKey,
    {
      actions: of('apigateway', 'DELETE'),
      on: on.apiKey,
      why: 'close the API to the tenant; not by tags, for a key that is gone already has none',
    },
    {
      actions: of('cognito-idp', 'DescribeUserPool', 'ListUsers', 'ListUsersInGroup'),
      on: on.userPools,
      why: "find the tenant's users, and see that a silo's user pool is gone: what is gone has no tags",
    },
    {
      actions: of('cognito-idp', 'AdminDeleteUser', 'DeleteGroup', 'UpdateUserPool', 'DeleteUserPool'),
      on: on.userPools,
      when: where.owned,
      why: "delete the tenant's users, or a silo's user pool",
    },
    {
      actions: of('dynamodb', 'Query', 'BatchWriteItem', 'DescribeTable'),
      on: on.tenantTables,
      why: "export, delete and count the tenant's items",
    },
    {
      actions: of('dynamodb', 'UpdateTable', 'DeleteTable'),
      on: on.siloTables,
      why: "delete a silo's tables",
    },
  ],
  'list-tenants': [...session, ...registryRead, ...registryList],
  'describe-tenant': [
    ...session,
    ...registryRead,
    ...stackRead,
    { actions: of('ecs', 'DescribeServices'), on: on.services, why: 'see how many tasks run' },
    {
      actions: of('ecs', 'ListServices'),
      on: on.anything,
      why: "find the pool's services; it knows no resource",
    },
  ],
  explain: [
    ...session,
    ...registryRead,
    ...stackWatch,
    {
      actions: of('cloudformation', 'DescribeStacks', 'DescribeStackEvents', 'ListStackResources'),
      on: (place) => [...on.tenantStacks(place), ...on.sharedStacks(place), ...on.cellStacks(place)],
      why: 'find what failed first in a stack, and its services',
    },
    ...whyFailed,
  ],
  doctor: [
    ...session,
    ...registryRead,
    ...registryList,
    {
      actions: of('ssm', 'GetParameter'),
      on: on.bootstrapParameter,
      why: "see that the account has the CDK's bootstrap stack",
    },
    {
      actions: ['ec2:DescribeAvailabilityZones'],
      on: on.anything,
      why: 'see that the Region has as many zones; it knows no resource',
    },
    {
      actions: of('servicequotas', 'GetServiceQuota', 'GetAWSDefaultServiceQuota'),
      on: on.anything,
      why: 'hold what is needed against the quotas; they know no resource',
    },
  ],
  watch: [...session, ...registryRead, ...stackWatch],
  audit: [...session, ...registryRead],
  throttle: [
    ...session,
    ...registryRead,
    ...registryList,
    ...registryWrite,
    ...registryDelete,
    {
      actions: of('apigateway', 'GET', 'PATCH'),
      on: on.usagePlan,
      when: where.owned,
      why: "read and change a tier's limits",
    },
    {
      actions: of('apigateway', 'GET', 'POST'),
      on: on.usagePlans,
      why: 'find or make a plan for limits of its own',
    },
    { actions: of('apigateway', 'POST'), on: on.usagePlanKeys, why: "put the tenant's key on it" },
    { actions: of('apigateway', 'DELETE'), on: on.usagePlanKey, why: 'take the key off the one before' },
    {
      actions: of('apigateway', 'PUT'),
      on: on.gatewayTags,
      why: 'tag the plan',
      rare: 'AWS asks for it beside POST when what is made has tags',
    },
  ],
  suspend: suspension,
  resume: suspension,
  token: [
    ...session,
    register,
    ...registryRead,
    ...auditWrite,
    ...stackRead,
    {
      actions: of('cognito-idp', 'AdminInitiateAuth'),
      on: on.userPools,
      when: where.owned,
      why: 'sign a user in',
    },
    {
      actions: of('cognito-idp', 'AdminRespondToAuthChallenge'),
      on: on.userPools,
      when: where.owned,
      why: 'choose a password at the first sign-in, and give the code of an authenticator app',
      rare: "only where the environment's mail can be read, or the tier has a second factor",
    },
  ],
  users: [
    ...session,
    ...registryRead,
    ...auditWrite,
    ...stackRead,
    {
      actions: of('cognito-idp', 'AdminGetUser', 'ListUsersInGroup', 'ListUsers'),
      on: on.userPools,
      when: where.owned,
      why: "see a tenant's users, and the operators",
    },
    {
      actions: of('cognito-idp', 'AdminCreateUser', 'AdminAddUserToGroup', 'AdminResetUserPassword'),
      on: on.userPools,
      when: where.owned,
      why: 'invite a user, and have one choose a new password',
    },
    {
      actions: of(
        'cognito-idp',
        ...['AdminEnableUser', 'AdminDisableUser', 'AdminDeleteUser', 'AdminUpdateUserAttributes'],
        'AdminUserGlobalSignOut',
      ),
      on: on.userPools,
      when: where.owned,
      why: 'lock a user out, let him in again, and change his role; revoke what he signed in with',
    },
    {
      actions: of('cognito-idp', 'DescribeUserPool', 'AdminSetUserMFAPreference'),
      on: on.userPools,
      when: where.owned,
      why: 'see whether users have a second factor, and switch off the one that a user lost',
    },
    {
      actions: [...provider.actions, ...of('cognito-idp', 'DeleteIdentityProvider')],
      on: on.userPools,
      when: where.owned,
      why: 'have users of a silo sign in by an identity provider, its client offer it, and take both away again',
    },
  ],
} satisfies Record<string, readonly Need[]>;

/** What a lifecycle job does: both commands, for registrations that are there. */
export const jobNeeds: readonly Need[] = [...commandNeeds.onboard, ...commandNeeds.offboard].filter(
  (need) => need !== register && need !== provider,
);

export type PolicyCommand = keyof typeof commandNeeds;
export const policyCommands = Object.keys(commandNeeds) as PolicyCommand[];
