/** AWS::ApiGateway::RestApi */
import type { CreateRestApiRequest, RestApi } from '@aws-sdk/client-api-gateway';
import type { Properties, ResourceContext, ResourceState, ResourceType } from '../../../platform.ts';
import { badRequest } from '../definition.ts';
import { importApi, parseDocument } from '../openapi/import.ts';
import type { Parts } from './parts.ts';
import { given, tagsOf } from './tags.ts';

interface RestApiProperties {
  Name?: string;
  Description?: string;
  Version?: string;
  Body?: Record<string, unknown> | string;
  BodyS3Location?: { Bucket?: string; Key?: string };
  ApiKeySourceType?: 'HEADER' | 'AUTHORIZER';
  BinaryMediaTypes?: string[];
  MinimumCompressionSize?: number;
  EndpointConfiguration?: { Types?: string[]; VpcEndpointIds?: string[] };
  Policy?: unknown;
  DisableExecuteApiEndpoint?: boolean;
  FailOnWarnings?: boolean;
  CloneFrom?: string;
  Mode?: string;
}

const policyText = (policy: unknown): string | undefined =>
  policy === undefined || typeof policy === 'string' ? policy : JSON.stringify(policy);

export function restApiType({ cloud, state, apis }: Parts): ResourceType {
  const result = (id: string): ResourceState => ({
    physicalId: id,
    attributes: { RestApiId: id, RootResourceId: state.api(id).definition.rootResourceId },
  });

  const bodyOf = async (
    properties: RestApiProperties,
  ): Promise<Record<string, unknown> | string | undefined> => {
    const { Bucket, Key } = properties.BodyS3Location ?? {};
    if (Bucket && Key) return (await cloud.s3.read(Bucket, Key)).toString('utf8');
    return properties.Body;
  };

  const documentOf = async (properties: RestApiProperties) => {
    const body = await bodyOf(properties);
    return typeof body === 'string' ? parseDocument(body) : body;
  };

  const settings = (properties: RestApiProperties): Partial<Omit<RestApi, 'createdDate'>> =>
    given({
      description: properties.Description,
      version: properties.Version,
      policy: policyText(properties.Policy),
      minimumCompressionSize: properties.MinimumCompressionSize,
      disableExecuteApiEndpoint: properties.DisableExecuteApiEndpoint,
    });

  const configure = async (
    context: ResourceContext,
    id: string,
    properties: RestApiProperties,
    document: Record<string, unknown> | Readonly<Record<string, unknown>> | undefined,
  ): Promise<void> => {
    if (document)
      apis.putDocument(id, document, {
        merge: properties.Mode === 'merge',
        failOnWarnings: properties.FailOnWarnings ?? false,
      });
    // Properties of the resource come over what the document says.
    const record = structuredClone(state.api(id));
    Object.assign(record.description, settings(properties), {
      tags: tagsOf(context, properties as Properties),
      ...(properties.Name !== undefined && { name: properties.Name }),
      ...(properties.EndpointConfiguration && {
        endpointConfiguration: given({
          types: properties.EndpointConfiguration.Types,
          vpcEndpointIds: properties.EndpointConfiguration.VpcEndpointIds,
        }),
      }),
    });
    if (properties.ApiKeySourceType) record.definition.apiKeySource = properties.ApiKeySourceType;
    if (properties.BinaryMediaTypes) record.definition.binaryMediaTypes = properties.BinaryMediaTypes;
    apis.put(record);
  };

  return {
    async create(context, source) {
      const properties = source as RestApiProperties;
      const document = await documentOf(properties);
      const name = properties.Name ?? (document && importApi(document).name);
      if (!name) throw badRequest('Name must be specified, or a Body with a title');
      const input: CreateRestApiRequest = {
        name,
        ...(properties.CloneFrom !== undefined && { cloneFrom: properties.CloneFrom }),
      };
      const { id } = apis.create(input);
      context.initiated?.(id);
      await configure(context, id, properties, document);
      return result(id);
    },
    async update(context, id, source, previous) {
      const properties = source as RestApiProperties;
      const document = await documentOf(properties);
      // Without a change in it the document is not put again: resources made one by one would go.
      const changed =
        JSON.stringify([properties.Body, properties.BodyS3Location]) !==
        JSON.stringify([previous['Body'], previous['BodyS3Location']]);
      await configure(context, id, properties, changed ? document : undefined);
      return result(id);
    },
    delete: (_context, id) => apis.delete(id),
  };
}
