/** Authorizers of an API. */
import {
  type Authorizer,
  CreateAuthorizer$,
  type CreateAuthorizerRequest,
  DeleteAuthorizer$,
  type DeleteAuthorizerRequest,
  GetAuthorizer$,
  type GetAuthorizerRequest,
  GetAuthorizers$,
  type GetAuthorizersRequest,
  UpdateAuthorizer$,
  type UpdateAuthorizerRequest,
} from '@aws-sdk/client-api-gateway';
import type { Operation } from '../../../platform.ts';
import { badRequest, conflict, newId, notFound } from '../definition.ts';
import type { ApiGatewayState } from '../state.ts';
import { pageOf } from './page.ts';
import { applyPatches, numberOf } from './patch.ts';
import type { MakeOperation } from './rest-operation.ts';

export interface Authorizers {
  create(input: CreateAuthorizerRequest): Authorizer & { id: string };
  put(apiId: string, authorizer: Authorizer & { id: string }): void;
  delete(apiId: string, id: string): void;
  readonly operations: readonly Operation[];
}

function check(authorizer: Authorizer): void {
  const { type, authorizerUri, identitySource, authorizerResultTtlInSeconds: ttl = 300 } = authorizer;
  if (type !== 'TOKEN' && type !== 'REQUEST')
    throw badRequest(`Authorizers of type '${String(type)}' are not available in the embedded cloud`);
  if (!authorizerUri) throw badRequest('Authorizer URI must be specified');
  if (!Number.isInteger(ttl) || ttl < 0 || ttl > 3600)
    throw badRequest('Invalid authorizer result TTL: it must be between 0 and 3600 seconds');
  if (!identitySource && (type === 'TOKEN' || ttl > 0))
    throw badRequest('Identity source must be specified when the authorizer caches its results');
  for (const source of identitySource?.split(',') ?? [])
    if (
      !/^\s*(method\.request\.(header|querystring)\.\S+|stageVariables\.\w+|context\.[\w.]+)\s*$/.test(source)
    )
      throw badRequest(`Invalid identity source expression '${source.trim()}'`);
}

export function createAuthorizers(state: ApiGatewayState, operation: MakeOperation): Authorizers {
  const find = (apiId: string | undefined, id: string | undefined): Authorizer & { id: string } => {
    const found = state.api(apiId).definition.authorizers[id ?? ''];
    if (!found) throw notFound('Invalid Authorizer identifier specified');
    return { ...found, id: id ?? '' };
  };
  const authorizers: Omit<Authorizers, 'operations'> = {
    create(input) {
      const { restApiId, ...given } = input;
      const { definition } = state.api(restApiId);
      if (Object.values(definition.authorizers).some(({ name }) => name === given.name))
        throw conflict(
          `Authorizer name must be unique. Authorizer ${given.name} already exists in this RestApi.`,
        );
      const authorizer = { authType: 'custom', authorizerResultTtlInSeconds: 300, ...given, id: newId(6) };
      authorizers.put(restApiId ?? '', authorizer);
      return authorizer;
    },
    put(apiId, authorizer) {
      check(authorizer);
      const record = structuredClone(state.api(apiId));
      record.definition.authorizers[authorizer.id] = authorizer;
      state.apis.put(apiId, record);
    },
    delete(apiId, id) {
      const record = structuredClone(state.apis.get(apiId));
      if (!record?.definition.authorizers[id]) return;
      for (const { methods } of Object.values(record.definition.resources))
        if (Object.values(methods).some(({ authorizerId }) => authorizerId === id))
          throw conflict('Cannot delete authorizer, is referenced in a method');
      delete record.definition.authorizers[id];
      state.apis.put(apiId, record);
    },
  };
  return {
    ...authorizers,
    operations: [
      operation(CreateAuthorizer$, (input: CreateAuthorizerRequest) => authorizers.create(input)),
      operation(GetAuthorizer$, (input: GetAuthorizerRequest) => find(input.restApiId, input.authorizerId)),
      operation(GetAuthorizers$, (input: GetAuthorizersRequest) =>
        pageOf(Object.values(state.api(input.restApiId).definition.authorizers), input),
      ),
      operation(UpdateAuthorizer$, (input: UpdateAuthorizerRequest) => {
        const authorizer = find(input.restApiId, input.authorizerId);
        const text =
          (
            name:
              | 'name'
              | 'authorizerUri'
              | 'authorizerCredentials'
              | 'identitySource'
              | 'identityValidationExpression',
          ) =>
          ({ value }: { value: string }): void => {
            authorizer[name] = value;
          };
        applyPatches(input.patchOperations, [
          ['/name', text('name')],
          ['/authorizerUri', text('authorizerUri')],
          ['/authorizerCredentials', text('authorizerCredentials')],
          ['/identitySource', text('identitySource')],
          ['/identityValidationExpression', text('identityValidationExpression')],
          [
            '/authorizerResultTtlInSeconds',
            ({ value }) => {
              authorizer.authorizerResultTtlInSeconds = numberOf(
                value,
                'authorizerResultTtlInSeconds',
                0,
                3600,
              );
            },
          ],
        ]);
        authorizers.put(input.restApiId ?? '', authorizer);
        return authorizer;
      }),
      operation(DeleteAuthorizer$, (input: DeleteAuthorizerRequest) => {
        authorizers.delete(input.restApiId ?? '', find(input.restApiId, input.authorizerId).id);
        return {};
      }),
    ],
  };
}
