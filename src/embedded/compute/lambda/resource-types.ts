/** CloudFormation's Lambda types. */
import { randomUUID } from 'node:crypto';
import {
  AwsError,
  type Cloud,
  type Properties,
  type ResourceState,
  type ResourceType,
} from '../../platform.ts';
import type { StoredCode } from './code.ts';
import type { FunctionRecord } from './function.ts';
import { type FunctionInput, type Functions, invalid, permissionStatement } from './functions.ts';
import { fromS3 } from './operations.ts';
import type { Runner } from './runner.ts';

type Members = Record<string, unknown>;
const object = (value: unknown): Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : {};
const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
const tagsOf = (value: unknown, stack: Readonly<Record<string, string>>): Record<string, string> => ({
  ...stack,
  ...Object.fromEntries(
    (Array.isArray(value) ? value : []).map((tag: Members) => [String(tag['Key']), String(tag['Value'])]),
  ),
});
const required = (properties: Properties, ...names: string[]): void => {
  for (const name of names)
    if (properties[name] === undefined) throw invalid(`Property ${name} cannot be empty.`);
};

/** Things that exist in name only: nothing polls or is reached here. */
const inert = (attributes: (id: string, properties: Properties) => ResourceState): ResourceType => ({
  presence: 'inert',
  create: (_context, properties) => attributes(randomUUID(), properties),
  update: (_context, physicalId, properties) => attributes(physicalId, properties),
  delete: () => {},
});

