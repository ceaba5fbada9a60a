/**
 * The IAM actions that each command makes itself, and why. What CloudFormation and the CDK's bootstrap roles do on its
 * behalf is theirs. Actions and resource types: the Service Authorization Reference.
 */
import { deployNeeds, destroyNeeds } from './environment-needs.ts';
import {
  announce,
  auditWrite,
  cellStack,
  gatekeeper,
  type Need,
  of,
  ownKeysOnly,
  register,
  registryDelete,
  registryList,
  registryRead,
  registryWrite,
  session,
  whyFailed,
} from './need.ts';
import { on, where } from './place.ts';
import { reconcileNeeds, verifyNeeds } from './proof-needs.ts';

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
const findKey: Need = { actions: of('apigateway', 'GET'), on: on.apiKeys, why: "find the tenant's API key" };

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

/** `suspend` and `resume` differ in what they find, not in what they call. */
const suspension: Need[] = [
  ...session,
  announce,
  ...registryRead,
  ...registryWrite,
  {
    actions: of('apigateway', 'PATCH'),
    on: on.apiKey,
    when: where.owned,
    why: "switch the tenant's API key off or on",
  },
  gatekeeper('have it proved that the tenant is refused, or served'),
];

const needs = {
  'deploy-shared': deployNeeds,
  'destroy-shared': destroyNeeds,
  onboard: [
    ...session,
    register,
    announce,
    ...registryRead,
    ...registryWrite,
    {
      actions: of('dynamodb', 'ConditionCheckItem'),
      on: on.registry,
      why: 'bring nobody into an environment that is being taken down',
    },
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
    provider,
    gatekeeper("have the tenant's API key made, and have it proved that the tenant is served"),
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
    {
      actions: of('kms', 'DescribeKey', 'ScheduleKeyDeletion'),
      on: on.keys,
      when: where.owned,
      why: "delete a silo's key",
      rare: ownKeysOnly,
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
      actions: of('acm', 'DescribeCertificate'),
      on: on.certificates,
      why: "look at the load balancers' certificate",
      rare: 'only where the environment has security.tls',
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

export const commandNeeds = {
  ...needs,
  // Its probes are tenants that it brings in and out again.
  verify: [...needs.onboard, ...needs.offboard, ...verifyNeeds],
  reconcile: reconcileNeeds,
} satisfies Record<string, readonly Need[]>;

/** What a lifecycle job does: both commands, for registrations that are there. */
export const jobNeeds: readonly Need[] = [...commandNeeds.onboard, ...commandNeeds.offboard].filter(
  (need) => need !== register && need !== provider,
);

export type PolicyCommand = keyof typeof commandNeeds;
export const policyCommands = Object.keys(commandNeeds) as PolicyCommand[];
