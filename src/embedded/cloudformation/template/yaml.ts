/** YAML templates with CloudFormation's short-form tags: `!Ref x`, `!GetAtt a.b`, `!Sub`, `!If` … */
import { type CollectionTag, parseDocument, type ScalarTag, YAMLMap } from 'yaml';
import { refuseNesting, refuseYamlNesting } from '../../../model/nesting.ts';
import { validationError } from './model.ts';

/** The short form's name -> the key that the long form has. */
const tagNames = [
  'And',
  'Base64',
  'Cidr',
  'Contains',
  'EachMemberEquals',
  'EachMemberIn',
  'Equals',
  'FindInMap',
  'GetAZs',
  'If',
  'ImportValue',
  'Join',
  'Length',
  'Not',
  'Or',
  'RefAll',
  'Select',
  'Split',
  'Sub',
  'ToJsonString',
  'Transform',
  'ValueOf',
  'ValueOfAll',
] as const;

/** Parses a YAML template to what its JSON form would be. Throws AwsError ValidationError. */
export function parseYaml(body: string): unknown {
  const scalar = (tag: string, long: (text: string) => unknown): ScalarTag => ({
    tag: `!${tag}`,
    resolve: (text) => long(text),
  });
  const collection = (tag: string, key: string, kind: 'map' | 'seq'): CollectionTag => ({
    tag: `!${tag}`,
    collection: kind,
    resolve(node) {
      const map = new YAMLMap();
      map.set(key, node);
      return map;
    },
  });
  const getAtt = (text: string): unknown => {
    const dot = text.indexOf('.');
    return { 'Fn::GetAtt': dot < 0 ? [text] : [text.slice(0, dot), text.slice(dot + 1)] };
  };
  const customTags = [
    scalar('Ref', (text) => ({ Ref: text })),
    scalar('Condition', (text) => ({ Condition: text })),
    scalar('GetAtt', getAtt),
    collection('GetAtt', 'Fn::GetAtt', 'seq'),
    ...tagNames.flatMap((name) => [
      scalar(name, (text) => ({ [`Fn::${name}`]: text })),
      collection(name, `Fn::${name}`, 'seq'),
      collection(name, `Fn::${name}`, 'map'),
    ]),
  ];
  // YAML 1.2's core schema: `2012-10-17` stays a string and `on` is no boolean, as CloudFormation has it.
  refuse(() => refuseYamlNesting(body));
  const document = parseDocument(body, { customTags, schema: 'core', merge: true, logLevel: 'error' });
  const problem = document.errors[0];
  if (problem) {
    const at = problem.linePos?.[0];
    throw validationError(
      `Template format error: YAML not well-formed.${at ? ` (line ${at.line}, column ${at.col})` : ''}`,
    );
  }
  const unknownTag = document.warnings.find((warning) => warning.code === 'TAG_RESOLVE_FAILED');
  if (unknownTag) throw validationError(`Template format error: ${unknownTag.message.split('\n')[0]}`);
  // Aliases that grow into each other are refused here as well.
  return refuse(() => {
    const template: unknown = document.toJS({ maxAliasCount: 1000 });
    refuseNesting(template);
    return template;
  });
}

function refuse<T>(step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw validationError(`Template format error: ${(error as Error).message}`);
  }
}