export function lambdaResourceTypes(
  cloud: Cloud,
  functions: Functions,
  runner: Runner,
): Record<string, ResourceType> {
  async function codeOf(properties: Properties): Promise<StoredCode> {
    const code = object(properties['Code'] ?? properties['Content']);
    if (typeof code['ZipFile'] === 'string') {
      // Inline source is a file `index` in the runtime's language.
      const extension = String(properties['Runtime']).startsWith('python') ? 'py' : 'js';
      return functions.code.addSource(`index.${extension}`, code['ZipFile']);
    }
    if (code['S3Bucket'] === undefined || code['S3Key'] === undefined)
      throw invalid('Please provide a source for function code.');
    return functions.code.addArchive(await fromS3(cloud, String(code['S3Bucket']), String(code['S3Key'])));
  }

  const settings = (
    name: string,
    properties: Properties,
    stackTags: Readonly<Record<string, string>>,
  ): FunctionInput => {
    const vpc = object(properties['VpcConfig']);
    const variables = object(object(properties['Environment'])['Variables']);
    return {
      name,
      runtime: String(properties['Runtime'] ?? ''),
      handler: String(properties['Handler'] ?? ''),
      role: String(properties['Role']),
      description: String(properties['Description'] ?? ''),
      timeout: Number(properties['Timeout'] ?? 3),
      memory: Number(properties['MemorySize'] ?? 128),
      environment: Object.fromEntries(Object.entries(variables).map(([key, value]) => [key, String(value)])),
      architectures: properties['Architectures'] ? texts(properties['Architectures']) : ['x86_64'],
      layers: texts(properties['Layers']),
      logGroup: String(object(properties['LoggingConfig'])['LogGroup'] ?? `/aws/lambda/${name}`),
      ephemeralStorage: Number(object(properties['EphemeralStorage'])['Size'] ?? 512),
      tracing: object(properties['TracingConfig'])['Mode'] === 'Active' ? 'Active' : 'PassThrough',
      tags: tagsOf(properties['Tags'], stackTags),
      ...(properties['VpcConfig'] === undefined
        ? {}
        : {
            vpc: {
              subnetIds: texts(vpc['SubnetIds']),
              securityGroupIds: texts(vpc['SecurityGroupIds']),
            },
          }),
      ...(properties['ReservedConcurrentExecutions'] === undefined
        ? {}
        : { reservedConcurrency: Number(properties['ReservedConcurrentExecutions']) }),
    };
  };

  const functionState = (record: FunctionRecord): ResourceState => ({
    physicalId: record.name,
    attributes: { Arn: record.arn },
  });

  const fn: ResourceType = {
    replaceOn: ['FunctionName', 'PackageType'],
    validate(properties) {
      required(properties, 'Code', 'Role');
      if (properties['PackageType'] === 'Image')
        throw invalid('functions from container images are not available in the embedded cloud');
      required(properties, 'Handler', 'Runtime');
    },
    async create(context, properties) {
      const name = String(properties['FunctionName'] ?? context.physicalName(64));
      return functionState(
        functions.create(settings(name, properties, context.tags), await codeOf(properties)),
      );
    },
    async update(context, physicalId, properties) {
      const { reservedConcurrency: _before, ...before } = functions.resolve(physicalId);
      const code = await codeOf(properties);
      if (properties['ReservedConcurrentExecutions'] === undefined) functions.save(before);
      return functionState(
        await functions.change(physicalId, { ...settings(physicalId, properties, context.tags), code }),
      );
    },
    async delete(_context, physicalId) {
      if (!functions.get(physicalId)) return;
      await functions.remove(physicalId);
      runner.forget(physicalId);
    },
  };

  const permission: ResourceType = {
    replaceOn: ['*'],
    validate: (properties) => required(properties, 'Action', 'FunctionName', 'Principal'),
    create(context, properties) {
      const record = functions.resolve(String(properties['FunctionName']));
      const id = context.physicalName(100);
      functions.addPermission(record.name, id, permissionStatement(record.arn, id, properties));
      return { physicalId: id, attributes: { Id: id } };
    },
    delete(_context, physicalId, properties) {
      const { name } = functions.parse(String(properties['FunctionName']));
      if (functions.get(name)?.policy[physicalId]) functions.removePermission(name, physicalId);
    },
  };

  const layerVersion: ResourceType = {
    replaceOn: ['*'],
    validate: (properties) => required(properties, 'Content'),
    async create(context, properties) {
      const layer = functions.publishLayer(
        String(properties['LayerName'] ?? context.physicalName(64)),
        await codeOf(properties),
        String(properties['Description'] ?? ''),
        texts(properties['CompatibleRuntimes']),
      );
      return { physicalId: layer.versionArn, attributes: { LayerVersionArn: layer.versionArn } };
    },
    async delete(_context, physicalId) {
      const layer = functions.layers.get(physicalId);
      if (!layer) return;
      functions.layers.delete(physicalId);
      await functions.dropCode(layer.code);
    },
  };

  const version: ResourceType = {
    replaceOn: ['*'],
    validate: (properties) => required(properties, 'FunctionName'),
    create(_context, properties) {
      const { name } = functions.parse(String(properties['FunctionName']));
      const description = properties['Description'];
      const record = functions.publish(name, description === undefined ? undefined : String(description));
      const physicalId = `${record.arn}:${record.version}`;
      return { physicalId, attributes: { Version: record.version, FunctionArn: physicalId } };
    },
    async delete(_context, physicalId) {
      const { name, qualifier } = functions.parse(physicalId);
      if (qualifier !== undefined) await functions.removeVersion(name, qualifier);
    },
  };

  const aliasState = (properties: Properties): ResourceState => {
    const { name } = functions.parse(String(properties['FunctionName']));
    functions.putAlias({
      name: String(properties['Name']),
      functionName: name,
      version: String(properties['FunctionVersion']),
      description: String(properties['Description'] ?? ''),
    });
    const physicalId = `${functions.resolve(name).arn}:${String(properties['Name'])}`;
    return { physicalId, attributes: { AliasArn: physicalId } };
  };
  const alias: ResourceType = {
    replaceOn: ['FunctionName', 'Name'],
    validate: (properties) => required(properties, 'FunctionName', 'FunctionVersion', 'Name'),
    create: (_context, properties) => aliasState(properties),
    update: (_context, _physicalId, properties) => aliasState(properties),
    delete(_context, physicalId) {
      const { name, qualifier } = functions.parse(physicalId);
      functions.aliases.delete(`${name}:${qualifier}`);
    },
  };

  const retries = (properties: Properties, attempts: number | undefined): void => {
    const record = functions.resolve(functions.parse(String(properties['FunctionName'])).name);
    const { maximumRetryAttempts: _before, ...rest } = record;
    functions.save(attempts === undefined ? rest : { ...rest, maximumRetryAttempts: attempts });
  };
  const retriesOf = (properties: Properties): number | undefined =>
    properties['MaximumRetryAttempts'] === undefined ? undefined : Number(properties['MaximumRetryAttempts']);
  const eventInvokeConfig: ResourceType = {
    replaceOn: ['FunctionName', 'Qualifier'],
    validate: (properties) => required(properties, 'FunctionName', 'Qualifier'),
    create(context, properties) {
      retries(properties, retriesOf(properties));
      return { physicalId: context.physicalName(64) };
    },
    update(_context, physicalId, properties) {
      retries(properties, retriesOf(properties));
      return { physicalId };
    },
    delete(_context, _physicalId, properties) {
      if (functions.get(functions.parse(String(properties['FunctionName'])).name))
        retries(properties, undefined);
    },
  };

  const refusedUrl: ResourceType = {
    presence: 'refused',
    validate() {
      throw new AwsError(
        'InvalidParameterValueException',
        'function URLs are not available in the embedded cloud',
      );
    },
    create() {
      throw new AwsError(
        'InvalidParameterValueException',
        'function URLs are not available in the embedded cloud',
      );
    },
    delete: () => {},
  };

  return {
    'AWS::Lambda::Function': fn,
    'AWS::Lambda::Permission': permission,
    'AWS::Lambda::LayerVersion': layerVersion,
    'AWS::Lambda::LayerVersionPermission': inert((id) => ({ physicalId: id })),
    'AWS::Lambda::Version': version,
    'AWS::Lambda::Alias': alias,
    'AWS::Lambda::EventSourceMapping': inert((id) => ({ physicalId: id, attributes: { Id: id } })),
    'AWS::Lambda::EventInvokeConfig': eventInvokeConfig,
    'AWS::Lambda::Url': refusedUrl,
  };
}
