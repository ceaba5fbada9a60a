/** API Gateway, REST APIs: control plane, CloudFormation types, live data plane. */
import type { AwsService, Cloud } from '../../platform.ts';
import { createAccount } from './control/account.ts';
import { createApiKeys } from './control/api-keys.ts';
import { createAuthorizers } from './control/authorizers.ts';
import { createDefinitionParts } from './control/definition-parts.ts';
import { createResources } from './control/resources.ts';
import { createRestApis } from './control/rest-apis.ts';
import { operationsOf } from './control/rest-operation.ts';
import { createStages } from './control/stages.ts';
import { createUsagePlans } from './control/usage-plans.ts';
import { executeRoute } from './data-plane/handler.ts';
import { createLimits } from './data-plane/limits.ts';
import { createStages as createCompiledStages } from './data-plane/stage.ts';
import { definitionTypes } from './resource-types/definition.ts';
import type { Parts } from './resource-types/parts.ts';
import { restApiType } from './resource-types/rest-api.ts';
import { stageTypes } from './resource-types/stages.ts';
import { usageTypes } from './resource-types/usage.ts';
import { openState } from './state.ts';
import { openUsage } from './usage.ts';

export function createApiGateway(cloud: Cloud): AwsService {
  const state = openState(cloud);
  const usage = openUsage(cloud);
  const operation = operationsOf(cloud, (path) => {
    const [, kind, id = '', ...below] = path.split('/');
    if (below.length > 0) return {};
    if (kind === 'apikeys') return state.keys.get(id)?.tags ?? {};
    return kind === 'usageplans' ? (state.plans.get(id)?.tags ?? {}) : {};
  });
  const now = (): number => cloud.clock.now();
  const plans = createUsagePlans(state, usage, operation, now);
  const parts: Parts = {
    cloud,
    state,
    plans,
    apis: createRestApis(cloud, state, operation, plans.removeStage),
    resources: createResources(cloud, state, operation),
    authorizers: createAuthorizers(state, operation),
    definitionParts: createDefinitionParts(state, operation),
    stages: createStages(cloud, state, operation, plans.removeStage),
    keys: createApiKeys(cloud, state, operation, (keyId) => usage.forget({ keyId })),
    account: createAccount(cloud, state, operation),
  };
  const compiled = createCompiledStages(cloud, state);

  return {
    signingName: 'apigateway',
    protocol: 'rest-json',
    operations: [
      parts.apis,
      parts.resources,
      parts.authorizers,
      parts.definitionParts,
      parts.stages,
      parts.keys,
      parts.plans,
      parts.account,
    ].flatMap(({ operations }) => operations),
    resourceTypes: {
      'AWS::ApiGateway::RestApi': restApiType(parts),
      ...definitionTypes(parts),
      ...stageTypes(parts),
      ...usageTypes(parts),
    },
    routes: [executeRoute(cloud, compiled, createLimits(state, usage, now))],
    async stop() {
      compiled.stop();
      usage.stop();
    },
  };
}
