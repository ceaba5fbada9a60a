/** REST APIs as wholes: create, import, put, update, delete, export, tags. */
import {
  CreateRestApi$,
  type CreateRestApiRequest,
  DeleteRestApi$,
  type DeleteRestApiRequest,
  GetExport$,
  type GetExportRequest,
  GetRestApi$,
  type GetRestApiRequest,
  GetRestApis$,
  type GetRestApisRequest,
  ImportRestApi$,
  type ImportRestApiRequest,
  PutRestApi$,
  type PutRestApiRequest,
  UpdateRestApi$,
  type UpdateRestApiRequest,
} from '@aws-sdk/client-api-gateway';
import type { Cloud, Operation } from '../../../platform.ts';
import { type ApiDefinition, badRequest, emptyDefinition, limitExceeded, newId } from '../definition.ts';
import { exportApi } from '../openapi/export.ts';
import { importApi, parseDocument } from '../openapi/import.ts';
import type { ApiGatewayState, ApiRecord } from '../state.ts';
import { pageOf } from './page.ts';
import { applyPatches, booleanOf, numberOf } from './patch.ts';
import type { MakeOperation } from './rest-operation.ts';

/** Regional REST APIs of an account and Region ("Amazon API Gateway quotas"). */
export const maxApis = 600;

export interface RestApis {
  create(input: CreateRestApiRequest): ApiRecord;
  /** Replaces (or merges into) the definition by what an OpenAPI document says; settings that it does not name stay. */
  putDocument(
    id: string,
    document: Uint8Array | string | Readonly<Record<string, unknown>>,
    options: { merge?: boolean; failOnWarnings?: boolean },
  ): ApiRecord;
  put(record: ApiRecord): void;
  delete(id: string): void;
  readonly operations: readonly Operation[];
}

function merged(base: ApiDefinition, over: ApiDefinition): ApiDefinition {
  const resources = structuredClone(base.resources);
  for (const node of Object.values(over.resources)) {
    const known = resources[node.id];
    resources[node.id] = known ? { ...known, methods: { ...known.methods, ...node.methods } } : node;
  }
  return {
    ...base,
    apiKeySource: over.apiKeySource,
    binaryMediaTypes: [...new Set([...base.binaryMediaTypes, ...over.binaryMediaTypes])],
    resources,
    authorizers: { ...base.authorizers, ...over.authorizers },
    models: { ...base.models, ...over.models },
    requestValidators: { ...base.requestValidators, ...over.requestValidators },
    gatewayResponses: { ...base.gatewayResponses, ...over.gatewayResponses },
  };
}

