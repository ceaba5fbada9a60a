/**
 * Secrets with their versions and staging labels. Values are kept as they are: the state directory is its user's
 * alone (mode 0700).
 */
import { randomInt, randomUUID } from 'node:crypto';
import { AwsError, arn, type Cloud } from '../../platform.ts';
import { compareText } from '../pages.ts';
import type { Tags } from '../tags.ts';

export interface SecretVersion {
  id: string;
  text?: string | undefined;
  /** base64 */
  binary?: string | undefined;
  stages: string[];
  /** ISO 8601 */
  created: string;
}

export interface SecretRecord {
  name: string;
  arn: string;
  description?: string | undefined;
  kmsKeyId?: string | undefined;
  /** The service that made it for itself. */
  owner?: string | undefined;
  versions: SecretVersion[];
  tags: Tags;
  /** JSON */
  policy?: string | undefined;
  /** ISO 8601 */
  created: string;
  changed: string;
  accessed?: string | undefined;
  /** Set while deletion is scheduled; ISO 8601. */
  deleted?: string | undefined;
  /** When the recovery window ends; ISO 8601. */
  purge?: string | undefined;
}

export interface SecretValue {
  text?: string | undefined;
  binary?: Uint8Array | undefined;
}

export const current = 'AWSCURRENT';
export const previous = 'AWSPREVIOUS';
const maxBytes = 65_536;
const suffixLetters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

export const notFound = (): AwsError =>
  new AwsError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");

export class Secrets {
  private readonly cloud: Cloud;

  constructor(cloud: Cloud) {
    this.cloud = cloud;
  }

  private get collection() {
    return this.cloud.store.collection<SecretRecord>('secrets');
  }

  now(): string {
    return new Date(this.cloud.clock.now()).toISOString();
  }

  /** All secrets by name, without those whose recovery window is over. */
  all(): SecretRecord[] {
    return this.collection
      .values()
      .filter((record) => !this.purged(record))
      .sort((left, right) => compareText(left.name, right.name));
  }

  /** By name, ARN, or ARN without its random end; also while its deletion is scheduled. */
  find(id: string): SecretRecord | undefined {
    const prefix = arn(this.cloud, 'secretsmanager', 'secret:');
    const name = id.startsWith(prefix) ? id.slice(prefix.length) : id;
    // A name may itself end in what looks like the random end, so the longer reading goes first.
    for (const candidate of [name, name.replace(/-[A-Za-z0-9]{6}$/, '')]) {
      const record = this.collection.get(candidate);
      if (record && !this.purged(record) && (candidate === id || record.arn.startsWith(id))) return record;
    }
    return undefined;
  }

  private purged(record: SecretRecord): boolean {
    if (record.purge === undefined || Date.parse(record.purge) > this.cloud.clock.now()) return false;
    this.collection.delete(record.name);
    return true;
  }

  /** Throws AwsError ResourceNotFoundException. */
  get(id: string): SecretRecord {
    const record = this.find(id);
    if (!record) throw notFound();
    return record;
  }

  /** Throws AwsError ResourceNotFoundException, or InvalidRequestException when its deletion is scheduled. */
  usable(id: string): SecretRecord {
    const record = this.get(id);
    if (record.deleted !== undefined) {
      throw new AwsError(
        'InvalidRequestException',
        "You can't perform this operation on the secret because it was marked for deletion.",
      );
    }
    return record;
  }

  /** What IAM policies name: the secret's ARN; for one that isn't there, the ARN with any end. */
  resource(id: string): string {
    const record = this.find(id);
    if (record) return record.arn;
    return id.startsWith('arn:') ? id : arn(this.cloud, 'secretsmanager', `secret:${id}`);
  }

