/** API Gateway v2: HTTP APIs, and the VPC Links by which REST APIs reach load balancers. */
import type { AwsService, Cloud, HttpApisApi } from '../../platform.ts';
import { operationsOf } from '../api-gateway/control/rest-operation.ts';
import { createApis } from './control/apis.ts';
import { createRouting } from './control/routes.ts';
import { createStages } from './control/stages.ts';
import { createHandler } from './data-plane/handler.ts';
import { httpApiTypes } from './resource-types/index.ts';
import { openState } from './state.ts';
import { createVpcLinks } from './vpc-link-control.ts';

export function createApiGatewayV2(cloud: Cloud): AwsService & HttpApisApi {
  const state = openState(cloud);
  const operation = operationsOf(cloud);
  const links = createVpcLinks(cloud, operation);
  const apis = createApis(cloud, state, operation);
  const routing = createRouting(state, operation);
  const stages = createStages(cloud, state, operation);
  const handler = createHandler(cloud, state);
  return {
    signingName: 'apigateway',
    protocol: 'rest-json',
    operations: [...links.operations, ...apis.operations, ...routing.operations, ...stages.operations],
    resourceTypes: {
      'AWS::ApiGatewayV2::VpcLink': links.type,
      ...httpApiTypes({ state, apis, routing, stages }),
    },
    handle: (request, response) => handler.handle(request, response),
    stop() {
      handler.stop();
      return Promise.resolve();
    },
  };
}
