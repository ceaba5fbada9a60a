/** Valid documents to begin with, and texts that come of them by a few changes. */
import fc, { type Arbitrary } from 'fast-check';
import { stringify } from 'yaml';
import { badText, change, changed, deepJson } from './bad-values.ts';

export const template = {
  AWSTemplateFormatVersion: '2010-09-09',
  Description: 'a table and its name',
  Parameters: {
    Name: { Type: 'String', Default: 'orders', AllowedPattern: '[a-z]+', MinLength: 1, MaxLength: '20' },
    Count: { Type: 'Number', Default: 2, MinValue: 1, MaxValue: 10, AllowedValues: [1, 2] },
    Zones: { Type: 'CommaDelimitedList', Default: 'a,b' },
  },
  Mappings: { Sizes: { small: { Cpu: '256' } } },
  Conditions: {
    Many: { 'Fn::Not': [{ 'Fn::Equals': [{ Ref: 'Count' }, 1] }] },
    Both: {
      'Fn::And': [{ Condition: 'Many' }, { 'Fn::Or': [{ Condition: 'Many' }, { Condition: 'Many' }] }],
    },
  },
  Rules: { Named: { Assertions: [{ Assert: { 'Fn::Not': [{ 'Fn::Equals': [{ Ref: 'Name' }, ''] }] } }] } },
  Resources: {
    Queue: {
      Type: 'AWS::SSM::Parameter',
      Condition: 'Many',
      DependsOn: ['Other'],
      Properties: {
        Type: 'String',
        Value: { 'Fn::Sub': ['${Name}-${x}', { x: { 'Fn::Select': [0, { 'Fn::Split': [',', 'a,b'] }] } }] },
        Name: { 'Fn::Join': ['/', ['', { Ref: 'Name' }, { 'Fn::FindInMap': ['Sizes', 'small', 'Cpu'] }]] },
        Description: { 'Fn::If': ['Both', { Ref: 'AWS::Region' }, { Ref: 'AWS::NoValue' }] },
      },
    },
    Other: { Type: 'AWS::SSM::Parameter', Properties: { Type: 'String', Value: { 'Fn::Base64': 'x' } } },
  },
  Outputs: {
    Value: { Value: { 'Fn::GetAtt': ['Other', 'Value'] }, Export: { Name: { 'Fn::Sub': '${Name}' } } },
  },
};

export const openApi = {
  openapi: '3.0.1',
  info: { title: 'shop', version: '1' },
  'x-amazon-apigateway-api-key-source': 'AUTHORIZER',
  'x-amazon-apigateway-request-validators': {
    all: { validateRequestBody: true, validateRequestParameters: true },
  },
  paths: {
    '/orders/{id}': {
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
      get: {
        operationId: 'get',
        security: [{ tenants: [], key: [] }],
        parameters: [{ name: 'page', in: 'query', schema: { type: 'string' } }],
        responses: { 200: { description: 'ok', headers: { 'x-a': { schema: { type: 'string' } } } } },
        'x-amazon-apigateway-integration': {
          type: 'http_proxy',
          httpMethod: 'GET',
          uri: 'http://shop.example/orders/{id}',
          connectionType: 'VPC_LINK',
          connectionId: 'link',
          requestParameters: { 'integration.request.path.id': 'method.request.path.id' },
        },
      },
      options: {
        'x-amazon-apigateway-integration': {
          type: 'mock',
          requestTemplates: { 'application/json': '{"statusCode":200}' },
          responses: { default: { statusCode: '200' } },
        },
        responses: { 200: { description: 'ok' } },
      },
    },
    '/orders': {
      'x-amazon-apigateway-any-method': {
        requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Order' } } } },
        'x-amazon-apigateway-request-validator': 'all',
        responses: {},
      },
    },
  },
  components: {
    schemas: { Order: { type: 'object', properties: { name: { type: 'string' } } } },
    securitySchemes: {
      key: { type: 'apiKey', name: 'x-api-key', in: 'header' },
      tenants: {
        type: 'apiKey',
        name: 'Authorization',
        in: 'header',
        'x-amazon-apigateway-authtype': 'custom',
        'x-amazon-apigateway-authorizer': {
          type: 'request',
          identitySource: 'method.request.header.Authorization',
          authorizerUri: 'arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/f/invocations',
          authorizerResultTtlInSeconds: 30,
        },
      },
    },
  },
};

