/** Documents that once broke their reader, found by test/properties: each is refused in the service's own words. */
import { describe, expect, it } from 'vitest';
import { parseTemplate } from '../../src/embedded/cloudformation/template/parse.ts';
import { validateTemplate } from '../../src/embedded/cloudformation/template/validate.ts';
import { parseBuildspec } from '../../src/embedded/compute/codebuild/buildspec.ts';
import { importApi, parseDocument } from '../../src/embedded/gateway/api-gateway/openapi/import.ts';
import { parsePolicy } from '../../src/embedded/iam/policy.ts';
import { statementsOf } from '../../src/embedded/resources/event-bridge/bus-policy.ts';
import { parseDefinition } from '../../src/embedded/resources/step-functions/language/definition.ts';
import { isNestedXml, maxNesting, parseJson, refuseYamlNesting } from '../../src/model/nesting.ts';

const parameter = (definition: object): string =>
  JSON.stringify({
    Parameters: { P: { Type: 'String', ...definition } },
    Resources: { R: { Type: 'AWS::SSM::Parameter' } },
  });

describe('documents that go too deep', () => {
  const json = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
  const xml = (levels: number): string => '<a>'.repeat(levels) + '</a>'.repeat(levels);

  it('are refused from one level too many on', () => {
    expect(() => parseJson(json(maxNesting))).not.toThrow();
    expect(() => parseJson(json(maxNesting + 1))).toThrow('nested more than');
    expect(isNestedXml(xml(maxNesting))).toBe(false);
    expect(isNestedXml(xml(maxNesting + 1))).toBe(true);
    expect(() => refuseYamlNesting('a: [1, [2]]\nb:\n  - - - x\n')).not.toThrow();
  });

  it.each([
    ['lists on one line', '- '.repeat(20_000)],
    ['brackets', json(20_000)],
    ['keys', `${'? '.repeat(20_000)}a`],
  ])('are refused as YAML: %s', async (_name, text) => {
    expect(() => parseBuildspec(text)).toThrow('nested more than');
    expect(() => importApi(parseDocument(text))).toThrow('nested more than');
    await expect(parseTemplate(text)).rejects.toThrow('nested more than');
  });

  it('are refused as policies and state machines', () => {
    const text = `{"Statement":${json(50_000)}}`;
    expect(() => parsePolicy(text)).toThrow('Syntax errors in policy');
    expect(() => parseDefinition(text, () => {})).toThrow('nested more than');
  });
});

describe('a template', () => {
  it('has lists and regular expressions where they belong', async () => {
    await expect(parseTemplate(parameter({ AllowedValues: 'a' }))).rejects.toThrow(
      'AllowedValues must be a list',
    );
    await expect(parseTemplate(parameter({ AllowedPattern: '[' }))).rejects.toThrow(
      'valid regular expression',
    );
  });

  it('does not find what every object of JavaScript has', async () => {
    const template = await parseTemplate(
      JSON.stringify({ Resources: { R: { Type: 'T', Properties: { Value: { Ref: 'constructor' } } } } }),
    );
    expect(() => validateTemplate(template, () => true)).toThrow(
      'Unresolved resource dependencies [constructor]',
    );
  });

  it('does not grow by its aliases', async () => {
    const lines = ['a: &a [x,x,x,x,x,x,x,x,x]'];
    for (const name of 'bcdefgh')
      lines.push(`${name}: &${name} [${Array(9).fill(`*${String.fromCharCode(name.charCodeAt(0) - 1)}`)}]`);
    await expect(parseTemplate(lines.join('\n'))).rejects.toThrow('Template format error');
  });
});

it.each([
  ['a state', { StartAt: 'a', States: { a: null } }],
  ['Choices', { StartAt: 'a', States: { a: { Type: 'Choice', Choices: 1 } } }],
  ['a rule', { StartAt: 'a', States: { a: { Type: 'Choice', Choices: [null] } } }],
  ['And', { StartAt: 'a', States: { a: { Type: 'Choice', Choices: [{ And: 1, Next: 'a' }] } } }],
  ['Branches', { StartAt: 'a', States: { a: { Type: 'Parallel', Branches: [7], End: true } } }],
  ['an iterator', { StartAt: 'a', States: { a: { Type: 'Map', Iterator: 'x', End: true } } }],
  ['Retry', { StartAt: 'a', States: { a: { Type: 'Task', Resource: 'r', Retry: {}, End: true } } }],
  ['Catch', { StartAt: 'a', States: { a: { Type: 'Task', Resource: 'r', Catch: [null], End: true } } }],
])('a state machine with %s of a wrong type is refused with its place', (_what, definition) => {
  expect(() => parseDefinition(JSON.stringify(definition), () => {})).toThrow(
    /Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: .* at \//,
  );
});

it('a bus policy that is none is refused', () => {
  for (const text of ['arn:aws:iam::0:role/x', '{}', '[]', 'null', '{"Statement":[null]}'])
    expect(() => statementsOf(text)).toThrow('must be valid JSON and have statements');
});
