/** AWS::SecretsManager::Secret (Ref and Id are its ARN) and ::ResourcePolicy. */
import { isDeepStrictEqual } from 'node:util';
import { AwsError, type Properties, type ResourceType } from '../../platform.ts';
import { stackTags } from '../tags.ts';
import { type GenerateSecretString, generateSecretString } from './random-password.ts';
import type { Secrets } from './secrets.ts';

interface SecretProperties {
  Name?: string;
  Description?: string;
  KmsKeyId?: string;
  SecretString?: string;
  GenerateSecretString?: GenerateSecretString;
  Tags?: unknown;
}

const read = (properties: Properties): SecretProperties => properties as unknown as SecretProperties;

const contentOf = ({ SecretString, GenerateSecretString }: SecretProperties): string =>
  // A secret with neither is generated too.
  SecretString ?? generateSecretString(GenerateSecretString ?? {});

export function secretType(secrets: Secrets): ResourceType {
  const state = (arn: string) => ({ physicalId: arn, attributes: { Id: arn } });
  return {
    replaceOn: ['Name'],
    validate(properties) {
      const { SecretString, GenerateSecretString } = read(properties);
      if (SecretString !== undefined && GenerateSecretString !== undefined) {
        throw new AwsError(
          'ValidationError',
          'SecretString and GenerateSecretString exclude each other: specify one',
        );
      }
    },
    create(context, properties) {
      const { Name, Description, KmsKeyId, Tags } = read(properties);
      const { record } = secrets.create({
        name: Name ?? context.physicalName(64),
        value: { text: contentOf(read(properties)) },
        description: Description,
        kmsKeyId: KmsKeyId,
        tags: stackTags(context.tags, Tags),
      });
      return state(record.arn);
    },
    update(context, arn, properties, previous) {
      const record = secrets.usable(arn);
      const [now, before] = [read(properties), read(previous)];
      record.description = now.Description;
      record.kmsKeyId = now.KmsKeyId;
      record.tags = stackTags(context.tags, now.Tags);
      const changed =
        now.SecretString !== before.SecretString ||
        !isDeepStrictEqual(now.GenerateSecretString, before.GenerateSecretString);
      if (changed) secrets.addVersion(record, { text: contentOf(now) });
      secrets.save(record);
      return state(arn);
    },
    delete(_context, arn) {
      const record = secrets.find(arn);
      if (record) secrets.remove(record);
    },
  };
}

export function resourcePolicyType(secrets: Secrets): ResourceType {
  const put = (properties: Properties) => {
    const record = secrets.usable(String(properties['SecretId']));
    const document = properties['ResourcePolicy'];
    record.policy = typeof document === 'string' ? document : JSON.stringify(document);
    secrets.save(record);
    return { physicalId: record.arn, attributes: { Id: record.arn } };
  };
  return {
    // Shown by GetResourcePolicy; what a caller may do is decided by his own policies.
    presence: 'inert',
    replaceOn: ['SecretId'],
    create: (_context, properties) => put(properties),
    update: (_context, _physicalId, properties) => put(properties),
    delete(_context, arn) {
      const record = secrets.find(arn);
      if (!record) return;
      record.policy = undefined;
      secrets.save(record);
    },
  };
}
