/** KMS's operations on keys and aliases. */
import {
  CancelKeyDeletion$,
  type CancelKeyDeletionRequest,
  CreateAlias$,
  type CreateAliasRequest,
  CreateKey$,
  type CreateKeyRequest,
  DeleteAlias$,
  type DeleteAliasRequest,
  DescribeKey$,
  DisableKey$,
  DisableKeyRotation$,
  EnableKey$,
  EnableKeyRotation$,
  type EnableKeyRotationRequest,
  GetKeyPolicy$,
  GetKeyRotationStatus$,
  type KeyMetadata,
  ListAliases$,
  type ListAliasesRequest,
  ListKeyPolicies$,
  ListKeys$,
  type ListKeysRequest,
  ListResourceTags$,
  PutKeyPolicy$,
  type PutKeyPolicyRequest,
  RotateKeyOnDemand$,
  ScheduleKeyDeletion$,
  type ScheduleKeyDeletionRequest,
  TagResource$,
  type TagResourceRequest,
  UntagResource$,
  type UntagResourceRequest,
  UpdateAlias$,
  type UpdateAliasRequest,
  UpdateKeyDescription$,
  type UpdateKeyDescriptionRequest,
} from '@aws-sdk/client-kms';
import { AwsError, type Call, type Cloud, type Operation, operation } from '../../platform.ts';
import { pageOf } from '../pages.ts';
import { type KeyRecord, type Keys, validation } from './keys.ts';
import type { KeyPolicies } from './policies.ts';
import { refuseOthers } from './resource-types.ts';

type WithKey = { KeyId?: string | undefined };

/** KMS spells tags in a way of its own. */
const tagsOf = (given: readonly { TagKey?: string | undefined; TagValue?: string | undefined }[] = []) =>
  Object.fromEntries(given.map(({ TagKey = '', TagValue = '' }) => [TagKey, TagValue]));

