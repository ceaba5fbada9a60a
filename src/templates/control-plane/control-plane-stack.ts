import { CfnTable } from 'aws-cdk-lib/aws-dynamodb';
import { Key } from 'aws-cdk-lib/aws-kms';
import { BlockPublicAccess, Bucket, BucketEncryption, type CfnBucket } from 'aws-cdk-lib/aws-s3';
import { CfnSecret } from 'aws-cdk-lib/aws-secretsmanager';
import { type App, Duration, RemovalPolicy } from 'aws-cdk-lib/core';
import type { Deployment } from '../../model/config.ts';
import type { ControlPlaneOutputs } from '../../model/control-plane.ts';
import { stackNames, withPrefix } from '../../model/names.ts';
import { registryIndex } from '../../model/registry.ts';
import { encryptionKey, encryptLogs } from '../encryption.ts';
import { keep } from '../keep.ts';
import { publish } from '../parameters.ts';
import { accept } from '../review.ts';
import { SharedStack } from '../shared-stack.ts';
import { underKey } from '../tenant/tables.ts';
import { BuiltinControlPlane } from './builtin.ts';
import { Gatekeeper } from './gatekeeper.ts';

/** Makes the toolkit's control plane in a stack. Handed in, since its library loads all of the CDK. */
export type MakeSbt = (stack: SharedStack) => ControlPlaneOutputs;

/**
 * What operations stand on: the registry of tenants, the artifacts of releases, the secret behind tenants' API keys, and
 * the control plane in front of them. Data outlives the stack; only destroying the environment with its data removes it.
 */
export class ControlPlaneStack extends SharedStack {
  constructor(app: App, deployment: Deployment, makeSbt?: MakeSbt) {
    super(
      app,
      stackNames.controlPlane,
      deployment,
      'saas-ecs: control plane, registry, release artifacts, key secret',
    );
    const keyArn = this.key();
    const registry = this.registry(keyArn);
    publish(this, deployment, 'registryTable', registry.ref);
    publish(this, deployment, 'artifactsBucket', this.artifacts(keyArn).bucketName);
    const apiKeySecret = this.apiKeySecret(keyArn);
    publish(this, deployment, 'apiKeySecret', apiKeySecret.ref);
    if (keyArn !== undefined) publish(this, deployment, 'environmentKeyArn', keyArn);
    encryptLogs(this, keyArn);
    const outputs = makeSbt
      ? makeSbt(this)
      : new BuiltinControlPlane(this, 'ControlPlane', {
          deployment,
          registry: { name: registry.ref, arn: registry.attrArn, ...(keyArn !== undefined && { keyArn }) },
        }).outputs;
    publish(this, deployment, 'controlPlane', this.toJsonString(outputs));
    publish(this, deployment, 'controlPlaneBus', outputs.busName);
    publish(this, deployment, 'operatorPool', outputs.userPoolId);
    const { functionArn } = new Gatekeeper(this, 'Gatekeeper', {
      deployment,
      registryArn: registry.attrArn,
      registryTable: registry.ref,
      apiKeySecretArn: apiKeySecret.ref,
      operatorPoolId: outputs.userPoolId,
      ...(keyArn !== undefined && { keyArn }),
    });
    publish(this, deployment, 'gatekeeper', functionArn);
  }

  /** Of all that is not a siloed tenant's; those have keys of their own. */
  private key(): string | undefined {
    const { prefix, security } = this.deployment;
    if (security.encryption !== 'customer-managed') return undefined;
    const stacks = [...Object.values(stackNames), 'cell-*'].map((name) => withPrefix(prefix, name));
    return encryptionKey(this, 'Key', {
      description: 'Registry, releases, key secret, pool and logs of the environment',
      through: ['dynamodb', 's3', 'secretsmanager'],
      // By the ways in which groups are named after their stack; the pool's are like a silo's.
      logGroups: stacks
        .flatMap((name) => [`${name}-*`, `/saas-ecs/${name}*`, `/aws/vendedlogs/*${name}*`])
        .concat(`aws-waf-logs-${withPrefix(prefix, stackNames.sharedInfra)}`),
    }).attrArn;
  }

  private registry(keyArn: string | undefined): CfnTable {
    const key = (attributeName: string, keyType: 'HASH' | 'RANGE') => ({ attributeName, keyType });
    const table = new CfnTable(this, 'Registry', {
      attributeDefinitions: ['pk', 'sk', `${registryIndex}pk`, `${registryIndex}sk`].map((attributeName) => ({
        attributeName,
        attributeType: 'S',
      })),
      keySchema: [key('pk', 'HASH'), key('sk', 'RANGE')],
      globalSecondaryIndexes: [
        {
          indexName: registryIndex,
          keySchema: [key(`${registryIndex}pk`, 'HASH'), key(`${registryIndex}sk`, 'RANGE')],
          projection: { projectionType: 'ALL' },
        },
      ],
      billingMode: 'PAY_PER_REQUEST',
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      timeToLiveSpecification: { attributeName: 'ttl', enabled: true },
      ...underKey(keyArn),
    });
    keep(table);
    return table;
  }

  private artifacts(keyArn: string | undefined): Bucket {
    const bucket = new Bucket(this, 'Artifacts', {
      ...(keyArn === undefined
        ? { encryption: BucketEncryption.S3_MANAGED }
        : {
            encryption: BucketEncryption.KMS,
            encryptionKey: Key.fromKeyArn(this, 'ImportedKey', keyArn),
            // One data key for many objects: fewer calls to KMS.
            bucketKeyEnabled: true,
          }),
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      versioned: true,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
      lifecycleRules: [
        {
          id: 'old-versions',
          noncurrentVersionExpiration: Duration.days(90),
          abortIncompleteMultipartUploadAfter: Duration.days(7),
        },
      ],
    });
    accept(bucket.node.defaultChild as CfnBucket, {
      id: 'AwsSolutions-S1',
      reason:
        'Holds templates and no tenant data; who wrote a release is in the registry, and access logs would need a second bucket for good',
    });
    return bucket;
  }

  private apiKeySecret(keyArn: string | undefined): CfnSecret {
    const secret = new CfnSecret(this, 'ApiKeySecret', {
      description: "Every tenant's API key is derived from this secret",
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
      ...(keyArn !== undefined && { kmsKeyId: keyArn }),
    });
    keep(secret);
    accept(secret, {
      id: 'AwsSolutions-SMG4',
      reason:
        "A rotation changes every tenant's API key at once, and the keys meter only: what a caller may do, its signed token decides",
    });
    return secret;
  }
}
