/** API keys. */
import { randomBytes } from 'node:crypto';
import {
  CreateApiKey$,
  type CreateApiKeyRequest,
  DeleteApiKey$,
  type DeleteApiKeyRequest,
  GetApiKey$,
  type GetApiKeyRequest,
  GetApiKeys$,
  type GetApiKeysRequest,
  UpdateApiKey$,
  type UpdateApiKeyRequest,
} from '@aws-sdk/client-api-gateway';
import type { Cloud, Operation } from '../../../platform.ts';
import { badRequest, conflict, limitExceeded, newId } from '../definition.ts';
import type { ApiGatewayState, ApiKeyRecord } from '../state.ts';
import { pageOf } from './page.ts';
import { applyPatches, booleanOf } from './patch.ts';
import type { MakeOperation } from './rest-operation.ts';

/** A hard quota of an account and Region ("Amazon API Gateway quotas"). */
export const maxKeys = 10_000;

export interface ApiKeys {
  create(input: CreateApiKeyRequest): ApiKeyRecord;
  update(input: UpdateApiKeyRequest): ApiKeyRecord;
  put(record: ApiKeyRecord): void;
  delete(id: string): void;
  readonly operations: readonly Operation[];
}

export function createApiKeys(
  cloud: Cloud,
  state: ApiGatewayState,
  operation: MakeOperation,
  onDelete: (keyId: string) => void,
): ApiKeys {
  const now = (): string => new Date(cloud.clock.now()).toISOString();
  const withoutValue = ({ value: _value, ...rest }: ApiKeyRecord) => rest;

  const keys: Omit<ApiKeys, 'operations'> = {
    create(input) {
      const value = input.value ?? randomBytes(40).toString('base64url').replace(/[-_]/g, '').slice(0, 40);
      if (value.length < 20) throw badRequest('API Key value should be at least 20 characters');
      if (value.length > 128) throw badRequest('API Key value should be at most 128 characters');
      if (state.keyIndex.byValue(value)) throw conflict('API Key already exists');
      if (state.keyIndex.size >= maxKeys)
        throw limitExceeded(`Maximum number of API keys has been reached: ${maxKeys}`);
      if (input.stageKeys?.length)
        throw badRequest('stageKeys are deprecated: add the key to a usage plan of the stage');
      const at = now();
      const record: ApiKeyRecord = {
        id: newId(),
        value,
        enabled: input.enabled ?? false,
        createdDate: at,
        lastUpdatedDate: at,
        stageKeys: [],
        ...(input.name !== undefined && { name: input.name }),
        ...(input.description !== undefined && { description: input.description }),
        ...(input.customerId !== undefined && { customerId: input.customerId }),
        ...(input.tags && { tags: input.tags }),
      };
      state.keyIndex.put(record);
      return record;
    },

    update(input) {
      const record = { ...state.key(input.apiKey) };
      const text =
        (name: 'name' | 'description' | 'customerId') =>
        ({ op, value }: { op: string; value: string }): void => {
          if (op === 'remove') delete record[name];
          else record[name] = value;
        };
      applyPatches(input.patchOperations, [
        ['/enabled', ({ value }) => Object.assign(record, { enabled: booleanOf(value, 'enabled') })],
        ['/name', text('name')],
        ['/description', text('description')],
        ['/customerId', text('customerId')],
      ]);
      keys.put(record);
      return record;
    },

    put(record) {
      state.keyIndex.put({ ...record, lastUpdatedDate: now() });
    },

    delete(id) {
      state.keyIndex.delete(id);
      onDelete(id);
    },
  };

  return {
    ...keys,
    operations: [
      operation(CreateApiKey$, (input: CreateApiKeyRequest) => keys.create(input)),
      operation(GetApiKey$, (input: GetApiKeyRequest) => {
        const record = state.key(input.apiKey);
        return input.includeValue ? record : withoutValue(record);
      }),
      operation(GetApiKeys$, (input: GetApiKeysRequest) => {
        const found = state.keys
          .values()
          .filter(
            ({ name = '', customerId }) =>
              (input.nameQuery === undefined || name.startsWith(input.nameQuery)) &&
              (input.customerId === undefined || customerId === input.customerId),
          );
        const page = pageOf(found, input);
        return {
          items: input.includeValues ? page.items : page.items.map(withoutValue),
          position: page.position,
        };
      }),
      operation(UpdateApiKey$, (input: UpdateApiKeyRequest) => withoutValue(keys.update(input))),
      operation(DeleteApiKey$, (input: DeleteApiKeyRequest) => {
        keys.delete(state.key(input.apiKey).id);
        return {};
      }),
    ],
  };
}
