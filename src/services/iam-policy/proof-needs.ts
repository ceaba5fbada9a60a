/** What the commands need that prove the isolation of tenants and repair what has come apart. */
import {
  announce,
  gatekeeper,
  type Need,
  of,
  register,
  registryDelete,
  registryList,
  registryRead,
  registryWrite,
  session,
} from './need.ts';
import { on, where } from './place.ts';

/** Beside what onboarding and offboarding the probes needs. */
export const verifyNeeds: readonly Need[] = [
  ...registryList,
  { actions: of('ssm', 'GetParameter'), on: on.sharedParameters, why: 'know which way in is the right one' },
  {
    actions: of('cloudformation', 'DescribeStacks'),
    on: on.tenantStacks,
    why: 'find what a silo holds',
  },
  {
    actions: of(
      'cognito-idp',
      ...['AdminCreateUser', 'AdminAddUserToGroup', 'AdminSetUserPassword', 'AdminDeleteUser', 'ListUsers'],
      ...['AdminDisableUser', 'AdminUpdateUserAttributes'],
    ),
    on: on.userPools,
    when: where.owned,
    why: 'make the users that attack, end one of them, and take the role of another',
  },
  {
    actions: of('cognito-idp', 'DescribeUserPoolClient', 'ListIdentityProviders'),
    on: on.userPools,
    when: where.owned,
    why: 'see what a client may write, and which identity providers a user pool has',
  },
  {
    actions: of('cognito-idp', 'DescribeIdentityProvider'),
    on: on.userPools,
    when: where.owned,
    why: 'see what an identity provider sets',
    rare: 'only where a tenant has one',
  },
  {
    actions: of(
      'cognito-idp',
      ...['CreateIdentityProvider', 'DeleteIdentityProvider', 'AdminLinkProviderForUser'],
    ),
    on: on.userPools,
    when: where.owned,
    why: 'attack as a user of an identity provider',
  },
  {
    actions: of('cognito-idp', 'CreateUserPoolClient', 'DeleteUserPoolClient'),
    on: on.userPools,
    when: where.owned,
    why: "bring a token of another client of the tenant's pool",
  },
  {
    actions: of('cognito-idp', 'CreateUserPool'),
    on: on.anything,
    why: "bring a token of a pool that is nobody's; what is not there yet has no resource",
  },
  {
    actions: of('cognito-idp', 'TagResource'),
    on: on.userPools,
    when: where.madeOwned,
    why: 'tag that pool, so that it can be used and deleted',
    rare: 'AWS asks for it beside CreateUserPool when what is made has tags',
  },
  {
    actions: of('apigateway', 'GET'),
    on: on.usagePlan,
    when: where.owned,
    why: 'read the limits that are attacked',
  },
  {
    actions: of('apigateway', 'PATCH'),
    on: on.apiKey,
    when: where.owned,
    why: 'suspend a probe and resume it',
  },
  {
    actions: of('apigateway', 'GET', 'POST'),
    on: on.usagePlans,
    why: 'give a probe limits that are soon used up',
  },
  { actions: of('apigateway', 'POST'), on: on.usagePlanKeys, why: 'put its key on that plan' },
  { actions: of('apigateway', 'DELETE'), on: on.usagePlanKey, why: 'take its key off the plan before' },
  {
    actions: of('apigateway', 'PUT'),
    on: on.gatewayTags,
    why: 'tag the plan',
    rare: 'AWS asks for it beside POST when what is made has tags',
  },
  {
    actions: of('ec2', 'DescribeSecurityGroups'),
    on: on.anything,
    why: 'look for ways in that should not exist; it knows no resource',
  },
  {
    actions: of('elasticloadbalancing', 'DescribeLoadBalancers'),
    on: on.anything,
    why: 'knock at the load balancers; it knows no resource',
  },
  {
    actions: of('ecs', 'ListTasks', 'DescribeTaskDefinition'),
    on: on.anything,
    why: 'find the tasks to knock at, and what they run as; they know no such resource',
  },
  {
    actions: of('ecs', 'DescribeServices', 'DescribeTasks'),
    on: (place) => [...on.services(place), ...on.tasks(place)],
    why: 'see what runs, and follow the task that attacks',
  },
  {
    actions: of('ecs', 'RunTask'),
    on: on.taskDefinitions,
    why: "attack from inside, as a task of the tenant's own",
  },
  {
    actions: of('ecs', 'StopTask'),
    on: on.tasks,
    why: 'end a task that is not waited for',
    rare: 'only when a verification is stopped',
  },
  {
    actions: ['iam:PassRole'],
    on: on.taskRoles,
    when: where.passedToTasks,
    why: "let that task have the roles of the tenant's tasks",
    rare: 'AWS asks for it beside RunTask; the embedded cloud asks nobody',
  },
  { actions: of('logs', 'GetLogEvents'), on: on.logs, why: 'read what that task found' },
];

const mends: readonly Need[] = [
  announce,
  ...registryDelete,
  {
    actions: of('apigateway', 'DELETE'),
    on: on.apiKey,
    when: where.owned,
    why: 'delete the key of no tenant',
  },
  {
    actions: of('cognito-idp', 'CreateGroup', 'AdminAddUserToGroup', 'ListUsersInGroup'),
    on: on.userPools,
    when: where.owned,
    why: "make a tenant's group, and put its users into it",
  },
  {
    actions: of('cloudformation', 'DeleteStack', 'DescribeStackEvents'),
    on: on.tenantStacks,
    why: 'delete the stack of no tenant',
  },
  {
    actions: of('elasticloadbalancing', 'DeleteRule'),
    on: on.listenerRules,
    why: 'delete the rule of no tenant',
  },
];

export const reconcileNeeds: readonly Need[] = [
  ...session,
  register,
  ...registryRead,
  ...registryList,
  ...registryWrite,
  {
    actions: of('cloudformation', 'DescribeStacks'),
    on: on.anything,
    why: "find the tenants' stacks by their tags",
  },
  {
    actions: of('dynamodb', 'ListTables'),
    on: on.anything,
    why: 'find tables of no tenant; it knows no resource',
  },
  {
    actions: of('cognito-idp', 'ListUserPools'),
    on: on.anything,
    why: 'find user pools of no tenant; it knows no resource',
  },
  {
    actions: of('cognito-idp', 'ListUsers', 'ListGroups'),
    on: on.userPools,
    when: where.owned,
    why: 'compare users and groups with the tenants',
  },
  {
    actions: of('elasticloadbalancing', 'DescribeRules'),
    on: on.anything,
    why: 'compare the rules of the cells with the slots; it knows no resource',
  },
  {
    actions: of('apigateway', 'GET'),
    on: (place) => [...on.apiKeys(place), ...on.usagePlanKeys(place)],
    why: 'compare keys and plans with the tenants',
  },
  { ...gatekeeper('make a key that is missing, and put it on its plan'), rare: 'only where one is missing' },
  {
    actions: of('cognito-idp', 'DeleteGroup'),
    on: on.userPools,
    when: where.owned,
    why: 'delete the group of no tenant',
  },
  ...mends.map((need) => ({ ...need, rare: 'only where there is such a thing to repair' })),
];
