/**
 * Our policy evaluator and @cloud-copilot/iam-simulate, two readings of the same rules: they agree on generated cases,
 * and on every policy in the templates.
 */
import { runUnsafeSimulation } from '@cloud-copilot/iam-simulate';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePolicy, type Decision, decide, evaluate } from '../../src/embedded/iam/policy.ts';
import { deployment, resources, templates, tiers } from '../templates/synthesized.ts';

type Context = Record<string, string | string[]>;
interface Case {
  policies: object[];
  boundary?: object | undefined;
  action: string;
  resource: string;
  context: Context;
}

const account = '123456789012';
const role = `arn:aws:iam::${account}:role/tester`;
const decisions: Readonly<Record<string, Decision>> = {
  Allowed: 'allow',
  ExplicitlyDenied: 'explicit-deny',
  ImplicitlyDenied: 'implicit-deny',
};

function theirs({ policies, boundary, action, resource, context }: Case): Decision | undefined {
  return decisions[
    runUnsafeSimulation(
      {
        request: {
          principal: role,
          action,
          resource: { resource, accountId: account },
          contextVariables: context,
        },
        identityPolicies: policies.map((policy, index) => ({ name: `p${index}`, policy })),
        serviceControlPolicies: [],
        resourceControlPolicies: [],
        ...(boundary && { permissionBoundaryPolicies: [{ name: 'boundary', policy: boundary }] }),
      },
      {},
    )
  ];
}

function ours({ policies, boundary, action, resource, context }: Case): Decision {
  const keys = new Map(
    Object.entries(context).map(([key, value]) => [
      key.toLowerCase(),
      typeof value === 'string' ? [value] : value,
    ]),
  );
  const request = { action, resource, lookup: (key: string) => keys.get(key) };
  const identity = policies.map((policy) => compilePolicy(policy));
  if (!boundary) return evaluate(identity, request);
  const { allowed, reason } = decide({ identity, boundary: [compilePolicy(boundary)] }, request);
  return allowed ? 'allow' : reason.startsWith('with an explicit deny') ? 'explicit-deny' : 'implicit-deny';
}

const table = `arn:aws:dynamodb:us-east-1:${account}:table`;
const of = <T>(...values: T[]) => fc.constantFrom(...values);
const some = <T>(...values: T[]) =>
  fc.subarray(values, { minLength: 1, maxLength: Math.min(3, values.length) });

const actions = [
  'dynamodb:GetItem',
  'dynamodb:PutItem',
  'dynamodb:Query',
  's3:GetObject',
  's3:PutObject',
  'sts:AssumeRole',
];
const resourceArns = [
  `${table}/orders`,
  `${table}/orders/index/g`,
  `${table}/Products`,
  'arn:aws:s3:::releases/a/b.json',
];
const context = fc.record(
  {
    'aws:PrincipalTag/tenant': of('t1', 't2', 'T1', ''),
    'dynamodb:LeadingKeys': some('t1', 't2', 't1-x'),
    // IPv4 only: to iam-simulate NotIpAddress with an IPv4 range does not hold for an IPv6 address, to AWS it does.
    'aws:SourceIp': of('10.0.0.7', '192.168.1.1', '172.16.0.1'),
    'aws:SecureTransport': of('true', 'false'),
    's3:prefix': of('a/', 'a/b', ''),
    'aws:CurrentTime': of('2026-01-01T00:00:00Z', '2026-06-01T12:00:00Z'),
    's3:max-keys': of('5', '10', '100'),
    'aws:PrincipalArn': of(role, `arn:aws:iam::${account}:role/other`),
  },
  { requiredKeys: [] },
);

