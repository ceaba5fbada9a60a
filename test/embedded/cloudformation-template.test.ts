import { describe, expect, it } from 'vitest';
import { generatedName } from '../../src/embedded/cloudformation/engine/names.ts';
import { checkProperties } from '../../src/embedded/cloudformation/schema/properties.ts';
import { specificationOf } from '../../src/embedded/cloudformation/schema/specification.ts';
import { resolveDynamicReferences } from '../../src/embedded/cloudformation/template/dynamic-references.ts';
import { evaluate, noValue, type Scope } from '../../src/embedded/cloudformation/template/intrinsics.ts';
import { resolveParameters } from '../../src/embedded/cloudformation/template/parameters.ts';
import { parseTemplate } from '../../src/embedded/cloudformation/template/parse.ts';
import { validateTemplate } from '../../src/embedded/cloudformation/template/validate.ts';
import { AwsError } from '../../src/embedded/platform.ts';

const scope: Scope = {
  ref: (name) => {
    if (name === 'AWS::NoValue') return noValue;
    if (name === 'AWS::Region') return 'eu-west-1';
    if (name === 'List') return ['a', 'b', 'c'];
    return `<${name}>`;
  },
  attribute: (id, name) => `<${id}.${name}>`,
  condition: (name) => name === 'Yes',
  mappings: { M: { a: { b: 'mapped' } } },
  importValue: (name) => `imported ${name}`,
  availabilityZones: (region) => [`${region}a`, `${region}b`],
};
const value = (expression: unknown): unknown => evaluate(expression, scope);

describe('intrinsic functions', () => {
  it.each<[string, unknown, unknown]>([
    ['Ref', { Ref: 'X' }, '<X>'],
    ['GetAtt', { 'Fn::GetAtt': ['X', 'A.B'] }, '<X.A.B>'],
    ['GetAtt as text', { 'Fn::GetAtt': 'X.A.B' }, '<X.A.B>'],
    [
      'Sub',
      { 'Fn::Sub': 'a ${X} ${X.A.B} ${!Literal} ${AWS::Region}' },
      'a <X> <X.A.B> ${Literal} eu-west-1',
    ],
    ['Sub with variables', { 'Fn::Sub': ['${V}-${X}', { V: { 'Fn::Join': ['', ['1', 2]] } }] }, '12-<X>'],
    ['Join', { 'Fn::Join': [',', [1, true, { Ref: 'X' }, { Ref: 'AWS::NoValue' }]] }, '1,true,<X>'],
    ['Join of a list', { 'Fn::Join': ['', { Ref: 'List' }] }, 'abc'],
    ['Split', { 'Fn::Split': ['/', 'a/b'] }, ['a', 'b']],
    ['Select', { 'Fn::Select': ['1', { 'Fn::Split': ['/', 'a/b'] }] }, 'b'],
    ['If', { 'Fn::If': ['Yes', 1, 2] }, 1],
    ['If leaving nothing', { a: { 'Fn::If': ['No', 1, { Ref: 'AWS::NoValue' }] }, b: 2 }, { b: 2 }],
    ['If in a list', [{ 'Fn::If': ['No', 1, { Ref: 'AWS::NoValue' }] }, 2], [2]],
    ['Equals by text', { 'Fn::Equals': ['true', true] }, true],
    [
      'And, Or, Not',
      {
        'Fn::And': [
          { Condition: 'Yes' },
          { 'Fn::Or': [{ Condition: 'No' }, { 'Fn::Not': [{ Condition: 'No' }] }] },
        ],
      },
      true,
    ],
    ['FindInMap', { 'Fn::FindInMap': ['M', 'a', 'b'] }, 'mapped'],
    ['FindInMap with a default', { 'Fn::FindInMap': ['M', 'a', 'x', { DefaultValue: 'd' }] }, 'd'],
    ['ImportValue', { 'Fn::ImportValue': { 'Fn::Sub': '${X}:v' } }, 'imported <X>:v'],
    ['Base64', { 'Fn::Base64': 'hi' }, 'aGk='],
    ['Cidr', { 'Fn::Cidr': ['10.0.0.0/16', 3, '8'] }, ['10.0.0.0/24', '10.0.1.0/24', '10.0.2.0/24']],
    ['Cidr v6', { 'Fn::Cidr': ['fd00:1::/56', 2, 64] }, ['fd00:1::/64', 'fd00:1:0:1::/64']],
    ['GetAZs', { 'Fn::GetAZs': '' }, ['eu-west-1a', 'eu-west-1b']],
    ['Length', { 'Fn::Length': { Ref: 'List' } }, 3],
    ['ToJsonString', { 'Fn::ToJsonString': { a: { Ref: 'X' } } }, '{"a":"<X>"}'],
    ['Contains', { 'Fn::Contains': [['1', '2'], 2] }, true],
    [
      'a policy statement, which has a Condition of its own',
      { Condition: { Bool: { a: 'b' } } },
      { Condition: { Bool: { a: 'b' } } },
    ],
  ])('%s', (_name, expression, expected) => {
    expect(value(expression)).toEqual(expected);
  });

  it.each<[unknown, string | RegExp]>([
    [{ 'Fn::Select': [3, ['a']] }, 'Template error: Fn::Select  cannot select nonexistent value at index 3'],
    [{ 'Fn::FindInMap': ['M', 'a', 'x'] }, 'Template error: Unable to get mapping for M::a::x'],
    [
      { 'Fn::FindInMap': ['N', 'a', 'x'] },
      "Template error: Mapping named 'N' is not present in the 'Mappings' section of template.",
    ],
    [{ 'Fn::Nope': 1 }, /unsupported function: Fn::Nope/],
    [{ 'Fn::Join': ['-', 'x'] }, /every Fn::Join object requires a list argument/],
    [{ 'Fn::Cidr': ['10.0.0.0/28', 4, 8] }, /Fn::Cidr cannot take 4 blocks/],
  ])('refuses %j', (expression, message) => {
    expect(() => value(expression)).toThrow(message);
  });
});

