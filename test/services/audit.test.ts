import { DeleteItemCommand, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SaasError } from '../../src/model/error.ts';
import { cellParameterPath, firstCell, parameterPath } from '../../src/model/names.ts';
import { registryKeys } from '../../src/model/registry.ts';
import { WaitTimeout } from '../../src/model/stop.ts';
import { type Act, audited } from '../../src/services/audit/audited.ts';
import { type AuditEntry, type AuditEvent, hashOf } from '../../src/services/audit/event.ts';
import { listEvents } from '../../src/services/audit/list.ts';
import { AuditLog, type StoredEvent } from '../../src/services/audit/log.ts';
import { verifyChain } from '../../src/services/audit/verification.ts';
import { newOperation } from '../../src/services/lease.ts';
import { runOperation } from '../../src/services/operation.ts';
import type { TenantRecord } from '../../src/services/registry/registry.ts';
import { RegistryTable } from '../../src/services/registry/table.ts';
import { readSharedOutputs } from '../../src/services/shared-outputs.ts';
import {
  addTenant,
  type Fixture,
  type OperatorContext,
  operator,
  startRegistry,
} from './registry-fixture.ts';

let fixture: Fixture;
let log: AuditLog;

/** An operator with a way of his own to the registry. */
const another = (): AuditLog => new AuditLog(new RegistryTable(fixture.options, fixture.tableName));

const who = { arn: 'arn:aws:sts::123456789012:assumed-role/operator/kim', account: '123456789012' };

const entry = (changes: Partial<AuditEntry> = {}): AuditEntry => ({
  at: '2026-03-01T10:00:00.000Z',
  who,
  action: 'throttle',
  tenant: { id: 'abcdefghij', name: 'acme' },
  outcome: 'done',
  code: null,
  parameters: { rate: 5, quota: { period: 'day', limit: 0.5 } },
  ...changes,
});

async function items(): Promise<StoredEvent[]> {
  const { Items = [] } = await fixture.dynamodb.send(new ScanCommand({ TableName: fixture.tableName }));
  return Items.map((item) => unmarshall(item) as StoredEvent)
    .filter(({ pk }) => pk.startsWith('AUDIT'))
    .sort((a, b) => (`${a.pk}${a.sk}` < `${b.pk}${b.sk}` ? -1 : 1));
}
const put = (item: object): Promise<unknown> =>
  fixture.dynamodb.send(
    new PutItemCommand({
      TableName: fixture.tableName,
      Item: marshall(item, { removeUndefinedValues: true }),
    }),
  );
const remove = ({ pk, sk }: { pk: string; sk: string }): Promise<unknown> =>
  fixture.dynamodb.send(new DeleteItemCommand({ TableName: fixture.tableName, Key: marshall({ pk, sk }) }));
const stored = async (seq: number): Promise<StoredEvent> => {
  const found = (await items()).find((item) => item.sk.startsWith('EVENT') && item.seq === seq);
  if (!found) throw new Error(`there is no event ${seq}`);
  return found;
};
const rehashed = <T extends AuditEvent>(event: T): T => ({ ...event, hash: hashOf(event) });

/** Five events on three days. */
async function fill(): Promise<void> {
  for (const [day, name] of [
    ['2026-03-01', 'acme'],
    ['2026-03-01', 'birch'],
    ['2026-03-02', 'acme'],
    ['2026-03-05', 'cedar'],
    ['2026-03-05', 'acme'],
  ] as const)
    await log.append(entry({ at: `${day}T10:00:00.000Z`, tenant: { id: null, name } }));
}

beforeAll(async () => {
  fixture = await startRegistry();
  log = another();
}, 30_000);
afterAll(() => fixture.stop());
beforeEach(async () => {
  for (const item of await items()) await remove(item);
});

