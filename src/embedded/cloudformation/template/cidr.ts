/** Fn::Cidr: `count` consecutive blocks with `cidrBits` host bits each, out of one block. IPv4 and IPv6. */
import { validationError } from './model.ts';

/** Throws AwsError ValidationError when the block is malformed or too small. */
export function cidrBlocks(block: string, count: number, cidrBits: number): string[] {
  const [address = '', prefixText = ''] = block.split('/');
  const v6 = address.includes(':');
  const width = v6 ? 128 : 32;
  const prefix = Number(prefixText);
  const base = v6 ? parseV6(address) : parseV4(address);
  if (base === undefined || !Number.isInteger(prefix) || prefix < 0 || prefix > width)
    throw validationError(`Template error: '${block}' is not a valid CIDR block`);
  if (!Number.isInteger(count) || count < 1 || count > 256)
    throw validationError('Template error: Fn::Cidr count must be between 1 and 256');
  const size = 1n << BigInt(cidrBits);
  const available = 1n << BigInt(width - prefix);
  if (size * BigInt(count) > available)
    throw validationError(
      `Template error: Fn::Cidr cannot take ${count} blocks of ${cidrBits} bits out of ${block}`,
    );
  const first = (base / available) * available;
  return Array.from({ length: count }, (_, index) => {
    const start = first + size * BigInt(index);
    return `${v6 ? formatV6(start) : formatV4(start)}/${width - cidrBits}`;
  });
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255))
    return undefined;
  return parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n);
}

function formatV4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
}

function parseV6(text: string): bigint | undefined {
  const [head = '', tail] = text.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = 8 - left.length - right.length;
  if (missing < 0 || (tail === undefined && missing !== 0)) return undefined;
  const groups = [...left, ...Array<string>(missing).fill('0'), ...right];
  if (groups.some((group) => !/^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return groups.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
}

function formatV6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((value >> BigInt(112 - index * 16)) & 65535n).toString(16),
  );
  return groups.join(':').replace(/(^|:)0(:0)+(:|$)/, '::');
}