describe('YAML', () => {
  it('has the short forms, nested, and keeps dates and digits as text where they are quoted', async () => {
    const template = await parseTemplate(`
AWSTemplateFormatVersion: 2010-09-09
Parameters: { Env: { Type: String, Default: '007' } }
Conditions:
  IsProd: !And [!Equals [!Ref Env, prod], !Not [!Condition Other]]
  Other: !Equals [a, b]
Resources:
  A:
    Type: X::Y::Z
    Condition: IsProd
    Properties:
      Arn: !GetAtt B.Nested.Arn
      Parts: !Split [',', !Sub ['\${V}', { V: !Ref B }]]
      Maybe: !If [IsProd, !Ref AWS::NoValue, { Version: 2012-10-17, On: on }]
      Text: !Base64
        Fn::Sub: |
          line \${Env}
  B: { Type: X::Y::Z }
`);
    expect(template.Resources['A']?.Properties).toEqual({
      Arn: { 'Fn::GetAtt': ['B', 'Nested.Arn'] },
      Parts: { 'Fn::Split': [',', { 'Fn::Sub': ['${V}', { V: { Ref: 'B' } }] }] },
      Maybe: { 'Fn::If': ['IsProd', { Ref: 'AWS::NoValue' }, { Version: '2012-10-17', On: 'on' }] },
      Text: { 'Fn::Base64': { 'Fn::Sub': 'line ${Env}\n' } },
    });
    expect(template.Conditions['IsProd']).toEqual({
      'Fn::And': [{ 'Fn::Equals': [{ Ref: 'Env' }, 'prod'] }, { 'Fn::Not': [{ Condition: 'Other' }] }],
    });
    expect(template.Parameters['Env']?.Default).toBe('007');
  });
});

