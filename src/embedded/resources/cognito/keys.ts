/**
 * One RSA key pair a pool. Making one takes a good part of a second of a processor, so a pool's is made in the
 * background, one after the other, and at once only when somebody waits for it.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { Cloud } from '../../platform.ts';

interface KeyRecord {
  kid: string;
  /** PKCS #8, PEM */
  privateKey: string;
}

export interface SigningKey {
  kid: string;
  privateKey: KeyObject;
  publicKey: KeyObject;
  /** The public key as a pool's key set shows it. */
  jwk: Readonly<Record<string, unknown>>;
}

const generate = promisify(generateKeyPair);

export class SigningKeys {
  private readonly cloud: Cloud;
  private readonly keys = new Map<string, Promise<SigningKey>>();
  private background: Promise<unknown> = Promise.resolve();
  private stopped = false;

  constructor(cloud: Cloud) {
    this.cloud = cloud;
  }

  private get collection() {
    return this.cloud.store.collection<KeyRecord>('cognito.keys');
  }

  /** Has the pool's key made when nothing else is being made. */
  prepare(poolId: string): void {
    this.background = this.background
      .then(() => (this.stopped || !this.exists(poolId) ? undefined : this.of(poolId)))
      .catch((error: unknown) => this.cloud.log(`cognito: key of ${poolId}: ${String(error)}`));
  }

  private exists(poolId: string): boolean {
    return this.cloud.store.collection('cognito.pools').has(poolId);
  }

  of(poolId: string): Promise<SigningKey> {
    let key = this.keys.get(poolId);
    if (!key) {
      key = this.load(poolId);
      this.keys.set(poolId, key);
      // A failure is not kept: the next one tries again.
      key.catch(() => this.keys.delete(poolId));
    }
    return key;
  }

  remove(poolId: string): void {
    this.keys.delete(poolId);
    this.collection.delete(poolId);
  }

  /** Resolves when no key is being made any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.allSettled([this.background, ...this.keys.values()]);
  }

  private async load(poolId: string): Promise<SigningKey> {
    const kept = this.collection.get(poolId);
    if (kept) return signingKey(kept);
    const { privateKey } = await generate('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const kid = createHash('sha256').update(pem).digest('base64');
    const record = { kid, privateKey: pem };
    // The pool may be gone meanwhile.
    if (this.exists(poolId)) {
      this.collection.put(poolId, record);
      // Nobody may see a token of a key that a crash would lose.
      await this.cloud.store.flushed();
    }
    return signingKey(record);
  }
}

function signingKey({ kid, privateKey: pem }: KeyRecord): SigningKey {
  const privateKey = createPrivateKey(pem);
  const publicKey = createPublicKey(privateKey);
  const { e, n } = publicKey.export({ format: 'jwk' });
  return { kid, privateKey, publicKey, jwk: { alg: 'RS256', e, kid, kty: 'RSA', n, use: 'sig' } };
}
