/** XML output by the SDK's own serializer, and the envelopes that the Query protocols put around it. */
import { XmlShapeSerializer } from '@aws-sdk/core/protocols';
import type { NormalizedSchema } from '@smithy/core/schema';

const dateTime = 5;

export const xmlSettings = (namespace: string, httpBindings: boolean) => ({
  timestampFormat: { useTrait: true, default: dateTime } as const,
  httpBindings,
  xmlNamespace: namespace,
  serviceNamespace: '',
});

/** A whole document with its root element, `<ListBucketResult xmlns="…">…`. */
export function printXml(schema: NormalizedSchema, value: unknown, namespace = ''): string {
  const serializer = new XmlShapeSerializer(xmlSettings(namespace, true));
  serializer.write(schema, value);
  return String(serializer.flush());
}

/** The content of the root element: what goes into `<XResult>`. */
export function printXmlContent(schema: NormalizedSchema, value: unknown): string {
  if (!schema.isStructSchema()) return '';
  const document = printXml(schema, value);
  const from = document.indexOf('>');
  return document[from - 1] === '/' ? '' : document.slice(from + 1, document.lastIndexOf('</'));
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

export const escapeXml = (text: string): string => text.replace(/[&<>"']/g, (char) => entities[char] ?? char);

export const xmlDeclaration = '<?xml version="1.0" encoding="UTF-8"?>\n';
