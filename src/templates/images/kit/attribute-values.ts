/** DynamoDB's typed JSON, for what JSON itself can hold. */
export type AttributeValue =
  | { S: string }
  | { N: string }
  | { BOOL: boolean }
  | { NULL: true }
  | { L: AttributeValue[] }
  | { M: Record<string, AttributeValue> }
  | { SS: string[] }
  | { NS: string[] };

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json | undefined };

export function toAttributeValue(value: Json): AttributeValue {
  if (value === null) return { NULL: true };
  if (typeof value === 'string') return { S: value };
  if (typeof value === 'number') return { N: String(value) };
  if (typeof value === 'boolean') return { BOOL: value };
  if (Array.isArray(value)) return { L: value.map(toAttributeValue) };
  return { M: toAttributes(value) };
}

/** Properties that are undefined are left out. */
export function toAttributes(item: { [name: string]: Json | undefined }): Record<string, AttributeValue> {
  const attributes: Record<string, AttributeValue> = {};
  for (const [name, value] of Object.entries(item))
    if (value !== undefined) attributes[name] = toAttributeValue(value);
  return attributes;
}

export function fromAttributeValue(value: AttributeValue): Json {
  // One property says the type; the commonest come first.
  if ('S' in value) return value.S;
  if ('N' in value) return Number(value.N);
  if ('M' in value) return fromAttributes(value.M);
  if ('L' in value) return value.L.map(fromAttributeValue);
  if ('BOOL' in value) return value.BOOL;
  if ('SS' in value) return value.SS;
  if ('NS' in value) return value.NS.map(Number);
  return null;
}

export function fromAttributes(attributes: Record<string, AttributeValue>): { [name: string]: Json } {
  const item: { [name: string]: Json } = {};
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined) item[name] = fromAttributeValue(value);
  }
  return item;
}
