/** A stage of an HTTP API, compiled: what its routes and settings come to when a request arrives. */
import type { Cors } from '@aws-sdk/client-apigatewayv2';
import type { Cloud } from '../../../platform.ts';
import { type AccessLog, createAccessLog, logGroupOf } from '../../api-gateway/data-plane/access-log.ts';
import { RouteTree } from '../../api-gateway/data-plane/routes.ts';
import { accountThrottle } from '../../api-gateway/data-plane/throttle.ts';
import { parseRouteKey } from '../control/routes.ts';
import type { HttpApiState, RouteRecord, StageRecord } from '../state.ts';
import { type Authorize, compileAuthorization } from './authorization.ts';
import type { Issuers } from './issuers.ts';
import { compileIntegration, type Integrate } from './lambda-integration.ts';

export interface CompiledRoute {
  /** `GET /orders/{id}` */
  key: string;
  /** `/orders/{id}`; `$default` for the default route. */
  path: string;
  rate: number;
  burst: number;
  authorize: Authorize | undefined;
  integrate: Integrate | undefined;
}

export interface CompiledStage {
  apiId: string;
  name: string;
  account: string;
  domainName: string;
  /** `arn:aws:execute-api:<region>:<account>:<api>/<stage>` */
  executeArn: string;
  variables: Readonly<Record<string, string>>;
  cors: Cors | undefined;
  routes: RouteTree<CompiledRoute>;
  defaultRoute: CompiledRoute | undefined;
  accessLog: AccessLog | undefined;
}

export interface CompiledStages {
  get(apiId: string, name: string): CompiledStage | undefined;
  stop(): void;
}

function compile(cloud: Cloud, state: HttpApiState, issuers: Issuers, stage: StageRecord): CompiledStage {
  const { ApiId: apiId, StageName: name } = stage;
  const definition = stage.AutoDeploy
    ? state.definition(apiId)
    : (state.deployments.find(apiId, stage.DeploymentId ?? '')?.definition ?? {
        routes: [],
        integrations: [],
        authorizers: [],
      });
  const integrations = new Map(definition.integrations.map((each) => [each.IntegrationId, each]));
  const authorizers = new Map(definition.authorizers.map((each) => [each.AuthorizerId, each]));
  const route = (record: RouteRecord): CompiledRoute => {
    const limits = { ...stage.DefaultRouteSettings, ...stage.RouteSettings?.[record.RouteKey] };
    const integration = integrations.get(record.Target?.replace(/^integrations\//, '') ?? '');
    return {
      key: record.RouteKey,
      path: parseRouteKey(record.RouteKey)?.path ?? '$default',
      rate: limits.ThrottlingRateLimit ?? accountThrottle.rateLimit,
      burst: limits.ThrottlingBurstLimit ?? accountThrottle.burstLimit,
      authorize: compileAuthorization(cloud, issuers, record, authorizers.get(record.AuthorizerId ?? '')),
      integrate: integration && compileIntegration(cloud, integration),
    };
  };
  const byPath = new Map<string, Map<string, CompiledRoute>>();
  for (const record of definition.routes) {
    const parsed = parseRouteKey(record.RouteKey);
    if (!parsed) continue;
    const methods = byPath.get(parsed.path) ?? new Map<string, CompiledRoute>();
    byPath.set(parsed.path, methods.set(parsed.method, route(record)));
  }
  const fallback = definition.routes.find(({ RouteKey }) => RouteKey === '$default');
  const group = logGroupOf(stage.AccessLogSettings?.DestinationArn ?? '');
  const format = stage.AccessLogSettings?.Format;
  return {
    apiId,
    name,
    account: cloud.account,
    domainName: `${apiId}.execute-api.${cloud.region}.amazonaws.com`,
    executeArn: `arn:${cloud.partition}:execute-api:${cloud.region}:${cloud.account}:${apiId}/${name}`,
    variables: stage.StageVariables ?? {},
    cors: state.apis.get(apiId)?.CorsConfiguration,
    routes: new RouteTree(byPath),
    defaultRoute: fallback && route(fallback),
    accessLog: group && format ? createAccessLog(cloud, group, `${apiId}-${name}`, format) : undefined,
  };
}

/** Stages as they are needed; when anything of an API changes, its stages are compiled anew. */
export function createCompiledStages(cloud: Cloud, state: HttpApiState, issuers: Issuers): CompiledStages {
  const compiled = new Map<string, Map<string, CompiledStage>>();
  const flush = (apiId: string): void => {
    for (const stage of compiled.get(apiId)?.values() ?? []) stage.accessLog?.flush();
  };
  state.onChange((apiId) => {
    flush(apiId);
    compiled.delete(apiId);
  });
  return {
    get(apiId, name) {
      const known = compiled.get(apiId)?.get(name);
      if (known) return known;
      const record = state.stages.find(apiId, name);
      if (!record) return undefined;
      const stage = compile(cloud, state, issuers, record);
      const ofApi = compiled.get(apiId) ?? new Map<string, CompiledStage>();
      compiled.set(apiId, ofApi.set(name, stage));
      return stage;
    },
    stop() {
      for (const apiId of compiled.keys()) flush(apiId);
    },
  };
}
