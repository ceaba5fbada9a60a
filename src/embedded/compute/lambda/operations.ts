/** Lambda's API. */
import { randomUUID } from 'node:crypto';
import {
  AddPermission$,
  type AddPermissionRequest,
  type AliasConfiguration,
  CreateAlias$,
  type CreateAliasRequest,
  CreateFunction$,
  type CreateFunctionRequest,
  DeleteAlias$,
  type DeleteAliasRequest,
  DeleteFunction$,
  DeleteFunctionConcurrency$,
  type DeleteFunctionRequest,
  type FunctionCode,
  GetAccountSettings$,
  GetAlias$,
  GetFunction$,
  GetFunctionConcurrency$,
  GetFunctionConfiguration$,
  type GetFunctionRequest,
  GetLayerVersion$,
  GetPolicy$,
  type GetPolicyRequest,
  type InvocationRequest,
  type InvocationResponse,
  Invoke$,
  ListAliases$,
  type ListAliasesRequest,
  ListFunctions$,
  type ListFunctionsRequest,
  ListLayers$,
  ListTags$,
  type ListTagsRequest,
  ListVersionsByFunction$,
  type ListVersionsByFunctionRequest,
  PublishLayerVersion$,
  type PublishLayerVersionRequest,
  PublishVersion$,
  type PublishVersionRequest,
  PutFunctionConcurrency$,
  type PutFunctionConcurrencyRequest,
  RemovePermission$,
  type RemovePermissionRequest,
  TagResource$,
  type TagResourceRequest,
  UntagResource$,
  type UntagResourceRequest,
  UpdateAlias$,
  type UpdateAliasRequest,
  UpdateFunctionCode$,
  type UpdateFunctionCodeRequest,
  UpdateFunctionConfiguration$,
  type UpdateFunctionConfigurationRequest,
} from '@aws-sdk/client-lambda';
import { parseJson } from '../../../model/nesting.ts';
import { AwsError, arn, type Call, type Cloud, type Operation, operation } from '../../platform.ts';
import type { StoredCode } from './code.ts';
import { type AliasRecord, configurationOf, type FunctionRecord, type LayerRecord } from './function.ts';
import { type Functions, invalid, permissionStatement } from './functions.ts';
import type { Runner } from './runner.ts';
import { FunctionFailure } from './worker.ts';

/** Lambda retries an asynchronous invocation after one minute and again after two (developer guide). */
const retryAfterMs = [60_000, 120_000];

function page<T>(
  all: readonly T[],
  input: { Marker?: string | undefined; MaxItems?: number | undefined },
): { items: T[]; NextMarker?: string } {
  const from = Number(input.Marker ?? 0);
  const to = from + Math.min(input.MaxItems ?? 50, 50);
  return { items: all.slice(from, to), ...(to < all.length ? { NextMarker: String(to) } : {}) };
}

type Settings = CreateFunctionRequest | UpdateFunctionConfigurationRequest;

/** The members that CreateFunction and UpdateFunctionConfiguration share, as far as they are given. */
function settingsOf(input: Settings): Partial<FunctionRecord> {
  const { LoggingConfig, EphemeralStorage, TracingConfig, VpcConfig } = input;
  return {
    ...(input.Runtime === undefined ? {} : { runtime: input.Runtime }),
    ...(input.Handler === undefined ? {} : { handler: input.Handler }),
    ...(input.Role === undefined ? {} : { role: input.Role }),
    ...(input.Description === undefined ? {} : { description: input.Description }),
    ...(input.Timeout === undefined ? {} : { timeout: input.Timeout }),
    ...(input.MemorySize === undefined ? {} : { memory: input.MemorySize }),
    ...(input.Environment === undefined ? {} : { environment: input.Environment.Variables ?? {} }),
    ...(input.Layers === undefined ? {} : { layers: input.Layers }),
    ...(LoggingConfig?.LogGroup === undefined ? {} : { logGroup: LoggingConfig.LogGroup }),
    ...(EphemeralStorage?.Size === undefined ? {} : { ephemeralStorage: EphemeralStorage.Size }),
    ...(TracingConfig?.Mode === undefined ? {} : { tracing: TracingConfig.Mode }),
    ...(VpcConfig === undefined
      ? {}
      : {
          vpc: {
            subnetIds: VpcConfig.SubnetIds ?? [],
            securityGroupIds: VpcConfig.SecurityGroupIds ?? [],
          },
        }),
  };
}

