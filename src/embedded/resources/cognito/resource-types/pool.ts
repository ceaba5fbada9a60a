/** AWS::Cognito::UserPool. Ref is the pool's id; ProviderURL is its issuer. */

import { isDeepStrictEqual } from 'node:util';
import type {
  CreateUserPoolRequest,
  SchemaAttributeType,
  UserPoolMfaType,
} from '@aws-sdk/client-cognito-identity-provider';
import { AwsError, type ResourceType } from '../../../platform.ts';
import { stackTags } from '../../tags.ts';
import { deletePool, setMfa } from '../operations/pools.ts';
import type { Parts } from '../parts.ts';
import type { PoolRecord } from '../pools.ts';
import { customName, isStandard, withCustom } from '../schema.ts';
import { read } from './read.ts';

interface PoolProperties
  extends Omit<CreateUserPoolRequest, 'PoolName' | 'UserPoolTags' | 'Schema' | 'MfaConfiguration'> {
  UserPoolName?: string;
  UserPoolTags?: Record<string, string>;
  Schema?: SchemaAttributeType[];
  MfaConfiguration?: UserPoolMfaType;
  EnabledMfas?: string[];
}

/** Texts that a template gives: the schema's constraints are numbers there or text. */
const asText = (attributes: readonly SchemaAttributeType[] = []): SchemaAttributeType[] =>
  attributes.map((attribute) => {
    const text = (constraints: object | undefined) =>
      constraints &&
      Object.fromEntries(Object.entries(constraints).map(([name, value]) => [name, String(value)]));
    return {
      ...attribute,
      ...(attribute.StringAttributeConstraints && {
        StringAttributeConstraints: text(attribute.StringAttributeConstraints),
      }),
      ...(attribute.NumberAttributeConstraints && {
        NumberAttributeConstraints: text(attribute.NumberAttributeConstraints),
      }),
    };
  });

export function poolType(parts: Parts): ResourceType {
  const { pools } = parts;
  const state = (pool: PoolRecord) => {
    const issuer = pools.issuer(pool.id);
    return {
      physicalId: pool.id,
      attributes: {
        Arn: pools.arn(pool.id),
        ProviderName: issuer.replace(/^https?:\/\//, ''),
        ProviderURL: issuer,
        UserPoolId: pool.id,
      },
    };
  };
  const second = (
    pool: PoolRecord,
    { MfaConfiguration = 'OFF', EnabledMfas, SmsConfiguration }: PoolProperties,
  ) => {
    if (!EnabledMfas) return pool;
    return setMfa(parts, pool, {
      MfaConfiguration,
      SoftwareTokenMfaConfiguration: { Enabled: EnabledMfas.includes('SOFTWARE_TOKEN_MFA') },
      ...(EnabledMfas.includes('SMS_MFA') && { SmsMfaConfiguration: { SmsConfiguration } }),
    });
  };
  return {
    create(context, properties) {
      const given = read<PoolProperties>(properties);
      const pool = pools.create({
        ...given,
        PoolName: given.UserPoolName ?? context.physicalName(128),
        Schema: asText(given.Schema),
        UserPoolTags: stackTags(context.tags, given.UserPoolTags),
      });
      try {
        const complete = second(pool, given);
        parts.keys.prepare(pool.id);
        return state(complete);
      } catch (error) {
        pools.remove(pool.id);
        throw error;
      }
    },
    update(context, id, properties, previous) {
      const given = read<PoolProperties>(properties);
      for (const name of ['AliasAttributes', 'UsernameAttributes', 'UsernameConfiguration']) {
        if (!isDeepStrictEqual(properties[name], previous[name])) {
          throw new AwsError('InvalidRequest', `Updates are not allowed for property - ${name}.`);
        }
      }
      const pool = pools.get(id);
      const before = new Map(
        asText(read<PoolProperties>(previous).Schema).map((each) => [customName(each), each]),
      );
      const added = asText(given.Schema).filter((each) => {
        const known = before.get(customName(each));
        before.delete(customName(each));
        if (known && !isDeepStrictEqual(known, each)) {
          throw new AwsError('InvalidRequest', 'Existing schema attributes cannot be modified or deleted.');
        }
        if (!known && isStandard(each.Name)) {
          throw new AwsError('InvalidRequest', 'Existing schema attributes cannot be modified or deleted.');
        }
        return !known;
      });
      if (before.size > 0) {
        throw new AwsError('InvalidRequest', 'Existing schema attributes cannot be modified or deleted.');
      }
      const schema = withCustom(pool.schema, added);
      const updated = pools.update({
        ...given,
        UserPoolId: id,
        PoolName: given.UserPoolName ?? pool.name,
        UserPoolTags: stackTags(context.tags, given.UserPoolTags),
      });
      return state(second(pools.save({ ...updated, schema }), given));
    },
    delete(_context, id) {
      const pool = pools.find(id);
      if (pool) deletePool(parts, pool);
    },
  };
}
