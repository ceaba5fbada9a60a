import { XmlShapeDeserializer } from '@aws-sdk/core/protocols';
import { isNestedXml } from '../../model/nesting.ts';
import { AwsError } from '../platform.ts';
import { type BodyCodec, decodeRest, encodeRest } from './rest.ts';
import { membersOf } from './shape.ts';
import type { Adapter } from './wire.ts';
import { escapeXml, printXml, xmlDeclaration, xmlSettings } from './xml.ts';

const codec: BodyCodec = {
  contentType: 'application/xml',
  parse(schema, body) {
    const text = body.toString('utf8');
    try {
      if (isNestedXml(text)) throw new SyntaxError('too many levels');
      return new XmlShapeDeserializer(xmlSettings('', true)).read(schema, text);
    } catch {
      throw new AwsError(
        'MalformedXML',
        'The XML you provided was not well-formed or did not validate against our published schema',
      );
    }
  },
  print(schema, value, shape) {
    const namespace = shape.service.xmlNamespace ?? '';
    const root = (schema.getMergedTraits() as { xmlName?: string }).xmlName;
    const [only, ...others] = membersOf(schema);
    // GetBucketLocation: the root element is its one member, with no element around it.
    if (only && others.length === 0 && only[0] === root) {
      const text = String((value as Record<string, unknown>)[root] ?? '');
      return `${xmlDeclaration}<${root} xmlns="${escapeXml(namespace)}">${escapeXml(text)}</${root}>`;
    }
    return xmlDeclaration + printXml(schema, value, namespace);
  },
};

/** REST-XML as S3 speaks it. */
export const restXmlAdapter: Adapter = {
  decode: (shape, request) => decodeRest(shape, request, codec),
  encode: (shape, output) => encodeRest(shape, output, codec),
  encodeError: (error) => {
    const members = Object.entries(error.members)
      .filter(([, value]) => typeof value === 'string' || typeof value === 'number')
      .map(([name, value]) => `<${name}>${escapeXml(String(value))}</${name}>`)
      .join('');
    return {
      status: error.status,
      headers: { 'content-type': 'application/xml' },
      body: `${xmlDeclaration}<Error><Code>${escapeXml(error.code)}</Code><Message>${escapeXml(error.message)}</Message>${members}<RequestId>${error.requestId}</RequestId></Error>`,
    };
  },
};
