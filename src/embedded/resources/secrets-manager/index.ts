/** AWS Secrets Manager. Rotation and replication are not here. */
import {
  CreateSecret$,
  type CreateSecretCommandInput,
  DeleteResourcePolicy$,
  type DeleteResourcePolicyCommandInput,
  DeleteSecret$,
  type DeleteSecretCommandInput,
  DescribeSecret$,
  type DescribeSecretCommandInput,
  GetRandomPassword$,
  type GetRandomPasswordCommandInput,
  GetResourcePolicy$,
  type GetResourcePolicyCommandInput,
  GetSecretValue$,
  type GetSecretValueCommandInput,
  ListSecrets$,
  type ListSecretsCommandInput,
  ListSecretVersionIds$,
  type ListSecretVersionIdsCommandInput,
  PutResourcePolicy$,
  type PutResourcePolicyCommandInput,
  PutSecretValue$,
  type PutSecretValueCommandInput,
  RestoreSecret$,
  type RestoreSecretCommandInput,
  TagResource$,
  type TagResourceCommandInput,
  UntagResource$,
  type UntagResourceCommandInput,
  UpdateSecret$,
  type UpdateSecretCommandInput,
  UpdateSecretVersionStage$,
  type UpdateSecretVersionStageCommandInput,
} from '@aws-sdk/client-secrets-manager';
import { parseJson } from '../../../model/nesting.ts';
import {
  AwsError,
  type AwsService,
  type Call,
  type Cloud,
  type Operation,
  operation,
  type SecretsApi,
} from '../../platform.ts';
import { pageOf } from '../pages.ts';
import { tagList, tagsFrom } from '../tags.ts';
import { randomPassword } from './random-password.ts';
import { resourcePolicyType, secretType } from './resource-types.ts';
import { current, type SecretRecord, Secrets, type SecretValue } from './secrets.ts';

interface ById {
  SecretId?: string | undefined;
}

const parameter = (message: string): AwsError => new AwsError('InvalidParameterException', message);

