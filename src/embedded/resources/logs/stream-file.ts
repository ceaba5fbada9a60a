/**
 * One log stream on disk: two files, the newer one appended to; when it is full it takes the older one's place.
 * A line is a JSON array; one that a killed process left incomplete is skipped.
 */
import { closeSync, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { appendFile, readFile, rm } from 'node:fs/promises';

export interface LogEvent {
  /** Milliseconds since the epoch. */
  timestamp: number;
  ingestion: number;
  /** Grows with each event of the cloud; tells events of one millisecond apart. */
  sequence: number;
  message: string;
}

export interface StreamSummary {
  first: number | undefined;
  last: number | undefined;
  lastIngestion: number | undefined;
}

/** A stream holds at most twice this on disk, and what waits in memory at most this. */
const maxFileBytes = 2_500_000;
const tailBytes = 64 * 1024;

export class StreamFile {
  private readonly path: string;
  private readonly olderPath: string;
  private size: number | undefined;
  private pending: string[] = [];
  private pendingBytes = 0;
  /** What is being written now: not yet counted in `size`. */
  private writing: string[] = [];
  private chain: Promise<void> = Promise.resolve();
  private summary: StreamSummary | undefined;

  /** `path` is without extension; its directory exists. */
  constructor(path: string) {
    this.path = `${path}.log`;
    this.olderPath = `${path}.1.log`;
  }

  /** Takes an event into memory. */
  append(event: LogEvent): void {
    const line = `${JSON.stringify([event.timestamp, event.ingestion, event.sequence, event.message])}\n`;
    this.pending.push(line);
    this.pendingBytes += line.length;
    // The disk can't keep up: the oldest go, as they would by rotation.
    while (this.pendingBytes > maxFileBytes) this.pendingBytes -= this.pending.shift()?.length ?? 0;
    if (this.summary) this.count(this.summary, event);
  }

  /** Resolves when everything appended so far is in the file; rejects when the disk refuses it. */
  flush(): Promise<void> {
    return this.serialized(() => this.write());
  }

  /** All events, as they were appended. */
  read(): Promise<LogEvent[]> {
    return this.serialized(async () => parse(await this.content()));
  }

  /** Reads both files the first time. */
  async summarize(): Promise<StreamSummary> {
    if (this.summary) return this.summary;
    return this.serialized(async () => {
      const summary: StreamSummary = { first: undefined, last: undefined, lastIngestion: undefined };
      for (const event of parse(await this.content())) this.count(summary, event);
      this.summary = summary;
      return summary;
    });
  }

  /** What both files and the memory hold; nothing is written meanwhile. */
  private async content(): Promise<string> {
    const [older, newer] = await Promise.all([text(this.olderPath), text(this.path)]);
    return `${older}${newer}\n${this.pending.join('')}`;
  }

  private serialized<T>(work: () => Promise<T>): Promise<T> {
    const result = this.chain.then(work);
    this.chain = result.then(
      () => {},
      () => {},
    );
    return result;
  }

  /** The newest messages, oldest first; of a long stream only what the file's end holds. */
  tail(count: number): string[] {
    const kept = end(this.path, this.sizeNow()) + this.writing.join('') + this.pending.join('');
    return parse(kept)
      .slice(-count)
      .map(({ message }) => message);
  }

  async remove(): Promise<void> {
    this.pending = [];
    await this.chain;
    await Promise.all([rm(this.path, { force: true }), rm(this.olderPath, { force: true })]);
    this.size = 0;
  }

  /** When it was last written to, in milliseconds; undefined when it never was. */
  lastWrite(): number | undefined {
    for (const path of [this.path, this.olderPath]) {
      const found = statSync(path, { throwIfNoEntry: false });
      if (found) return found.mtimeMs;
    }
    return undefined;
  }

  /** Bytes on disk. */
  bytes(): number {
    const older = statSync(this.olderPath, { throwIfNoEntry: false })?.size ?? 0;
    return older + (statSync(this.path, { throwIfNoEntry: false })?.size ?? 0);
  }

  private sizeNow(): number {
    this.size ??= statSync(this.path, { throwIfNoEntry: false })?.size ?? 0;
    return this.size;
  }

  private count(summary: StreamSummary, { timestamp, ingestion }: LogEvent): void {
    summary.first = Math.min(summary.first ?? timestamp, timestamp);
    summary.last = Math.max(summary.last ?? timestamp, timestamp);
    summary.lastIngestion = Math.max(summary.lastIngestion ?? ingestion, ingestion);
  }

  private async write(): Promise<void> {
    if (this.pending.length === 0) return;
    const fresh = this.size === undefined;
    if (this.sizeNow() > maxFileBytes) {
      // In one go, so that nobody sees the stream without its newer file.
      renameSync(this.path, this.olderPath);
      this.size = 0;
      this.summary = undefined;
    }
    this.writing = this.pending;
    this.pending = [];
    this.pendingBytes = 0;
    // The last line of an earlier process may be incomplete.
    const data = Buffer.from((fresh && this.sizeNow() > 0 ? '\n' : '') + this.writing.join(''));
    try {
      await appendFile(this.path, data, { mode: 0o600 });
      this.size = this.sizeNow() + data.length;
    } catch (error) {
      this.size = undefined;
      throw error;
    } finally {
      this.writing = [];
    }
  }
}

async function text(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** The text before byte `size`, as far back as `tailBytes`; its first line may be cut. */
function end(path: string, size: number): string {
  if (size === 0) return '';
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return '';
  }
  try {
    const until = Math.min(size, fstatSync(file).size);
    const buffer = Buffer.alloc(Math.min(tailBytes, until));
    const read = readSync(file, buffer, 0, buffer.length, until - buffer.length);
    return buffer.toString('utf8', 0, read);
  } finally {
    closeSync(file);
  }
}

function parse(lines: string): LogEvent[] {
  const events: LogEvent[] = [];
  for (const line of lines.split('\n')) {
    if (!line.startsWith('[')) continue;
    try {
      const [timestamp, ingestion, sequence, message] = JSON.parse(line) as [number, number, number, string];
      events.push({ timestamp, ingestion, sequence, message });
    } catch {
      // Cut off by the end of the process, or by where reading began.
    }
  }
  return events;
}
