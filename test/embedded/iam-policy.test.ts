import { describe, expect, it } from 'vitest';
import { compilePolicy, decide, evaluate, PolicySyntaxError } from '../../src/embedded/iam/policy.ts';

type Context = Record<string, string | string[]>;

const lookup = (context: Context) => {
  const keys = new Map(
    Object.entries(context).map(([key, value]) => [
      key.toLowerCase(),
      typeof value === 'string' ? [value] : value,
    ]),
  );
  return (key: string) => keys.get(key);
};

const table = 'arn:aws:dynamodb:us-east-1:123456789012:table/orders';

function ask(
  statements: object | object[],
  request: { action?: string; resource?: string; context?: Context } = {},
  version = '2012-10-17',
) {
  return evaluate([compilePolicy({ Version: version, Statement: statements })], {
    action: request.action ?? 'dynamodb:GetItem',
    resource: request.resource ?? table,
    lookup: lookup(request.context ?? {}),
  });
}

const allow = (more: object = {}) => ({ Effect: 'Allow', Action: 'dynamodb:*', Resource: '*', ...more });
const deny = (more: object = {}) => ({ Effect: 'Deny', Action: 'dynamodb:*', Resource: '*', ...more });
const when = (operator: string, key: string, values: unknown) =>
  allow({ Condition: { [operator]: { [key]: values } } });

describe('actions and resources', () => {
  it.each([
    ['exact', 'dynamodb:GetItem', 'dynamodb:GetItem', 'allow'],
    ['case does not matter', 'DynamoDB:getitem', 'dynamodb:GetItem', 'allow'],
    ['star', 'dynamodb:Get*', 'dynamodb:GetItem', 'allow'],
    ['question mark', 'dynamodb:Get?tem', 'dynamodb:GetItem', 'allow'],
    ['everything', '*', 'dynamodb:GetItem', 'allow'],
    ['another', 'dynamodb:PutItem', 'dynamodb:GetItem', 'implicit-deny'],
    ['a prefix is not enough', 'dynamodb:Get', 'dynamodb:GetItem', 'implicit-deny'],
  ])('%s action', (_name, pattern, action, expected) => {
    expect(ask(allow({ Action: [pattern] }), { action })).toBe(expected);
  });

  it('NotAction allows all but', () => {
    const statement = { Effect: 'Allow', NotAction: 'iam:*', Resource: '*' };
    expect(ask(statement)).toBe('allow');
    expect(ask(statement, { action: 'iam:CreateRole', resource: '*' })).toBe('implicit-deny');
  });

  it.each([
    ['exact', table, table, 'allow'],
    ['star', 'arn:aws:dynamodb:*:*:table/ord*', table, 'allow'],
    ['a table is not its index', table, `${table}/index/gsi1`, 'implicit-deny'],
    ['index by star', `${table}/index/*`, `${table}/index/gsi1`, 'allow'],
    ['case matters', table.replace('orders', 'Orders'), table, 'implicit-deny'],
    ['a wildcard stays in its part', 'arn:aws:dynamodb:*:table/orders', table, 'implicit-deny'],
    [
      'colons in the last part',
      'arn:aws:logs:*:*:log-group:/a:*',
      'arn:aws:logs:r:1:log-group:/a:x:y',
      'allow',
    ],
    ['an action without a resource', table, '*', 'allow'],
  ])('%s resource', (_name, pattern, resource, expected) => {
    expect(ask(allow({ Resource: [pattern] }), { resource })).toBe(expected);
  });

  it('NotResource allows all but', () => {
    const { Resource: _resource, ...base } = allow();
    expect(ask({ ...base, NotResource: table })).toBe('implicit-deny');
    expect(ask({ ...base, NotResource: table }, { resource: `${table}2` })).toBe('allow');
  });

  it('a deny of one resource does not touch an action that names none', () => {
    expect(ask([allow(), deny({ Resource: table })], { resource: '*' })).toBe('allow');
    expect(ask([allow(), deny({ Resource: table })])).toBe('explicit-deny');
  });

  it('an explicit deny wins in any order', () => {
    expect(ask([allow(), deny()])).toBe('explicit-deny');
    expect(ask([deny(), allow()])).toBe('explicit-deny');
    expect(ask([allow(), deny({ Action: 'dynamodb:Scan' })])).toBe('allow');
  });
});

