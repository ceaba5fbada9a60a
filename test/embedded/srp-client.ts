/** The client's side of Cognito's SRP, written from RFC 5054 and amazon-cognito-identity-js, to check the server's by. */
import { createHash, createHmac, getDiffieHellman, randomBytes } from 'node:crypto';

// RFC 3526's group 15 is the prime that RFC 5054 uses.
const prime = BigInt(`0x${getDiffieHellman('modp15').getPrime('hex')}`);

const sha256hex = (hex: string): string => createHash('sha256').update(Buffer.from(hex, 'hex')).digest('hex');

function padHex(value: bigint | string): string {
  let hex = typeof value === 'bigint' ? value.toString(16) : value;
  if (hex.length % 2 === 1) hex = `0${hex}`;
  else if ('89ABCDEFabcdef'.includes(hex[0] ?? '')) hex = `00${hex}`;
  return hex;
}

function modPow(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = ((base % prime) + prime) % prime;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % prime;
    square = (square * square) % prime;
  }
  return result;
}

export class SrpClient {
  private readonly secret = BigInt(`0x${randomBytes(128).toString('hex')}`);
  private readonly public = modPow(2n, this.secret);

  get srpA(): string {
    return this.public.toString(16);
  }

  /** The responses to PASSWORD_VERIFIER. */
  answer(
    userPoolId: string,
    password: string,
    { SRP_B = '', SALT = '', SECRET_BLOCK = '', USER_ID_FOR_SRP = '' }: Record<string, string | undefined>,
  ): Record<string, string> {
    const poolName = userPoolId.split('_')[1] ?? '';
    const serverPublic = BigInt(`0x${SRP_B}`);
    const u = BigInt(`0x${sha256hex(padHex(this.public) + padHex(serverPublic))}`);
    const k = BigInt(`0x${sha256hex(`00${prime.toString(16)}02`)}`);
    const identity = createHash('sha256').update(`${poolName}${USER_ID_FOR_SRP}:${password}`).digest('hex');
    const x = BigInt(`0x${sha256hex(padHex(BigInt(`0x${SALT}`)) + identity)}`);
    const shared = modPow(serverPublic - k * modPow(2n, x), this.secret + u * x);
    const extracted = createHmac('sha256', Buffer.from(padHex(u), 'hex'))
      .update(Buffer.from(padHex(shared), 'hex'))
      .digest();
    const key = createHmac('sha256', extracted)
      .update(`Caldera Derived Key${String.fromCharCode(1)}`)
      .digest()
      .subarray(0, 16);
    const timestamp = 'Tue Sep 9 10:11:12 UTC 2025';
    const signature = createHmac('sha256', key)
      .update(poolName)
      .update(USER_ID_FOR_SRP)
      .update(Buffer.from(SECRET_BLOCK, 'base64'))
      .update(timestamp)
      .digest('base64');
    return {
      USERNAME: USER_ID_FOR_SRP,
      PASSWORD_CLAIM_SECRET_BLOCK: SECRET_BLOCK,
      PASSWORD_CLAIM_SIGNATURE: signature,
      TIMESTAMP: timestamp,
    };
  }
}