export function createSecretsManager(cloud: Cloud): AwsService & SecretsApi {
  const secrets = new Secrets(cloud);

  /** Throws as Secrets Manager does when the secret's key is not to be had. */
  const useKey = (
    keyId: string | undefined,
    action: 'Decrypt' | 'GenerateDataKey',
    arn: string,
    call?: Call,
  ): void => {
    if (keyId === undefined) return;
    try {
      cloud.kms.use(keyId, action, {
        caller: call?.principal,
        via: 'secretsmanager',
        encryptionContext: { SecretARN: arn },
      });
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      if (error.code === 'AccessDeniedException')
        throw new AwsError('AccessDeniedException', 'Access to KMS is not allowed');
      throw new AwsError(action === 'Decrypt' ? 'DecryptionFailure' : 'EncryptionFailure', error.message);
    }
  };

  /** An operation on one secret, allowed by its ARN and, as policies may say, its tags. */
  const onSecret = <Input extends ById, Output>(
    schema: unknown,
    name: string,
    handler: (input: Input, call: Call) => Output,
  ): Operation =>
    operation(schema, handler, {
      access: ({ SecretId = '' }) => [
        {
          action: `secretsmanager:${name}`,
          resource: secrets.resource(SecretId),
          context: tagContext(secrets.find(SecretId)?.tags),
        },
      ],
    });

  const operations: Operation[] = [
    operation(
      CreateSecret$,
      (input: CreateSecretCommandInput, call) => {
        useKey(input.KmsKeyId, 'GenerateDataKey', secrets.resource(input.Name ?? ''), call);
        const { record, version } = secrets.create({
          name: input.Name ?? '',
          value: givenValue(input),
          versionId: input.ClientRequestToken,
          description: input.Description,
          kmsKeyId: input.KmsKeyId,
          tags: tagsFrom(input.Tags),
        });
        return { ARN: record.arn, Name: record.name, VersionId: version?.id };
      },
      {
        access: ({ Name = '' }) => [
          {
            action: 'secretsmanager:CreateSecret',
            resource: secrets.resource(Name),
            context: { 'secretsmanager:Name': Name },
          },
        ],
      },
    ),
    onSecret(GetSecretValue$, 'GetSecretValue', (input: GetSecretValueCommandInput, call) => {
      const record = secrets.usable(input.SecretId ?? '');
      useKey(record.kmsKeyId, 'Decrypt', record.arn, call);
      const version = secrets.version(record, input.VersionId, input.VersionStage);
      const today = `${secrets.now().slice(0, 10)}T00:00:00.000Z`;
      if (record.accessed !== today) {
        record.accessed = today;
        secrets.save(record);
      }
      return {
        ARN: record.arn,
        Name: record.name,
        VersionId: version.id,
        SecretString: version.text,
        SecretBinary: version.binary === undefined ? undefined : Buffer.from(version.binary, 'base64'),
        VersionStages: version.stages,
        CreatedDate: version.created,
      };
    }),
    onSecret(PutSecretValue$, 'PutSecretValue', (input: PutSecretValueCommandInput, call) => {
      const record = secrets.usable(input.SecretId ?? '');
      useKey(record.kmsKeyId, 'GenerateDataKey', record.arn, call);
      const value = givenValue(input);
      if (!value) throw parameter('You must provide either SecretString or SecretBinary.');
      const version = secrets.addVersion(record, value, input.ClientRequestToken, input.VersionStages);
      record.changed = secrets.now();
      secrets.save(record);
      return { ARN: record.arn, Name: record.name, VersionId: version.id, VersionStages: version.stages };
    }),
    onSecret(UpdateSecret$, 'UpdateSecret', (input: UpdateSecretCommandInput, call) => {
      const record = secrets.usable(input.SecretId ?? '');
      useKey(input.KmsKeyId ?? record.kmsKeyId, 'GenerateDataKey', record.arn, call);
      const value = givenValue(input);
      record.description = input.Description ?? record.description;
      record.kmsKeyId = input.KmsKeyId ?? record.kmsKeyId;
      const version = value && secrets.addVersion(record, value, input.ClientRequestToken);
      record.changed = secrets.now();
      secrets.save(record);
      return { ARN: record.arn, Name: record.name, VersionId: version?.id };
    }),
    onSecret(
      UpdateSecretVersionStage$,
      'UpdateSecretVersionStage',
      (input: UpdateSecretVersionStageCommandInput) => {
        const record = secrets.usable(input.SecretId ?? '');
        const stage = input.VersionStage ?? '';
        const holder = record.versions.find(({ stages }) => stages.includes(stage));
        if (holder && holder.id !== input.RemoveFromVersionId) {
          throw parameter(
            `The staging label ${stage} is currently attached to version ${holder.id}, so you must name it in RemoveFromVersionId.`,
          );
        }
        const { MoveToVersionId: to } = input;
        if (stage === current && to === undefined)
          throw parameter(`You can't remove ${current} from a secret.`);
        secrets.moveStage(
          record,
          stage,
          to === undefined ? undefined : secrets.version(record, to, undefined),
        );
        secrets.save(record);
        return { ARN: record.arn, Name: record.name };
      },
    ),
    onSecret(DeleteSecret$, 'DeleteSecret', (input: DeleteSecretCommandInput) => {
      const { RecoveryWindowInDays: days, ForceDeleteWithoutRecovery: force = false } = input;
      if (force && days !== undefined) {
        throw parameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.");
      }
      if (days !== undefined && (days < 7 || days > 30)) {
        throw parameter('The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).');
      }
      const record = force ? secrets.find(input.SecretId ?? '') : secrets.usable(input.SecretId ?? '');
      const now = cloud.clock.now();
      // Forced deletion of what is not there succeeds: a retry must.
      if (!record) {
        return { ARN: secrets.resource(input.SecretId ?? ''), Name: input.SecretId, DeletionDate: now };
      }
      if (force) secrets.remove(record);
      else {
        record.deleted = secrets.now();
        record.purge = new Date(now + (days ?? 30) * 86_400_000).toISOString();
        secrets.save(record);
      }
      return { ARN: record.arn, Name: record.name, DeletionDate: force ? now : record.purge };
    }),
    onSecret(RestoreSecret$, 'RestoreSecret', (input: RestoreSecretCommandInput) => {
      const record = secrets.get(input.SecretId ?? '');
      record.deleted = undefined;
      record.purge = undefined;
      secrets.save(record);
      return { ARN: record.arn, Name: record.name };
    }),
    onSecret(DescribeSecret$, 'DescribeSecret', (input: DescribeSecretCommandInput) => ({
      ...describe(secrets.get(input.SecretId ?? '')),
      VersionIdsToStages: stagesOf(secrets.get(input.SecretId ?? '')),
    })),
    operation(ListSecrets$, (input: ListSecretsCommandInput) => {
      const found = secrets
        .all()
        .filter((record) => record.deleted === undefined || input.IncludePlannedDeletion === true)
        .filter((record) =>
          (input.Filters ?? []).every((filter) => matches(record, filter.Key ?? '', filter.Values ?? [])),
        );
      const page = pageOf(
        found,
        ({ name }) => name,
        input.MaxResults ?? 100,
        input.NextToken,
        'InvalidNextTokenException',
      );
      return {
        SecretList: page.items.map((record) => ({
          ...describe(record),
          SecretVersionsToStages: stagesOf(record),
        })),
        NextToken: page.next,
      };
    }),
    onSecret(ListSecretVersionIds$, 'ListSecretVersionIds', (input: ListSecretVersionIdsCommandInput) => {
      const record = secrets.get(input.SecretId ?? '');
      return {
        ARN: record.arn,
        Name: record.name,
        Versions: record.versions.map(({ id, stages, created }) => ({
          VersionId: id,
          VersionStages: stages,
          CreatedDate: created,
        })),
      };
    }),
    onSecret(TagResource$, 'TagResource', (input: TagResourceCommandInput) => {
      const record = secrets.usable(input.SecretId ?? '');
      record.tags = { ...record.tags, ...tagsFrom(input.Tags) };
      secrets.save(record);
      return {};
    }),
    onSecret(UntagResource$, 'UntagResource', (input: UntagResourceCommandInput) => {
      const record = secrets.usable(input.SecretId ?? '');
      for (const key of input.TagKeys ?? []) delete record.tags[key];
      secrets.save(record);
      return {};
    }),
    onSecret(PutResourcePolicy$, 'PutResourcePolicy', (input: PutResourcePolicyCommandInput) => {
      const record = secrets.usable(input.SecretId ?? '');
      record.policy = checkedPolicy(input.ResourcePolicy ?? '');
      secrets.save(record);
      return { ARN: record.arn, Name: record.name };
    }),
    onSecret(GetResourcePolicy$, 'GetResourcePolicy', (input: GetResourcePolicyCommandInput) => {
      const record = secrets.get(input.SecretId ?? '');
      return { ARN: record.arn, Name: record.name, ResourcePolicy: record.policy };
    }),
    onSecret(DeleteResourcePolicy$, 'DeleteResourcePolicy', (input: DeleteResourcePolicyCommandInput) => {
      const record = secrets.usable(input.SecretId ?? '');
      record.policy = undefined;
      secrets.save(record);
      return { ARN: record.arn, Name: record.name };
    }),
    operation(GetRandomPassword$, (input: GetRandomPasswordCommandInput) => ({
      RandomPassword: randomPassword(input),
    })),
  ];

  return {
    signingName: 'secretsmanager',
    protocol: 'json-1.1',
    operations,
    resourceTypes: {
      'AWS::SecretsManager::Secret': secretType(secrets),
      'AWS::SecretsManager::ResourcePolicy': resourcePolicyType(secrets),
    },
    value(secretId) {
      const record = secrets.usable(secretId);
      useKey(record.kmsKeyId, 'Decrypt', record.arn);
      const version = secrets.version(record, undefined, current);
      return version.text ?? Buffer.from(version.binary ?? '', 'base64').toString();
    },
    put(name, value, owner) {
      const known = secrets.find(name);
      if (!known) return secrets.create({ name, value: { text: value }, owner }).record.arn;
      secrets.addVersion(known, { text: value });
      secrets.save(known);
      return known.arn;
    },
    remove(secretId) {
      const record = secrets.find(secretId);
      if (record) secrets.remove(record);
    },
  };
}

