/** What a Lambda function is: the record that is kept, and its configuration as the API shows it. */
import type { FunctionConfiguration, Runtime } from '@aws-sdk/client-lambda';
import type { StoredCode } from './code.ts';

export interface FunctionRecord {
  name: string;
  arn: string;
  /** `$LATEST` or a number. */
  version: string;
  runtime: string;
  handler: string;
  role: string;
  description: string;
  /** Seconds. */
  timeout: number;
  /** MiB. */
  memory: number;
  environment: Record<string, string>;
  architectures: string[];
  layers: string[];
  code: StoredCode;
  packageType: 'Zip' | 'Image';
  imageUri?: string;
  logGroup: string;
  /** Bytes of /tmp, MiB. */
  ephemeralStorage: number;
  tracing: 'Active' | 'PassThrough';
  vpc?: { subnetIds: string[]; securityGroupIds: string[] };
  reservedConcurrency?: number;
  /** Retries of an asynchronous invocation. */
  maximumRetryAttempts?: number;
  tags: Record<string, string>;
  /** Statement id -> statement of the resource policy. */
  policy: Record<string, Record<string, unknown>>;
  revisionId: string;
  modifiedAt: number;
  nextVersion: number;
}

export interface AliasRecord {
  name: string;
  functionName: string;
  version: string;
  description: string;
  revisionId: string;
}

export interface LayerRecord {
  name: string;
  arn: string;
  versionArn: string;
  version: number;
  description: string;
  code: StoredCode;
  runtimes: string[];
  createdAt: number;
}

const fingerprints = new WeakMap<FunctionRecord, string>();

/** Equal for records that run alike: what a process was started with. */
export function fingerprint(record: FunctionRecord): string {
  let known = fingerprints.get(record);
  if (known === undefined) {
    known = JSON.stringify([
      record.code.sha256,
      record.runtime,
      record.handler,
      record.role,
      record.timeout,
      record.memory,
      record.environment,
      record.layers,
      record.logGroup,
      record.reservedConcurrency,
    ]);
    fingerprints.set(record, known);
  }
  return known;
}

export function configurationOf(record: FunctionRecord): FunctionConfiguration {
  return {
    FunctionName: record.name,
    FunctionArn: record.version === '$LATEST' ? record.arn : `${record.arn}:${record.version}`,
    ...(record.packageType === 'Zip' ? { Runtime: record.runtime as Runtime, Handler: record.handler } : {}),
    Role: record.role,
    CodeSize: record.code.size,
    Description: record.description,
    Timeout: record.timeout,
    MemorySize: record.memory,
    // Lambda writes `+0000`, not `Z`.
    LastModified: new Date(record.modifiedAt).toISOString().replace('Z', '+0000'),
    CodeSha256: record.code.sha256,
    Version: record.version,
    ...(Object.keys(record.environment).length > 0 ? { Environment: { Variables: record.environment } } : {}),
    TracingConfig: { Mode: record.tracing },
    RevisionId: record.revisionId,
    Layers: record.layers.map((Arn) => ({ Arn })),
    State: 'Active',
    LastUpdateStatus: 'Successful',
    PackageType: record.packageType,
    Architectures: record.architectures as ('x86_64' | 'arm64')[],
    EphemeralStorage: { Size: record.ephemeralStorage },
    LoggingConfig: { LogFormat: 'Text', LogGroup: record.logGroup },
    ...(record.vpc
      ? { VpcConfig: { SubnetIds: record.vpc.subnetIds, SecurityGroupIds: record.vpc.securityGroupIds } }
      : {}),
  };
}
