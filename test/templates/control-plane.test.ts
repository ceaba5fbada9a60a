import { expect, it } from 'vitest';
import { deployment, only, resources, templates } from './synthesized.ts';

const template = templates(deployment()).then((get) => get('controlplane-stack'));

it('keeps the registry, the artifacts and the secret when the stack goes', async () => {
  for (const type of ['AWS::DynamoDB::Table', 'AWS::S3::Bucket', 'AWS::SecretsManager::Secret']) {
    expect(only(await template, type)).toMatchObject({
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
    });
  }
});

it('has a registry that can go back in time and bills by request', async () => {
  expect(only(await template, 'AWS::DynamoDB::Table').Properties).toMatchObject({
    BillingMode: 'PAY_PER_REQUEST',
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    GlobalSecondaryIndexes: [{ IndexName: 'gsi1', Projection: { ProjectionType: 'ALL' } }],
    TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
  });
});

it('has an artifacts bucket that is versioned, encrypted, private and reached by TLS alone', async () => {
  expect(only(await template, 'AWS::S3::Bucket').Properties).toMatchObject({
    VersioningConfiguration: { Status: 'Enabled' },
    BucketEncryption: expect.anything(),
    PublicAccessBlockConfiguration: {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    },
  });
  (await template).hasResourceProperties('AWS::S3::BucketPolicy', {
    PolicyDocument: {
      Statement: [{ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }],
    },
  });
});

it("lets the gatekeeper reach its tenants' user pools by their tags, and the operators' not at all", async () => {
  const [, role] =
    resources(await template, 'AWS::IAM::Role').find(([id]) => id.startsWith('GatekeeperRole')) ?? [];
  const statements: { Effect: string; Action: string[]; Condition?: object }[] =
    role?.Properties.Policies[0].PolicyDocument.Statement;
  expect(statements.find(({ Action }) => Action.includes('cognito-idp:AdminSetUserPassword'))).toMatchObject({
    Effect: 'Allow',
    Condition: {
      StringEquals: {
        'aws:ResourceTag/saas-ecs:app': 'acme-shop',
        'aws:ResourceTag/saas-ecs:environment': 'staging',
      },
    },
  });
  const denied = statements.filter(({ Effect }) => Effect === 'Deny');
  expect(denied).toMatchObject([{ Action: ['cognito-idp:*'] }]);
  expect(JSON.stringify(denied)).toContain('userpool/');
  expect(statements.find(({ Action }) => Action.includes('dynamodb:GetItem'))?.Condition).toEqual({
    'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['TENANT#*', 'ISSUER#*', 'CELLS', 'TIERS'] },
    Null: { 'dynamodb:LeadingKeys': 'false' },
  });
});
