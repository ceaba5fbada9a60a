/** What a request says about its signer. Signatures are not verified: everything here is one user's own machine. */
import type { WireRequest } from './wire.ts';

export interface Signer {
  accessKeyId: string;
  /** The credential scope's service, e.g. `elasticloadbalancing`. */
  service: string;
  sessionToken: string | undefined;
}

function fromScope(scope: string | null | undefined, sessionToken: string | undefined): Signer | undefined {
  // AKID/20260131/us-east-1/ecs/aws4_request; SigV4a's scope has no region.
  const parts = scope?.split('/');
  const service = parts?.at(-2);
  const accessKeyId = parts?.slice(0, parts.length - (parts.length >= 5 ? 4 : 3)).join('/');
  return parts && parts.length >= 4 && service && accessKeyId
    ? { accessKeyId, service, sessionToken }
    : undefined;
}

/** Undefined when the request is not signed (in a header or in a presigned URL). */
export function signerOf(request: Pick<WireRequest, 'headers' | 'query'>): Signer | undefined {
  const { authorization } = request.headers;
  if (authorization?.startsWith('AWS4-')) {
    const token = request.headers['x-amz-security-token'];
    return fromScope(
      /Credential=([^,\s]+)/.exec(authorization)?.[1],
      typeof token === 'string' ? token : undefined,
    );
  }
  // The AWS CLI presigns S3 URLs for an endpoint of its own by version 2 still.
  const accessKeyId = request.query.get('AWSAccessKeyId');
  if (accessKeyId !== null && request.query.has('Signature')) {
    const sessionToken = request.query.get('x-amz-security-token') ?? undefined;
    return { accessKeyId, service: 's3', sessionToken };
  }
  if (!request.query.has('X-Amz-Credential')) return undefined;
  return fromScope(
    request.query.get('X-Amz-Credential'),
    request.query.get('X-Amz-Security-Token') ?? undefined,
  );
}

/** When a presigned URL stops being valid, in milliseconds since the epoch. */
export function presignedUntil(query: URLSearchParams): number | undefined {
  if (query.has('Signature') && query.has('Expires')) return Number(query.get('Expires')) * 1000;
  const date = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(query.get('X-Amz-Date') ?? '');
  const seconds = Number(query.get('X-Amz-Expires') ?? Number.NaN);
  if (!date || Number.isNaN(seconds)) return undefined;
  const [, year, month, day, hour, minute, second] = date;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) + seconds * 1000;
}