export const stateMachine = {
  StartAt: 'First',
  TimeoutSeconds: 60,
  States: {
    First: {
      Type: 'Task',
      Resource: 'arn:aws:states:::lambda:invoke',
      Parameters: { 'a.$': '$.a', 'b.$': "States.Format('{}-{}', $.x, 1)", c: { 'd.$': '$$.Execution.Id' } },
      ResultPath: '$.result',
      Retry: [{ ErrorEquals: ['States.ALL'], IntervalSeconds: 1, MaxAttempts: 2, BackoffRate: 2 }],
      Catch: [{ ErrorEquals: ['States.Timeout'], Next: 'Last' }],
      Next: 'Choose',
    },
    Choose: {
      Type: 'Choice',
      Choices: [
        {
          And: [{ Variable: '$.a', NumericGreaterThan: 1 }, { Not: { Variable: '$.b', IsNull: true } }],
          Next: 'Each',
        },
      ],
      Default: 'Both',
    },
    Each: {
      Type: 'Map',
      ItemsPath: '$.items[*]',
      ItemProcessor: { StartAt: 'One', States: { One: { Type: 'Pass', Result: 1, End: true } } },
      Next: 'Pause',
    },
    Both: {
      Type: 'Parallel',
      Branches: [{ StartAt: 'Left', States: { Left: { Type: 'Succeed' } } }],
      Next: 'Pause',
    },
    Pause: { Type: 'Wait', Seconds: 1, Next: 'Last' },
    Last: { Type: 'Fail', Error: 'E', Cause: 'c' },
  },
};

export const buildspec = {
  version: 0.2,
  env: {
    shell: 'bash',
    variables: { A: '1' },
    'exported-variables': ['A'],
    'secrets-manager': { S: 'id:key' },
  },
  phases: {
    install: { 'runtime-versions': { nodejs: 20 }, commands: ['true'] },
    build: { commands: 'echo hello', finally: ['true'], 'on-failure': 'ABORT' },
  },
  artifacts: { files: ['**/*'] },
};

export const policy = {
  Version: '2012-10-17',
  Statement: [
    {
      Sid: 'Own',
      Effect: 'Allow',
      Action: ['dynamodb:Get*', 'dynamodb:Query'],
      Resource: ['arn:aws:dynamodb:*:*:table/orders', 'arn:aws:s3:::${aws:PrincipalTag/tenant}/*'],
      Condition: {
        'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['${aws:PrincipalTag/tenant}*'] },
        Null: { 'dynamodb:LeadingKeys': 'false' },
        NumericLessThanIfExists: { 's3:max-keys': '10' },
        DateGreaterThan: { 'aws:CurrentTime': '2026-01-01T00:00:00Z' },
        IpAddress: { 'aws:SourceIp': '10.0.0.0/8' },
      },
    },
    { Effect: 'Deny', NotAction: 'iam:*', NotResource: '*', Principal: { AWS: ['*', '123456789012'] } },
  ],
};

/** Texts: the document with a few changes as JSON or YAML, such a text with some of it cut out or repeated, or none at all. */
export function changedTexts(document: unknown, languages: readonly ('json' | 'yaml')[]): Arbitrary<string> {
  const valid = fc
    .tuple(fc.array(change, { maxLength: 4 }), fc.constantFrom(...languages))
    .map(([changes, language]) => {
      const made = changed(document, changes);
      return language === 'json' ? JSON.stringify(made) : stringify(made, { aliasDuplicateObjects: true });
    });
  const broken = fc.tuple(valid, fc.nat(), fc.nat({ max: 40 }), badText).map(([text, at, length, put]) => {
    const from = at % (text.length + 1);
    return text.slice(0, from) + put + text.slice(from + length);
  });
  const deep = fc
    .tuple(
      fc.constantFrom(50, 1_000, 20_000),
      fc.constantFrom(['[', ']'], ['{"a":', '}'], ['- ', ''], ['? ', '']),
    )
    .map(([depth, [open, close]]) => deepJson(depth, open, close));
  const bombs = fc.constantFrom(
    `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'
      .split('')
      .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[index]}`).join(',')}]`)
      .join('\n')}`,
    'a: &a\n  b: *a',
    `Resources: ${'&x '.repeat(2_000)}`,
    '<<: [*x]',
    '%YAML 9.9\n---\na: 1',
    '--- !!binary x\n--- y',
  );
  return fc.oneof(
    { weight: 10, arbitrary: valid },
    { weight: 4, arbitrary: broken },
    { weight: 1, arbitrary: badText },
    { weight: 1, arbitrary: deep },
    { weight: 1, arbitrary: languages.includes('yaml') ? bombs : deep },
  );
}
