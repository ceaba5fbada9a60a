/** What a pool service needs of AWS: an embedded cloud with the shared tables, and the tenant role as the templates make it. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { startCloud } from '../../src/embedded/cloud.ts';

export interface PoolCloud {
  endpoint: string;
  tenantRoleArn: string;
  dynamodb: DynamoDBClient;
  stop(): Promise<void>;
}

export const credentials = { accessKeyId: 'operator', secretAccessKey: 'operator' };

export async function startPoolCloud(tables: Record<string, string>): Promise<PoolCloud> {
  const stateDir = await mkdtemp(path.join(os.tmpdir(), 'saas-ecs-pool-'));
  const cloud = await startCloud({ stateDir });
  const options = { endpoint: cloud.endpoint, region: cloud.region, credentials };
  const dynamodb = new DynamoDBClient(options);
  for (const [TableName, sortKey] of Object.entries(tables))
    await dynamodb.send(
      new CreateTableCommand({
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [
          { AttributeName: 'tenantId', AttributeType: 'S' },
          { AttributeName: sortKey, AttributeType: 'S' },
        ],
        KeySchema: [
          { AttributeName: 'tenantId', KeyType: 'HASH' },
          { AttributeName: sortKey, KeyType: 'RANGE' },
        ],
      }),
    );
  const iam = new IAMClient(options);
  const { Role } = await iam.send(
    new CreateRoleCommand({
      RoleName: 'tenant',
      AssumeRolePolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { AWS: `arn:aws:iam::${cloud.account}:root` },
            Action: ['sts:AssumeRole', 'sts:TagSession'],
            Condition: { StringLike: { 'aws:RequestTag/tenant': '?*' } },
          },
        ],
      }),
    }),
  );
  await iam.send(
    new PutRolePolicyCommand({
      RoleName: 'tenant',
      PolicyName: 'own-items',
      PolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Action: [
              'dynamodb:Query',
              'dynamodb:GetItem',
              'dynamodb:PutItem',
              'dynamodb:UpdateItem',
              'dynamodb:DeleteItem',
            ],
            Resource: Object.keys(tables).map(
              (table) => `arn:aws:dynamodb:${cloud.region}:${cloud.account}:table/${table}`,
            ),
            Condition: {
              'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['${aws:PrincipalTag/tenant}'] },
              Null: { 'dynamodb:LeadingKeys': 'false' },
            },
          },
        ],
      }),
    }),
  );
  return {
    endpoint: cloud.endpoint,
    tenantRoleArn: Role?.Arn ?? '',
    dynamodb,
    async stop() {
      dynamodb.destroy();
      await cloud.stop();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}
