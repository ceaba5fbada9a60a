/** Models, request validators and gateway responses of an API. */
import {
  CreateModel$,
  type CreateModelRequest,
  CreateRequestValidator$,
  type CreateRequestValidatorRequest,
  DeleteGatewayResponse$,
  type DeleteGatewayResponseRequest,
  DeleteModel$,
  type DeleteModelRequest,
  DeleteRequestValidator$,
  type DeleteRequestValidatorRequest,
  type GatewayResponse,
  GetGatewayResponse$,
  type GetGatewayResponseRequest,
  GetGatewayResponses$,
  type GetGatewayResponsesRequest,
  GetModel$,
  type GetModelRequest,
  GetModels$,
  type GetModelsRequest,
  GetRequestValidator$,
  type GetRequestValidatorRequest,
  GetRequestValidators$,
  type GetRequestValidatorsRequest,
  type Model,
  PutGatewayResponse$,
  type PutGatewayResponseRequest,
  type RequestValidator,
} from '@aws-sdk/client-api-gateway';
import { parseJson } from '../../../../model/nesting.ts';
import type { Operation } from '../../../platform.ts';
import { type ApiDefinition, badRequest, conflict, newId, notFound } from '../definition.ts';
import { gatewayResponseTypes } from '../gateway-response-types.ts';
import type { ApiGatewayState } from '../state.ts';
import { pageOf } from './page.ts';
import type { MakeOperation } from './rest-operation.ts';

export interface DefinitionParts {
  putModel(apiId: string, model: Model & { name: string }): void;
  deleteModel(apiId: string, name: string): void;
  putRequestValidator(apiId: string, validator: RequestValidator & { id: string }): void;
  deleteRequestValidator(apiId: string, id: string): void;
  putGatewayResponse(apiId: string, response: GatewayResponse): GatewayResponse;
  deleteGatewayResponse(apiId: string, type: string): void;
  readonly operations: readonly Operation[];
}

export function createDefinitionParts(state: ApiGatewayState, operation: MakeOperation): DefinitionParts {
  const change = (apiId: string, apply: (definition: ApiDefinition) => void): void => {
    const record = structuredClone(state.apis.get(apiId));
    if (!record) return;
    apply(record.definition);
    state.apis.put(apiId, record);
  };
  const modelOf = (apiId: string | undefined, name: string | undefined): Model => {
    const model = state.api(apiId).definition.models[name ?? ''];
    if (!model) throw notFound(`Invalid model name specified: ${String(name)}`);
    return model;
  };
  const validatorOf = (apiId: string | undefined, id: string | undefined): RequestValidator => {
    const validator = state.api(apiId).definition.requestValidators[id ?? ''];
    if (!validator) throw notFound('Invalid Request Validator identifier specified');
    return validator;
  };
  const responseOf = (definition: ApiDefinition, type: string): GatewayResponse => {
    const own = definition.gatewayResponses[type];
    if (own) return own;
    const standard = gatewayResponseTypes[type];
    if (!standard) throw notFound(`Invalid gateway response type specified: ${type}`);
    return {
      responseType: type as NonNullable<GatewayResponse['responseType']>,
      ...(standard.status > 0 && { statusCode: String(standard.status) }),
      responseParameters: {},
      responseTemplates: { 'application/json': standard.template },
      defaultResponse: true,
    };
  };

  const parts: Omit<DefinitionParts, 'operations'> = {
    putModel(apiId, model) {
      if (!/^[A-Za-z0-9]+$/.test(model.name))
        throw badRequest(`Model name must be alphanumeric: ${model.name}`);
      try {
        parseJson(model.schema ?? '{}');
      } catch {
        throw badRequest(`Invalid model schema specified for ${model.name}: it is no JSON`);
      }
      state.api(apiId);
      change(apiId, (definition) => {
        definition.models[model.name] = model;
      });
    },
    deleteModel: (apiId, name) =>
      change(apiId, (definition) => {
        delete definition.models[name];
      }),
    putRequestValidator(apiId, validator) {
      state.api(apiId);
      change(apiId, (definition) => {
        definition.requestValidators[validator.id] = validator;
      });
    },
    deleteRequestValidator: (apiId, id) =>
      change(apiId, (definition) => {
        delete definition.requestValidators[id];
      }),
    putGatewayResponse(apiId, response) {
      const type = response.responseType ?? '';
      if (!gatewayResponseTypes[type]) throw badRequest(`Invalid gateway response type specified: ${type}`);
      state.api(apiId);
      const stored: GatewayResponse = { ...response, defaultResponse: false };
      change(apiId, (definition) => {
        definition.gatewayResponses[type] = stored;
      });
      return stored;
    },
    deleteGatewayResponse: (apiId, type) =>
      change(apiId, (definition) => {
        delete definition.gatewayResponses[type];
      }),
  };

  return {
    ...parts,
    operations: [
      operation(CreateModel$, (input: CreateModelRequest) => {
        const { restApiId = '', ...model } = input;
        if (state.api(restApiId).definition.models[model.name ?? ''])
          throw conflict(`Model name already exists for this REST API: ${model.name}`);
        const stored = { ...model, name: model.name ?? '', id: newId(6) };
        parts.putModel(restApiId, stored);
        return stored;
      }),
      operation(GetModel$, (input: GetModelRequest) => modelOf(input.restApiId, input.modelName)),
      operation(GetModels$, (input: GetModelsRequest) =>
        pageOf(Object.values(state.api(input.restApiId).definition.models), input),
      ),
      operation(DeleteModel$, (input: DeleteModelRequest) => {
        modelOf(input.restApiId, input.modelName);
        parts.deleteModel(input.restApiId ?? '', input.modelName ?? '');
        return {};
      }),
      operation(CreateRequestValidator$, (input: CreateRequestValidatorRequest) => {
        const { restApiId = '', ...validator } = input;
        const stored = { ...validator, id: newId(6) };
        parts.putRequestValidator(restApiId, stored);
        return stored;
      }),
      operation(GetRequestValidator$, (input: GetRequestValidatorRequest) =>
        validatorOf(input.restApiId, input.requestValidatorId),
      ),
      operation(GetRequestValidators$, (input: GetRequestValidatorsRequest) =>
        pageOf(Object.values(state.api(input.restApiId).definition.requestValidators), input),
      ),
      operation(DeleteRequestValidator$, (input: DeleteRequestValidatorRequest) => {
        validatorOf(input.restApiId, input.requestValidatorId);
        parts.deleteRequestValidator(input.restApiId ?? '', input.requestValidatorId ?? '');
        return {};
      }),
      operation(PutGatewayResponse$, (input: PutGatewayResponseRequest) => {
        const { restApiId = '', ...response } = input;
        return parts.putGatewayResponse(restApiId, response);
      }),
      operation(GetGatewayResponse$, (input: GetGatewayResponseRequest) =>
        responseOf(state.api(input.restApiId).definition, input.responseType ?? ''),
      ),
      operation(GetGatewayResponses$, (input: GetGatewayResponsesRequest) => {
        const { definition } = state.api(input.restApiId);
        return { items: Object.keys(gatewayResponseTypes).map((type) => responseOf(definition, type)) };
      }),
      operation(DeleteGatewayResponse$, (input: DeleteGatewayResponseRequest) => {
        if (!state.api(input.restApiId).definition.gatewayResponses[input.responseType ?? ''])
          throw notFound(`The gateway response ${String(input.responseType)} is not set`);
        parts.deleteGatewayResponse(input.restApiId ?? '', input.responseType ?? '');
        return {};
      }),
    ],
  };
}
