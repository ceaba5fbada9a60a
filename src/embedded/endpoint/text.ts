/** Scalars as text: form fields, path labels, query parameters and headers. */
import type { NormalizedSchema } from '@smithy/core/schema';
import { AwsError } from '../platform.ts';

const dateTime = 5;
const httpDate = 6;
const epochSeconds = 7;

const unreadable = (text: string, kind: string): AwsError =>
  new AwsError('SerializationException', `${JSON.stringify(text.slice(0, 100))} is not a ${kind}`);

/** Throws AwsError SerializationException when the text does not fit the schema. */
export function scalarFromText(schema: NormalizedSchema, text: string): unknown {
  if (schema.isBooleanSchema()) {
    if (/^true$/i.test(text)) return true;
    if (/^false$/i.test(text)) return false;
    throw unreadable(text, 'boolean');
  }
  if (schema.isNumericSchema()) {
    const number = Number(text);
    if (text.trim() === '' || Number.isNaN(number)) throw unreadable(text, 'number');
    return number;
  }
  if (schema.isBigIntegerSchema()) {
    if (!/^-?\d+$/.test(text)) throw unreadable(text, 'number');
    return BigInt(text);
  }
  if (schema.isTimestampSchema()) {
    // Each format is recognized by its looks, whichever the binding asks for.
    const date = /^-?\d+(\.\d+)?$/.test(text) ? new Date(Number(text) * 1000) : new Date(text);
    if (Number.isNaN(date.getTime())) throw unreadable(text, 'timestamp');
    return date;
  }
  if (schema.isBlobSchema()) return Buffer.from(text, 'base64');
  return text;
}

/** `location` decides the default format of timestamps: http-date in headers, date-time in queries and labels. */
export function scalarToText(schema: NormalizedSchema, value: unknown, location: 'header' | 'query'): string {
  if (value instanceof Date) {
    const trait = schema.getSchema();
    const format = trait === dateTime || trait === httpDate || trait === epochSeconds ? trait : undefined;
    switch (format ?? (location === 'header' ? httpDate : dateTime)) {
      case dateTime:
        return value.toISOString().replace('.000Z', 'Z');
      case epochSeconds:
        return String(value.getTime() / 1000);
      default:
        return value.toUTCString();
    }
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return String(value);
}
