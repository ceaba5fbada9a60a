/**
 * What Cognito hands out to get it back later (sessions, SRP secrets, refresh tokens) carries its own state, encrypted
 * and authenticated: nothing of it is kept, and it outlives a restart.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import type { Cloud } from '../../platform.ts';

const ivBytes = 12;
const tagBytes = 16;

export class Sealer {
  private readonly cloud: Cloud;

  constructor(cloud: Cloud) {
    this.cloud = cloud;
  }

  private key(): Buffer {
    const secrets = this.cloud.store.collection<string>('cognito.secrets');
    let key = secrets.get('seal');
    if (key === undefined) {
      key = randomBytes(32).toString('base64');
      secrets.put('seal', key);
    }
    return Buffer.from(key, 'base64');
  }

  seal(content: object): Buffer {
    const iv = randomBytes(ivBytes);
    const cipher = createCipheriv('aes-256-gcm', this.key(), iv);
    const sealed = Buffer.concat([cipher.update(JSON.stringify(content)), cipher.final()]);
    return Buffer.concat([iv, sealed, cipher.getAuthTag()]);
  }

  /** Undefined for what this cloud did not seal. */
  open<T extends object>(sealed: Buffer): T | undefined {
    if (sealed.length <= ivBytes + tagBytes) return undefined;
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.key(), sealed.subarray(0, ivBytes));
      decipher.setAuthTag(sealed.subarray(-tagBytes));
      const text = Buffer.concat([decipher.update(sealed.subarray(ivBytes, -tagBytes)), decipher.final()]);
      return JSON.parse(text.toString('utf8')) as T;
    } catch {
      return undefined;
    }
  }

  /** The same for the same text, and not to be told in advance. hex */
  fingerprint(text: string): string {
    return createHmac('sha256', this.key()).update(text).digest('hex');
  }

  /** In the form of AWS's refresh tokens, a JWE in compact serialization. */
  sealToken(content: object): string {
    const sealed = this.seal(content);
    const header = Buffer.from('{"cty":"JWT","enc":"A256GCM","alg":"dir"}').toString('base64url');
    const parts = [
      sealed.subarray(0, ivBytes),
      sealed.subarray(ivBytes, -tagBytes),
      sealed.subarray(-tagBytes),
    ];
    return `${header}..${parts.map((part) => part.toString('base64url')).join('.')}`;
  }

  openToken<T extends object>(token: string): T | undefined {
    const [, , ...parts] = token.split('.');
    return this.open<T>(Buffer.concat(parts.map((part) => Buffer.from(part, 'base64url'))));
  }
}
