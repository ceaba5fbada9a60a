/** Which app client a request comes from: by Basic authorization or by parameters (RFC 6749, section 2.3.1). */
import { timingSafeEqual } from 'node:crypto';
import type { ClientRecord } from '../clients.ts';
import type { Parts } from '../parts.ts';
import { type Exchange, OAuthError } from './exchange.ts';

/** Throws OAuthError invalid_client. */
export function clientOf(parts: Parts, { pool, request, form }: Exchange, status = 400): ClientRecord {
  const basic = /^Basic (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const pair = basic === undefined ? undefined : Buffer.from(basic, 'base64').toString();
  // The RFC has both parts form-encoded, Cognito's guide as they are: either is meant well.
  const proofs =
    pair === undefined
      ? [[form.get('client_id') ?? '', form.get('client_secret') ?? undefined] as const]
      : [split(pair), split(pair.replaceAll('+', ' '), decoded)];
  for (const [id, secret] of proofs) {
    const client = parts.clients.find(pool.id, id);
    if (client && sameSecret(client.secret, secret)) return client;
  }
  throw new OAuthError('invalid_client', status);
}

const split = (pair: string, read = (text: string) => text): readonly [string, string] => {
  const [id = '', ...secret] = pair.split(':');
  return [read(id), read(secret.join(':'))];
};

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function sameSecret(expected: string | undefined, given: string | undefined): boolean {
  if (expected === undefined || given === undefined) return expected === given;
  const [left, right] = [Buffer.from(expected), Buffer.from(given)];
  return left.length === right.length && timingSafeEqual(left, right);
}
