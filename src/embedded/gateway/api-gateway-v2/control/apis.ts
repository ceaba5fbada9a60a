/** HTTP APIs and their tags. */
import {
  type Cors,
  CreateApi$,
  type CreateApiRequest,
  DeleteApi$,
  type DeleteApiRequest,
  DeleteCorsConfiguration$,
  GetApi$,
  GetApis$,
  type GetApisRequest,
  GetTags$,
  TagResource$,
  type TagResourceRequest,
  UntagResource$,
  type UntagResourceRequest,
  UpdateApi$,
  type UpdateApiRequest,
} from '@aws-sdk/client-apigatewayv2';
import { executePrefix } from '../../../endpoint/aws-addresses.ts';
import type { Cloud, Operation } from '../../../platform.ts';
import type { MakeOperation } from '../../api-gateway/control/rest-operation.ts';
import { badRequest, newId, notFound } from '../../api-gateway/definition.ts';
import type { ApiRecord, HttpApiState, StageRecord } from '../state.ts';
import { itemsPage } from './items-page.ts';

export interface HttpApis {
  operations: Operation[];
  create(input: CreateApiRequest): ApiRecord;
  update(input: UpdateApiRequest): ApiRecord;
  /** Throws AwsError BadRequestException with what is not available here. */
  check(input: Partial<CreateApiRequest>): void;
}

function checkCors(cors: Cors | undefined): void {
  if (cors?.AllowCredentials && cors.AllowOrigins?.includes('*'))
    throw badRequest('Credentials may not be allowed together with any origin');
  const origin = cors?.AllowOrigins?.find((each) => each !== '*' && !/^https?:\/\/[^/]+$/.test(each));
  if (origin !== undefined)
    throw badRequest(`Invalid origin ${origin}: it must be *, or begin with http:// or https://`);
}

export function createApis(cloud: Cloud, state: HttpApiState, operation: MakeOperation): HttpApis {
  const check: HttpApis['check'] = (input) => {
    if (input.ProtocolType === 'WEBSOCKET')
      throw badRequest('WebSocket APIs are not available in the embedded cloud');
    if (input.Target !== undefined || input.RouteKey !== undefined)
      throw badRequest('Quick create is not available in the embedded cloud: create route and integration');
    checkCors(input.CorsConfiguration);
  };
  const create: HttpApis['create'] = (input) => {
    if (!input.Name) throw badRequest('Name must be specified');
    if (input.ProtocolType !== 'HTTP') check({ ProtocolType: 'WEBSOCKET' });
    check(input);
    const id = newId();
    return state.putApi({
      ApiId: id,
      ApiEndpoint: `${cloud.endpoint}${executePrefix}${id}`,
      ApiKeySelectionExpression: '$request.header.x-api-key',
      RouteSelectionExpression: '$request.method $request.path',
      ProtocolType: 'HTTP',
      Name: input.Name,
      Description: input.Description,
      Version: input.Version,
      CorsConfiguration: input.CorsConfiguration,
      DisableExecuteApiEndpoint: input.DisableExecuteApiEndpoint ?? false,
      CreatedDate: new Date(cloud.clock.now()).toISOString(),
      Tags: input.Tags ?? {},
    });
  };
  const update: HttpApis['update'] = (input) => {
    check(input);
    const api = state.api(input.ApiId);
    return state.putApi({
      ...api,
      Name: input.Name ?? api.Name,
      Description: input.Description ?? api.Description,
      Version: input.Version ?? api.Version,
      CorsConfiguration: input.CorsConfiguration ?? api.CorsConfiguration,
      DisableExecuteApiEndpoint: input.DisableExecuteApiEndpoint ?? api.DisableExecuteApiEndpoint,
    });
  };

  /** Of `arn:aws:apigateway:<region>::/apis/<id>[/stages/<name>]`. */
  const tagged = (arn = ''): { tags: Record<string, string>; save(tags: Record<string, string>): void } => {
    const [, id, stageName] = /::\/(?:v2\/)?apis\/([^/]+)(?:\/stages\/([^/]+))?$/.exec(arn) ?? [];
    if (id === undefined) throw notFound(`Invalid resource ARN ${arn}`);
    const record: ApiRecord | StageRecord =
      stageName === undefined ? state.api(id) : state.stages.get(id, stageName);
    return {
      tags: record.Tags ?? {},
      save(Tags) {
        if (stageName === undefined) state.putApi({ ...state.api(id), Tags });
        else state.stages.put(id, stageName, { ...state.stages.get(id, stageName), Tags });
      },
    };
  };

  return {
    create,
    update,
    check,
    operations: [
      operation(CreateApi$, create),
      operation(GetApi$, (input: DeleteApiRequest) => state.api(input.ApiId)),
      operation(GetApis$, (input: GetApisRequest) => itemsPage(state.apis.values(), input)),
      operation(UpdateApi$, update),
      operation(DeleteApi$, (input: DeleteApiRequest) => {
        state.removeApi(state.api(input.ApiId).ApiId);
        return {};
      }),
      operation(DeleteCorsConfiguration$, (input: DeleteApiRequest) => {
        const { CorsConfiguration: _gone, ...api } = state.api(input.ApiId);
        state.putApi(api);
        return {};
      }),
      operation(TagResource$, (input: TagResourceRequest) => {
        const { tags, save } = tagged(input.ResourceArn);
        save({ ...tags, ...input.Tags });
        return {};
      }),
      operation(UntagResource$, (input: UntagResourceRequest) => {
        const { tags, save } = tagged(input.ResourceArn);
        save(Object.fromEntries(Object.entries(tags).filter(([key]) => !input.TagKeys?.includes(key))));
        return {};
      }),
      operation(GetTags$, (input: UntagResourceRequest) => ({ Tags: tagged(input.ResourceArn).tags })),
    ],
  };
}