const ifExists = (name: string) => of(name, `${name}IfExists`);
const condition = fc.oneof(
  fc.tuple(
    of('StringEquals', 'StringNotEquals', 'StringLike', 'StringNotLike', 'StringEqualsIgnoreCase').chain(
      ifExists,
    ),
    fc.oneof(
      fc.tuple(of('aws:PrincipalTag/tenant'), some('t1', 't?', 'T*', 't2', '*')),
      fc.tuple(of('s3:prefix'), some('a/*', 'a/', '${aws:PrincipalTag/tenant}/*')),
    ),
  ),
  fc.tuple(
    of(
      'ForAllValues:StringEquals',
      'ForAnyValue:StringEquals',
      'ForAllValues:StringLike',
      'ForAnyValue:StringLike',
    ),
    fc.tuple(of('dynamodb:LeadingKeys'), some('t1', 't2', 't1*', '${aws:PrincipalTag/tenant}')),
  ),
  fc.tuple(
    of('Null'),
    fc.tuple(of('dynamodb:LeadingKeys', 'aws:PrincipalTag/tenant', 's3:prefix'), of(['true'], ['false'])),
  ),
  fc.tuple(of('Bool').chain(ifExists), fc.tuple(of('aws:SecureTransport'), of(['true'], ['false']))),
  fc.tuple(
    of('NumericLessThan', 'NumericEquals', 'NumericGreaterThanEquals', 'NumericNotEquals').chain(ifExists),
    fc.tuple(of('s3:max-keys'), some('5', '10', '50')),
  ),
  fc.tuple(
    of('DateLessThan', 'DateGreaterThanEquals').chain(ifExists),
    fc.tuple(of('aws:CurrentTime'), of(['2026-03-01T00:00:00Z'], ['2026-01-01T00:00:00Z'])),
  ),
  fc.tuple(
    of('IpAddress', 'NotIpAddress').chain(ifExists),
    fc.tuple(of('aws:SourceIp'), some('10.0.0.0/8', '192.168.1.1', '2001:db8::/32')),
  ),
  fc.tuple(
    of('ArnLike', 'ArnEquals', 'ArnNotLike').chain(ifExists),
    fc.tuple(of('aws:PrincipalArn'), some(role, `arn:aws:iam::*:role/o*`)),
  ),
);
/** Without variables: what one without a value means to a negation AWS does not say, and the two differ. */
const plain = (text: string): string => text.replaceAll(/\$\{[^}]*\}/g, 't1');
const statement = fc
  .record({
    effect: of('Allow', 'Allow', 'Deny'),
    action: some(
      '*',
      'dynamodb:*',
      'dynamodb:Get*',
      'DynamoDB:putitem',
      's3:?etObject',
      's3:PutObject',
      'sts:AssumeRole',
    ),
    notAction: fc.boolean(),
    resource: some(
      '*',
      `${table}/orders`,
      `${table}/*`,
      `${table}/\${aws:PrincipalTag/tenant}`,
      'arn:aws:s3:::releases/*',
      'arn:aws:s3:::releases/?/*',
    ),
    notResource: fc.boolean(),
    conditions: fc.array(condition, { maxLength: 2 }),
  })
  .map(({ effect, action, notAction, resource, notResource, conditions }) => {
    const block: Record<string, Record<string, string[]>> = {};
    for (const [operator, [key, values]] of conditions)
      block[operator] = { ...block[operator], [key]: operator.includes('Not') ? values.map(plain) : values };
    return {
      Effect: effect,
      [notAction ? 'NotAction' : 'Action']: action,
      [notResource ? 'NotResource' : 'Resource']: notResource ? resource.map(plain) : resource,
      ...(conditions.length > 0 && { Condition: block }),
    };
  });
const policy = fc
  .tuple(fc.array(statement, { minLength: 1, maxLength: 4 }), of('2012-10-17', '2012-10-17', '2008-10-17'))
  // In the older version variables are plain text, to AWS and to us; iam-simulate fills them in.
  .map(([Statement, Version]) => ({
    Version,
    Statement: Version === '2012-10-17' ? Statement : JSON.parse(plain(JSON.stringify(Statement))),
  }));
const generated: fc.Arbitrary<Case> = fc.record({
  policies: fc.array(policy, { minLength: 1, maxLength: 2 }),
  boundary: fc.option(policy, { nil: undefined, freq: 4 }),
  action: of(...actions),
  resource: of(...resourceArns),
  context,
});

