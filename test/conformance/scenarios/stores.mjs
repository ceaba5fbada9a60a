/** SSM, Secrets Manager, S3, STS, Logs, EventBridge, ECR, IAM: as the services and the toolkit call them. */

import * as logs from '@aws-sdk/client-cloudwatch-logs';
import * as ecr from '@aws-sdk/client-ecr';
import * as events from '@aws-sdk/client-eventbridge';
import * as iam from '@aws-sdk/client-iam';
import * as s3 from '@aws-sdk/client-s3';
import * as secrets from '@aws-sdk/client-secrets-manager';
import * as ssm from '@aws-sdk/client-ssm';
import * as sts from '@aws-sdk/client-sts';

const trust = JSON.stringify({
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Principal: { Service: 'ecs-tasks.amazonaws.com' }, Action: 'sts:AssumeRole' },
  ],
});
const open = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: ['sts:AssumeRole', 'sts:TagSession'] }],
});
const policy = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }],
});
const bucket = 'conformance-bucket';
const day = { Key: 'a/b c+ä.json', Bucket: bucket };

export const stores = {
  SSM: {
    Client: ssm.SSMClient,
    module: ssm,
    steps: [
      ['PutParameter', { Name: '/conformance/a', Type: 'String', Value: '{"x":1}' }],
      [
        'PutParameter',
        { Name: '/conformance/a', Type: 'String', Value: 'again' },
        { as: 'SSM PutParameter that exists' },
      ],
      ['PutParameter', { Name: '/conformance/a', Type: 'String', Value: 'second', Overwrite: true }],
      ['PutParameter', { Name: '/conformance/deep/b', Type: 'SecureString', Value: 'secret' }],
      ['GetParameter', { Name: '/conformance/a' }],
      ['GetParameter', { Name: '/conformance/a:1' }, { as: 'SSM GetParameter of a version' }],
      ['GetParameter', { Name: '/conformance/deep/b', WithDecryption: true }],
      ['GetParameter', { Name: '/conformance/none' }, { as: 'SSM GetParameter unknown' }],
      ['GetParameters', { Names: ['/conformance/a', '/conformance/none'] }],
      ['GetParametersByPath', { Path: '/conformance', Recursive: true }],
      ['GetParametersByPath', { Path: '/conformance' }, { as: 'SSM GetParametersByPath, one level' }],
      ['DeleteParameter', { Name: '/conformance/a' }],
      ['DeleteParameter', { Name: '/conformance/a' }, { as: 'SSM DeleteParameter unknown' }],
    ],
  },
  'Secrets Manager': {
    Client: secrets.SecretsManagerClient,
    module: secrets,
    steps: [
      ['CreateSecret', { Name: 'conformance/key', SecretString: 'first' }],
      [
        'CreateSecret',
        { Name: 'conformance/key', SecretString: 'x' },
        { as: 'Secrets Manager CreateSecret that exists' },
      ],
      ['GetSecretValue', { SecretId: 'conformance/key' }],
      ['PutSecretValue', { SecretId: 'conformance/key', SecretString: 'second' }],
      ['GetSecretValue', { SecretId: 'conformance/key', VersionStage: 'AWSPREVIOUS' }],
      ['GetSecretValue', { SecretId: 'none' }, { as: 'Secrets Manager GetSecretValue unknown' }],
      ['DescribeSecret', { SecretId: 'conformance/key' }],
      ['ListSecrets', { Filters: [{ Key: 'name', Values: ['conformance/'] }] }],
      ['DeleteSecret', { SecretId: 'conformance/key', ForceDeleteWithoutRecovery: true }],
      ['GetSecretValue', { SecretId: 'conformance/key' }, { as: 'Secrets Manager GetSecretValue deleted' }],
    ],
  },
  S3: {
    Client: s3.S3Client,
    client: { forcePathStyle: true },
    module: s3,
    steps: [
      ['CreateBucket', { Bucket: bucket }],
      ['ListBuckets', {}],
      ['GetBucketTagging', { Bucket: bucket }, { as: 'S3 GetBucketTagging, none' }],
      ['PutBucketTagging', { Bucket: bucket, Tagging: { TagSet: [{ Key: 'app', Value: 'shop' }] } }],
      ['GetBucketTagging', { Bucket: bucket }],
      ['HeadBucket', { Bucket: bucket }],
      ['HeadBucket', { Bucket: 'conformance-none' }, { as: 'S3 HeadBucket unknown' }],
      [
        'PutObject',
        { ...day, Body: '{"release":1}', ContentType: 'application/json', Metadata: { hash: 'abc' } },
      ],
      ['PutObject', { ...day, Body: 'x', IfNoneMatch: '*' }, { as: 'S3 PutObject that exists, IfNoneMatch' }],
      ['GetObject', day],
      ['HeadObject', day],
      ['GetObject', { ...day, Range: 'bytes=2-8' }, { as: 'S3 GetObject, a range' }],
      ['GetObject', { ...day, Key: 'none' }, { as: 'S3 GetObject unknown' }],
      ['HeadObject', { ...day, Key: 'none' }, { as: 'S3 HeadObject unknown' }],
      ['PutObject', { Bucket: 'conformance-none', Key: 'x', Body: 'x' }, { as: 'S3 PutObject, no bucket' }],
      ['ListObjectsV2', { Bucket: bucket, Prefix: 'a/', Delimiter: '/' }],
      ['ListObjectVersions', { Bucket: bucket }],
      ['ListObjectVersions', { Bucket: 'conformance-none' }, { as: 'S3 ListObjectVersions, no bucket' }],
      ['DeleteBucket', { Bucket: bucket }, { as: 'S3 DeleteBucket that is not empty' }],
      ['DeleteObjects', { Bucket: bucket, Delete: { Objects: [{ Key: day.Key }, { Key: 'none' }] } }],
      ['DeleteBucket', { Bucket: bucket }],
    ],
  },
  STS: {
    Client: sts.STSClient,
    module: sts,
    steps: [
      ['GetCallerIdentity', {}],
      [
        'AssumeRole',
        { RoleArn: 'arn:aws:iam::123456789012:role/x', RoleSessionName: 'a b' },
        { as: 'STS AssumeRole, a bad name' },
      ],
      [
        'AssumeRole',
        { RoleArn: 'arn:aws:iam::123456789012:role/x', RoleSessionName: 'session', DurationSeconds: 60 },
        { as: 'STS AssumeRole, too short' },
      ],
    ],
  },
  Logs: {
    Client: logs.CloudWatchLogsClient,
    module: logs,
    steps: [
      ['CreateLogGroup', { logGroupName: '/conformance' }],
      ['CreateLogGroup', { logGroupName: '/conformance' }, { as: 'Logs CreateLogGroup that exists' }],
      ['PutRetentionPolicy', { logGroupName: '/conformance', retentionInDays: 30 }],
      [
        'PutRetentionPolicy',
        { logGroupName: '/conformance', retentionInDays: 31 },
        { as: 'Logs PutRetentionPolicy, no such period' },
      ],
      ['DescribeLogGroups', { logGroupNamePrefix: '/conformance' }],
      ['CreateLogStream', { logGroupName: '/conformance', logStreamName: 'one' }],
      [
        'PutLogEvents',
        () => ({
          logGroupName: '/conformance',
          logStreamName: 'one',
          logEvents: [
            { timestamp: Date.now() - 1000, message: 'hello {"a":1}' },
            { timestamp: Date.now(), message: 'other' },
          ],
        }),
      ],
      ['GetLogEvents', { logGroupName: '/conformance', logStreamName: 'one', startFromHead: true }],
      ['FilterLogEvents', { logGroupName: '/conformance', filterPattern: 'hello' }],
      ['FilterLogEvents', { logGroupName: '/none' }, { as: 'Logs FilterLogEvents, no group' }],
      ['DeleteLogGroup', { logGroupName: '/conformance' }],
      ['DeleteLogGroup', { logGroupName: '/conformance' }, { as: 'Logs DeleteLogGroup unknown' }],
    ],
  },
  EventBridge: {
    Client: events.EventBridgeClient,
    module: events,
    steps: [
      ['CreateEventBus', { Name: 'conformance' }],
      ['CreateEventBus', { Name: 'conformance' }, { as: 'EventBridge CreateEventBus that exists' }],
      ['DescribeEventBus', { Name: 'none' }, { as: 'EventBridge DescribeEventBus unknown' }],
      ['PutRule', { Name: 'r', EventBusName: 'conformance', EventPattern: '{"source":["a"]}' }],
      [
        'PutRule',
        { Name: 'r2', EventBusName: 'conformance', EventPattern: '{' },
        { as: 'EventBridge PutRule, no pattern' },
      ],
      ['DescribeRule', { Name: 'r', EventBusName: 'conformance' }],
      [
        'DescribeRule',
        { Name: 'none', EventBusName: 'conformance' },
        { as: 'EventBridge DescribeRule unknown' },
      ],
      ['ListRules', { EventBusName: 'conformance' }],
      [
        'PutEvents',
        {
          Entries: [
            { Source: 'a', DetailType: 'b', Detail: '{}', EventBusName: 'conformance' },
            { Source: 'a', DetailType: 'b', Detail: 'no JSON', EventBusName: 'conformance' },
          ],
        },
      ],
      ['DeleteRule', { Name: 'r', EventBusName: 'conformance' }],
      ['DeleteEventBus', { Name: 'conformance' }],
    ],
  },
  ECR: {
    Client: ecr.ECRClient,
    module: ecr,
    steps: [
      ['CreateRepository', { repositoryName: 'conformance' }],
      ['CreateRepository', { repositoryName: 'conformance' }, { as: 'ECR CreateRepository that exists' }],
      ['DescribeRepositories', { repositoryNames: ['conformance'] }],
      ['DescribeRepositories', { repositoryNames: ['none'] }, { as: 'ECR DescribeRepositories unknown' }],
      [
        'DescribeImages',
        { repositoryName: 'conformance', imageIds: [{ imageTag: 'none' }] },
        { as: 'ECR DescribeImages unknown' },
      ],
      [
        'BatchDeleteImage',
        { repositoryName: 'conformance', imageIds: [{ imageTag: 'none' }] },
        { as: 'ECR BatchDeleteImage unknown' },
      ],
      ['ListImages', { repositoryName: 'conformance' }],
      ['GetAuthorizationToken', {}],
      ['DeleteRepository', { repositoryName: 'conformance' }],
      ['DeleteRepository', { repositoryName: 'conformance' }, { as: 'ECR DeleteRepository unknown' }],
    ],
  },
  IAM: {
    Client: iam.IAMClient,
    module: iam,
    steps: [
      [
        'CreateRole',
        { RoleName: 'conformance', AssumeRolePolicyDocument: trust, Tags: [{ Key: 'app', Value: 'shop' }] },
      ],
      [
        'CreateRole',
        { RoleName: 'conformance', AssumeRolePolicyDocument: trust },
        { as: 'IAM CreateRole that exists' },
      ],
      [
        'CreateRole',
        { RoleName: 'bad', AssumeRolePolicyDocument: '{"Version":"2012-10-17"}' },
        { as: 'IAM CreateRole, a bad document' },
      ],
      ['GetRole', { RoleName: 'conformance' }],
      ['GetRole', { RoleName: 'none' }, { as: 'IAM GetRole unknown' }],
      ['PutRolePolicy', { RoleName: 'conformance', PolicyName: 'p', PolicyDocument: policy }],
      [
        'PutRolePolicy',
        { RoleName: 'conformance', PolicyName: 'p', PolicyDocument: '{' },
        { as: 'IAM PutRolePolicy, a bad document' },
      ],
      ['GetRolePolicy', { RoleName: 'conformance', PolicyName: 'p' }],
      ['ListRolePolicies', { RoleName: 'conformance' }],
      ['DeleteRole', { RoleName: 'conformance' }, { as: 'IAM DeleteRole with policies' }],
      ['DeleteRolePolicy', { RoleName: 'conformance', PolicyName: 'p' }],
      ['UpdateAssumeRolePolicy', { RoleName: 'conformance', PolicyDocument: open }],
      ['ListRoleTags', { RoleName: 'conformance' }],
      ['DeleteRole', { RoleName: 'conformance' }],
      ['DeleteRole', { RoleName: 'conformance' }, { as: 'IAM DeleteRole unknown' }],
    ],
  },
};
