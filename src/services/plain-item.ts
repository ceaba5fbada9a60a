import type { AttributeValue } from '@aws-sdk/client-dynamodb';

export type Plain = string | number | boolean | null | Plain[] | { [name: string]: Plain };
export type PlainItem = Record<string, Plain>;

/**
 * A DynamoDB item as plain JSON that loses nothing: sets become lists, bytes base64, and a number that JavaScript
 * can't hold exactly (DynamoDB keeps 38 digits) a string.
 */
export const plainItem = (item: Record<string, AttributeValue>): PlainItem =>
  Object.fromEntries(Object.entries(item).map(([name, value]) => [name, plain(value)]));

function plain(value: AttributeValue): Plain {
  if (value.S !== undefined) return value.S;
  if (value.N !== undefined) return plainNumber(value.N);
  if (value.BOOL !== undefined) return value.BOOL;
  if (value.M !== undefined) return plainItem(value.M);
  if (value.L !== undefined) return value.L.map(plain);
  if (value.SS !== undefined) return value.SS;
  if (value.NS !== undefined) return value.NS.map(plainNumber);
  if (value.B !== undefined) return base64(value.B);
  if (value.BS !== undefined) return value.BS.map(base64);
  return null;
}

const plainNumber = (digits: string): number | string =>
  String(Number(digits)) === digits ? Number(digits) : digits;

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