describe('condition operators', () => {
  const keyed = (value: string | string[]) => ({ context: { 'x:key': value } });
  it.each([
    ['StringEquals', 'a', 'a', true],
    ['StringEquals', ['b', 'a'], 'a', true],
    ['StringEquals', 'A', 'a', false],
    ['StringEquals', 'a*', 'ab', false],
    ['StringNotEquals', 'a', 'b', true],
    ['StringNotEquals', ['a', 'b'], 'b', false],
    ['StringEqualsIgnoreCase', 'A', 'a', true],
    ['StringNotEqualsIgnoreCase', 'A', 'a', false],
    ['StringLike', 'a*c?', 'abbcd', true],
    ['StringLike', 'a*c?', 'abbc', false],
    ['StringNotLike', 'a*', 'ab', false],
    ['NumericEquals', '10', '10.0', true],
    ['NumericNotEquals', 10, '11', true],
    ['NumericLessThan', 10, '9', true],
    ['NumericLessThanEquals', 10, '10', true],
    ['NumericGreaterThan', 10, '10', false],
    ['NumericGreaterThanEquals', 10, '10', true],
    ['NumericEquals', 10, 'ten', false],
    ['DateLessThan', '2030-01-01T00:00:00Z', '2029-12-31T23:59:59Z', true],
    ['DateGreaterThan', '1893456000', '2029-12-31T23:59:59Z', false],
    ['DateEquals', '2030-01-01T00:00:00Z', '1893456000', true],
    ['Bool', true, 'TRUE', true],
    ['Bool', 'false', 'true', false],
    ['BinaryEquals', 'QUI=', 'QUI=', true],
    ['IpAddress', '10.0.0.0/8', '10.1.2.3', true],
    ['IpAddress', '10.0.0.1', '10.0.0.2', false],
    ['IpAddress', '2001:db8::/32', '2001:db8::1', true],
    ['NotIpAddress', '10.0.0.0/8', '11.1.2.3', true],
    ['ArnLike', 'arn:aws:iam::*:role/a*', 'arn:aws:iam::123456789012:role/abc', true],
    ['ArnEquals', 'arn:aws:iam::*:role/a*', 'arn:aws:iam::123456789012:role/abc', true],
    ['ArnLike', 'arn:aws:*:role/abc', 'arn:aws:iam::123456789012:role/abc', false],
    ['ArnNotLike', 'arn:aws:iam::*:role/a*', 'arn:aws:iam::123456789012:role/b', true],
    ['stringequals', 'a', 'a', true],
  ])('%s %j on %j is %s', (operator, policy, value, expected) => {
    expect(ask(when(operator, 'X:Key', policy), keyed(value)) === 'allow').toBe(expected);
  });

  it.each([
    ['StringEquals', 'a', false],
    ['StringNotEquals', 'a', true],
    ['StringEqualsIfExists', 'a', true],
    ['NumericLessThan', 1, false],
    ['NumericLessThanIfExists', 1, true],
    ['ArnNotLike', 'arn:aws:iam::1:x', true],
    ['IpAddress', '10.0.0.0/8', false],
    ['NotIpAddress', '10.0.0.0/8', true],
    ['Bool', 'true', false],
    ['Null', 'true', true],
    ['Null', 'false', false],
    ['ForAllValues:StringEquals', 'a', true],
    ['ForAllValues:StringEqualsIfExists', 'a', true],
    ['ForAnyValue:StringEquals', 'a', false],
    ['ForAnyValue:StringNotEquals', 'a', false],
  ])('%s on an absent key is %3$s', (operator, policy, expected) => {
    expect(ask(when(operator, 'x:key', policy)) === 'allow').toBe(expected);
    expect(ask(when(operator, 'x:key', policy), keyed([])) === 'allow').toBe(expected);
  });

  it.each([
    ['ForAllValues:StringEquals', ['a', 'b'], ['a', 'b'], true],
    ['ForAllValues:StringEquals', ['a', 'b'], ['a', 'c'], false],
    ['ForAllValues:StringLike', ['a*'], ['ab', 'ac'], true],
    ['ForAllValues:StringNotEquals', ['a'], ['b', 'c'], true],
    ['ForAllValues:StringNotEquals', ['a'], ['a', 'c'], false],
    ['ForAnyValue:StringEquals', ['a'], ['x', 'a'], true],
    ['ForAnyValue:StringEquals', ['a'], ['x', 'y'], false],
    ['ForAnyValue:StringNotEquals', ['a'], ['a', 'b'], true],
    ['ForAnyValue:StringNotEquals', ['a'], ['a'], false],
    ['StringEquals', ['a', 'b'], ['a', 'b'], false],
    ['Null', 'false', ['a', 'b'], true],
  ])('%s %j on %j is %s', (operator, policy, values, expected) => {
    expect(ask(when(operator, 'x:key', policy), keyed(values)) === 'allow').toBe(expected);
  });

  it('all entries must hold', () => {
    const statement = allow({
      Condition: { StringEquals: { 'a:a': '1', 'a:b': '2' }, Bool: { 'a:c': 'true' } },
    });
    expect(ask(statement, { context: { 'a:a': '1', 'a:b': '2', 'a:c': 'true' } })).toBe('allow');
    expect(ask(statement, { context: { 'a:a': '1', 'a:b': '3', 'a:c': 'true' } })).toBe('implicit-deny');
    expect(ask(statement, { context: { 'a:a': '1', 'a:b': '2' } })).toBe('implicit-deny');
  });

  it('refuses an operator that IAM does not have', () => {
    expect(() => ask(when('StringMatches', 'a:a', '1'))).toThrow(PolicySyntaxError);
  });
});

