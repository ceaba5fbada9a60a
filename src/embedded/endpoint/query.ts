/** AWS Query and EC2 Query: a form in (`Filter.1.Value.2=x`), XML out. */
import type { NormalizedSchema } from '@smithy/core/schema';
import { AwsError } from '../platform.ts';
import { errorShape, membersOf } from './shape.ts';
import { scalarFromText } from './text.ts';
import type { Adapter, WireRequest } from './wire.ts';
import { escapeXml, printXmlContent, xmlDeclaration } from './xml.ts';

/** A form as a tree: `A.member.1.B=x` is A > member > 1 > B. */
interface Node {
  text?: string;
  children: Map<string, Node>;
}

const maxDepth = 64;

/** The parameters of a Query call, from the body or (GET) the URL. */
export function formOf(request: Pick<WireRequest, 'method' | 'query' | 'body'>): URLSearchParams {
  return request.body.length > 0 ? new URLSearchParams(request.body.toString('utf8')) : request.query;
}

function treeOf(form: URLSearchParams): Node {
  const root: Node = { children: new Map() };
  for (const [key, text] of form) {
    const path = key.split('.');
    if (path.length > maxDepth)
      throw new AwsError('MalformedQueryString', `The parameter ${key.slice(0, 80)} is nested too deeply`);
    let node = root;
    for (const step of path) {
      let child = node.children.get(step);
      if (!child) {
        child = { children: new Map() };
        node.children.set(step, child);
      }
      node = child;
    }
    node.text = text;
  }
  return root;
}

interface NameTraits {
  xmlName?: string;
  ec2QueryName?: string;
  xmlFlattened?: unknown;
}
const namesOf = (schema: NormalizedSchema): NameTraits => schema.getMergedTraits() as NameTraits;
const capitalized = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** Numbered children, in the order of their numbers. */
const numbered = (node: Node): Node[] =>
  [...node.children]
    .filter(([key]) => /^\d+$/.test(key))
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, child]) => child);

function read(schema: NormalizedSchema, node: Node, ec2: boolean): unknown {
  if (schema.isStructSchema()) {
    const value: Record<string, unknown> = {};
    for (const [name, member] of membersOf(schema)) {
      const traits = namesOf(member);
      const key = ec2
        ? (traits.ec2QueryName ?? capitalized(traits.xmlName ?? name))
        : (traits.xmlName ?? name);
      const child = node.children.get(key);
      if (child) value[name] = read(member, child, ec2);
    }
    return value;
  }
  if (schema.isListSchema()) {
    const item = schema.getValueSchema();
    // Lists are `.N` when flattened and always in EC2, else `.member.N`; accepting either costs nothing.
    const inner = node.children.get(namesOf(item).xmlName ?? 'member') ?? node.children.get('member');
    return numbered(inner ?? node).map((child) => read(item, child, ec2));
  }
  if (schema.isMapSchema()) {
    const keySchema = schema.getKeySchema();
    const valueSchema = schema.getValueSchema();
    const keyName = namesOf(keySchema).xmlName ?? 'key';
    const valueName = namesOf(valueSchema).xmlName ?? 'value';
    const entries = numbered(node.children.get('entry') ?? node).flatMap((entry): [string, unknown][] => {
      const key = entry.children.get(keyName)?.text;
      const value = entry.children.get(valueName);
      return key === undefined || !value ? [] : [[key, read(valueSchema, value, ec2)]];
    });
    return Object.fromEntries(entries);
  }
  return scalarFromText(schema, node.text ?? '');
}

export function queryAdapter(kind: 'query' | 'ec2'): Adapter {
  const ec2 = kind === 'ec2';
  const contentType = 'text/xml;charset=utf-8';
  return {
    decode: (shape, request) => {
      if (!shape.input.isStructSchema()) return {};
      return read(shape.input, treeOf(formOf(request)), ec2) as Record<string, unknown>;
    },
    encode: (shape, output, requestId) => {
      const content = printXmlContent(shape.output, output);
      const xmlns =
        shape.service.xmlNamespace === undefined ? '' : ` xmlns="${escapeXml(shape.service.xmlNamespace)}"`;
      const inside = ec2
        ? `<requestId>${requestId}</requestId>${content}`
        : (shape.output.isStructSchema() ? `<${shape.name}Result>${content}</${shape.name}Result>` : '') +
          `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>`;
      return {
        status: 200,
        headers: { 'content-type': contentType },
        body: `${xmlDeclaration}<${shape.name}Response${xmlns}>${inside}</${shape.name}Response>`,
      };
    },
    encodeError: (error) => {
      const shape = error.namespace === undefined ? undefined : errorShape(error.namespace, error.code);
      const code = escapeXml(shape?.code ?? error.code);
      const message = escapeXml(error.message);
      const side = error.status >= 500 ? 'Receiver' : 'Sender';
      return {
        status: error.status,
        headers: { 'content-type': contentType },
        body: ec2
          ? `${xmlDeclaration}<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors><RequestID>${error.requestId}</RequestID></Response>`
          : `${xmlDeclaration}<ErrorResponse><Error><Type>${side}</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>${error.requestId}</RequestId></ErrorResponse>`,
      };
    },
  };
}
