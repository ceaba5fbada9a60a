/**
 * The server's side of SRP-6a as Cognito speaks it: RFC 5054's 3072 bit group, SHA-256, and a key derived by HKDF with
 * Cognito's own label. The password itself never comes here; what is kept is the verifier.
 */
import { createHash, createHmac, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';

/** RFC 5054, appendix A: the 3072 bit group. */
const prime = BigInt(
  '0xFFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD' +
    'EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED' +
    'EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F' +
    '83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B' +
    'E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510' +
    '15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7' +
    'ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C' +
    'BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF',
);
const generator = 2n;
const label = Buffer.from('Caldera Derived Key\u0001', 'latin1');

export interface SrpVerifier {
  /** hex */
  salt: string;
  /** hex */
  verifier: string;
}

/** What the server keeps between its two steps. */
export interface SrpExchange {
  /** All hex: the client's public value, the server's, and the server's secret. */
  clientPublic: string;
  serverPublic: string;
  serverSecret: string;
}

/** Big-endian bytes with a leading zero where the first bit is set, as Cognito's clients pad. */
export function padded(hex: string): Buffer {
  const even = hex.length % 2 === 1 ? `0${hex}` : hex;
  return Buffer.from(/^[89a-f]/i.test(even) ? `00${even}` : even, 'hex');
}

const sha256 = (...parts: (Buffer | string)[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const integer = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString('hex')}`);
const hexOf = (value: bigint): string => value.toString(16);

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base % prime;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % prime;
    square = (square * square) % prime;
  }
  return result;
}

const multiplier = integer(sha256(padded(hexOf(prime)), padded(hexOf(generator))));

/** `poolName` is the pool's id without its Region; `userId` what clients get as USER_ID_FOR_SRP. */
export function srpVerifier(poolName: string, userId: string, password: string): SrpVerifier {
  // Some clients drop leading zeros and some don't, so there are none.
  const salt = randomInt(1, 256).toString(16).padStart(2, '0') + randomBytes(15).toString('hex');
  const secret = integer(sha256(padded(salt), sha256(`${poolName}${userId}:${password}`)));
  return { salt, verifier: hexOf(power(generator, secret)) };
}

/** The server's answer to the client's public value; undefined for a value that breaks the protocol. */
export function beginSrp(clientPublic: string, { verifier }: SrpVerifier): SrpExchange | undefined {
  if (!/^[0-9a-f]{1,1024}$/i.test(clientPublic) || BigInt(`0x${clientPublic}`) % prime === 0n)
    return undefined;
  const secret = integer(randomBytes(32));
  const serverPublic = (multiplier * BigInt(`0x${verifier}`) + power(generator, secret)) % prime;
  return {
    clientPublic: hexOf(BigInt(`0x${clientPublic}`)),
    serverPublic: hexOf(serverPublic),
    serverSecret: hexOf(secret),
  };
}

/** Did the client know the password? `signature` is base64. */
export function srpProven(
  exchange: SrpExchange,
  { verifier }: SrpVerifier,
  claim: { poolName: string; userId: string; secretBlock: Buffer; timestamp: string; signature: string },
): boolean {
  const scrambler = sha256(padded(exchange.clientPublic), padded(exchange.serverPublic));
  const u = integer(scrambler);
  if (u === 0n) return false;
  const shared = power(
    BigInt(`0x${exchange.clientPublic}`) * power(BigInt(`0x${verifier}`), u),
    BigInt(`0x${exchange.serverSecret}`),
  );
  const extracted = createHmac('sha256', padded(hexOf(u)))
    .update(padded(hexOf(shared)))
    .digest();
  const key = createHmac('sha256', extracted).update(label).digest().subarray(0, 16);
  const expected = createHmac('sha256', key)
    .update(claim.poolName)
    .update(claim.userId)
    .update(claim.secretBlock)
    .update(claim.timestamp)
    .digest();
  const given = Buffer.from(claim.signature, 'base64');
  return given.length === expected.length && timingSafeEqual(given, expected);
}