describe('a template is refused when', () => {
  const check = async (template: object | string): Promise<void> => {
    validateTemplate(
      await parseTemplate(typeof template === 'string' ? template : JSON.stringify(template)),
      (type) => type === 'T',
    );
  };
  const one = (properties: object, more: object = {}) => ({
    Resources: { A: { Type: 'T', Properties: properties }, B: { Type: 'T' } },
    ...more,
  });

  it.each<[string, object | string, string | RegExp]>([
    ['it is no JSON', '{ "Resources": }', 'Template format error: JSON not well-formed. (line 1, column 17)'],
    ['it is no YAML', 'Resources: [', /Template format error: YAML not well-formed/],
    [
      'it is empty',
      { Resources: {} },
      'Template format error: At least one Resources member must be defined.',
    ],
    ['it has another section', one({}, { Outputz: {} }), 'Invalid template property or properties [Outputz]'],
    [
      'it has a transform',
      one({}, { Transform: 'AWS::Serverless-2016-10-31' }),
      /Transform "AWS::Serverless-2016-10-31" is not supported/,
    ],
    [
      'a resource has no type',
      { Resources: { A: {} } },
      /\[\/Resources\/A\] Every Resources object must contain a Type member/,
    ],
    [
      'a type is unknown',
      { Resources: { A: { Type: 'AWS::Nope::Nope' } } },
      /Unrecognized resource types: \[AWS::Nope::Nope\]/,
    ],
    [
      'a reference is to nothing',
      one({ X: { Ref: 'Nope' }, Y: { 'Fn::Sub': '${Nada}' } }),
      'Template format error: Unresolved resource dependencies [Nope, Nada] in the Resources block of the template',
    ],
    [
      'an output refers to nothing',
      one({}, { Outputs: { O: { Value: { Ref: 'Nope' } } } }),
      'Template format error: Unresolved resource dependencies [Nope] in the Outputs block of the template',
    ],
    [
      'GetAtt is on nothing',
      one({ X: { 'Fn::GetAtt': ['Nope', 'Arn'] } }),
      'Template error: instance of Fn::GetAtt references undefined resource Nope',
    ],
    [
      'a condition is missing',
      one({ X: { 'Fn::If': ['Nope', 1, 2] } }),
      /Unresolved condition dependency Nope/,
    ],
    [
      'it goes in a circle',
      { Resources: { A: { Type: 'T', DependsOn: 'B' }, B: { Type: 'T', Properties: { X: { Ref: 'A' } } } } },
      'Circular dependency between resources: [A, B]',
    ],
    [
      'it has too many resources',
      { Resources: Object.fromEntries(Array.from({ length: 501 }, (_, i) => [`R${i}`, { Type: 'T' }])) },
      'Template format error: Number of resources, 501, is greater than maximum allowed, 500',
    ],
  ])('%s', async (_name, template, message) => {
    await expect(check(template)).rejects.toThrow(message);
  });
});

