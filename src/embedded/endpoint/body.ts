/** Request bodies: bounded, and out of the chunks that S3 clients wrap around streams. */
import type { IncomingMessage } from 'node:http';
import { Transform, type TransformCallback } from 'node:stream';
import { AwsError } from '../platform.ts';

/** Most bytes of a request that is held in memory. The largest that AWS takes here is Lambda's 6 MB. */
export const maxBody = 16 * 1024 * 1024;
/** Most bytes of one object or part. */
export const maxStream = 100 * 1024 * 1024;

const tooLarge = (limit: number): AwsError =>
  new AwsError('RequestEntityTooLarge', `The request body is larger than ${limit} bytes`, 413);

/** Collects the body; throws AwsError RequestEntityTooLarge as soon as it passes the limit. */
export async function collect(request: IncomingMessage, limit = maxBody): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > limit) throw tooLarge(limit);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw tooLarge(limit);
    chunks.push(chunk);
  }
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
}

/** Is the body in `aws-chunked` encoding (streaming signatures, trailing checksums)? */
export const isAwsChunked = (request: IncomingMessage): boolean =>
  String(request.headers['x-amz-content-sha256'] ?? '').startsWith('STREAMING-') ||
  /\baws-chunked\b/.test(String(request.headers['content-encoding'] ?? ''));

/** The body as a stream of at most `limit` bytes. */
export function stream(request: IncomingMessage, limit = maxStream): Transform {
  const announced = Number(
    request.headers['x-amz-decoded-content-length'] ?? request.headers['content-length'] ?? 0,
  );
  if (announced > limit) throw tooLarge(limit);
  let size = 0;
  const bounded = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > limit) done(tooLarge(limit));
      else done(null, chunk);
    },
  });
  const source = isAwsChunked(request) ? pass(request, new AwsChunkedDecoder()) : request;
  return pass(source, bounded);
}

/** Pipes and carries errors on, which pipe() does not. */
function pass<T extends Transform>(source: NodeJS.ReadableStream, target: T): T {
  source.once('error', (error) => target.destroy(error));
  source.once('aborted', () =>
    target.destroy(new AwsError('RequestTimeout', 'The connection was closed', 400)),
  );
  return source.pipe(target);
}

/**
 * `aws-chunked`: `<hex size>[;chunk-signature=…]\r\n<bytes>\r\n` …, `0\r\n`, trailing headers, `\r\n`. Trailers and
 * signatures are dropped. Source: "SigV4 streaming" in the Amazon S3 API reference.
 */
export class AwsChunkedDecoder extends Transform {
  #rest: Buffer = Buffer.alloc(0);
  /** Bytes of the current chunk still to come; undefined between chunks. */
  #left: number | undefined;
  #ended = false;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    try {
      this.#read();
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  override _flush(done: TransformCallback): void {
    done(this.#ended ? null : new AwsError('IncompleteBody', 'The request body terminated unexpectedly'));
  }

  #read(): void {
    while (this.#rest.length > 0 && !this.#ended) {
      if (this.#left === undefined) {
        const end = this.#rest.indexOf('\r\n');
        if (end < 0) {
          if (this.#rest.length > 1024) throw new AwsError('InvalidRequest', 'A chunk header is too long');
          return;
        }
        const header = this.#rest.subarray(0, end).toString('latin1');
        this.#rest = this.#rest.subarray(end + 2);
        // The line end after a chunk's bytes reads as an empty header.
        if (header === '') continue;
        const size = /^([0-9a-fA-F]{1,8})(;|$)/.exec(header)?.[1];
        if (size === undefined) throw new AwsError('InvalidRequest', 'A chunk header is malformed');
        this.#left = Number.parseInt(size, 16);
        if (this.#left === 0) this.#ended = true;
      } else {
        const bytes = this.#rest.subarray(0, this.#left);
        this.push(bytes);
        this.#rest = this.#rest.subarray(bytes.length);
        this.#left -= bytes.length;
        if (this.#left === 0) this.#left = undefined;
      }
    }
    if (this.#ended) this.#rest = Buffer.alloc(0);
  }
}
