/** What the block `security` makes of the templates. */
import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { applications, deployment, everything, only, resources, templates } from './synthesized.ts';

const shared = ['controlplane-stack', 'shared-infra-stack', 'coreappplane-stack', 'tenant-template-basic'];
const plain = templates(deployment());
const strict = templates(deployment({ security: everything }));

const keyOf = (template: Template) => only(template, 'AWS::KMS::Key');

describe('keys of AWS', () => {
  it('leave no trace', async () => {
    const get = await plain;
    for (const name of [...shared, ...applications, 'cell']) {
      const text = JSON.stringify(get(name).toJSON());
      expect([name, /AWS::KMS::Key|KmsKeyId|KMSMasterKeyI|EnvironmentKeyArn/.test(text)]).toEqual([
        name,
        false,
      ]);
    }
  });
});

describe('keys of the environment', () => {
  it("encrypt every table, bucket, secret and log group: the environment's in shared stacks, a tenant's own in its stack", async () => {
    const get = await strict;
    const keys = {
      'controlplane-stack': { 'Fn::GetAtt': [expect.stringMatching(/^Key/), 'Arn'] },
      'tenant-advanced': { 'Fn::GetAtt': [expect.stringMatching(/^Key/), 'Arn'] },
      'tenant-premium': { 'Fn::GetAtt': [expect.stringMatching(/^Key/), 'Arn'] },
    } as Record<string, object>;
    let seen = 0;
    for (const name of [...shared, 'tenant-advanced', 'tenant-premium', 'cell']) {
      const key = keys[name] ?? { Ref: 'EnvironmentKeyArn' };
      for (const [id, { Properties }] of resources(get(name), 'AWS::Logs::LogGroup')) {
        expect([name, id, Properties.KmsKeyId]).toEqual([name, id, key]);
        seen++;
      }
      for (const [id, { Properties }] of resources(get(name), 'AWS::DynamoDB::Table')) {
        const sse = { SSEEnabled: true, SSEType: 'KMS', KMSMasterKeyId: key };
        expect([name, id, Properties.SSESpecification]).toEqual([name, id, sse]);
        seen++;
      }
    }
    expect(seen).toBeGreaterThan(10);
    const control = get('controlplane-stack');
    const key = keys['controlplane-stack'];
    expect(only(control, 'AWS::SecretsManager::Secret').Properties.KmsKeyId).toEqual(key);
    expect(
      only(control, 'AWS::S3::Bucket').Properties.BucketEncryption.ServerSideEncryptionConfiguration,
    ).toEqual([
      {
        BucketKeyEnabled: true,
        ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: key },
      },
    ]);
  });

  it('rotate, outlive their stack, and are used through services alone', async () => {
    const get = await strict;
    for (const name of ['controlplane-stack', 'tenant-advanced', 'tenant-premium']) {
      const key = keyOf(get(name));
      expect(key.Properties.EnableKeyRotation).toBe(true);
      expect(key.DeletionPolicy).toBe('RetainExceptOnCreate');
      const statements = key.Properties.KeyPolicy.Statement as {
        Action: string[];
        Condition?: { StringEquals?: object; ArnLike?: object };
      }[];
      for (const { Action, Condition } of statements) {
        expect(Action).not.toContain('kms:*');
        const uses = [Action].flat().some((action) => /Crypt|DataKey|CreateGrant/i.test(action));
        const bound = JSON.stringify(Condition ?? {});
        if (uses) expect(bound).toMatch(/kms:ViaService|kms:EncryptionContext:aws:logs:arn/);
      }
    }
  });

  it("let a tenant's role decrypt by the tenant's key, and its boundary by no key of others", async () => {
    const get = await strict;
    const roles = JSON.stringify(resources(get('tenant-premium'), 'AWS::IAM::Role'));
    expect(roles).toMatch(/"kms:Decrypt","Condition":\{"StringEquals":\{"kms:ViaService"|kms:Decrypt/);
    const [boundary] = resources(get('shared-infra-stack'), 'AWS::IAM::ManagedPolicy')
      .filter(([id]) => id.includes('Boundary'))
      .map(([, { Properties }]) => Properties.PolicyDocument);
    const statement = boundary.Statement.find(({ Action }: { Action: unknown }) => Action === 'kms:Decrypt');
    expect(Object.keys(statement.Condition.StringEquals).sort()).toEqual([
      'aws:ResourceTag/saas-ecs:app',
      'aws:ResourceTag/saas-ecs:environment',
      'kms:ViaService',
    ]);
  });
});

describe('the web ACL', () => {
  it('is one for all cells, with a rate for each address and the groups that AWS keeps', async () => {
    const get = await strict;
    const acl = only(get('shared-infra-stack'), 'AWS::WAFv2::WebACL').Properties;
    expect(acl).toMatchObject({ Scope: 'REGIONAL', DefaultAction: { Allow: {} } });
    const [rate, ...groups] = acl.Rules;
    expect(rate).toMatchObject({
      Action: { Block: {} },
      Statement: { RateBasedStatement: { Limit: 5000, AggregateKeyType: 'IP' } },
    });
    expect(
      groups.map(
        (rule: { Statement: { ManagedRuleGroupStatement: { Name: string } } }) =>
          rule.Statement.ManagedRuleGroupStatement.Name,
      ),
    ).toEqual([
      'AWSManagedRulesAmazonIpReputationList',
      'AWSManagedRulesCommonRuleSet',
      'AWSManagedRulesKnownBadInputsRuleSet',
    ]);
    expect(only(get('cell'), 'AWS::WAFv2::WebACLAssociation').Properties.WebACLArn).toEqual({
      Ref: 'WebAclArn',
    });
    expect(resources(get('cell'), 'AWS::WAFv2::WebACL')).toEqual([]);
  });

  it('keeps tokens out of its log, and logs what it blocks alone', async () => {
    const logging = only((await strict)('shared-infra-stack'), 'AWS::WAFv2::LoggingConfiguration').Properties;
    expect(JSON.stringify(logging.RedactedFields)).toContain('authorization');
    expect(logging.LoggingFilter.DefaultBehavior).toBe('DROP');
  });

  it('is not there when it is off', async () => {
    const get = await plain;
    for (const name of ['shared-infra-stack', 'cell'])
      expect(JSON.stringify(get(name).toJSON())).not.toContain('AWS::WAFv2');
  });
});

describe('TLS to the load balancers', () => {
  it('has the gateway expect the name of the certificate, and lets it in there alone', async () => {
    const get = await strict;
    for (const name of ['shared-infra-stack', 'cell']) {
      expect(only(get(name), 'AWS::ElasticLoadBalancingV2::Listener').Properties).toMatchObject({
        Port: 443,
        Protocol: 'HTTPS',
        Certificates: [{ CertificateArn: everything.tls?.certificateArn }],
        SslPolicy: 'ELBSecurityPolicy-TLS13-1-2-2021-06',
      });
      const body = JSON.stringify(only(get(name), 'AWS::ApiGateway::RestApi').Properties.Body);
      expect(body).toContain('https://internal.acme.example:443/orders');
      expect(body).not.toContain('"http://');
      const groups = JSON.stringify(resources(get(name), 'AWS::EC2::SecurityGroup'));
      expect(groups).toContain('"FromPort":443');
      expect(groups).not.toContain('"FromPort":80,');
    }
  });

  it('is not there without a certificate', async () => {
    expect(only((await plain)('cell'), 'AWS::ElasticLoadBalancingV2::Listener').Properties).toMatchObject({
      Port: 80,
      Protocol: 'HTTP',
    });
  });
});

it('every bucket refuses what does not come by TLS', async () => {
  for (const of of [plain, strict]) {
    const control = (await of)('controlplane-stack');
    const policies = JSON.stringify(resources(control, 'AWS::S3::BucketPolicy'));
    expect(policies).toContain('"aws:SecureTransport":"false"');
  }
});
