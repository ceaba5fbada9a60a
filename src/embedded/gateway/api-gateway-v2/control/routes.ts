/** Routes, the integrations that they lead to, and the authorizers that guard them. */
import {
  CreateAuthorizer$,
  type CreateAuthorizerRequest,
  CreateIntegration$,
  type CreateIntegrationRequest,
  CreateRoute$,
  type CreateRouteRequest,
  DeleteAuthorizer$,
  type DeleteAuthorizerRequest,
  DeleteIntegration$,
  type DeleteIntegrationRequest,
  DeleteRoute$,
  type DeleteRouteRequest,
  GetAuthorizer$,
  GetAuthorizers$,
  GetIntegration$,
  GetIntegrations$,
  GetRoute$,
  GetRoutes$,
  type GetRoutesRequest,
  UpdateAuthorizer$,
  type UpdateAuthorizerRequest,
  UpdateIntegration$,
  type UpdateIntegrationRequest,
  UpdateRoute$,
  type UpdateRouteRequest,
} from '@aws-sdk/client-apigatewayv2';
import type { Operation } from '../../../platform.ts';
import type { MakeOperation } from '../../api-gateway/control/rest-operation.ts';
import { badRequest, conflict, httpMethods, newId, pathParameter } from '../../api-gateway/definition.ts';
import type { AuthorizerRecord, HttpApiState, IntegrationRecord, RouteRecord } from '../state.ts';
import { itemsPage } from './items-page.ts';

/** With an id they change what is there: the members that are given, or with `whole` all of them. */
export interface Routing {
  operations: Operation[];
  putRoute(input: Partial<CreateRouteRequest>, id?: string, whole?: boolean): RouteRecord;
  putIntegration(input: Partial<CreateIntegrationRequest>, id?: string, whole?: boolean): IntegrationRecord;
  putAuthorizer(input: Partial<CreateAuthorizerRequest>, id?: string, whole?: boolean): AuthorizerRecord;
}

/** Routes of an API ("Quotas for configuring and running an HTTP API"). */
const maxRoutes = 300;

/** `GET /orders/{id}` → its method and path; undefined for `$default`. Throws AwsError BadRequestException. */
export function parseRouteKey(key: string): { method: string; path: string } | undefined {
  if (key === '$default') return undefined;
  const [method = '', path = '', ...rest] = key.split(' ');
  const parts = path.slice(1).split('/');
  const greedy = parts.findIndex((part) => pathParameter(part)?.greedy);
  if (
    rest.length > 0 ||
    !httpMethods.has(method) ||
    !path.startsWith('/') ||
    parts.some((part) => /[{}]/.test(part) && !pathParameter(part)) ||
    (greedy >= 0 && greedy < parts.length - 1)
  )
    throw badRequest(`The provided route key is not formatted properly for HTTP protocol: ${key}`);
  return { method, path };
}

/** The function's ARN in an integration's URI, which may be that of Lambda's invocation path. */
export const functionOf = (uri: string): string | undefined =>
  (/:lambda:path\/2015-03-31\/functions\/(.+)\/invocations$/.exec(uri)?.[1] ?? uri).match(
    /^arn:[\w-]+:lambda:[\w-]+:\d{12}:function:.+$/,
  )?.[0];

function checkIntegration(integration: IntegrationRecord): void {
  const unavailable = (what: string) => badRequest(`${what} are not available in the embedded cloud`);
  if (integration.IntegrationType !== 'AWS_PROXY')
    throw unavailable(`Integrations of HTTP APIs of type ${integration.IntegrationType}`);
  if (integration.IntegrationSubtype !== undefined) throw unavailable('AWS service integrations');
  if (Object.keys(integration.RequestParameters ?? integration.ResponseParameters ?? {}).length > 0)
    throw unavailable('Parameter mappings of HTTP APIs');
  if (!functionOf(integration.IntegrationUri ?? ''))
    throw badRequest(`Invalid function URI: ${integration.IntegrationUri}`);
  if (!/^[12]\.0$/.test(integration.PayloadFormatVersion ?? ''))
    throw badRequest('PayloadFormatVersion must be 1.0 or 2.0');
  const timeout = integration.TimeoutInMillis ?? 0;
  if (timeout < 50 || timeout > 30_000) throw badRequest('TimeoutInMillis must be between 50 and 30000');
}

function checkAuthorizer(authorizer: AuthorizerRecord): void {
  if (authorizer.AuthorizerType !== 'JWT')
    throw badRequest('Lambda authorizers of HTTP APIs are not available in the embedded cloud');
  if (!authorizer.Name) throw badRequest('Name must be specified');
  const [source, ...more] = authorizer.IdentitySource ?? [];
  if (more.length > 0 || !/^\$request\.(header|querystring)\.[\w-]+$/.test(source ?? ''))
    throw badRequest(
      'A JWT authorizer has one identity source, $request.header.NAME or $request.querystring.NAME',
    );
  const { Issuer = '', Audience } = authorizer.JwtConfiguration ?? {};
  if (!URL.canParse(Issuer)) throw badRequest('Invalid issuer: Issuer must be a URL');
  if (!Audience?.length) throw badRequest('Audience must be specified');
}

