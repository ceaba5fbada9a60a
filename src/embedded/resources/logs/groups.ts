/** Log groups and their streams: what is known of them, and where their events are. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { AwsError, arn, type Cloud } from '../../platform.ts';
import { compareText } from '../pages.ts';
import type { Tags } from '../tags.ts';
import { type LogEvent, StreamFile } from './stream-file.ts';

export interface GroupRecord {
  name: string;
  /** Milliseconds since the epoch. */
  created: number;
  retentionInDays?: number | undefined;
  kmsKeyId?: string | undefined;
  logGroupClass: string;
  tags: Tags;
}

export interface StreamRecord {
  group: string;
  name: string;
  /** Names its files. */
  id: string;
  created: number;
}

/** https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html */
const retentions = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];
/** A task that restarts for ever makes a stream each time; a group keeps this many, unlike AWS. */
const maxStreams = 1000;
/** AWS truncates nothing and refuses larger events; what a task writes is cut. */
const maxMessage = 256 * 1024;
const flushDelayMs = 100;
const day = 86_400_000;

export const groupMissing = (): AwsError =>
  new AwsError('ResourceNotFoundException', 'The specified log group does not exist.');

export class LogGroups {
  private readonly cloud: Cloud;
  private readonly directory: string;
  private readonly files = new Map<string, StreamFile>();
  /** By group: name to record. */
  private streams: Map<string, Map<string, StreamRecord>> | undefined;
  private readonly unwritten = new Set<StreamFile>();
  private timer: NodeJS.Timeout | undefined;
  private sequence = 0;
  private stopped = false;

  constructor(cloud: Cloud) {
    this.cloud = cloud;
    this.directory = path.join(cloud.stateDir, 'logs');
  }

  private get groupCollection() {
    return this.cloud.store.collection<GroupRecord>('logs.groups');
  }

  private get streamCollection() {
    return this.cloud.store.collection<StreamRecord>('logs.streams');
  }

  arn(name: string): string {
    return arn(this.cloud, 'logs', `log-group:${name}`);
  }

  all(): GroupRecord[] {
    return this.groupCollection.values().sort((left, right) => compareText(left.name, right.name));
  }

  find(name: string): GroupRecord | undefined {
    return this.groupCollection.get(name);
  }

  /** By name or ARN. Throws AwsError ResourceNotFoundException. */
  get(reference: string): GroupRecord {
    const group = this.find(this.nameOf(reference));
    if (!group) throw groupMissing();
    return group;
  }

  nameOf(reference: string): string {
    return reference.startsWith('arn:') ? (reference.split(':')[6] ?? '') : reference;
  }