describe('policy variables', () => {
  const own = 'arn:aws:s3:::bucket/${aws:PrincipalTag/tenant}/*';
  const object = (name: string) => ({ action: 's3:GetObject', resource: `arn:aws:s3:::bucket/${name}` });
  const statement = { Effect: 'Allow', Action: 's3:GetObject', Resource: own };

  it('stands for the value of the request', () => {
    const context = { 'aws:PrincipalTag/tenant': 't1' };
    expect(ask(statement, { ...object('t1/a'), context })).toBe('allow');
    expect(ask(statement, { ...object('t2/a'), context })).toBe('implicit-deny');
  });
  it('matches nothing when the request lacks the key', () => {
    expect(ask(statement, object('/a'))).toBe('implicit-deny');
    expect(ask(statement, object('${aws:PrincipalTag/tenant}/a'))).toBe('implicit-deny');
  });
  it('does not let a value act as a wildcard', () => {
    expect(ask(statement, { ...object('t2/a'), context: { 'aws:PrincipalTag/tenant': '*' } })).toBe(
      'implicit-deny',
    );
    const like = when('StringLike', 'x:key', '${aws:PrincipalTag/tenant}');
    expect(ask(like, { context: { 'aws:PrincipalTag/tenant': '*', 'x:key': 'b' } })).toBe('implicit-deny');
  });
  it('falls back to a default', () => {
    const fallback = { ...statement, Resource: "arn:aws:s3:::bucket/${aws:PrincipalTag/tenant, 'none'}/*" };
    expect(ask(fallback, object('none/a'))).toBe('allow');
  });
  it('escapes wildcards', () => {
    const literal = { ...statement, Resource: 'arn:aws:s3:::bucket/${*}${?}${$}' };
    expect(ask(literal, object('*?$'))).toBe('allow');
    expect(ask(literal, object('ab$'))).toBe('implicit-deny');
  });
  it('is plain text in version 2008-10-17', () => {
    expect(
      ask(statement, { ...object('t1/a'), context: { 'aws:PrincipalTag/tenant': 't1' } }, '2008-10-17'),
    ).toBe('implicit-deny');
    expect(ask(statement, object('${aws:PrincipalTag/tenant}/a'), '2008-10-17')).toBe('allow');
  });
  it('does not fill in a key of several values', () => {
    expect(ask(statement, { ...object('t1/a'), context: { 'aws:PrincipalTag/tenant': ['t1', 't2'] } })).toBe(
      'implicit-deny',
    );
  });
});

describe('the tenants of the pool: leading keys by session tag', () => {
  const policy = {
    Effect: 'Allow',
    Action: ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query', 'dynamodb:PutItem'],
    Resource: table,
    Condition: {
      'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['${aws:PrincipalTag/tenant}'] },
      Null: { 'dynamodb:LeadingKeys': 'false' },
    },
  };
  const as = (tenant: string | undefined, action: string, keys?: string[]) =>
    ask(policy, {
      action,
      context: {
        ...(tenant === undefined ? {} : { 'aws:PrincipalTag/tenant': tenant }),
        ...(keys === undefined ? {} : { 'dynamodb:LeadingKeys': keys }),
      },
    });

  it('admits its own key', () => expect(as('t1', 'dynamodb:Query', ['t1'])).toBe('allow'));
  it("refuses another's", () => expect(as('t1', 'dynamodb:Query', ['t2'])).toBe('implicit-deny'));
  it('refuses a scan', () => expect(as('t1', 'dynamodb:Scan')).toBe('implicit-deny'));
  it('refuses a request without leading keys', () =>
    expect(as('t1', 'dynamodb:Query')).toBe('implicit-deny'));
  it('refuses a batch with one foreign key', () =>
    expect(as('t1', 'dynamodb:BatchGetItem', ['t1', 't2'])).toBe('implicit-deny'));
  it('refuses a session without the tag', () => {
    expect(as(undefined, 'dynamodb:Query', ['t1'])).toBe('implicit-deny');
    expect(as(undefined, 'dynamodb:Query', [''])).toBe('implicit-deny');
  });
  it('would admit a scan without the Null guard', () => {
    const { Null: _guard, ...condition } = policy.Condition;
    const open = { ...policy, Action: 'dynamodb:*', Condition: condition };
    expect(ask(open, { action: 'dynamodb:Scan', context: { 'aws:PrincipalTag/tenant': 't1' } })).toBe(
      'allow',
    );
  });
});