export function createRouting(state: HttpApiState, operation: MakeOperation): Routing {
  /** The members that are given, over those before. */
  const merged = <T extends object>(before: T | undefined, given: object): T =>
    ({
      ...before,
      ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    }) as T;

  const putIntegration: Routing['putIntegration'] = (input, id, whole) => {
    const api = state.api(input.ApiId).ApiId;
    const before = id === undefined || whole ? undefined : state.integrations.get(api, id);
    const integration: IntegrationRecord = {
      ConnectionType: 'INTERNET',
      IntegrationMethod: 'POST',
      PayloadFormatVersion: '1.0',
      TimeoutInMillis: 30_000,
      ...merged<IntegrationRecord>(before, input),
      ApiId: api,
      IntegrationId: id ?? newId(7),
    };
    checkIntegration(integration);
    return state.integrations.put(api, integration.IntegrationId, integration);
  };

  const putAuthorizer: Routing['putAuthorizer'] = (input, id, whole) => {
    const api = state.api(input.ApiId).ApiId;
    const before = id === undefined || whole ? undefined : state.authorizers.get(api, id);
    const authorizer = {
      ...merged<AuthorizerRecord>(before, input),
      ApiId: api,
      AuthorizerId: id ?? newId(6),
    };
    checkAuthorizer(authorizer);
    return state.authorizers.put(api, authorizer.AuthorizerId, authorizer);
  };

  const putRoute: Routing['putRoute'] = (input, id, whole) => {
    const api = state.api(input.ApiId).ApiId;
    const before = id === undefined || whole ? undefined : state.routes.get(api, id);
    const route: RouteRecord = {
      ApiKeyRequired: false,
      AuthorizationType: 'NONE',
      ...merged<RouteRecord>(before, input),
      ApiId: api,
      RouteId: id ?? newId(7),
    };
    parseRouteKey(route.RouteKey);
    const others = state.routes.of(api).filter(({ RouteId }) => RouteId !== route.RouteId);
    if (others.some(({ RouteKey }) => RouteKey === route.RouteKey))
      throw conflict(`Route with key ${route.RouteKey} already exists for this API`);
    if (others.length >= maxRoutes) throw badRequest(`Maximum number of Routes of an API is ${maxRoutes}`);
    if (route.AuthorizationType === 'JWT') state.authorizers.get(api, route.AuthorizerId);
    else if (route.AuthorizationType === 'CUSTOM')
      throw badRequest('Lambda authorizers of HTTP APIs are not available in the embedded cloud');
    if (route.AuthorizationScopes?.length && route.AuthorizationType !== 'JWT')
      throw badRequest('AuthorizationScopes are only supported with JWT authorization');
    const target = route.Target?.replace(/^integrations\//, '');
    if (target !== undefined) state.integrations.get(api, target);
    return state.routes.put(api, route.RouteId, route);
  };

  return {
    putRoute,
    putIntegration,
    putAuthorizer,
    operations: [
      operation(CreateRoute$, (input: CreateRouteRequest) => putRoute(input)),
      operation(UpdateRoute$, (input: UpdateRouteRequest) => putRoute(input, input.RouteId)),
      operation(GetRoute$, (input: DeleteRouteRequest) => state.routes.get(input.ApiId, input.RouteId)),
      operation(GetRoutes$, (input: GetRoutesRequest) =>
        itemsPage(state.routes.of(state.api(input.ApiId).ApiId), input),
      ),
      operation(DeleteRoute$, (input: DeleteRouteRequest) => {
        const { ApiId, RouteId } = state.routes.get(input.ApiId, input.RouteId);
        state.routes.remove(ApiId, RouteId);
        return {};
      }),
      operation(CreateIntegration$, (input: CreateIntegrationRequest) => putIntegration(input)),
      operation(UpdateIntegration$, (input: UpdateIntegrationRequest) =>
        putIntegration(input, input.IntegrationId),
      ),
      operation(GetIntegration$, (input: DeleteIntegrationRequest) =>
        state.integrations.get(input.ApiId, input.IntegrationId),
      ),
      operation(GetIntegrations$, (input: GetRoutesRequest) =>
        itemsPage(state.integrations.of(state.api(input.ApiId).ApiId), input),
      ),
      operation(DeleteIntegration$, (input: DeleteIntegrationRequest) => {
        const { ApiId, IntegrationId } = state.integrations.get(input.ApiId, input.IntegrationId);
        const user = state.routes.of(ApiId).find(({ Target }) => Target === `integrations/${IntegrationId}`);
        if (user)
          throw conflict(`Cannot delete Integration '${IntegrationId}': Route ${user.RouteKey} uses it`);
        state.integrations.remove(ApiId, IntegrationId);
        return {};
      }),
      operation(CreateAuthorizer$, (input: CreateAuthorizerRequest) => putAuthorizer(input)),
      operation(UpdateAuthorizer$, (input: UpdateAuthorizerRequest) =>
        putAuthorizer(input, input.AuthorizerId),
      ),
      operation(GetAuthorizer$, (input: DeleteAuthorizerRequest) =>
        state.authorizers.get(input.ApiId, input.AuthorizerId),
      ),
      operation(GetAuthorizers$, (input: GetRoutesRequest) =>
        itemsPage(state.authorizers.of(state.api(input.ApiId).ApiId), input),
      ),
      operation(DeleteAuthorizer$, (input: DeleteAuthorizerRequest) => {
        const { ApiId, AuthorizerId } = state.authorizers.get(input.ApiId, input.AuthorizerId);
        const user = state.routes.of(ApiId).find((route) => route.AuthorizerId === AuthorizerId);
        if (user)
          throw conflict(`Cannot delete Authorizer '${AuthorizerId}': Route ${user.RouteKey} uses it`);
        state.authorizers.remove(ApiId, AuthorizerId);
        return {};
      }),
    ],
  };
}
