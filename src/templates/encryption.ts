/** Keys of the environment's own: made, handed on, and put to use. Source: "Key policies in AWS KMS". */
import { CfnKey } from 'aws-cdk-lib/aws-kms';
import { CfnLogGroup } from 'aws-cdk-lib/aws-logs';
import { Aspects, Aws, type Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { Deployment } from '../model/config.ts';
import { keep } from './keep.ts';
import { read } from './parameters.ts';

/** A service that uses keys for its callers. */
export type KeyUser = 'dynamodb' | 's3' | 'secretsmanager';

/** As `kms:ViaService` names it. */
export const viaService = (service: KeyUser): string => `${service}.${Aws.REGION}.amazonaws.com`;

/** The account: its own policies decide who. */
const account = { AWS: `arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:root` };

const administration = [
  ...['kms:Describe*', 'kms:Get*', 'kms:List*', 'kms:Put*', 'kms:Update*', 'kms:Enable*', 'kms:Disable*'],
  ...['kms:TagResource', 'kms:UntagResource', 'kms:RotateKeyOnDemand'],
  ...['kms:ScheduleKeyDeletion', 'kms:CancelKeyDeletion'],
];

export interface KeyOptions {
  description: string;
  /** Who may use it, on behalf of callers that their own policies let. */
  through: readonly KeyUser[];
  /** Names of the log groups that are encrypted with it; `*` stands for anything. */
  logGroups: readonly string[];
}

/**
 * A key that rotates each year. Nobody encrypts or decrypts with it directly, an administrator of the account neither.
 * It outlives its stack, as the data does that is under it.
 */
export function encryptionKey(scope: Construct, id: string, options: KeyOptions): CfnKey {
  const { description, through, logGroups } = options;
  const statement = (
    Sid: string,
    Principal: object,
    Action: readonly string[],
    Condition?: object,
  ): object => ({ Sid, Effect: 'Allow', Principal, Action, Resource: '*', ...(Condition && { Condition }) });
  const key = new CfnKey(scope, id, {
    description,
    enableKeyRotation: true,
    pendingWindowInDays: 30,
    keyPolicy: {
      Version: '2012-10-17',
      Statement: [
        statement('Administer', account, administration),
        statement(
          'UseThroughServices',
          account,
          ['kms:Decrypt', 'kms:Encrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
          {
            StringEquals: {
              'kms:CallerAccount': Aws.ACCOUNT_ID,
              'kms:ViaService': through.map(viaService),
            },
          },
        ),
        statement('GrantToTables', account, ['kms:CreateGrant'], {
          StringEquals: { 'kms:CallerAccount': Aws.ACCOUNT_ID, 'kms:ViaService': viaService('dynamodb') },
          Bool: { 'kms:GrantIsForAWSResource': 'true' },
        }),
        statement(
          'EncryptLogs',
          { Service: `logs.${Aws.REGION}.${Aws.URL_SUFFIX}` },
          ['kms:Decrypt', 'kms:Encrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
          {
            ArnLike: {
              'kms:EncryptionContext:aws:logs:arn': logGroups.map(
                (name) => `arn:${Aws.PARTITION}:logs:${Aws.REGION}:${Aws.ACCOUNT_ID}:log-group:${name}`,
              ),
            },
          },
        ),
      ],
    },
  });
  keep(key);
  return key;
}

/** ARN of the environment's key; undefined where keys are AWS's. */
export const environmentKey = (scope: Construct, deployment: Deployment): string | undefined =>
  deployment.security.encryption === 'customer-managed'
    ? read(scope, deployment, 'environmentKeyArn')
    : undefined;

/** Puts every log group of a stack under a key. */
export function encryptLogs(stack: Stack, keyArn: string | undefined): void {
  if (keyArn === undefined) return;
  Aspects.of(stack).add({
    visit(node) {
      if (node instanceof CfnLogGroup) node.kmsKeyId ??= keyArn;
    },
  });
}

/** What a role's policy needs beside a resource's own permission: nothing where keys are AWS's. */
export const decryption = (keyArn: string | undefined, ...through: KeyUser[]): object[] =>
  keyArn === undefined
    ? []
    : [
        {
          Effect: 'Allow',
          Action: ['kms:Decrypt'],
          Resource: keyArn,
          Condition: { StringEquals: { 'kms:ViaService': through.map(viaService) } },
        },
      ];
