import { expect, it } from 'vitest';
import { deployment, only, templates } from './synthesized.ts';

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