describe('the chain', () => {
  it('is empty, and whole, before anything is done', async () => {
    expect(await verifyChain(log)).toEqual({ events: 0, head: null, broken: null, expected: null });
    expect(await listEvents(log)).toEqual({ events: [], nextToken: null });
  });

  it('chains each event to the one before, over days', async () => {
    await fill();
    const { events } = await listEvents(log);
    const oldestFirst = events.toReversed();
    expect(oldestFirst.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
    expect(oldestFirst.map(({ previous }) => previous)).toEqual([
      null,
      ...oldestFirst.slice(0, -1).map(({ hash }) => hash),
    ]);
    expect(await verifyChain(log)).toEqual({
      events: 5,
      head: { seq: 5, hash: events[0]?.hash },
      broken: null,
      expected: null,
    });
  });

  it('keeps the order in which events were appended when a clock is behind', async () => {
    await log.append(entry({ at: '2026-03-02T00:00:01.000Z' }));
    const late = await log.append(entry({ at: '2026-03-01T23:59:59.000Z' }));
    expect((await verifyChain(log)).broken).toBeNull();
    const { events } = await listEvents(log);
    expect(events.map(({ at }) => at)).toEqual([late.at, '2026-03-02T00:00:01.000Z']);
  });

  it('stays one when many operators append at once', async () => {
    const operators = Array.from({ length: 24 }, (_, index) => ({ index, log: another() }));
    await Promise.all(
      operators.map(({ index, log: theirs }) => theirs.append(entry({ parameters: { index } }))),
    );
    expect(await verifyChain(log)).toMatchObject({ events: 24, broken: null });
    const { events } = await listEvents(log);
    expect(new Set(events.map(({ parameters }) => parameters['index'])).size).toBe(24);
  }, 60_000);

  it('holds while others append to it', async () => {
    await fill();
    const [verified] = await Promise.all([
      verifyChain(log),
      ...Array.from({ length: 4 }, () => another().append(entry({ at: '2026-03-06T10:00:00.000Z' }))),
    ]);
    expect(verified.broken).toBeNull();
    expect(verified.events).toBeGreaterThanOrEqual(5);
  });

  it('takes an event whose answer was lost for written', async () => {
    const table = new RegistryTable(fixture.options, fixture.tableName);
    const transact = table.transact.bind(table);
    // The write goes through, its answer does not: it is sent again, and refused.
    table.transact = async (writes) => {
      await transact(writes);
      await transact(writes);
    };
    const event = await new AuditLog(table).append(entry());
    expect(event.seq).toBe(1);
    expect(await verifyChain(log)).toMatchObject({ events: 1, broken: null });
  });
});

describe('the end of an operation', () => {
  /** As an operator whose process has read where the registry is. */
  async function operatorWithShared(): Promise<OperatorContext> {
    const target = {
      ...operator().target,
      app: 'app',
      environment: { name: 'local', target: 'embedded' },
      client: fixture.options,
      verify: async () => who,
    } as OperatorContext['target'];
    const ssm = new SSMClient(fixture.options);
    const outputs = { registryTable: fixture.tableName, artifactsBucket: 'b', apiKeySecret: 's' } as const;
    for (const [name, Value] of Object.entries(outputs))
      await ssm.send(
        new PutParameterCommand({
          Name: parameterPath('app', 'local', name as keyof typeof outputs),
          Value,
          Type: 'String',
          Overwrite: true,
        }),
      );
    const Name = cellParameterPath('app', 'local', firstCell);
    await ssm.send(new PutParameterCommand({ Name, Value: '{}', Type: 'String', Overwrite: true }));
    ssm.destroy();
    await readSharedOutputs(target);
    return operator({ target });
  }
  const run = (context: OperatorContext, tenant: TenantRecord, during: () => Promise<void>, act: Act) =>
    runOperation<object>(context, fixture.registry, tenant, {
      kind: 'throttle',
      title: 'Changing',
      steps: () => [{ name: 'one', title: 'One', run: during }],
      end: 'unchanged',
      act,
    });

  it('comes with its event in one write, also when others append at that moment', async () => {
    const context = await operatorWithShared();
    const tenant = await addTenant(fixture.registry);
    await audited(context, { action: 'throttle', tenant, parameters: {} }, async (act) => {
      await run(context, tenant, async () => {}, act);
      expect(act.written).toBe(true);
      expect(await verifyChain(log)).toMatchObject({ events: 1, broken: null });
    });
    const second = await addTenant(fixture.registry);
    const others = Array.from({ length: 6 }, () => another().append(entry()));
    await Promise.all([
      ...others,
      audited(context, { action: 'throttle', tenant: second, parameters: {} }, (act) =>
        run(context, second, async () => {}, act),
      ),
    ]);
    expect(await verifyChain(log)).toMatchObject({ events: 8, broken: null });
    expect(await fixture.registry.operations(second.tenantId)).toHaveLength(1);
  });

  it('that another operator took over is no done thing', async () => {
    const context = await operatorWithShared();
    const tenant = await addTenant(fixture.registry);
    const takeOver = async (): Promise<void> => {
      await fixture.registry.updateTenant(tenant.tenantId, {
        operation: newOperation('throttle', new Date()),
      });
    };
    const act: Act = { action: 'throttle', tenant, parameters: {} };
    await expect(audited(context, act, () => run(context, tenant, takeOver, act))).rejects.toMatchObject({
      code: 'lease_lost',
    });
    expect((await listEvents(log)).events).toMatchObject([{ outcome: 'failed', code: 'lease_lost' }]);
  });
});

describe('tampering is found', () => {
  beforeEach(fill);

  const tampering: [what: string, how: () => Promise<unknown>, first: number, problem: RegExp][] = [
    [
      'who did it, changed',
      async () => put({ ...(await stored(2)), who: { ...who, arn: 'somebody else' } }),
      2,
      /changed/,
    ],
    ['an outcome, changed', async () => put({ ...(await stored(3)), outcome: 'failed' }), 3, /changed/],
    ['a parameter, changed', async () => put({ ...(await stored(5)), parameters: {} }), 5, /changed/],
    [
      'a changed event with a hash that fits',
      async () => put(rehashed({ ...(await stored(2)), action: 'token' })),
      2,
      /replaced/,
    ],
    [
      'the last event with a hash that fits',
      async () => put(rehashed({ ...(await stored(5)), action: 'token' })),
      5,
      /replaced/,
    ],
    ['the first event, removed', async () => remove(await stored(1)), 1, /not there/],
    ['an event in the middle, removed', async () => remove(await stored(4)), 4, /not there/],
    ['the end, cut off', async () => remove(await stored(5)), 5, /not there/],
    [
      'two from the end, cut off',
      async () => Promise.all([remove(await stored(5)), remove(await stored(4))]),
      4,
      /not there/,
    ],
    ['a day, taken off the list', async () => remove(registryKeys.auditDay('2026-03-02')), 3, /not there/],
    [
      'an event put in behind the end',
      async () => {
        const last = await stored(5);
        const more = rehashed({ ...last, seq: 6, previous: last.hash });
        await put({ ...more, ...registryKeys.auditEvent('2026-03-05', 6) });
      },
      6,
      /put in/,
    ],
    [
      'an event put in between',
      async () => {
        const before = await stored(2);
        await put({
          ...rehashed({ ...before, seq: 3, previous: before.hash }),
          ...registryKeys.auditEvent('2026-03-01', 3),
        });
      },
      3,
      /twice/,
    ],
    [
      'an event put in under a key of no number',
      async () => put({ ...(await stored(4)), sk: `${registryKeys.auditEvent('', 4).sk}x` }),
      5,
      /put in/,
    ],
    [
      'two events in each other’s place',
      async () => {
        const [one, other] = [await stored(4), await stored(5)];
        await put({ ...one, sk: other.sk });
        await put({ ...other, sk: one.sk });
      },
      4,
      /changed/,
    ],
    ['the head, removed', () => remove(registryKeys.auditHead()), 5, /no head/],
    [
      'the head, set back to an earlier event',
      async () => {
        const { seq, hash } = await stored(3);
        await put({ ...registryKeys.auditHead(), seq, hash, day: '2026-03-02' });
      },
      5,
      /put in/,
    ],
  ];
  it.each(tampering)('%s', async (_, how, first, problem) => {
    expect((await verifyChain(log)).broken).toBeNull();
    await how();
    const { broken, events } = await verifyChain(log);
    expect(broken).toMatchObject({ seq: first, problem: expect.stringMatching(problem) });
    expect(events).toBe(first - 1);
  });

  it('also all of it written anew, by a hash that was noted before', async () => {
    const noted = (await verifyChain(log)).head?.hash ?? '';
    expect((await verifyChain(log, noted)).expected).toEqual({ hash: noted, seq: 5 });
    await log.append(entry({ at: '2026-03-06T10:00:00.000Z' }));
    expect((await verifyChain(log, noted)).expected).toEqual({ hash: noted, seq: 5 });
    for (const item of await items()) await remove(item);
    await fill();
    expect(await verifyChain(log, noted)).toMatchObject({
      events: 5,
      broken: null,
      expected: { hash: noted, seq: null },
    });
  });
});

describe('the list', () => {
  beforeEach(fill);
  const seqs = ({ events }: { events: AuditEvent[] }): number[] => events.map(({ seq }) => seq);

  it('goes page by page, newest first', async () => {
    const pages: number[][] = [];
    let nextToken: string | null | undefined;
    do {
      const page = await listEvents(log, { limit: 2, ...(nextToken && { nextToken }) });
      pages.push(seqs(page));
      nextToken = page.nextToken;
    } while (nextToken !== null);
    expect(pages).toEqual([[5, 4], [3, 2], [1]]);
  });

  it('shows one tenant, and no more than since a time', async () => {
    await log.append(
      entry({ at: '2026-03-06T10:00:00.000Z', tenant: { id: 'abcdefghij', name: 'dogwood' } }),
    );
    expect(seqs(await listEvents(log, { tenant: 'acme' }))).toEqual([5, 3, 1]);
    expect(seqs(await listEvents(log, { tenant: 'abcdefghij' }))).toEqual([6]);
    expect(seqs(await listEvents(log, { since: new Date('2026-03-02') }))).toEqual([6, 5, 4, 3]);
    expect(seqs(await listEvents(log, { since: new Date('2026-03-05T10:00:00.001Z') }))).toEqual([6]);
    const first = await listEvents(log, { tenant: 'acme', limit: 1, since: new Date('2026-03-02') });
    expect([seqs(first), first.nextToken !== null]).toEqual([[5], true]);
    const rest = await listEvents(log, {
      tenant: 'acme',
      since: new Date('2026-03-02'),
      ...(first.nextToken !== null && { nextToken: first.nextToken }),
    });
    expect([seqs(rest), rest.nextToken]).toEqual([[3], null]);
  });

  it.each(['', 'x', Buffer.from('2026-03-05/0').toString('base64url')])(
    'refuses the token "%s"',
    async (nextToken) => {
      await expect(listEvents(log, { nextToken })).rejects.toMatchObject({ code: 'bad_next_token' });
    },
  );
});

describe('what an action leaves', () => {
  const target = (options = fixture.options) =>
    ({
      app: 'shop',
      environment: { name: 'local', target: 'embedded' },
      client: options,
      verify: async () => who,
    }) as unknown as OperatorContext['target'];
  const tenant = { tenantId: 'abcdefghij', name: 'acme', adminEmail: 'admin@acme.example' };
  const last = async (): Promise<AuditEvent | undefined> => (await listEvents(log, { limit: 1 })).events[0];

  beforeAll(async () => {
    const ssm = new SSMClient(fixture.options);
    const Name = parameterPath('shop', 'local', 'registryTable');
    await ssm.send(new PutParameterCommand({ Name, Value: fixture.tableName, Type: 'String' }));
    ssm.destroy();
  });

  it('is who, what, on which tenant, and that it is done', async () => {
    const context = operator({ target: target() });
    const act: Act = { action: 'throttle', tenant: 'acme', parameters: { rate: 5, burst: undefined } };
    const result = await audited(context, act, async (seen) => {
      seen.tenant = tenant;
      return 'limits';
    });
    expect([result, context.events]).toEqual(['limits', []]);
    expect(await last()).toMatchObject({
      who,
      action: 'throttle',
      tenant: { id: 'abcdefghij', name: 'acme' },
      outcome: 'done',
      code: null,
      parameters: { rate: 5 },
    });
  });

  it('is the code of what failed, and no word that could be personal', async () => {
    const failure = new SaasError('tenant_not_found', 'no tenant has the name "kim@acme.example"');
    const context = operator({ target: target() });
    const act: Act = {
      action: 'token',
      tenant: 'kim@acme.example',
      parameters: { tier: 'kim@acme.example', tenants: ['acme', 'kim@acme.example'] },
    };
    await expect(audited(context, act, () => Promise.reject(failure))).rejects.toBe(failure);
    expect(await last()).toMatchObject({
      outcome: 'failed',
      code: 'tenant_not_found',
      tenant: { id: null, name: null },
    });
    expect(JSON.stringify(await items())).not.toContain('@');
  });

  it.each([
    ['interrupted', 'SIGINT'],
    ['wait_timed_out', new WaitTimeout(5)],
  ])('is that it was stopped: %s', async (code, reason) => {
    const over = new AbortController();
    const context = operator({ target: target(), signal: over.signal });
    const work = audited(context, { action: 'onboard', parameters: {} }, async () => {
      over.abort(reason);
      over.signal.throwIfAborted();
    });
    await expect(work).rejects.toBeDefined();
    expect(await last()).toMatchObject({ outcome: 'interrupted', code, tenant: null });
  });

  it('is said aloud where it can’t be written, and changes nothing of the outcome', async () => {
    const nowhere = { ...fixture.options, endpoint: 'http://127.0.0.1:9', maxAttempts: 1 };
    const context = operator({ target: target(nowhere) });
    const act = (): Act => ({ action: 'offboard', parameters: {} });
    expect(await audited(context, act(), async () => 'gone')).toBe('gone');
    const failure = new SaasError('quota', 'too many');
    await expect(audited(context, act(), () => Promise.reject(failure))).rejects.toBe(failure);
    expect(context.events).toEqual([
      {
        type: 'note',
        text: expect.stringMatching(/^warning: the audit does not have this offboard \(done, /),
      },
      {
        type: 'note',
        text: expect.stringMatching(/^warning: the audit does not have this offboard \(failed, /),
      },
    ]);
    expect(await items()).toEqual([]);
  });

  it('is nothing where credentials were refused: nothing was done', async () => {
    const refused = {
      ...target(),
      verify: () => Promise.reject(new SaasError('wrong_account', 'not yours')),
    };
    const context = operator({ target: refused });
    const work = audited(context, { action: 'onboard', parameters: {} }, refused.verify);
    await expect(work).rejects.toMatchObject({ code: 'wrong_account' });
    expect([context.events, await items()]).toEqual([[], []]);
  });
});
