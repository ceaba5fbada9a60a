/** KMS's operations on data. */
import { randomBytes } from 'node:crypto';
import {
  Decrypt$,
  type DecryptRequest,
  Encrypt$,
  type EncryptRequest,
  GenerateDataKey$,
  type GenerateDataKeyRequest,
  GenerateDataKeyWithoutPlaintext$,
  type GenerateDataKeyWithoutPlaintextRequest,
  GenerateRandom$,
  type GenerateRandomRequest,
  ReEncrypt$,
  type ReEncryptRequest,
} from '@aws-sdk/client-kms';
import { AwsError, type Call, type Operation, operation } from '../../platform.ts';
import { decrypt, type EncryptionContext, encrypt, keyIdOf } from './ciphertext.ts';
import { type KeyRecord, type Keys, validation } from './keys.ts';
import type { KeyPolicies } from './policies.ts';

/** Bytes that Encrypt takes ("Encrypt", AWS KMS API reference). */
const mostPlaintext = 4096;
const algorithm = 'SYMMETRIC_DEFAULT' as const;
// The key's policy decides, in the handler: an identity's alone does not.
const byKey = { access: () => [] };

export function cryptographicOperations(keys: Keys, policies: KeyPolicies): Operation[] {
  const allowed = (
    reference: string,
    action: string,
    call: Call,
    encryptionContext: EncryptionContext | undefined,
  ): KeyRecord => {
    const key = keys.get(reference);
    policies.authorize(key, { action: `kms:${action}`, caller: call.principal, encryptionContext });
    return keys.usable(key.id);
  };

  const opened = (
    input: { CiphertextBlob?: Uint8Array | undefined; KeyId?: string | undefined },
    action: string,
    context: EncryptionContext | undefined,
    call: Call,
  ): { key: KeyRecord; plaintext: Buffer } => {
    const ciphertext = input.CiphertextBlob ?? Buffer.alloc(0);
    const id = keyIdOf(ciphertext);
    const key = allowed(id, action, call, context);
    if (input.KeyId !== undefined && keys.get(input.KeyId).id !== id)
      throw new AwsError(
        'IncorrectKeyException',
        'The key ID in the request does not identify a CMK that can perform this operation.',
      );
    return { key, plaintext: decrypt(key, ciphertext, context ?? {}) };
  };

  const dataKey = (input: GenerateDataKeyRequest, action: string, call: Call) => {
    const key = allowed(input.KeyId ?? '', action, call, input.EncryptionContext);
    const bytes = input.NumberOfBytes ?? (input.KeySpec && { AES_128: 16, AES_256: 32 }[input.KeySpec]);
    if (bytes === undefined || bytes < 1 || bytes > 1024)
      throw validation('Please specify either number of bytes or key spec.');
    const plaintext = randomBytes(bytes);
    return {
      KeyId: key.arn,
      Plaintext: plaintext,
      CiphertextBlob: encrypt(key, plaintext, input.EncryptionContext ?? {}),
    };
  };

  return [
    operation(
      Encrypt$,
      (input: EncryptRequest, call) => {
        const plaintext = input.Plaintext ?? Buffer.alloc(0);
        if (plaintext.length < 1 || plaintext.length > mostPlaintext)
          throw validation(`The plaintext must have from 1 to ${mostPlaintext} bytes`);
        const key = allowed(input.KeyId ?? '', 'Encrypt', call, input.EncryptionContext);
        return {
          KeyId: key.arn,
          EncryptionAlgorithm: algorithm,
          CiphertextBlob: encrypt(key, plaintext, input.EncryptionContext ?? {}),
        };
      },
      byKey,
    ),
    operation(
      Decrypt$,
      (input: DecryptRequest, call) => {
        const { key, plaintext } = opened(input, 'Decrypt', input.EncryptionContext, call);
        return { KeyId: key.arn, EncryptionAlgorithm: algorithm, Plaintext: plaintext };
      },
      byKey,
    ),
    operation(
      ReEncrypt$,
      (input: ReEncryptRequest, call) => {
        const source = opened(
          { CiphertextBlob: input.CiphertextBlob, KeyId: input.SourceKeyId },
          'ReEncryptFrom',
          input.SourceEncryptionContext,
          call,
        );
        const context = input.DestinationEncryptionContext;
        const key = allowed(input.DestinationKeyId ?? '', 'ReEncryptTo', call, context);
        return {
          SourceKeyId: source.key.arn,
          KeyId: key.arn,
          SourceEncryptionAlgorithm: algorithm,
          DestinationEncryptionAlgorithm: algorithm,
          CiphertextBlob: encrypt(key, source.plaintext, context ?? {}),
        };
      },
      byKey,
    ),
    operation(
      GenerateDataKey$,
      (input: GenerateDataKeyRequest, call) => dataKey(input, 'GenerateDataKey', call),
      byKey,
    ),
    operation(
      GenerateDataKeyWithoutPlaintext$,
      (input: GenerateDataKeyWithoutPlaintextRequest, call) => {
        const { Plaintext: _secret, ...rest } = dataKey(input, 'GenerateDataKeyWithoutPlaintext', call);
        return rest;
      },
      byKey,
    ),
    operation(GenerateRandom$, ({ NumberOfBytes = 0 }: GenerateRandomRequest) => {
      if (NumberOfBytes < 1 || NumberOfBytes > 1024) throw validation('NumberOfBytes must be from 1 to 1024');
      return { Plaintext: randomBytes(NumberOfBytes) };
    }),
  ];
}
