/** What the commands need that make and take down what all tenants share. */
import {
  auditWrite,
  cellStack,
  dataKeys,
  type Need,
  of,
  registryDelete,
  registryList,
  registryRead,
  registryWrite,
  session,
  whyFailed,
} from './need.ts';
import { on, where } from './place.ts';

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

export const deployNeeds: readonly Need[] = [
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
];

export const destroyNeeds: readonly Need[] = [
  dataKeys,
  {
    actions: of('kms', 'ListKeys'),
    on: on.anything,
    why: 'find the keys that are kept; it knows no resource',
  },
  {
    actions: of('kms', 'DescribeKey', 'ListResourceTags'),
    on: on.keys,
    why: 'tell the keys that are kept',
    rare: 'only where the account has keys',
  },
  {
    actions: of('kms', 'ScheduleKeyDeletion'),
    on: on.keys,
    when: where.owned,
    why: 'delete the keys',
    rare: 'only with --delete-data',
  },
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
];
