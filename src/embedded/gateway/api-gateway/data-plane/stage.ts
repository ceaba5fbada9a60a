/** A stage, compiled: what a deployment's definition and the stage's settings come to when a request arrives. */
import type { Cloud } from '../../../platform.ts';
import { methodSettingKey } from '../control/stages.ts';
import type { ResourceNode } from '../definition.ts';
import type { ApiGatewayState, StageRecord } from '../state.ts';
import { type AccessLog, createAccessLog, logGroupOf } from './access-log.ts';
import { type CompiledAuthorizer, compileAuthorizer } from './authorizer.ts';
import { compileGatewayResponses, type GatewayResponses } from './gateway-responses.ts';
import { compileIntegration, type Integrate } from './integration.ts';
import { type CheckPolicy, compileResourcePolicy } from './resource-policy.ts';
import { RouteTree } from './routes.ts';
import { accountThrottle } from './throttle.ts';
import { compileValidation, type Validate } from './validation.ts';

export interface Route {
  resourceId: string;
  resourcePath: string;
  operationName: string | undefined;
  apiKeyRequired: boolean;
  authorizer: CompiledAuthorizer | undefined;
  /** Resource and method as declared: names the method's token buckets. */
  limitKey: string;
  methodThrottle: { rateLimit: number; burstLimit: number } | undefined;
  validate: Validate | undefined;
  integrate: Integrate;
}

export interface CompiledStage {
  apiId: string;
  name: string;
  /** `<api>/<stage>` */
  key: string;
  account: string;
  deploymentId: string;
  domainName: string;
  /** `arn:aws:execute-api:<region>:<account>:<api>/<stage>` */
  executeArn: string;
  variables: Readonly<Record<string, string>>;
  apiKeySource: 'HEADER' | 'AUTHORIZER';
  routes: RouteTree<Route>;
  gatewayResponses: GatewayResponses;
  accessLog: AccessLog | undefined;
  checkPolicy: CheckPolicy | undefined;
}

export interface CompiledStages {
  get(apiId: string, name: string): CompiledStage | undefined;
  stop(): void;
}

function throttleOf(stage: StageRecord, path: string, method: string): Route['methodThrottle'] {
  const settings = stage.methodSettings ?? {};
  const candidates = [
    settings[methodSettingKey(path, method)],
    settings[methodSettingKey(path, '*')],
    settings['*/*'],
  ];
  const found = candidates.find((setting) => (setting?.throttlingRateLimit ?? -1) >= 0);
  if (found?.throttlingRateLimit === undefined) return undefined;
  return {
    rateLimit: found.throttlingRateLimit,
    burstLimit: found.throttlingBurstLimit ?? accountThrottle.burstLimit,
  };
}

function compile(cloud: Cloud, state: ApiGatewayState, stage: StageRecord): CompiledStage | undefined {
  const { apiId, stageName: name, deploymentId } = stage;
  const deployment = state.deployments.get(`${apiId}/${deploymentId}`);
  if (!deployment || state.apis.get(apiId)?.description.disableExecuteApiEndpoint) return undefined;
  const { definition } = deployment;
  const variables = stage.variables ?? {};
  const authorizers = new Map(
    Object.entries(definition.authorizers).map(([id, authorizer]) => [
      id,
      compileAuthorizer(cloud, apiId, authorizer),
    ]),
  );
  const group = logGroupOf(stage.accessLogSettings?.destinationArn ?? '');
  const { format } = stage.accessLogSettings ?? {};
  const route = (node: ResourceNode, verb: string): Route => {
    const method = node.methods[verb] ?? {};
    return {
      resourceId: node.id,
      resourcePath: node.path,
      operationName: method.operationName,
      apiKeyRequired: method.apiKeyRequired ?? false,
      authorizer:
        method.authorizationType === 'CUSTOM' ? authorizers.get(method.authorizerId ?? '') : undefined,
      limitKey: `${node.path}/${verb}`,
      methodThrottle: throttleOf(stage, node.path, verb),
      validate: compileValidation(definition, method),
      integrate: compileIntegration(cloud, method.methodIntegration ?? {}, variables),
    };
  };
  return {
    apiId,
    name,
    key: `${apiId}/${name}`,
    account: cloud.account,
    deploymentId,
    domainName: `${apiId}.execute-api.${cloud.region}.amazonaws.com`,
    executeArn: `arn:${cloud.partition}:execute-api:${cloud.region}:${cloud.account}:${apiId}/${name}`,
    variables,
    apiKeySource: definition.apiKeySource,
    gatewayResponses: compileGatewayResponses(definition),
    checkPolicy: deployment.policy
      ? compileResourcePolicy(
          deployment.policy,
          `arn:${cloud.partition}:execute-api:${cloud.region}:${cloud.account}:${apiId}`,
        )
      : undefined,
    accessLog: group && format ? createAccessLog(cloud, group, `${apiId}-${name}`, format) : undefined,
    routes: new RouteTree(
      Object.values(definition.resources).map((node) => [
        node.path,
        new Map(Object.keys(node.methods).map((verb) => [verb, route(node, verb)])),
      ]),
    ),
  };
}

/** Stages as they are needed; one that changes is compiled anew, with empty caches. */
export function createStages(cloud: Cloud, state: ApiGatewayState): CompiledStages {
  const compiled = new Map<string, CompiledStage>();
  state.onStage((apiId, name) => {
    compiled.get(`${apiId}/${name}`)?.accessLog?.flush();
    compiled.delete(`${apiId}/${name}`);
  });
  return {
    get(apiId, name) {
      const key = `${apiId}/${name}`;
      const known = compiled.get(key);
      if (known) return known;
      const record = state.stages.get(key);
      const stage = record && compile(cloud, state, record);
      if (stage) compiled.set(key, stage);
      return stage;
    },
    stop() {
      for (const stage of compiled.values()) stage.accessLog?.flush();
    },
  };
}
