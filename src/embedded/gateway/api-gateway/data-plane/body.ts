/** A request's body, up to the 10 MB that API Gateway takes ("Payload size" in the quotas). */
import type { IncomingMessage } from 'node:http';
import { Refusal } from './gateway-responses.ts';

const maxRequest = 10 * 1024 * 1024;
const none = Buffer.alloc(0);

/** Rejects with a {@link Refusal} REQUEST_TOO_LARGE, and when the caller breaks off. */
export function bodyOf(request: IncomingMessage): Promise<Buffer> | Buffer {
  const length = request.headers['content-length'];
  if (length === undefined && request.headers['transfer-encoding'] === undefined) return none;
  if (Number(length ?? 0) > maxRequest) throw new Refusal('REQUEST_TOO_LARGE');
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxRequest) {
        request.removeListener('data', onData);
        reject(new Refusal('REQUEST_TOO_LARGE'));
      } else chunks.push(chunk);
    };
    request.on('data', onData);
    request.once('end', () => resolve(chunks.length === 1 ? (chunks[0] ?? none) : Buffer.concat(chunks)));
    request.once('error', reject);
    request.once('aborted', () => reject(new Error('the caller went away')));
  });
}
