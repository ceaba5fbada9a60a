/** Tokens that nobody issued. */
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';

type Part = Record<string, unknown>;

const encode = (part: Part): string => Buffer.from(JSON.stringify(part)).toString('base64url');
const decode = (part: string | undefined): Part =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString('utf8'));

export const claimsOf = (token: string): Part => decode(token.split('.')[1]);

const attacker = generateKeyPairSync('rsa', { modulusLength: 2048 });

/** Forgeries of a genuine token with other claims in it, by what each tries. */
export function forgeries(token: string, claims: Part, publicKeyPem: string): Record<string, string> {
  const [head, , signature = ''] = token.split('.');
  const header = decode(head);
  const payload = encode({ ...claimsOf(token), ...claims });
  const signed = (changes: Part): string => {
    const input = `${encode({ ...header, ...changes })}.${payload}`;
    return `${input}.${sign('sha256', Buffer.from(input), attacker.privateKey).toString('base64url')}`;
  };
  const hmac = (secret: string): string => {
    const input = `${encode({ ...header, alg: 'HS256' })}.${payload}`;
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
  };
  const jwk = {
    ...attacker.publicKey.export({ format: 'jwk' }),
    kid: header['kid'],
    alg: 'RS256',
    use: 'sig',
  };
  return {
    'the old signature over other claims': `${head}.${payload}.${signature}`,
    'no algorithm': `${encode({ ...header, alg: 'none' })}.${payload}.`,
    'no algorithm, in capitals': `${encode({ ...header, alg: 'NONE' })}.${payload}.${signature}`,
    'no signature': `${head}.${payload}.`,
    'a key of the attacker': signed({}),
    'a key of the attacker, brought along': signed({ jwk }),
    'a key of the attacker, by a URL': signed({
      jku: 'http://127.0.0.1:9/jwks.json',
      x5u: 'http://127.0.0.1:9/',
    }),
    'a key that nobody has': signed({ kid: 'another' }),
    'the public key as a shared secret': hmac(publicKeyPem),
    'an empty shared secret': hmac(''),
  };
}
