/** How a verification reads what came back, and how it tells it. */
import { describe, expect, it } from 'vitest';
import { type AttackResult, outcomeOf, type Shot } from '../../src/services/verify/attack.ts';
import type { Call } from '../../src/services/verify/inside/plan.ts';
import { judged, judgedCall } from '../../src/services/verify/judge.ts';
import { isProbe } from '../../src/services/verify/probes.ts';
import { reportOf } from '../../src/services/verify/report.ts';
import { failureOf } from '../../src/services/verify/verdict.ts';
import type { Verification } from '../../src/services/verify/verify.ts';

const reply = (status: number, body = '', sent = '') => ({ status, body, sent, headers: {} });
const shot = (outcome: Shot['outcome']): Shot => ({ sent: 's', received: 'r', outcome });

describe('an answer of the API', () => {
  const gateways = '{"message":"Unauthorized"}';
  it.each([
    ['the refusal that was expected', reply(404), 'held'],
    ['an answer', reply(200, '{}'), 'succeeded'],
    ['the refusal of something else', reply(400), 'succeeded'],
    ['a limit', reply(429), 'inconclusive'],
    ['a failure', reply(503), 'inconclusive'],
    ['a token that was not taken', reply(401, gateways), 'inconclusive'],
    ["a refusal with a neighbour's data in it", reply(404, 'secret of b'), 'succeeded'],
    ['a refusal that repeats what was asked', reply(404, 'no secret of b', '/secret of b'), 'held'],
  ] as const)('that is %s', (_, answer, outcome) => {
    expect(judged('x', answer, { statuses: [404], never: ['secret of b'] }).outcome).toBe(outcome);
  });

  it("that is a service's refusal where the gateway should have refused shows that a control is missing", () => {
    const expected = { statuses: [401], byGateway: true };
    expect(judged('x', reply(401, gateways), expected).outcome).toBe('held');
    expect(judged('x', reply(401, '{"error":{"code":"unauthorized"}}'), expected).outcome).toBe('succeeded');
  });

  it('that was let through is told by its size alone', () => {
    const { received } = judged('x', reply(200, '{"card":"4111"}'), { statuses: [404] });
    expect(received).toBe('200, 15 bytes');
  });
});

describe('a call from inside', () => {
  const call: Call = { aws: 'dynamodb', target: 't', body: {}, sent: 'x' };
  const http: Call = { url: 'http://10.0.0.1', refusedBy: [401], sent: 'x' };
  it.each([
    ['refused by policy', call, { status: 400, code: 'AccessDeniedException' }, 'held'],
    ['allowed', call, { status: 200 }, 'succeeded'],
    ['allowed, and wrong in itself', call, { status: 400, code: 'ResourceNotFoundException' }, 'succeeded'],
    ['not understood', call, { status: 400, code: 'UnknownOperationException' }, 'inconclusive'],
    ['never answered', call, { status: 0, code: 'TimeoutError' }, 'inconclusive'],
    ['without a connection', http, { status: 0, code: 'ECONNREFUSED' }, 'held'],
    ['refused by the service', http, { status: 401 }, 'held'],
    ['served', http, { status: 200 }, 'succeeded'],
    [
      'of a proof that did not work',
      { ...call, expect: 'allowed' },
      { status: 400, code: 'AccessDeniedException' },
      'inconclusive',
    ],
    ['of a proof that worked', { ...call, expect: 'allowed' }, { status: 200 }, 'held'],
  ] as const)('%s', (_, made, answer, outcome) => {
    expect(judgedCall({ i: 0, call: made, ...answer }).outcome).toBe(outcome);
  });
});

it('an attack has held when all of it did, and when something was tried', () => {
  expect(outcomeOf([])).toBe('inconclusive');
  expect(outcomeOf([shot('held'), shot('held')])).toBe('held');
  expect(outcomeOf([shot('held'), shot('inconclusive')])).toBe('inconclusive');
  expect(outcomeOf([shot('inconclusive'), shot('succeeded')])).toBe('succeeded');
});

it('only what a verification makes is called like a probe', () => {
  const adminEmail = '1.h.i@probe-0a1b2c3d-a.invalid';
  expect(isProbe({ name: 'probe-0a1b2c3d-a', adminEmail })).toBe(true);
  expect(isProbe({ name: 'probe-0a1b2c3d-a', adminEmail: 'ops@acme.example' })).toBe(false);
  for (const name of ['probe', 'probe-a', 'probe-company-b', 'probe-0a1b2c3d-c', 'my-probe-0a1b2c3d-a'])
    expect(isProbe({ name, adminEmail: `x@${name}.invalid` }), name).toBe(false);
});

describe('the report', () => {
  const attack = (outcome: AttackResult['outcome']): AttackResult => ({
    name: 'item-by-id-get',
    class: 'data',
    suite: 'isolation',
    tenant: '<b>a</b>',
    tier: 'basic',
    outcome,
    tries: 'reads & writes',
    expects: '404',
    evidence: [{ sent: 'GET /"x"', received: "<script>alert('x')</script>", outcome }],
    control: 'service-item-scope',
    durationMs: 1,
  });
  const verification = (...outcomes: AttackResult['outcome'][]): Verification => {
    const count = (wanted: string) => outcomes.filter((outcome) => outcome === wanted).length;
    return {
      id: 'id',
      startedAt: '2026-01-01T00:00:00.000Z',
      by: 'arn:aws:iam::1:user/<ops>',
      app: 'shop',
      environment: 'local',
      account: '1',
      region: 'us-east-1',
      routing: 'direct',
      suites: ['isolation'],
      subjects: [{ name: '<i>', tenantId: 't', tier: 'basic', model: 'pool', disposable: true }],
      summary: {
        attacks: outcomes.length,
        held: count('held'),
        succeeded: count('succeeded'),
        inconclusive: count('inconclusive'),
        durationMs: 1,
      },
      attacks: outcomes.map(attack),
      skipped: [{ name: 'x', tier: 'basic', why: '<u>' }],
    };
  };

  it('holds what came from outside as text, whatever it is', () => {
    const html = reportOf(verification('succeeded'));
    expect(html).toContain('&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;');
    expect(html).not.toMatch(/<script|<b>a|<ops>|<i>|<u>/);
    expect(html).toContain('1 of 1 attacks succeeded');
  });

  it('says that all held only when all did, and so does the exit code', () => {
    expect(reportOf(verification('held', 'held'))).toContain('All 2 attacks were made');
    expect(failureOf(verification('held'))).toBeUndefined();
    expect(reportOf(verification('held', 'inconclusive'))).toContain('1 of 2 could not be made');
    expect(failureOf(verification('held', 'inconclusive'))).toMatchObject({
      code: 'attack_inconclusive',
      exitCode: 1,
    });
    expect(failureOf(verification('succeeded', 'inconclusive'))).toMatchObject({ code: 'attack_succeeded' });
    expect(failureOf(verification())).toMatchObject({ message: 'no attack was made' });
  });
});