  create(secret: {
    name: string;
    value?: SecretValue | undefined;
    versionId?: string | undefined;
    description?: string | undefined;
    kmsKeyId?: string | undefined;
    tags?: Tags | undefined;
    owner?: string | undefined;
  }): { record: SecretRecord; version: SecretVersion | undefined } {
    const { name, value, versionId } = secret;
    // An exclamation mark sets services' own secrets apart.
    const pattern = secret.owner ? /^[A-Za-z0-9/_+=.@!-]{1,512}$/ : /^[A-Za-z0-9/_+=.@-]{1,512}$/;
    if (!pattern.test(name)) {
      throw new AwsError(
        'ValidationException',
        'Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!',
      );
    }
    const known = this.find(name);
    if (known?.deleted !== undefined) {
      throw new AwsError(
        'InvalidRequestException',
        "You can't create this secret because a secret with this name is already scheduled for deletion.",
      );
    }
    if (known) {
      const same = versionId === undefined ? undefined : known.versions.find(({ id }) => id === versionId);
      // A repeated request with its token is answered as the first was.
      if (same && equal(same, value)) return { record: known, version: same };
      throw new AwsError(
        'ResourceExistsException',
        `The operation failed because the secret ${name} already exists.`,
      );
    }
    const end = Array.from({ length: 6 }, () => suffixLetters[randomInt(suffixLetters.length)]).join('');
    const at = this.now();
    const record: SecretRecord = {
      name,
      arn: arn(this.cloud, 'secretsmanager', `secret:${name}-${end}`),
      description: secret.description,
      kmsKeyId: secret.kmsKeyId,
      owner: secret.owner,
      versions: [],
      tags: secret.tags ?? {},
      created: at,
      changed: at,
    };
    const version = value && this.addVersion(record, value, versionId);
    this.save(record);
    return { record, version };
  }

  /** Adds a version under `stages`, taking these from the versions that have them. Saves nothing. */
  addVersion(
    record: SecretRecord,
    value: SecretValue,
    versionId: string = randomUUID(),
    stages: readonly string[] = [current],
  ): SecretVersion {
    const size = value.text === undefined ? (value.binary?.length ?? 0) : Buffer.byteLength(value.text);
    if (size > maxBytes) {
      throw new AwsError('InvalidParameterException', `A secret value is at most ${maxBytes} bytes.`);
    }
    const known = record.versions.find(({ id }) => id === versionId);
    if (known) {
      if (equal(known, value)) return known;
      throw new AwsError(
        'ResourceExistsException',
        `You can't use this ClientRequestToken: the secret has a version ${versionId} with another value.`,
      );
    }
    const version: SecretVersion = {
      id: versionId,
      text: value.text,
      binary: value.binary && Buffer.from(value.binary).toString('base64'),
      stages: [],
      created: this.now(),
    };
    record.versions.push(version);
    for (const stage of record.versions.length === 1 ? new Set([current, ...stages]) : stages) {
      this.moveStage(record, stage, version);
    }
    return version;
  }

  /** Moves a staging label. What loses AWSCURRENT becomes AWSPREVIOUS, and versions without label go. */
  moveStage(record: SecretRecord, stage: string, to: SecretVersion | undefined): void {
    const from = record.versions.find(({ stages }) => stages.includes(stage));
    if (from === to) return;
    if (from) from.stages = from.stages.filter((each) => each !== stage);
    if (stage === current && from) {
      for (const version of record.versions) {
        version.stages = version.stages.filter((each) => each !== previous);
      }
      from.stages.push(previous);
    }
    to?.stages.push(stage);
    record.versions = record.versions.filter(({ stages }) => stages.length > 0);
    record.changed = this.now();
  }

  /** Throws AwsError ResourceNotFoundException. */
  version(record: SecretRecord, id: string | undefined, stage: string | undefined): SecretVersion {
    const wanted = stage ?? (id === undefined ? current : undefined);
    const version = record.versions.find(
      (each) =>
        (id === undefined || each.id === id) && (wanted === undefined || each.stages.includes(wanted)),
    );
    if (version) return version;
    throw new AwsError(
      'ResourceNotFoundException',
      id === undefined
        ? `Secrets Manager can't find the specified secret value for staging label: ${wanted}`
        : `Secrets Manager can't find the specified secret value for VersionId: ${id}`,
    );
  }

  save(record: SecretRecord): void {
    this.collection.put(record.name, record);
  }

  remove(record: SecretRecord): void {
    this.collection.delete(record.name);
  }
}

const equal = (version: SecretVersion, value: SecretValue | undefined): boolean =>
  version.text === value?.text &&
  version.binary === (value?.binary && Buffer.from(value.binary).toString('base64'));