describe('agrees with iam-simulate', () => {
  it('on generated policies', () => {
    const seed = Number(process.env['IAM_SEED'] ?? 20_260_101);
    const counts: Record<string, number> = {};
    fc.assert(
      fc.property(generated, (each) => {
        const decision = ours(each);
        counts[decision] = (counts[decision] ?? 0) + 1;
        expect(decision).toBe(theirs(each));
      }),
      { seed, numRuns: 2000 },
    );
    // The cases are worth something only if every outcome is among them.
    expect(
      Math.min(...['allow', 'explicit-deny', 'implicit-deny'].map((name) => counts[name] ?? 0)),
    ).toBeGreaterThan(100);
  });

  it('on every policy in the templates', async () => {
    let compared = 0;
    for (const changes of [{}, { routing: 'proxy' as const, tiers: tiers('ec2') }]) {
      const template = await templates(deployment(changes));
      for (const name of stacks)
        for (const document of policiesOf(template(name)))
          for (const each of questionsAbout(document)) {
            expect(ours(each), JSON.stringify(each)).toBe(theirs(each));
            compared++;
          }
    }
    expect(compared).toBeGreaterThan(500);
  });
});

const stacks = [
  'controlplane-stack',
  'shared-infra-stack',
  'coreappplane-stack',
  'tenant-template-basic',
  'tenant-template-advanced',
  'tenant-advanced',
  'tenant-premium',
  'cell',
];

type Template = ReturnType<Awaited<ReturnType<typeof templates>>>;

/** Identity policies of a template, references filled in with words that an ARN may hold. */
function policiesOf(template: Template): Document[] {
  const inline = resources(template, 'AWS::IAM::Role').flatMap(([, { Properties }]) =>
    ((Properties?.['Policies'] ?? []) as { PolicyDocument: unknown }[]).map(
      ({ PolicyDocument }) => PolicyDocument,
    ),
  );
  const attached = ['AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy'].flatMap((type) =>
    resources(template, type).map(([, { Properties }]) => Properties?.['PolicyDocument'] as unknown),
  );
  return [...inline, ...attached].map((document) => filled(document) as Document);
}

interface Document {
  Version: string;
  Statement: { Action: string | string[]; Resource: string | string[]; Condition?: Record<string, object> }[];
}

const pseudo: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws',
  'AWS::AccountId': account,
  'AWS::Region': 'us-east-1',
  'AWS::URLSuffix': 'amazonaws.com',
};

/** A value with its references filled in: a whole value is an ARN, a part of a text a name. */
function filled(value: unknown, whole = true): unknown {
  if (Array.isArray(value)) return value.map((entry) => filled(entry, whole));
  if (typeof value !== 'object' || value === null) return value;
  const [[name = '', inner] = []] = Object.entries(value);
  const named = (what: unknown): string => (whole ? `${table}/${String(what)}` : String(what));
  if (name === 'Ref') return pseudo[String(inner)] ?? named(inner);
  if (name === 'Fn::GetAtt') return named((inner as string[])[0]);
  if (name === 'Fn::If') return filled((inner as unknown[])[1], whole);
  if (name === 'Fn::Join') {
    const [separator, parts] = inner as [string, unknown[]];
    // What begins with a resource begins with its ARN.
    return parts.map((part, index) => filled(part, whole && index === 0)).join(separator);
  }
  if (name.startsWith('Fn::')) return named('filled');
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, filled(member)]));
}

/** Each action on its statement's resources, on the next one's and on another's, with and without what conditions ask for. */
function questionsAbout(document: Document): Case[] {
  const list = (value: string | string[]) => [value].flat();
  const contexts: Context[] = [{}];
  if (/PrincipalTag|LeadingKeys/.test(JSON.stringify(document))) {
    contexts.push({ 'aws:PrincipalTag/tenant': 't1', 'dynamodb:LeadingKeys': ['t1'] });
    contexts.push({ 'aws:PrincipalTag/tenant': 't1', 'dynamodb:LeadingKeys': ['t1', 't2'] });
  }
  const concrete = (arn: string) => (arn === '*' ? `${table}/any` : arn.replaceAll('*', 'some'));
  return document.Statement.flatMap(({ Action, Resource }, index) => {
    const next = document.Statement[(index + 1) % document.Statement.length];
    const arns = [...list(Resource), ...list(next?.Resource ?? []), `${table}/other`].map(concrete);
    return [...list(Action).map((action) => action.replaceAll('*', 'Some')), 's3:GetObject'].flatMap(
      (action) =>
        [...new Set(arns)].flatMap((resource) =>
          contexts.map((each) => ({ policies: [document], action, resource, context: each })),
        ),
    );
  });
}