describe('several kinds of policy together', () => {
  const of = (...statements: object[]) => [compilePolicy({ Version: '2012-10-17', Statement: statements })];
  const request = { action: 'dynamodb:GetItem', resource: table, lookup: () => undefined };
  const get = allow({ Action: 'dynamodb:GetItem' });
  const put = allow({ Action: 'dynamodb:PutItem' });

  it.each([
    ['identity alone', { identity: of(get) }, true, ''],
    [
      'nothing',
      { identity: [] },
      false,
      'because no identity-based policy allows the dynamodb:GetItem action',
    ],
    ['denied', { identity: of(get, deny()) }, false, 'with an explicit deny in an identity-based policy'],
    ['inside the boundary', { identity: of(get), boundary: of(allow()) }, true, ''],
    [
      'outside the boundary',
      { identity: of(get), boundary: of(put) },
      false,
      'because no permissions boundary allows the dynamodb:GetItem action',
    ],
    [
      'a boundary gives nothing',
      { identity: of(put), boundary: of(allow()) },
      false,
      'because no identity-based',
    ],
    [
      'outside the session policy',
      { identity: of(allow()), session: of(put) },
      false,
      'because no session policy allows the dynamodb:GetItem action',
    ],
    [
      'a session policy gives nothing',
      { identity: of(put), session: of(allow()) },
      false,
      'because no identity',
    ],
    [
      'denied by the session policy',
      { identity: of(get), session: of(allow(), deny()) },
      false,
      'with an explicit deny in a session policy',
    ],
  ])('%s', (_name, set, allowed, reason) => {
    const verdict = decide(set, request);
    expect(verdict.allowed).toBe(allowed);
    expect(verdict.reason).toContain(reason);
  });
});

describe('trust policies', () => {
  const trust = (principal: unknown, more: object = {}) =>
    compilePolicy(
      {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: principal, ...more }],
      },
      'trust',
    );
  const role = 'arn:aws:iam::123456789012:role/task';
  const root = 'arn:aws:iam::123456789012:root';
  const admits = (principal: unknown, who: { aws?: string[]; service?: string }) =>
    evaluate([trust(principal)], {
      action: 'sts:AssumeRole',
      resource: role,
      lookup: () => undefined,
      principal: { aws: who.aws ?? [], ...(who.service ? { service: who.service } : {}) },
    }) === 'allow';

  it.each([
    ['a service', { Service: 'ecs-tasks.amazonaws.com' }, { service: 'ecs-tasks.amazonaws.com' }, true],
    ['another service', { Service: 'lambda.amazonaws.com' }, { service: 'ecs-tasks.amazonaws.com' }, false],
    ['a role', { AWS: role }, { aws: [role] }, true],
    ['the account', { AWS: root }, { aws: [role, root] }, true],
    ['the account by its id', { AWS: '123456789012' }, { aws: [root] }, true],
    ['everybody', '*', { aws: [role] }, true],
    ['every AWS principal is no service', { AWS: '*' }, { service: 'ecs-tasks.amazonaws.com' }, false],
    ['a role is no wildcard', { AWS: 'arn:aws:iam::123456789012:role/*' }, { aws: [role] }, false],
  ])('%s', (_name, principal, who, expected) => {
    expect(admits(principal, who)).toBe(expected);
  });
});

describe('documents that IAM refuses', () => {
  it.each([
    ['no statement', { Version: '2012-10-17' }],
    ['an unknown version', { Version: '2020-01-01', Statement: [] }],
    ['no effect', { Statement: { Action: 'a:b', Resource: '*' } }],
    ['no action', { Statement: { Effect: 'Allow', Resource: '*' } }],
    ['action and NotAction', { Statement: { Effect: 'Allow', Action: '*', NotAction: '*', Resource: '*' } }],
    ['no resource', { Statement: { Effect: 'Allow', Action: '*' } }],
    ['an action without a vendor', { Statement: { Effect: 'Allow', Action: 'GetItem', Resource: '*' } }],
    ['a resource that is no ARN', { Statement: { Effect: 'Allow', Action: '*', Resource: 'orders' } }],
    ['a principal', { Statement: { Effect: 'Allow', Action: '*', Resource: '*', Principal: '*' } }],
    ['an unknown field', { Statement: { Effect: 'Allow', Action: '*', Resource: '*', Actions: '*' } }],
    ['a resource that is an object', { Statement: { Effect: 'Allow', Action: '*', Resource: { Ref: 'x' } } }],
  ])('%s', (_name, document) => {
    expect(() => compilePolicy(document)).toThrow(PolicySyntaxError);
  });
});