  /** Throws AwsError ResourceAlreadyExistsException. */
  create(name: string, options: Partial<Omit<GroupRecord, 'name' | 'created'>> = {}): GroupRecord {
    if (!/^[.\-_/#A-Za-z0-9]{1,512}$/.test(name)) {
      throw invalid(`'logGroupName' ${JSON.stringify(name)} must match the pattern [\\.\\-_/#A-Za-z0-9]+`);
    }
    if (this.find(name)) {
      throw new AwsError('ResourceAlreadyExistsException', 'The specified log group already exists');
    }
    checkRetention(options.retentionInDays);
    this.checkKey(name, options.kmsKeyId);
    const group: GroupRecord = {
      logGroupClass: 'STANDARD',
      tags: {},
      ...options,
      name,
      created: this.cloud.clock.now(),
    };
    this.save(group);
    return group;
  }

  /**
   * The log service itself uses a group's key, which the key's policy must allow it for that group. Source: "Encrypt log
   * data in CloudWatch Logs using AWS KMS". Throws AwsError AccessDeniedException.
   */
  checkKey(name: string, kmsKeyId: string | undefined): void {
    if (kmsKeyId === undefined) return;
    try {
      for (const action of ['Encrypt', 'Decrypt', 'GenerateDataKey'])
        this.cloud.kms.use(kmsKeyId, action, {
          caller: { service: `logs.${this.cloud.region}.amazonaws.com` },
          encryptionContext: { 'aws:logs:arn': this.arn(name) },
        });
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      throw new AwsError(
        'AccessDeniedException',
        `The specified KMS key does not exist or is not allowed to be used with Arn '${this.arn(name)}'`,
      );
    }
  }

  save(group: GroupRecord): void {
    checkRetention(group.retentionInDays);
    this.groupCollection.put(group.name, group);
  }

  async remove(name: string): Promise<void> {
    const streams = [...this.streamsOf(name).values()];
    this.groupCollection.delete(name);
    await Promise.all(streams.map((stream) => this.removeStream(stream)));
    this.byGroup().delete(name);
  }

  private byGroup(): Map<string, Map<string, StreamRecord>> {
    if (!this.streams) {
      this.streams = new Map();
      const streams = this.streamCollection.values().sort((left, right) => left.created - right.created);
      for (const stream of streams) {
        const group = this.streams.get(stream.group) ?? new Map<string, StreamRecord>();
        this.streams.set(stream.group, group.set(stream.name, stream));
      }
    }
    return this.streams;
  }

  streamsOf(group: string): ReadonlyMap<string, StreamRecord> {
    return this.byGroup().get(group) ?? new Map<string, StreamRecord>();
  }

  /** Throws AwsError ResourceNotFoundException. */
  stream(group: string, name: string): StreamRecord {
    const stream = this.streamsOf(group).get(name);
    if (!stream) {
      throw new AwsError('ResourceNotFoundException', 'The specified log stream does not exist.');
    }
    return stream;
  }

  /** Throws AwsError ResourceAlreadyExistsException. */
  createStream(group: string, name: string): StreamRecord {
    if (!/^[^:*]{1,512}$/.test(name)) {
      throw invalid(`'logStreamName' ${JSON.stringify(name)} must match the pattern [^:*]*`);
    }
    const known = this.byGroup().get(group) ?? new Map<string, StreamRecord>();
    if (known.has(name)) {
      throw new AwsError('ResourceAlreadyExistsException', 'The specified log stream already exists');
    }
    const [oldest] = known.values();
    // Streams are in the order of their making.
    if (known.size >= maxStreams && oldest) this.removeStream(oldest).catch(() => {});
    const stream = { group, name, id: randomBytes(8).toString('hex'), created: this.cloud.clock.now() };
    known.set(name, stream);
    this.byGroup().set(group, known);
    this.streamCollection.put(keyOf(stream), stream);
    return stream;
  }

  async removeStream(stream: StreamRecord): Promise<void> {
    this.streamCollection.delete(keyOf(stream));
    this.byGroup().get(stream.group)?.delete(stream.name);
    const file = this.file(stream);
    this.files.delete(stream.id);
    this.unwritten.delete(file);
    await file.remove();
  }

  file(stream: StreamRecord): StreamFile {
    let file = this.files.get(stream.id);
    if (!file) {
      mkdirSync(this.directory, { recursive: true, mode: 0o700 });
      file = new StreamFile(path.join(this.directory, stream.id));
      this.files.set(stream.id, file);
    }
    return file;
  }

  /** Takes events into memory; they are in the file soon, or when its flush resolves. */
  append(stream: StreamRecord, events: readonly Pick<LogEvent, 'timestamp' | 'message'>[]): StreamFile {
    const file = this.file(stream);
    const ingestion = this.cloud.clock.now();
    for (const { timestamp, message } of events) {
      // Beyond the last one of an earlier process too.
      this.sequence = Math.max(this.sequence + 1, Date.now() * 1000);
      file.append({ timestamp, ingestion, sequence: this.sequence, message: message.slice(0, maxMessage) });
    }
    this.unwritten.add(file);
    if (this.stopped) return file;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.flush().catch((error: unknown) => this.cloud.log(`logs: ${String(error)}`));
    }, flushDelayMs);
    return file;
  }

  async flush(): Promise<void> {
    const files = [...this.unwritten];
    this.unwritten.clear();
    await Promise.all(files.map((file) => file.flush()));
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.flush();
  }

  /** Removes streams that their group's retention has outlived, and files that no stream owns. */
  async sweep(): Promise<void> {
    const now = this.cloud.clock.now();
    const owned = new Set<string>();
    for (const streams of [...this.byGroup().values()]) {
      for (const stream of [...streams.values()]) {
        owned.add(stream.id);
        const days = this.find(stream.group)?.retentionInDays;
        if (days === undefined) continue;
        const last = this.file(stream).lastWrite() ?? stream.created;
        if (now - last > days * day) await this.removeStream(stream);
      }
    }
    let names: string[];
    try {
      names = readdirSync(this.directory);
    } catch {
      return;
    }
    for (const name of names) {
      const id = name.split('.')[0] ?? '';
      if (!owned.has(id) && !this.files.has(id)) rmSync(path.join(this.directory, name), { force: true });
    }
  }
}

const keyOf = ({ group, name }: StreamRecord): string => `${group}:${name}`;

export const invalid = (message: string): AwsError => new AwsError('InvalidParameterException', message);

function checkRetention(days: number | undefined): void {
  if (days === undefined || retentions.includes(days)) return;
  throw invalid(
    `1 validation error detected: Value '${days}' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: [${retentions.join(', ')}]`,
  );
}
