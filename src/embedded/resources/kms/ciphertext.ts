/** What Encrypt gives: AES-256-GCM under one of a key's materials, bound to the encryption context. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { AwsError } from '../../platform.ts';
import type { KeyRecord } from './keys.ts';

export type EncryptionContext = Readonly<Record<string, string>>;

const version = 1;
const idLength = 36;
const head = 1 + idLength + 1;

/** The order of its pairs means nothing. */
const authenticated = (context: EncryptionContext): Buffer =>
  Buffer.from(JSON.stringify(Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))));

export function encrypt(key: KeyRecord, plaintext: Uint8Array, context: EncryptionContext): Buffer {
  const at = key.material.length - 1;
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(key.material[at] ?? '', 'base64'), iv);
  cipher.setAAD(authenticated(context));
  const content = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([
    Buffer.from([version]),
    Buffer.from(key.id),
    Buffer.from([at]),
    iv,
    cipher.getAuthTag(),
    content,
  ]);
}

/** Id of the key that a ciphertext is under. Throws InvalidCiphertextException. */
export function keyIdOf(ciphertext: Uint8Array): string {
  if (ciphertext.length < head + 28 || ciphertext[0] !== version) throw invalidCiphertext();
  return Buffer.from(ciphertext.subarray(1, 1 + idLength)).toString();
}

/** Throws InvalidCiphertextException when anything of it, or the context, is not what it was. */
export function decrypt(key: KeyRecord, ciphertext: Uint8Array, context: EncryptionContext): Buffer {
  const bytes = Buffer.from(ciphertext);
  const material = key.material[bytes[head - 1] ?? -1];
  if (material === undefined) throw invalidCiphertext();
  const iv = bytes.subarray(head, head + 12);
  const tag = bytes.subarray(head + 12, head + 28);
  const decipher = createDecipheriv('aes-256-gcm', Buffer.from(material, 'base64'), iv, {
    authTagLength: 16,
  });
  decipher.setAAD(authenticated(context));
  decipher.setAuthTag(tag);
  try {
    return Buffer.concat([decipher.update(bytes.subarray(head + 28)), decipher.final()]);
  } catch {
    throw invalidCiphertext();
  }
}

const invalidCiphertext = (): AwsError => new AwsError('InvalidCiphertextException', '');