export function managementOperations(cloud: Cloud, keys: Keys, policies: KeyPolicies): Operation[] {
  /** An operation on one key, which the key's policy must allow. */
  const onKey = <Input extends WithKey, Output>(
    schema: unknown,
    action: string,
    handler: (key: KeyRecord, input: Input) => Output,
  ): Operation =>
    operation(
      schema,
      (input: Input, call: Call) => {
        const key = keys.get(input.KeyId ?? '');
        policies.authorize(key, { action: `kms:${action}`, caller: call.principal });
        return handler(key, input);
      },
      { access: () => [] },
    );

  const metadata = (key: KeyRecord): KeyMetadata => ({
    AWSAccountId: cloud.account,
    KeyId: key.id,
    Arn: key.arn,
    CreationDate: new Date(key.created),
    Enabled: key.state === 'Enabled',
    Description: key.description,
    KeyUsage: 'ENCRYPT_DECRYPT',
    KeyState: key.state,
    ...(key.deletion !== undefined && { DeletionDate: new Date(key.deletion) }),
    Origin: 'AWS_KMS',
    KeyManager: 'CUSTOMER',
    CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
    KeySpec: 'SYMMETRIC_DEFAULT',
    EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
    MultiRegion: false,
  });

  const setState = (schema: unknown, action: string, state: 'Enabled' | 'Disabled') =>
    onKey(schema, action, (key) => {
      keys.refusePending(key);
      key.state = state;
      keys.save(key);
      return {};
    });

  const alias = <Input extends { AliasName?: string | undefined }>(
    schema: unknown,
    action: string,
    handler: (name: string, input: Input, call: Call) => void,
  ): Operation =>
    operation(
      schema,
      (input: Input, call: Call) => {
        handler(input.AliasName ?? '', input, call);
        return {};
      },
      {
        access: ({ AliasName = '' }) => [{ action: `kms:${action}`, resource: keys.aliasArn(AliasName) }],
      },
    );
  /** An alias is also a matter of the key's that it names. */
  const named = (reference: string | undefined, action: string, call: Call): KeyRecord => {
    const key = keys.get(reference ?? '');
    policies.authorize(key, { action: `kms:${action}`, caller: call.principal });
    return key;
  };
  const isKnown = (name: string): boolean => keys.aliases().some((known) => known.name === name);
  const unknownAlias = (name: string): AwsError =>
    new AwsError('NotFoundException', `Alias ${keys.aliasArn(name)} is not found.`);

  return [
    operation(CreateKey$, (input: CreateKeyRequest) => {
      refuseOthers(
        input.KeySpec ?? input.CustomerMasterKeySpec,
        input.KeyUsage,
        input.MultiRegion,
        input.Origin,
      );
      const { Policy: policy, Description: description } = input;
      return { KeyMetadata: metadata(keys.create({ policy, description, tags: tagsOf(input.Tags) })) };
    }),
    onKey(DescribeKey$, 'DescribeKey', (key) => ({ KeyMetadata: metadata(key) })),
    operation(ListKeys$, (input: ListKeysRequest) => {
      const page = pageOf(
        keys.all(),
        ({ id }) => id,
        input.Limit ?? 100,
        input.Marker,
        'InvalidMarkerException',
      );
      return {
        Keys: page.items.map(({ id, arn }) => ({ KeyId: id, KeyArn: arn })),
        Truncated: page.next !== undefined,
        ...(page.next !== undefined && { NextMarker: page.next }),
      };
    }),
    setState(EnableKey$, 'EnableKey', 'Enabled'),
    setState(DisableKey$, 'DisableKey', 'Disabled'),
    onKey(ScheduleKeyDeletion$, 'ScheduleKeyDeletion', (key, input: ScheduleKeyDeletionRequest) => {
      keys.scheduleDeletion(key, input.PendingWindowInDays);
      return {
        KeyId: key.arn,
        DeletionDate: new Date(key.deletion ?? 0),
        KeyState: key.state,
        PendingWindowInDays: input.PendingWindowInDays ?? 30,
      };
    }),
    onKey(CancelKeyDeletion$, 'CancelKeyDeletion', (key, _input: CancelKeyDeletionRequest) => {
      if (key.state !== 'PendingDeletion')
        throw new AwsError('KMSInvalidStateException', `${key.arn} is not pending deletion.`);
      key.state = 'Disabled';
      key.deletion = undefined;
      keys.save(key);
      return { KeyId: key.arn };
    }),
    onKey(EnableKeyRotation$, 'EnableKeyRotation', (key, input: EnableKeyRotationRequest) => {
      keys.usable(key.id);
      keys.rotateEvery(key, input.RotationPeriodInDays ?? 365);
      return {};
    }),
    onKey(DisableKeyRotation$, 'DisableKeyRotation', (key) => {
      keys.usable(key.id);
      keys.rotateEvery(key, undefined);
      return {};
    }),
    onKey(GetKeyRotationStatus$, 'GetKeyRotationStatus', (key) => ({
      KeyId: key.arn,
      KeyRotationEnabled: key.rotation !== undefined,
      ...(key.rotation && {
        RotationPeriodInDays: key.rotation.days,
        NextRotationDate: new Date(key.rotation.next),
      }),
    })),
    onKey(RotateKeyOnDemand$, 'RotateKeyOnDemand', (key) => {
      keys.rotate(keys.usable(key.id));
      return { KeyId: key.arn };
    }),
    onKey(GetKeyPolicy$, 'GetKeyPolicy', (key) => ({ Policy: key.policy, PolicyName: 'default' })),
    onKey(PutKeyPolicy$, 'PutKeyPolicy', (key, input: PutKeyPolicyRequest) => {
      keys.refusePending(key);
      keys.checkPolicy(input.Policy ?? '');
      key.policy = input.Policy ?? '';
      keys.save(key);
      return {};
    }),
    onKey(ListKeyPolicies$, 'ListKeyPolicies', () => ({ PolicyNames: ['default'], Truncated: false })),
    onKey(UpdateKeyDescription$, 'UpdateKeyDescription', (key, input: UpdateKeyDescriptionRequest) => {
      keys.refusePending(key);
      key.description = input.Description ?? '';
      keys.save(key);
      return {};
    }),
    onKey(ListResourceTags$, 'ListResourceTags', (key) => ({
      Tags: Object.entries(key.tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue })),
      Truncated: false,
    })),
    onKey(TagResource$, 'TagResource', (key, input: TagResourceRequest) => {
      keys.refusePending(key);
      key.tags = { ...key.tags, ...tagsOf(input.Tags) };
      keys.save(key);
      return {};
    }),
    onKey(UntagResource$, 'UntagResource', (key, input: UntagResourceRequest) => {
      keys.refusePending(key);
      for (const name of input.TagKeys ?? []) delete key.tags[name];
      keys.save(key);
      return {};
    }),
    alias(CreateAlias$, 'CreateAlias', (name, { TargetKeyId }: CreateAliasRequest, call) => {
      if (isKnown(name))
        throw new AwsError(
          'AlreadyExistsException',
          `An alias with the name ${keys.aliasArn(name)} already exists`,
        );
      keys.name(name, named(TargetKeyId, 'CreateAlias', call));
    }),
    alias(UpdateAlias$, 'UpdateAlias', (name, { TargetKeyId }: UpdateAliasRequest, call) => {
      if (!isKnown(name)) throw unknownAlias(name);
      keys.name(name, named(TargetKeyId, 'UpdateAlias', call));
    }),
    alias(DeleteAlias$, 'DeleteAlias', (name, _input: DeleteAliasRequest, call) => {
      if (!isKnown(name)) throw unknownAlias(name);
      named(name, 'DeleteAlias', call);
      keys.name(name, undefined);
    }),
    operation(ListAliases$, (input: ListAliasesRequest) => {
      if (input.Limit !== undefined && input.Limit < 1) throw validation('Limit must be at least 1');
      const of = input.KeyId === undefined ? undefined : keys.get(input.KeyId).id;
      const known = keys.aliases().filter(({ keyId }) => of === undefined || keyId === of);
      const page = pageOf(
        known,
        ({ name }) => name,
        input.Limit ?? 50,
        input.Marker,
        'InvalidMarkerException',
      );
      return {
        Aliases: page.items.map(({ name, keyId }) => ({
          AliasName: name,
          AliasArn: keys.aliasArn(name),
          TargetKeyId: keyId,
        })),
        Truncated: page.next !== undefined,
        ...(page.next !== undefined && { NextMarker: page.next }),
      };
    }),
  ];
}