export function createRestApis(
  cloud: Cloud,
  state: ApiGatewayState,
  operation: MakeOperation,
  onDeleteStage: (apiId: string, stage: string) => void,
): RestApis {
  const describe = (record: ApiRecord) => ({
    ...record.description,
    binaryMediaTypes: record.definition.binaryMediaTypes,
    apiKeySource: record.definition.apiKeySource,
    rootResourceId: record.definition.rootResourceId,
  });

  const apis: Omit<RestApis, 'operations'> = {
    create(input) {
      if (!input.name) throw badRequest('Name must be specified');
      if (state.apis.keys().length >= maxApis)
        throw limitExceeded(`Maximum number of Regional REST APIs has been reached: ${maxApis}`);
      const types = input.endpointConfiguration?.types ?? ['EDGE'];
      const definition = input.cloneFrom
        ? structuredClone(state.api(input.cloneFrom).definition)
        : emptyDefinition();
      if (input.apiKeySource) definition.apiKeySource = input.apiKeySource;
      if (input.binaryMediaTypes) definition.binaryMediaTypes = input.binaryMediaTypes;
      const record: ApiRecord = {
        id: newId(),
        definition,
        description: {
          name: input.name,
          createdDate: new Date(cloud.clock.now()).toISOString(),
          endpointConfiguration: { ...input.endpointConfiguration, types },
          disableExecuteApiEndpoint: input.disableExecuteApiEndpoint ?? false,
          ...(input.description !== undefined && { description: input.description }),
          ...(input.version !== undefined && { version: input.version }),
          ...(input.policy !== undefined && { policy: input.policy }),
          ...(input.minimumCompressionSize !== undefined && {
            minimumCompressionSize: input.minimumCompressionSize,
          }),
          ...(input.tags && { tags: input.tags }),
        },
      };
      record.description.id = record.id;
      apis.put(record);
      return record;
    },

    putDocument(id, document, { merge, failOnWarnings }) {
      const record = state.api(id);
      const parsed =
        typeof document === 'string' || document instanceof Uint8Array ? parseDocument(document) : document;
      const imported = importApi(parsed, record.definition);
      checkVpcLinks(cloud, imported.definition);
      if (failOnWarnings && imported.warnings.length > 0)
        throw badRequest(`Warnings found during import:\n\t${imported.warnings.join('\n\t')}`);
      const next: ApiRecord = {
        ...record,
        definition: merge ? merged(record.definition, imported.definition) : imported.definition,
        description: {
          ...record.description,
          ...imported.settings,
          ...(imported.name !== undefined && { name: imported.name }),
          warnings: imported.warnings,
        },
      };
      apis.put(next);
      return next;
    },

    put(record) {
      state.apis.put(record.id, record);
    },

    delete(id) {
      if (!state.apis.has(id)) return;
      for (const { stageName } of state.stagesOf(id)) {
        state.deleteStage(id, stageName);
        onDeleteStage(id, stageName);
      }
      for (const deployment of state.deployments.values())
        if (deployment.apiId === id) state.deployments.delete(`${id}/${deployment.id}`);
      state.apis.delete(id);
    },
  };

  const update = (input: UpdateRestApiRequest): ApiRecord => {
    const record = structuredClone(state.api(input.restApiId));
    const { description, definition } = record;
    const text =
      (name: 'name' | 'description' | 'version' | 'policy') =>
      ({ op, value }: { op: string; value: string }): void => {
        if (op === 'remove') delete description[name];
        else description[name] = value;
      };
    applyPatches(input.patchOperations, [
      ['/name', text('name')],
      ['/description', text('description')],
      ['/version', text('version')],
      ['/policy', text('policy')],
      [
        '/apiKeySource',
        ({ value }) => {
          if (value !== 'HEADER' && value !== 'AUTHORIZER')
            throw badRequest(`Invalid API key source '${value}'`);
          definition.apiKeySource = value;
        },
      ],
      [
        '/binaryMediaTypes/*',
        ({ op, parts: [type = ''] }) => {
          const others = definition.binaryMediaTypes.filter((each) => each !== type);
          definition.binaryMediaTypes = op === 'remove' ? others : [...others, type];
        },
      ],
      [
        '/minimumCompressionSize',
        ({ op, value }) => {
          if (op === 'remove' || value === '') delete description.minimumCompressionSize;
          else description.minimumCompressionSize = numberOf(value, 'minimumCompressionSize', 0, 10_485_760);
        },
      ],
      [
        '/disableExecuteApiEndpoint',
        ({ value }) => {
          description.disableExecuteApiEndpoint = booleanOf(value, 'disableExecuteApiEndpoint');
        },
      ],
      [
        '/endpointConfiguration/types/*',
        ({ value }) => {
          description.endpointConfiguration = { types: [value as 'REGIONAL' | 'EDGE' | 'PRIVATE'] };
        },
      ],
    ]);
    apis.put(record);
    return record;
  };

  return {
    ...apis,
    operations: [
      operation(CreateRestApi$, (input: CreateRestApiRequest) => describe(apis.create(input))),
      operation(GetRestApi$, (input: GetRestApiRequest) => describe(state.api(input.restApiId))),
      operation(GetRestApis$, (input: GetRestApisRequest) => {
        const page = pageOf(state.apis.values(), input);
        return { items: page.items.map(describe), position: page.position };
      }),
      operation(ImportRestApi$, (input: ImportRestApiRequest) => {
        const document = parseDocument(input.body ?? '');
        const { name } = importApi(document);
        const types = input.parameters?.['endpointConfigurationTypes'];
        const record = apis.create({
          name: name ?? 'imported',
          ...(types && { endpointConfiguration: { types: [types as 'REGIONAL'] } }),
        });
        try {
          return describe(
            apis.putDocument(record.id, document, { failOnWarnings: input.failOnWarnings ?? false }),
          );
        } catch (error) {
          apis.delete(record.id);
          throw error;
        }
      }),
      operation(PutRestApi$, (input: PutRestApiRequest) =>
        describe(
          apis.putDocument(input.restApiId ?? '', input.body ?? '', {
            merge: input.mode !== 'overwrite',
            failOnWarnings: input.failOnWarnings ?? false,
          }),
        ),
      ),
      operation(UpdateRestApi$, (input: UpdateRestApiRequest) => describe(update(input))),
      operation(DeleteRestApi$, (input: DeleteRestApiRequest) => {
        apis.delete(state.api(input.restApiId).id);
        return {};
      }),
      operation(GetExport$, (input: GetExportRequest) => {
        const stage = state.stage(input.restApiId, input.stageName);
        const { definition } = state.deployment(stage.apiId, stage.deploymentId);
        const document = exportApi(state.api(stage.apiId), definition, stage.stageName, {
          type: input.exportType ?? 'oas30',
          integrations: /integrations|apigateway/.test(input.parameters?.['extensions'] ?? ''),
        });
        return {
          contentType: 'application/json',
          contentDisposition: `attachment; filename="${stage.apiId}-${stage.stageName}.json"`,
          body: Buffer.from(JSON.stringify(document, undefined, 2)),
        };
      }),
    ],
  };
}

/** A VPC Link that does not exist is refused when the integration is made, as on AWS. */
export function checkVpcLinks(cloud: Cloud, definition: ApiDefinition): void {
  const links = cloud.store.collection('apigatewayv2.vpc-links');
  for (const { path, methods } of Object.values(definition.resources)) {
    for (const [verb, { methodIntegration }] of Object.entries(methods)) {
      const { connectionType, connectionId = '' } = methodIntegration ?? {};
      // A stage variable may name it; then only the stage knows.
      if (connectionType !== 'VPC_LINK' || connectionId.includes('${') || links.has(connectionId)) continue;
      throw badRequest(
        `Errors found during import:\n\tUnable to put integration on '${verb}' for resource at path '${path}': Invalid Vpc link identifier specified: ${connectionId}`,
      );
    }
  }
}
