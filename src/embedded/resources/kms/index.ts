/** AWS KMS: symmetric keys with policies, rotation and states. Grants, asymmetric keys and custom key stores are not here. */
import type { AwsService, Cloud, KmsApi } from '../../platform.ts';
import { cryptographicOperations } from './cryptography.ts';
import { Keys } from './keys.ts';
import { managementOperations } from './management.ts';
import { KeyPolicies } from './policies.ts';
import { aliasType, keyType } from './resource-types.ts';

/** Keys that a service makes for itself; whoever may use the service may use them. */
const isManagedByAws = (reference: string): boolean => /(^|:)alias\/aws\//.test(reference);

export function createKms(cloud: Cloud): AwsService & KmsApi {
  const keys = new Keys(cloud);
  const policies = new KeyPolicies(cloud);
  return {
    signingName: 'kms',
    protocol: 'json-1.1',
    operations: [...managementOperations(cloud, keys, policies), ...cryptographicOperations(keys, policies)],
    resourceTypes: { 'AWS::KMS::Key': keyType(keys), 'AWS::KMS::Alias': aliasType(keys) },
    use(reference, action, { caller, via, encryptionContext }) {
      if (isManagedByAws(reference)) return reference;
      const key = keys.get(reference);
      if (caller) policies.authorize(key, { action: `kms:${action}`, caller, via, encryptionContext });
      return keys.usable(key.id).arn;
    },
  };
}
