/** What a need is, and the needs that several commands have. */
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
export const of = (service: string, ...names: string[]): string[] =>
  names.map((name) => `${service}:${name}`);

export const ownKeysOnly = 'only where encryption is customer-managed';

export const dataKeys: Need = {
  actions: of('kms', 'Decrypt', 'GenerateDataKey'),
  on: on.keys,
  when: where.ownedThrough('dynamodb', 's3', 'secretsmanager'),
  why: "read and write what is under the environment's keys",
  rare: ownKeysOnly,
};

export const session: Need[] = [
  { actions: of('ssm', 'GetParameters'), on: on.sharedParameters, why: 'find what the shared stacks made' },
  dataKeys,
];
export const registryRead: Need[] = [
  { actions: of('dynamodb', 'GetItem', 'Query'), on: on.registry, why: 'read the registry' },
];
export const registryList: Need[] = [
  { actions: of('dynamodb', 'Query'), on: on.registryIndex, why: 'list the tenants' },
];
export const registryWrite: Need[] = [
  {
    actions: of('dynamodb', 'PutItem', 'UpdateItem'),
    on: on.registry,
    why: 'write down what is done, and hold the lease on a tenant',
  },
];
export const auditWrite: Need[] = registryWrite.map((need) => ({ ...need, why: 'write down what is done' }));
export const registryDelete: Need[] = [
  { actions: of('dynamodb', 'DeleteItem'), on: on.registry, why: 'free names, slots, issuers and limits' },
];
export const whyFailed: Need[] = [
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
export const register: Need = {
  actions: of('cognito-idp', 'DescribeUserPoolClient'),
  on: on.userPools,
  when: where.owned,
  why: "get a token for the control plane's API",
};
export const announce: Need = {
  actions: of('events', 'PutEvents'),
  on: on.controlPlaneBus,
  why: 'tell the control plane what became of the tenant',
};

/** Nothing of what it does for others can they do themselves. */
export const gatekeeper = (why: string): Need => ({
  actions: of('lambda', 'InvokeFunction'),
  on: on.gatekeeper,
  why,
});

/** `change`: CreateStack or UpdateStack. */
export const cellStack = (change: string, rare: string): Need[] => [
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