export function lambdaOperations(cloud: Cloud, functions: Functions, runner: Runner): Operation[] {
  const arnOf = (reference: string | undefined): string => {
    try {
      return arn(cloud, 'lambda', `function:${functions.parse(reference ?? '').name}`);
    } catch {
      return '*';
    }
  };
  const on = <Input extends { FunctionName?: string | undefined }, Output>(
    schema: unknown,
    name: string,
    handler: (input: Input) => Output | Promise<Output>,
  ): Operation =>
    operation(schema, handler, {
      access: (input) => [{ action: `lambda:${name}`, resource: arnOf(input.FunctionName) }],
    });
  const nameOf = (reference: string | undefined): string => functions.parse(reference ?? '').name;

  async function codeOf(input: FunctionCode | UpdateFunctionCodeRequest): Promise<StoredCode> {
    if (input.ZipFile !== undefined) return functions.code.addArchive(Buffer.from(input.ZipFile));
    if (input.S3Bucket !== undefined && input.S3Key !== undefined)
      return functions.code.addArchive(await fromS3(cloud, input.S3Bucket, input.S3Key));
    throw invalid('Please provide a source for function code.');
  }

  const aliasOutput = (alias: AliasRecord): AliasConfiguration => ({
    AliasArn: `${arnOf(alias.functionName)}:${alias.name}`,
    Name: alias.name,
    FunctionVersion: alias.version,
    Description: alias.description,
    RevisionId: alias.revisionId,
  });

  const layerOutput = (layer: LayerRecord) => ({
    LayerArn: layer.arn,
    LayerVersionArn: layer.versionArn,
    Version: layer.version,
    Description: layer.description,
    CreatedDate: new Date(layer.createdAt).toISOString().replace('Z', '+0000'),
    Content: { CodeSha256: layer.code.sha256, CodeSize: layer.code.size },
  });

  /** Runs in the background, with Lambda's retries; what fails for good is in the logs alone. */
  function later(record: FunctionRecord, event: string, attempt = 0): void {
    runner.run(record, event).catch((error: unknown) => {
      const wait = retryAfterMs[attempt];
      if (wait === undefined || attempt >= (record.maximumRetryAttempts ?? 2))
        cloud.log(`lambda: an asynchronous invocation of ${record.name} failed: ${String(error)}`);
      else setTimeout(() => later(record, event, attempt + 1), wait).unref();
    });
  }

  function mayInvoke(record: FunctionRecord, call: Call): void {
    const resource = record.version === '$LATEST' ? record.arn : `${record.arn}:${record.version}`;
    try {
      cloud.iam.authorize(call.principal, { action: 'lambda:InvokeFunction', resource });
    } catch (error) {
      // Within the account the function's own policy may grant it, too.
      const { arn: session, roleArn, type } = call.principal;
      const explicit = error instanceof AwsError && error.message.includes('explicit deny');
      if (
        type !== 'role' ||
        explicit ||
        !functions.admits(record, { aws: [session, ...(roleArn ? [roleArn] : [])] })
      )
        throw error;
    }
  }

  async function invoke(input: InvocationRequest, call: Call): Promise<InvocationResponse> {
    const record = functions.resolve(input.FunctionName ?? '', input.Qualifier);
    mayInvoke(record, call);
    const event = input.Payload?.length ? Buffer.from(input.Payload).toString('utf8') : 'null';
    try {
      parseJson(event);
    } catch (error) {
      throw new AwsError(
        'InvalidRequestContentException',
        `Could not parse request body into json: ${error instanceof Error ? error.message : error}`,
      );
    }
    if (input.InvocationType === 'DryRun') return { StatusCode: 204 };
    if (input.InvocationType === 'Event') {
      later(record, event);
      return { StatusCode: 202 };
    }
    const tail = (lines: string[] | undefined) =>
      input.LogType === 'Tail'
        ? {
            LogResult: Buffer.from((lines ?? []).join('\n'))
              .subarray(-4096)
              .toString('base64'),
          }
        : {};
    const clientContext =
      input.ClientContext === undefined
        ? undefined
        : Buffer.from(input.ClientContext, 'base64').toString('utf8');
    try {
      const { payload, lines } = await runner.run(record, event, {
        requestId: call.requestId,
        clientContext,
      });
      return {
        StatusCode: 200,
        ExecutedVersion: record.version,
        Payload: Buffer.from(payload),
        ...tail(lines),
      };
    } catch (error) {
      if (!(error instanceof FunctionFailure)) throw error;
      return {
        StatusCode: 200,
        ExecutedVersion: record.version,
        FunctionError: 'Unhandled',
        Payload: Buffer.from(JSON.stringify(error.error)),
        ...tail(error.lines),
      };
    }
  }

  return [
    operation(Invoke$, invoke, { access: () => [] }),
    on(CreateFunction$, 'CreateFunction', async (input: CreateFunctionRequest) => {
      if (input.PackageType === 'Image')
        throw invalid('functions from container images are not available in the embedded cloud');
      const record = functions.create(
        {
          ...settingsOf(input),
          name: nameOf(input.FunctionName),
          runtime: input.Runtime ?? '',
          handler: input.Handler ?? '',
          role: input.Role ?? '',
          ...(input.Architectures === undefined ? {} : { architectures: input.Architectures }),
          ...(input.Tags === undefined ? {} : { tags: input.Tags }),
        },
        await codeOf(input.Code ?? {}),
      );
      return configurationOf(input.Publish ? functions.publish(record.name) : record);
    }),
    on(GetFunction$, 'GetFunction', (input: GetFunctionRequest) => {
      const record = functions.resolve(input.FunctionName ?? '', input.Qualifier);
      return {
        Configuration: configurationOf(record),
        Code: { RepositoryType: 'S3' },
        Tags: record.tags,
        ...(record.reservedConcurrency === undefined
          ? {}
          : { Concurrency: { ReservedConcurrentExecutions: record.reservedConcurrency } }),
      };
    }),
    on(GetFunctionConfiguration$, 'GetFunctionConfiguration', (input: GetFunctionRequest) =>
      configurationOf(functions.resolve(input.FunctionName ?? '', input.Qualifier)),
    ),
    on(UpdateFunctionCode$, 'UpdateFunctionCode', async (input: UpdateFunctionCodeRequest) => {
      const name = nameOf(input.FunctionName);
      const record = await functions.change(name, { code: await codeOf(input) });
      return configurationOf(input.Publish ? functions.publish(name) : record);
    }),
    on(
      UpdateFunctionConfiguration$,
      'UpdateFunctionConfiguration',
      async (input: UpdateFunctionConfigurationRequest) =>
        configurationOf(await functions.change(nameOf(input.FunctionName), settingsOf(input))),
    ),
    on(DeleteFunction$, 'DeleteFunction', async (input: DeleteFunctionRequest) => {
      const { name, qualifier } = functions.parse(input.FunctionName ?? '');
      const version = input.Qualifier ?? qualifier;
      functions.resolve(name, version);
      if (version !== undefined && version !== '$LATEST') await functions.removeVersion(name, version);
      else {
        await functions.remove(name);
        runner.forget(name);
      }
      return { StatusCode: 204 };
    }),
    operation(ListFunctions$, (input: ListFunctionsRequest) => {
      const { items, ...rest } = page(functions.list(), input);
      return { Functions: items.map(configurationOf), ...rest };
    }),
    on(PublishVersion$, 'PublishVersion', (input: PublishVersionRequest) =>
      configurationOf(functions.publish(nameOf(input.FunctionName), input.Description)),
    ),
    on(ListVersionsByFunction$, 'ListVersionsByFunction', (input: ListVersionsByFunctionRequest) => {
      const latest = functions.resolve(nameOf(input.FunctionName));
      const { items, ...rest } = page(
        [latest, ...functions.versions.values().filter((version) => version.name === latest.name)],
        input,
      );
      return { Versions: items.map(configurationOf), ...rest };
    }),
    on(CreateAlias$, 'CreateAlias', (input: CreateAliasRequest) => {
      const name = nameOf(input.FunctionName);
      if (functions.aliases.has(`${name}:${input.Name}`))
        throw new AwsError('ResourceConflictException', `Alias already exists: ${input.Name}`, 409);
      return aliasOutput(
        functions.putAlias({
          name: input.Name ?? '',
          functionName: name,
          version: input.FunctionVersion ?? '$LATEST',
          description: input.Description ?? '',
        }),
      );
    }),
    on(UpdateAlias$, 'UpdateAlias', (input: UpdateAliasRequest) => {
      const alias = aliasNamed(functions, nameOf(input.FunctionName), input.Name);
      return aliasOutput(
        functions.putAlias({
          ...alias,
          version: input.FunctionVersion ?? alias.version,
          description: input.Description ?? alias.description,
        }),
      );
    }),
    on(GetAlias$, 'GetAlias', (input: DeleteAliasRequest) =>
      aliasOutput(aliasNamed(functions, nameOf(input.FunctionName), input.Name)),
    ),
    on(DeleteAlias$, 'DeleteAlias', (input: DeleteAliasRequest) => {
      functions.aliases.delete(`${nameOf(input.FunctionName)}:${input.Name}`);
      return {};
    }),
    on(ListAliases$, 'ListAliases', (input: ListAliasesRequest) => {
      const name = functions.resolve(nameOf(input.FunctionName)).name;
      const { items, ...rest } = page(
        functions.aliases.values().filter((alias) => alias.functionName === name),
        input,
      );
      return { Aliases: items.map(aliasOutput), ...rest };
    }),
    on(AddPermission$, 'AddPermission', (input: AddPermissionRequest) => {
      const record = functions.resolve(nameOf(input.FunctionName));
      const id = input.StatementId ?? '';
      const statement = permissionStatement(record.arn, id, input);
      functions.addPermission(record.name, id, statement);
      return { Statement: JSON.stringify(statement) };
    }),
    on(RemovePermission$, 'RemovePermission', (input: RemovePermissionRequest) => {
      functions.removePermission(nameOf(input.FunctionName), input.StatementId ?? '');
      return {};
    }),
    on(GetPolicy$, 'GetPolicy', (input: GetPolicyRequest) => {
      const record = functions.resolve(nameOf(input.FunctionName));
      const document = functions.policyDocument(record.name);
      if (!document)
        throw new AwsError('ResourceNotFoundException', 'The resource you requested does not exist.', 404);
      return { Policy: JSON.stringify(document), RevisionId: record.revisionId };
    }),
    on(PutFunctionConcurrency$, 'PutFunctionConcurrency', async (input: PutFunctionConcurrencyRequest) => {
      const reservedConcurrency = input.ReservedConcurrentExecutions ?? 0;
      await functions.change(nameOf(input.FunctionName), { reservedConcurrency });
      return { ReservedConcurrentExecutions: reservedConcurrency };
    }),
    on(GetFunctionConcurrency$, 'GetFunctionConcurrency', (input: GetPolicyRequest) => ({
      ReservedConcurrentExecutions: functions.resolve(nameOf(input.FunctionName)).reservedConcurrency,
    })),
    on(DeleteFunctionConcurrency$, 'DeleteFunctionConcurrency', (input: GetPolicyRequest) => {
      const { reservedConcurrency: _gone, ...record } = functions.resolve(nameOf(input.FunctionName));
      functions.save(record);
      return {};
    }),
    operation(TagResource$, (input: TagResourceRequest) => {
      const record = functions.resolve(input.Resource ?? '');
      functions.save({ ...record, tags: { ...record.tags, ...input.Tags } });
      return {};
    }),
    operation(UntagResource$, (input: UntagResourceRequest) => {
      const record = functions.resolve(input.Resource ?? '');
      const gone = new Set(input.TagKeys);
      functions.save({
        ...record,
        tags: Object.fromEntries(Object.entries(record.tags).filter(([key]) => !gone.has(key))),
      });
      return {};
    }),
    operation(ListTags$, (input: ListTagsRequest) => ({
      Tags: functions.resolve(input.Resource ?? '').tags,
    })),
    operation(PublishLayerVersion$, async (input: PublishLayerVersionRequest) => {
      const stored = await codeOf(input.Content ?? {});
      return layerOutput(
        functions.publishLayer(
          input.LayerName ?? randomUUID(),
          stored,
          input.Description ?? '',
          input.CompatibleRuntimes ?? [],
        ),
      );
    }),
    operation(GetLayerVersion$, (input: { LayerName?: string; VersionNumber?: number }) => {
      const found = functions.layers
        .values()
        .find((layer) => layer.name === input.LayerName && layer.version === input.VersionNumber);
      if (!found)
        throw new AwsError('ResourceNotFoundException', 'The resource you requested does not exist.', 404);
      return layerOutput(found);
    }),
    operation(ListLayers$, () => {
      const newest = new Map<string, LayerRecord>();
      for (const layer of functions.layers.values())
        if ((newest.get(layer.name)?.version ?? 0) < layer.version) newest.set(layer.name, layer);
      return {
        Layers: [...newest.values()].map((layer) => ({
          LayerName: layer.name,
          LayerArn: layer.arn,
          LatestMatchingVersion: layerOutput(layer),
        })),
      };
    }),
    operation(GetAccountSettings$, () => ({
      AccountLimit: {
        TotalCodeSize: 80_530_636_800,
        CodeSizeUnzipped: 262_144_000,
        CodeSizeZipped: 52_428_800,
        ConcurrentExecutions: 1000,
        UnreservedConcurrentExecutions: functions
          .list()
          .reduce((left, record) => left - (record.reservedConcurrency ?? 0), 1000),
      },
      AccountUsage: {
        TotalCodeSize: functions.list().reduce((sum, record) => sum + record.code.size, 0),
        FunctionCount: functions.list().length,
      },
    })),
  ];
}

function aliasNamed(functions: Functions, functionName: string, name: string | undefined): AliasRecord {
  const alias = functions.aliases.get(`${functionName}:${name}`);
  if (!alias)
    throw new AwsError('ResourceNotFoundException', `Alias not found: ${functionName}:${name}`, 404);
  return alias;
}

/** An archive in S3. Throws InvalidParameterValueException with S3's words when it can't be read. */
export async function fromS3(cloud: Cloud, bucket: string, key: string): Promise<Buffer> {
  try {
    return await cloud.s3.read(bucket, key);
  } catch (error) {
    const { code, message } =
      error instanceof AwsError ? error : { code: 'NoSuchKey', message: String(error) };
    throw invalid(`Error occurred while GetObject. S3 Error Code: ${code}. S3 Error Message: ${message}`);
  }
}