const describe = (record: SecretRecord) => ({
  ARN: record.arn,
  Name: record.name,
  OwningService: record.owner,
  Description: record.description,
  KmsKeyId: record.kmsKeyId,
  RotationEnabled: false,
  LastChangedDate: record.changed,
  LastAccessedDate: record.accessed,
  DeletedDate: record.deleted,
  CreatedDate: record.created,
  Tags: tagList(record.tags),
});

const stagesOf = (record: SecretRecord): Record<string, string[]> =>
  Object.fromEntries(record.versions.map(({ id, stages }) => [id, stages]));

const tagContext = (tags: Readonly<Record<string, string>> = {}): Record<string, string> =>
  Object.fromEntries(
    Object.entries(tags).flatMap(([key, value]) => [
      [`aws:ResourceTag/${key}`, value],
      [`secretsmanager:ResourceTag/${key}`, value],
    ]),
  );

function givenValue(input: {
  SecretString?: string | undefined;
  SecretBinary?: Uint8Array | undefined;
}): SecretValue | undefined {
  const { SecretString: text, SecretBinary: binary } = input;
  if (text !== undefined && binary !== undefined) {
    throw parameter("You can't specify both SecretString and SecretBinary.");
  }
  return text === undefined && binary === undefined ? undefined : { text, binary };
}

function checkedPolicy(document: string): string {
  try {
    parseJson(document);
  } catch {
    throw new AwsError(
      'MalformedPolicyDocumentException',
      'This resource policy contains a JSON syntax error.',
    );
  }
  return document;
}

/** A filter's values match by prefix, and one that begins with `!` negates; of several one must match. */
function matches(record: SecretRecord, key: string, values: readonly string[]): boolean {
  const texts: Record<string, readonly string[]> = {
    name: [record.name],
    description: (record.description ?? '').split(/\s+/),
    'tag-key': Object.keys(record.tags),
    'tag-value': Object.values(record.tags),
    'primary-region': [],
    'owning-service': [],
  };
  const candidates = key === 'all' ? Object.values(texts).flat() : texts[key];
  if (!candidates) throw parameter(`Invalid filter key: ${key}`);
  const sensitive = key !== 'description' && key !== 'all';
  const has = (value: string): boolean =>
    candidates.some((text) =>
      sensitive ? text.startsWith(value) : text.toLowerCase().startsWith(value.toLowerCase()),
    );
  return values.some((value) => (value.startsWith('!') ? !has(value.slice(1)) : has(value)));
}
