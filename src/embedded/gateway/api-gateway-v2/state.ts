/** What the control plane of HTTP APIs keeps. Records are as the SDK has them, with times as ISO text. */
import type { Api, Authorizer, Deployment, Integration, Route, Stage } from '@aws-sdk/client-apigatewayv2';
import type { Cloud } from '../../platform.ts';
import type { Collection } from '../../store.ts';
import { notFound } from '../api-gateway/definition.ts';

type Stored<T> = { [K in keyof T]: T[K] extends Date | undefined ? string | undefined : T[K] };

export type ApiRecord = Stored<Api> & { ApiId: string };
export type RouteRecord = Route & { ApiId: string; RouteId: string; RouteKey: string };
export type IntegrationRecord = Integration & { ApiId: string; IntegrationId: string };
export type AuthorizerRecord = Authorizer & { ApiId: string; AuthorizerId: string };
export type StageRecord = Stored<Stage> & { ApiId: string; StageName: string };

/** What requests are served by: an API's routes with what they lead to. */
export interface Definition {
  routes: RouteRecord[];
  integrations: IntegrationRecord[];
  authorizers: AuthorizerRecord[];
}
export type DeploymentRecord = Stored<Deployment> & {
  ApiId: string;
  DeploymentId: string;
  /** As it was then. */
  definition: Definition;
};

/** One kind of thing that an API has many of. */
export interface PartsOf<T> {
  /** Throws AwsError NotFoundException. */
  get(apiId: string | undefined, id: string | undefined): T;
  find(apiId: string, id: string): T | undefined;
  of(apiId: string): T[];
  put(apiId: string, id: string, part: T): T;
  /** Succeeds when it is gone already. */
  remove(apiId: string, id: string): void;
}

export interface HttpApiState {
  readonly apis: Collection<ApiRecord>;
  readonly routes: PartsOf<RouteRecord>;
  readonly integrations: PartsOf<IntegrationRecord>;
  readonly authorizers: PartsOf<AuthorizerRecord>;
  readonly stages: PartsOf<StageRecord>;
  readonly deployments: PartsOf<DeploymentRecord>;
  /** Throws AwsError NotFoundException. */
  api(id: string | undefined): ApiRecord;
  putApi(api: ApiRecord): ApiRecord;
  /** With all that it has. */
  removeApi(id: string): void;
  definition(apiId: string): Definition;
  /** Called with the id of an API of which anything has changed. */
  onChange(listener: (apiId: string) => void): void;
}

export function openState(cloud: Cloud): HttpApiState {
  const apis = cloud.store.collection<ApiRecord>('apigatewayv2.apis');
  const listeners: ((apiId: string) => void)[] = [];
  const changed = (apiId: string): void => {
    for (const listener of listeners) listener(apiId);
  };
  const parts = <T>(name: string, label: string): PartsOf<T> => {
    const collection = cloud.store.collection<T & { ApiId: string }>(`apigatewayv2.${name}`);
    const find = (apiId: string, id: string): T | undefined => collection.get(`${apiId}/${id}`);
    return {
      find,
      get(apiId = '', id = '') {
        const part = find(apiId, id);
        if (part === undefined) throw notFound(`Invalid ${label} identifier specified`);
        return part;
      },
      of: (apiId) => collection.values().filter((part) => part.ApiId === apiId),
      put(apiId, id, part) {
        collection.put(`${apiId}/${id}`, { ...part, ApiId: apiId });
        changed(apiId);
        return part;
      },
      remove(apiId, id) {
        if (collection.delete(`${apiId}/${id}`)) changed(apiId);
      },
    };
  };
  const routes = parts<RouteRecord>('routes', 'Route');
  const integrations = parts<IntegrationRecord>('integrations', 'Integration');
  const authorizers = parts<AuthorizerRecord>('authorizers', 'Authorizer');
  const stages = parts<StageRecord>('stages', 'Stage');
  const deployments = parts<DeploymentRecord>('deployments', 'Deployment');
  return {
    apis,
    routes,
    integrations,
    authorizers,
    stages,
    deployments,
    api(id = '') {
      const api = apis.get(id);
      if (!api) throw notFound(`Invalid API identifier specified ${cloud.account}:${id}`);
      return api;
    },
    putApi(api) {
      apis.put(api.ApiId, api);
      changed(api.ApiId);
      return api;
    },
    removeApi(id) {
      for (const route of routes.of(id)) routes.remove(id, route.RouteId);
      for (const integration of integrations.of(id)) integrations.remove(id, integration.IntegrationId);
      for (const authorizer of authorizers.of(id)) authorizers.remove(id, authorizer.AuthorizerId);
      for (const stage of stages.of(id)) stages.remove(id, stage.StageName);
      for (const deployment of deployments.of(id)) deployments.remove(id, deployment.DeploymentId);
      apis.delete(id);
      changed(id);
    },
    definition: (id) => ({
      routes: routes.of(id),
      integrations: integrations.of(id),
      authorizers: authorizers.of(id),
    }),
    onChange(listener) {
      listeners.push(listener);
    },
  };
}
