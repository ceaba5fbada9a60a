/** AWS::KMS::Key (Ref is its id) and ::Alias. */
import { AwsError, type Properties, type ResourceType } from '../../platform.ts';
import { stackTags } from '../tags.ts';
import { type KeyRecord, type Keys, validation } from './keys.ts';

const policyOf = (properties: Properties): string | undefined => {
  const { KeyPolicy: policy } = properties;
  if (policy === undefined) return undefined;
  return typeof policy === 'string' ? policy : JSON.stringify(policy);
};
const truth = (value: unknown): boolean => value === true || value === 'true';

export function keyType(keys: Keys): ResourceType {
  const state = (key: KeyRecord) => ({
    physicalId: key.id,
    attributes: { Id: key.id, KeyId: key.id, Arn: key.arn },
  });
  const settle = (key: KeyRecord, properties: Properties): void => {
    const rotates = truth(properties['EnableKeyRotation']);
    const days = Number(properties['RotationPeriodInDays'] ?? 365);
    if ((key.rotation?.days ?? 0) !== (rotates ? days : 0)) keys.rotateEvery(key, rotates ? days : undefined);
    key.state = properties['Enabled'] === undefined || truth(properties['Enabled']) ? 'Enabled' : 'Disabled';
    keys.save(key);
  };
  return {
    replaceOn: ['KeySpec', 'KeyUsage', 'MultiRegion', 'Origin'],
    validate(properties) {
      refuseOthers(
        properties['KeySpec'],
        properties['KeyUsage'],
        properties['MultiRegion'],
        properties['Origin'],
      );
      const policy = policyOf(properties);
      if (policy !== undefined) keys.checkPolicy(policy);
    },
    create(context, properties) {
      const key = keys.create({
        policy: policyOf(properties),
        description: properties['Description'] as string | undefined,
        tags: stackTags(context.tags, properties['Tags']),
      });
      settle(key, properties);
      return state(key);
    },
    update(context, id, properties) {
      const key = keys.get(id);
      keys.refusePending(key);
      key.policy = policyOf(properties) ?? keys.defaultPolicy();
      key.description = String(properties['Description'] ?? '');
      key.tags = stackTags(context.tags, properties['Tags']);
      settle(key, properties);
      return state(key);
    },
    delete(_context, id, properties) {
      const key = keys.find(id);
      if (key && key.state !== 'PendingDeletion')
        keys.scheduleDeletion(key, Number(properties['PendingWindowInDays'] ?? 30));
    },
  };
}

/** Keys that are not here: better refused than made of another kind. */
export function refuseOthers(spec: unknown, usage: unknown, multiRegion: unknown, origin: unknown): void {
  if (
    (spec ?? 'SYMMETRIC_DEFAULT') !== 'SYMMETRIC_DEFAULT' ||
    (usage ?? 'ENCRYPT_DECRYPT') !== 'ENCRYPT_DECRYPT'
  )
    throw new AwsError(
      'UnsupportedOperationException',
      'The embedded cloud has symmetric encryption keys (SYMMETRIC_DEFAULT) only',
    );
  if (truth(multiRegion) || (origin ?? 'AWS_KMS') !== 'AWS_KMS')
    throw new AwsError(
      'UnsupportedOperationException',
      'The embedded cloud has keys of one Region with material of its own only',
    );
}

export function aliasType(keys: Keys): ResourceType {
  const put = (properties: Properties) => {
    const name = String(properties['AliasName']);
    keys.name(name, keys.get(String(properties['TargetKeyId'])));
    return { physicalId: name };
  };
  return {
    replaceOn: ['AliasName'],
    validate({ AliasName: name }) {
      if (typeof name === 'string' && !name.startsWith('alias/'))
        throw validation(`Invalid alias ${name}: it must begin with alias/`);
    },
    create(_context, properties) {
      const name = String(properties['AliasName']);
      if (keys.aliases().some((alias) => alias.name === name))
        throw new AwsError(
          'AlreadyExistsException',
          `An alias with the name ${keys.aliasArn(name)} already exists`,
        );
      return put(properties);
    },
    update: (_context, _physicalId, properties) => put(properties),
    delete(_context, name) {
      keys.name(name, undefined);
    },
  };
}
