/**
 * KMS keys with their states, policies and material, and the aliases that name them. Material is kept as it is: the
 * state directory is its user's alone (mode 0700).
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { parsePolicy } from '../../iam/policy.ts';
import { AwsError, arn, type Cloud } from '../../platform.ts';
import type { Tags } from '../tags.ts';
import { lockedOut } from './policies.ts';

export type KeyState = 'Enabled' | 'Disabled' | 'PendingDeletion';

export interface KeyRecord {
  id: string;
  arn: string;
  /** ISO 8601 */
  created: string;
  description: string;
  state: KeyState;
  /** While its deletion is pending; ISO 8601. */
  deletion?: string | undefined;
  /** JSON */
  policy: string;
  tags: Tags;
  /** Days between rotations, where they are on; when the next is due (ISO 8601). */
  rotation?: { days: number; next: string } | undefined;
  /** Base64, oldest first: what was encrypted before a rotation can be decrypted after it. */
  material: string[];
}

const day = 86_400_000;
/** Rotations keep what came before; a key that is rotated without end must not grow without end. */
const mostMaterial = 100;

const notFound = (reference: string): AwsError =>
  new AwsError('NotFoundException', `Key '${reference}' does not exist`);

export const validation = (message: string): AwsError => new AwsError('ValidationException', message);

export class Keys {
  readonly #cloud: Cloud;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  get #keys() {
    return this.#cloud.store.collection<KeyRecord>('kms.keys');
  }
  /** `alias/<name>` -> key id. */
  get #aliases() {
    return this.#cloud.store.collection<string>('kms.aliases');
  }

  now(): string {
    return new Date(this.#cloud.clock.now()).toISOString();
  }

  all(): KeyRecord[] {
    return this.#keys
      .values()
      .filter((key) => this.#current(key) !== undefined)
      .sort((left, right) => (left.id < right.id ? -1 : 1));
  }

  aliases(): { name: string; keyId: string }[] {
    return this.#aliases
      .entries()
      .filter(([, keyId]) => this.find(keyId) !== undefined)
      .map(([name, keyId]) => ({ name, keyId }))
      .sort((left, right) => (left.name < right.name ? -1 : 1));
  }

  /** By id, ARN, alias or alias ARN. */
  find(reference: string): KeyRecord | undefined {
    const prefix = arn(this.#cloud, 'kms', '');
    const name = reference.startsWith(prefix) ? reference.slice(prefix.length) : reference;
    const id = name.startsWith('alias/') ? this.#aliases.get(name) : name.replace(/^key\//, '');
    const key = id === undefined ? undefined : this.#keys.get(id);
    return key && this.#current(key);
  }

  /** Throws NotFoundException. */
  get(reference: string): KeyRecord {
    const key = this.find(reference);
    if (!key)
      throw notFound(reference.startsWith('arn:') ? reference : arn(this.#cloud, 'kms', `key/${reference}`));
    return key;
  }

  /** Throws DisabledException or KMSInvalidStateException unless the key is enabled. */
  usable(reference: string): KeyRecord {
    const key = this.get(reference);
    if (key.state === 'Disabled') throw new AwsError('DisabledException', `${key.arn} is disabled.`);
    this.refusePending(key);
    return key;
  }

  refusePending(key: KeyRecord): void {
    if (key.state === 'PendingDeletion')
      throw new AwsError('KMSInvalidStateException', `${key.arn} is pending deletion.`);
  }

  /** Without what is due: a key whose window is over, and a rotation that has not been made. */
  #current(key: KeyRecord): KeyRecord | undefined {
    const now = this.#cloud.clock.now();
    if (key.deletion !== undefined && Date.parse(key.deletion) <= now) {
      this.#keys.delete(key.id);
      for (const [name, id] of this.#aliases.entries()) if (id === key.id) this.#aliases.delete(name);
      return undefined;
    }
    if (key.rotation && key.state === 'Enabled' && Date.parse(key.rotation.next) <= now) this.rotate(key);
    return key;
  }

  create(settings: { policy?: string | undefined; description?: string | undefined; tags: Tags }): KeyRecord {
    const id = randomUUID();
    const key: KeyRecord = {
      id,
      arn: arn(this.#cloud, 'kms', `key/${id}`),
      created: this.now(),
      description: settings.description ?? '',
      state: 'Enabled',
      policy: settings.policy ?? this.defaultPolicy(),
      tags: settings.tags,
      material: [newMaterial()],
    };
    this.checkPolicy(key.policy);
    this.save(key);
    return key;
  }

  save(key: KeyRecord): void {
    this.#keys.put(key.id, key);
  }

  /** Throws MalformedPolicyDocumentException; also for a policy that would let nobody of the account change it any more. */
  checkPolicy(policy: string): void {
    try {
      if (!lockedOut(parsePolicy(policy, 'resource'), this.#cloud.account)) return;
    } catch (error) {
      throw new AwsError(
        'MalformedPolicyDocumentException',
        error instanceof Error ? error.message : String(error),
      );
    }
    throw new AwsError(
      'MalformedPolicyDocumentException',
      'The new key policy will not allow you to update the key policy in the future.',
    );
  }

  defaultPolicy(): string {
    return JSON.stringify({
      Version: '2012-10-17',
      Id: 'key-default-1',
      Statement: [
        {
          Sid: 'Enable IAM User Permissions',
          Effect: 'Allow',
          Principal: { AWS: `arn:${this.#cloud.partition}:iam::${this.#cloud.account}:root` },
          Action: 'kms:*',
          Resource: '*',
        },
      ],
    });
  }

  /** New material; the old one goes on decrypting. */
  rotate(key: KeyRecord): void {
    if (key.material.length >= mostMaterial)
      throw new AwsError('LimitExceededException', 'The key has reached its number of rotations.');
    key.material.push(newMaterial());
    if (key.rotation) key.rotation.next = this.due(key.rotation.days);
    this.save(key);
  }

  rotateEvery(key: KeyRecord, days: number | undefined): void {
    if (days !== undefined && (days < 90 || days > 2560))
      throw validation('RotationPeriodInDays must be from 90 to 2560');
    key.rotation = days === undefined ? undefined : { days, next: this.due(days) };
    this.save(key);
  }

  /** ISO 8601, so many days from now. */
  due(days: number): string {
    return new Date(this.#cloud.clock.now() + days * day).toISOString();
  }

  scheduleDeletion(key: KeyRecord, days = 30): void {
    if (days < 7 || days > 30)
      throw validation(
        `1 validation error detected: Value '${days}' at 'pendingWindowInDays' failed to satisfy constraint: Member must be between 7 and 30`,
      );
    this.refusePending(key);
    key.state = 'PendingDeletion';
    key.deletion = this.due(days);
    this.save(key);
  }

  /** Points an alias, new or known, at a key; undefined takes it away. */
  name(alias: string, key: KeyRecord | undefined): void {
    if (!/^alias\/[A-Za-z0-9/_-]{1,250}$/.test(alias) || alias.startsWith('alias/aws/'))
      throw new AwsError('InvalidAliasNameException', `${alias} is not a valid alias name`);
    if (key) this.#aliases.put(alias, key.id);
    else this.#aliases.delete(alias);
  }

  aliasArn(alias: string): string {
    return arn(this.#cloud, 'kms', alias);
  }
}

const newMaterial = (): string => randomBytes(32).toString('base64');