describe('parameters', () => {
  const ssm = () => ({
    value: (name: string) => {
      if (name === '/subnets') return 'subnet-1,subnet-2';
      throw new AwsError('ParameterNotFound', '');
    },
  });
  const resolve = (definition: object, given?: string) =>
    resolveParameters(
      { P: definition as never },
      given === undefined ? [] : [{ ParameterKey: 'P', ParameterValue: given }],
      [],
      ssm,
    );

  it('come from the caller, the default, or the Parameter Store', () => {
    expect(resolve({ Type: 'Number', Default: 5 })).toEqual([{ key: 'P', value: '5' }]);
    expect(resolve({ Type: 'AWS::SSM::Parameter::Value<List<String>>' }, '/subnets')).toEqual([
      { key: 'P', value: '/subnets', resolved: 'subnet-1,subnet-2' },
    ]);
  });

  it.each<[string, object, string | undefined, string | RegExp]>([
    ['missing', { Type: 'String' }, undefined, 'Parameters: [P] must have values'],
    [
      'not allowed',
      { Type: 'String', AllowedValues: ['a'] },
      'b',
      "Parameter 'P' must be one of AllowedValues",
    ],
    [
      'off the pattern',
      { Type: 'String', AllowedPattern: '[a-z]+' },
      'aB',
      "Parameter 'P' must match pattern [a-z]+",
    ],
    [
      'explained',
      { Type: 'String', AllowedPattern: 'a', ConstraintDescription: 'only a' },
      'b',
      'Parameter P failed to satisfy constraint: only a',
    ],
    ['too small', { Type: 'Number', MinValue: 2 }, '1', "Parameter 'P' must be a number not less than 2"],
    ['no number', { Type: 'List<Number>' }, '1,x', "Parameter 'P' must be a number"],
    [
      'not in the Parameter Store',
      { Type: 'AWS::SSM::Parameter::Value<String>' },
      '/x',
      'Unable to fetch parameters [/x] from parameter store for this account.',
    ],
  ])('are refused when %s', (_name, definition, given, message) => {
    expect(() => resolve(definition, given)).toThrow(message);
  });

  it('are refused when the template has none of that name', () => {
    expect(() => resolveParameters({}, [{ ParameterKey: 'X', ParameterValue: '1' }], [], ssm)).toThrow(
      'Parameters: [X] do not exist in the template',
    );
  });
});

it('resolves dynamic references inside texts', () => {
  const stores = {
    ssm: { value: (name: string) => `ssm ${name}` },
    secrets: { value: (id: string) => (id.endsWith('json') ? '{"key":"inner"}' : `secret ${id}`) },
  };
  const arn = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:json';
  expect(
    resolveDynamicReferences(
      [
        'a {{resolve:ssm:/p:1}} b',
        { x: `{{resolve:secretsmanager:${arn}:SecretString:key::}}`, y: '{{resolve:secretsmanager:plain}}' },
      ],
      stores,
    ),
  ).toEqual(['a ssm /p b', { x: 'inner', y: 'secret plain' }]);
});

describe('properties', () => {
  const check = (type: string, properties: Record<string, unknown>) => {
    const specification = specificationOf(type);
    if (!specification) throw new Error(`no specification of ${type}`);
    return checkProperties(specification, properties);
  };

  it('are brought to the types that the specification asks for', () => {
    expect(
      check('AWS::ECS::TaskDefinition', {
        Cpu: 256,
        ContainerDefinitions: [
          { Name: 'a', Image: 'b', Essential: 'true', PortMappings: [{ ContainerPort: '80' }] },
        ],
      }),
    ).toEqual({
      problems: [],
      properties: {
        Cpu: '256',
        ContainerDefinitions: [
          { Name: 'a', Image: 'b', Essential: true, PortMappings: [{ ContainerPort: 80 }] },
        ],
      },
    });
  });

  it('are refused when unknown, missing or of another type', () => {
    expect(
      check('AWS::EC2::SecurityGroup', {
        GroupDescriptoin: 'x',
        SecurityGroupIngress: [{ FromPort: 'x', IpProtocol: 'tcp' }],
      }).problems,
    ).toEqual([
      { path: '#', message: 'extraneous key [GroupDescriptoin] is not permitted' },
      { path: '#/SecurityGroupIngress/0/FromPort', message: 'expected type: Integer, found: String' },
      { path: '#', message: 'required key [GroupDescription] not found' },
    ]);
  });
});

it('keeps the random end of a generated name, whatever must go', () => {
  expect(generatedName('stack', 'Logical', 'ABCDEFGHIJKL', 255)).toBe('stack-Logical-ABCDEFGHIJKL');
  const short = generatedName('a-very-long-stack-name', 'AndALongLogicalId', 'ABCDEFGHIJKL', 32);
  expect(short).toMatch(/-ABCDEFGHIJKL$/);
  expect(short.length).toBeLessThanOrEqual(32);
});
