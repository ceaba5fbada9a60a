/** User pools, their schema, second factors and tags. */
import {
  AddCustomAttributes$,
  type AddCustomAttributesCommandInput,
  CreateUserPool$,
  type CreateUserPoolCommandInput,
  DeleteUserPool$,
  type DeleteUserPoolCommandInput,
  DescribeUserPool$,
  type DescribeUserPoolCommandInput,
  GetUserPoolMfaConfig$,
  type GetUserPoolMfaConfigCommandInput,
  ListTagsForResource$,
  type ListTagsForResourceCommandInput,
  ListUserPools$,
  type ListUserPoolsCommandInput,
  SetUserPoolMfaConfig$,
  type SetUserPoolMfaConfigCommandInput,
  TagResource$,
  type TagResourceCommandInput,
  UntagResource$,
  type UntagResourceCommandInput,
  UpdateUserPool$,
  type UpdateUserPoolCommandInput,
} from '@aws-sdk/client-cognito-identity-provider';
import { AwsError, type Operation, operation } from '../../../platform.ts';
import { pageOf } from '../../pages.ts';
import { domainsOf } from '../domains.ts';
import { invalidParameter } from '../errors.ts';
import type { Parts } from '../parts.ts';
import type { PoolRecord } from '../pools.ts';
import { withCustom } from '../schema.ts';
import { onPool } from './making.ts';

export const describePool = (parts: Parts, pool: PoolRecord) =>
  parts.pools.describe(pool, parts.users(pool).size, domainsOf(parts.cloud, pool.id)[0]?.domain);

/** Removes the pool with all that is in it. Throws AwsError while it is protected or has a domain. */
export function deletePool(parts: Parts, pool: PoolRecord): void {
  parts.pools.checkDeletable(pool);
  if (domainsOf(parts.cloud, pool.id).length > 0) {
    throw invalidParameter(
      'User pool cannot be deleted. It has a domain configured that should be deleted first.',
    );
  }
  parts.users(pool).removeAll();
  parts.groups.removeAll(pool.id);
  parts.clients.removeAll(pool.id);
  for (const kind of ['providers', 'resourceServers']) {
    const collection = parts.cloud.store.collection(`cognito.${kind}.${pool.id}`);
    for (const key of collection.keys()) collection.delete(key);
  }
  parts.pools.remove(pool.id);
  parts.keys.remove(pool.id);
  parts.forget(pool.id);
}

/** Sets the second factors. Throws AwsError for those that are not here. */
export function setMfa(
  parts: Parts,
  pool: PoolRecord,
  input: Omit<SetUserPoolMfaConfigCommandInput, 'UserPoolId'>,
): PoolRecord {
  const { MfaConfiguration = 'OFF', SoftwareTokenMfaConfiguration, SmsMfaConfiguration } = input;
  if (
    MfaConfiguration !== 'OFF' &&
    !SoftwareTokenMfaConfiguration?.Enabled &&
    !SmsMfaConfiguration &&
    !input.EmailMfaConfiguration
  ) {
    throw invalidParameter(
      "Invalid MFA configuration given, can't turn on MFA without configuring at least one factor.",
    );
  }
  const { WebAuthnConfiguration, EmailMfaConfiguration } = input;
  return parts.pools.save({
    ...pool,
    mfa: {
      MfaConfiguration,
      SoftwareTokenMfaConfiguration,
      SmsMfaConfiguration,
      EmailMfaConfiguration,
      WebAuthnConfiguration,
    },
  });
}

export function poolOperations(parts: Parts): Operation[] {
  const { pools } = parts;
  return [
    operation(CreateUserPool$, (input: CreateUserPoolCommandInput) => {
      const pool = pools.create(input);
      parts.keys.prepare(pool.id);
      return { UserPool: describePool(parts, pool) };
    }),
    onPool(parts, DescribeUserPool$, (_input: DescribeUserPoolCommandInput, pool) => ({
      UserPool: describePool(parts, pool),
    })),
    onPool(parts, UpdateUserPool$, (input: UpdateUserPoolCommandInput) => {
      pools.update(input);
      return {};
    }),
    onPool(parts, DeleteUserPool$, (_input: DeleteUserPoolCommandInput, pool) => {
      deletePool(parts, pool);
      return {};
    }),
    operation(ListUserPools$, (input: ListUserPoolsCommandInput) => {
      const limit = input.MaxResults ?? 60;
      if (limit < 1 || limit > 60) {
        throw invalidParameter(
          `1 validation error detected: Value '${limit}' at 'maxResults' failed to satisfy constraint: Member must be between 1 and 60`,
        );
      }
      const page = pageOf(pools.all(), ({ id }) => id, limit, input.NextToken, 'InvalidParameterException');
      return {
        UserPools: page.items.map((pool) => ({
          Id: pool.id,
          Name: pool.name,
          LambdaConfig: pool.settings.LambdaConfig ?? {},
          LastModifiedDate: pool.modified,
          CreationDate: pool.created,
        })),
        NextToken: page.next,
      };
    }),
    onPool(parts, AddCustomAttributes$, (input: AddCustomAttributesCommandInput, pool) => {
      pools.save({ ...pool, schema: withCustom(pool.schema, input.CustomAttributes ?? []) });
      return {};
    }),
    onPool(
      parts,
      SetUserPoolMfaConfig$,
      (input: SetUserPoolMfaConfigCommandInput, pool) => setMfa(parts, pool, input).mfa,
    ),
    onPool(parts, GetUserPoolMfaConfig$, (_input: GetUserPoolMfaConfigCommandInput, pool) => pool.mfa),
    onPool(parts, TagResource$, (input: TagResourceCommandInput, pool) => {
      const tags = { ...pool.tags, ...input.Tags };
      if (Object.keys(tags).length > 50)
        throw new AwsError('InvalidParameterException', 'A pool has at most 50 tags.');
      pools.save({ ...pool, tags });
      return {};
    }),
    onPool(parts, UntagResource$, (input: UntagResourceCommandInput, pool) => {
      const tags = { ...pool.tags };
      for (const key of input.TagKeys ?? []) delete tags[key];
      pools.save({ ...pool, tags });
      return {};
    }),
    onPool(parts, ListTagsForResource$, (_input: ListTagsForResourceCommandInput, pool) => ({
      Tags: pool.tags,
    })),
  ];
}
