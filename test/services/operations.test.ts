import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ExplainedError, type Link } from '../../src/services/explain/chain.ts';
import { Journal } from '../../src/services/journal.ts';
import { newOperation, type Operation, released } from '../../src/services/lease.ts';
import { type Run, runOperation, type Step } from '../../src/services/operation.ts';
import type { TenantRecord } from '../../src/services/registry/registry.ts';
import { addTenant, type Fixture, operator, startRegistry } from './registry-fixture.ts';
import { atEveryWrite } from './unreliable-way.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startRegistry();
});
afterAll(() => fixture.stop());

const minutes = 60_000;

interface Data {
  made: string;
}

const step = (name: string, run: Step<Data>['run'] = async () => {}, always = false): Step<Data> => ({
  name,
  title: `Do ${name}`,
  run,
  always,
});

const onboarding = (steps: Step<Data>[], changes: Partial<Run<Data>> = {}): Run<Data> => ({
  kind: 'onboard',
  title: 'Onboarding',
  begin: { status: 'provisioning' },
  steps: () => steps,
  end: 'active',
  ...changes,
});

const read = async (tenant: TenantRecord): Promise<TenantRecord> =>
  (await fixture.registry.tenant(tenant.tenantId)) ?? expect.fail('the tenant is gone');

describe('a failing step', () => {
  it('marks the tenant with the step, the reason and the journal, and a later run takes it up', async () => {
    const { registry } = fixture;
    const tenant = await addTenant(registry, { status: 'provisioning' });
    const ran: string[] = [];
    let broken = true;
    const steps = [
      step('make', async (data) => {
        ran.push('make');
        data.made = 'a stack';
      }),
      step('fill', async (_data, tools) => {
        ran.push('fill');
        tools.change({ apiKeyId: 'made before it failed' });
        if (broken) throw new Error('the disk is full');
      }),
      step('verify', async () => void ran.push('verify'), true),
    ];
    const context = operator();
    await expect(runOperation(context, registry, tenant, onboarding(steps))).rejects.toThrow(
      'the disk is full',
    );
    const failed = await read(tenant);
    expect(failed).toMatchObject({
      status: 'failed',
      lastError: 'Do fill: the disk is full',
      apiKeyId: 'made before it failed',
      operation: {
        kind: 'onboard',
        done: ['make'],
        data: { made: 'a stack' },
        failure: { step: 'fill', reason: 'the disk is full' },
      },
    });
    expect(context.events.map((event) => [event.type, 'step' in event ? event.step : ''])).toEqual([
      ['plan', ''],
      ['step-started', 'make'],
      ['step-done', 'make'],
      ['step-started', 'fill'],
      ['step-failed', 'fill'],
    ]);

    broken = false;
    const again = await runOperation(operator(), registry, failed, onboarding(steps));
    expect(ran).toEqual(['make', 'fill', 'fill', 'verify']);
    expect(again.data).toEqual({ made: 'a stack' });
    expect(again.tenant.status).toBe('active');
    expect(again.tenant).not.toHaveProperty('lastError');
    expect(again.tenant).not.toHaveProperty('operation');
    expect(await read(tenant)).toEqual(again.tenant);
    expect(await registry.operations(tenant.tenantId)).toMatchObject([
      { id: failed.operation?.id, kind: 'onboard', done: ['make', 'fill', 'verify'] },
    ]);
  });

  it('keeps what was found out about it, and its hint ends with the command that tells it', async () => {
    const { registry } = fixture;
    const tenant = await addTenant(registry);
    const evidence: Link[] = [
      { kind: 'task', name: 'orders', status: 'exited with 7', detail: null, at: null },
    ];
    const steps = [
      step('make', async () => {
        throw new ExplainedError('stack_failed', 'the stack failed', evidence, { hint: 'mend the image' });
      }),
    ];
    await expect(runOperation(operator(), registry, tenant, onboarding(steps))).rejects.toMatchObject({
      code: 'stack_failed',
      message: 'the stack failed',
      hint: `mend the image; see why: saas-ecs explain ${tenant.name}`,
    });
    expect((await read(tenant)).operation?.failure).toMatchObject({
      code: 'stack_failed',
      hint: 'mend the image',
      evidence,
    });
  });

  it('leaves the status of a tenant as it was where the operation says so', async () => {
    const { registry } = fixture;
    for (const status of ['active', 'suspended'] as const) {
      const tenant = await addTenant(registry, { status });
      const changing = (run: Step<Data>['run']): Run<Data> => ({
        kind: 'throttle',
        title: 'Changing',
        steps: () => [step('change', run)],
        onFailure: 'unchanged',
        end: 'unchanged',
      });
      await runOperation(
        operator(),
        registry,
        tenant,
        changing(async () => expect((await read(tenant)).status).toBe(status)),
      );
      await expect(
        runOperation(
          operator(),
          registry,
          await read(tenant),
          changing(async () => {
            throw new Error('no');
          }),
        ),
      ).rejects.toThrow('no');
      const failed = await read(tenant);
      expect(failed).toMatchObject({ status, lastError: 'Do change: no' });
      const mended = await runOperation(
        operator(),
        registry,
        failed,
        changing(async () => {}),
      );
      expect(mended.tenant).not.toHaveProperty('lastError');
    }
  });

  it('reopens the steps whose work a check found undone', async () => {
    const { registry } = fixture;
    const tenant = await addTenant(registry);
    let left = 1;
    const ran: string[] = [];
    const steps = [
      step('keep', async () => void ran.push('keep')),
      step('clean', async () => {
        ran.push('clean');
        // The first time, something comes in behind its back.
        left = ran.filter((name) => name === 'clean').length > 1 ? 0 : 1;
      }),
      step(
        'verify',
        async (_data, tools) => {
          tools.reopen('clean');
          if (left > 0) throw new Error('something is left');
        },
        true,
      ),
    ];
    await expect(runOperation(operator(), registry, tenant, onboarding(steps))).rejects.toThrow('left');
    await runOperation(operator(), registry, await read(tenant), onboarding(steps));
    expect(ran).toEqual(['keep', 'clean', 'clean']);
  });
});

describe('steps that are done', () => {
  it('are skipped on the next run; those that must always hold run again', async () => {
    const { registry } = fixture;
    const ran: string[] = [];
    const steps = [
      step('one', async () => void ran.push('one')),
      step('check', async () => void ran.push('check'), true),
      step('two'),
    ];
    const next = await addTenant(registry, { operation: left(['one', 'check']) });
    const context = operator();
    const again = await runOperation(context, registry, next, onboarding(steps));
    expect(ran).toEqual(['check']);
    expect(again.steps.map(({ name, status }) => [name, status])).toEqual([
      ['one', 'skipped'],
      ['check', 'done'],
      ['two', 'done'],
    ]);
    expect(context.events).toContainEqual(
      expect.objectContaining({ type: 'step-done', step: 'one', skipped: true }),
    );
  });

  it('of another kind of operation count for nothing', async () => {
    const tenant = await addTenant(fixture.registry, { operation: left(['one'], 'throttle') });
    const ran: string[] = [];
    await runOperation(
      operator(),
      fixture.registry,
      tenant,
      onboarding([step('one', async (data) => void ran.push(JSON.stringify(data)))]),
    );
    expect(ran).toEqual(['{}']);
  });
});

/** What a run that was interrupted has left. */
function left(done: string[], kind: Operation['kind'] = 'onboard'): Operation {
  return { ...newOperation(kind, new Date(), { made: 'before' }), done, leaseUntil: released };
}

describe('Ctrl-C', () => {
  it('in the middle of a step leaves the status, the journal and a lease that is over', async () => {
    const { registry } = fixture;
    const tenant = await addTenant(registry, { status: 'provisioning' });
    const stop = new AbortController();
    const steps = [
      step('make', async (data) => {
        data.made = 'half';
      }),
      step('wait', async (_data, tools) => {
        stop.abort();
        tools.signal.throwIfAborted();
      }),
    ];
    await expect(
      runOperation(operator({ signal: stop.signal }), registry, tenant, onboarding(steps)),
    ).rejects.toMatchObject({
      code: 'interrupted',
      exitCode: 130,
      hint: expect.stringContaining(`saas-ecs onboard --resume ${tenant.name}`),
    });
    const after = await read(tenant);
    expect(after).toMatchObject({
      status: 'provisioning',
      operation: { done: ['make'], data: { made: 'half' } },
    });
    expect(after).not.toHaveProperty('lastError');
    expect(after.operation).not.toHaveProperty('failure');
    // Also for an operator whose clock is behind.
    const ran = await runOperation(
      operator({ laterMs: -60 * minutes }),
      registry,
      after,
      onboarding([steps[0] ?? expect.fail(), step('wait')]),
    );
    expect(ran.steps.map(({ status }) => status)).toEqual(['skipped', 'done']);
  });

  it('before the first step begins does nothing', async () => {
    const tenant = await addTenant(fixture.registry);
    const ran: string[] = [];
    await expect(
      runOperation(
        operator({ signal: AbortSignal.abort() }),
        fixture.registry,
        tenant,
        onboarding([step('one', async () => void ran.push('one'))]),
      ),
    ).rejects.toMatchObject({ code: 'interrupted' });
    expect(ran).toEqual([]);
  });
});

describe('Ctrl-C once the work is done', () => {
  it('does not keep the operation from ending', async () => {
    const stop = new AbortController();
    const tenant = await addTenant(fixture.registry);
    const ran = await runOperation(
      operator({ signal: stop.signal }),
      fixture.registry,
      tenant,
      onboarding([step('last', async () => stop.abort())]),
    );
    expect(ran.tenant.status).toBe('active');
    expect(await read(tenant)).toEqual(ran.tenant);
  });
});

describe('the journal', () => {
  it('writes in order: a slow renewal can neither undo what was written after it nor outlive the end', async () => {
    const { registry } = fixture;
    const operation = newOperation('onboard', new Date());
    const tenant = await addTenant(registry, { operation });
    let arrived = (): void => {};
    const slow = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    let first = true;
    const slowly = new Proxy(registry, {
      get(target, name) {
        if (name !== 'updateTenant') return Reflect.get(target, name).bind(target);
        return async (...given: Parameters<typeof target.updateTenant>) => {
          const written = structuredClone(given);
          if (first) {
            first = false;
            await slow;
          }
          return target.updateTenant(...written);
        };
      },
    });
    const journal = new Journal(slowly, tenant, operation, () => new Date());
    const renewal = journal.write();
    operation.done.push('one');
    const done = journal.write();
    const ended = journal.end('active');
    setImmediate(arrived);
    await Promise.all([renewal, done]);
    await ended;
    await journal.write({ status: 'failed' });
    await journal.close({ release: true });
    expect(await read(tenant)).toEqual(await ended);
    expect(await ended).not.toHaveProperty('operation');
    expect(await registry.operations(tenant.tenantId)).toMatchObject([{ done: ['one'] }]);
  });

  it('writes what is noted with the next write, and keeps it when that does not arrive', async () => {
    const { registry } = fixture;
    const operation = newOperation('onboard', new Date());
    const tenant = await addTenant(registry, { operation });
    let refused = 0;
    const refusing = new Proxy(registry, {
      get(target, name) {
        if (name !== 'updateTenant' || refused++ > 0) return Reflect.get(target, name).bind(target);
        return async () => Promise.reject(new Error('it did not arrive'));
      },
    });
    const journal = new Journal(refusing, tenant, operation, () => new Date());
    journal.note({ cell: 'cell-7' });
    expect(journal.tenant.cell).toBe('cell-7');
    expect((await read(tenant)).cell).toBeUndefined();
    await expect(journal.write({ apiKeyId: 'key' })).rejects.toThrow('it did not arrive');
    await journal.write();
    expect(await read(tenant)).toMatchObject({ cell: 'cell-7' });
    await journal.close({ release: true });
  });

  it("writes what is noted with the lease's renewal when nothing else has to be written", async () => {
    const { registry } = fixture;
    const operation = newOperation('onboard', new Date());
    const tenant = await addTenant(registry, { operation });
    const journal = new Journal(registry, tenant, operation, () => new Date());
    journal.keepAlive();
    operation.done.push('one');
    journal.note({ cell: 'cell-7' });
    await expect
      .poll(() => read(tenant), { timeout: 10_000 })
      .toMatchObject({ cell: 'cell-7', operation: { done: ['one'] } });
    await journal.close({ release: true });
  });

  it('makes further writes with its own or not at all', async () => {
    const { registry } = fixture;
    const operation = newOperation('onboard', new Date());
    const tenant = await addTenant(registry, { operation });
    const journal = new Journal(registry, tenant, operation, () => new Date());
    const issuer = (name: string) =>
      registry.trusting({ issuer: name, clientId: 'client', tenantId: tenant.tenantId });
    await journal.write({ cell: 'cell-7' }, [issuer('https://one.example')]);
    expect(await read(tenant)).toMatchObject({ cell: 'cell-7' });
    expect(await registry.issuer('https://one.example')).toMatchObject({ tenantId: tenant.tenantId });
    await registry.updateTenant(tenant.tenantId, { operation: newOperation('onboard', new Date()) });
    await expect(journal.write({ cell: 'cell-8' }, [issuer('https://two.example')])).rejects.toMatchObject({
      code: 'lease_lost',
    });
    expect(await read(tenant)).toMatchObject({ cell: 'cell-7' });
    expect(await registry.issuer('https://two.example')).toBeUndefined();
    await journal.close({ release: true });
  });
});

/** What steps make outside the registry: by an id that they write down first, so that none is made twice. */
function world(): { made: string[]; steps: Step<Data>[] } {
  const made: string[] = [];
  const ensure = (what: string): void => {
    if (!made.includes(what)) made.push(what);
  };
  return {
    made,
    steps: [
      step('name', async (data, tools) => {
        data.made ??= randomUUID();
        await tools.save({ cell: 'cell-1' });
        ensure(`stack ${data.made}`);
      }),
      step('invite', async (data) => ensure(`user of ${data.made}`)),
      step('key', async (data, tools) => {
        ensure(`key of ${data.made}`);
        await tools.save({ apiKeyId: `key-${data.made}` });
      }),
      step('verify', async (data) => ensure(`check of ${data.made}`), true),
    ],
  };
}

describe.each(['active', 'retired'] as const)('an operation that ends with its tenant %s', (end) => {
  const expected = (made: string) =>
    end === 'active'
      ? { status: 'active', cell: 'cell-1', apiKeyId: `key-${made}` }
      : { status: 'offboarded', cell: 'cell-1', gsi1pk: 'OFFBOARDED' };

  async function checkEnd(tenant: TenantRecord, made: readonly string[]): Promise<void> {
    const after = await read(tenant);
    expect(made).toHaveLength(4);
    const id = made[0]?.split(' ')[1] ?? '';
    expect(after).toMatchObject(expected(id));
    expect(after).not.toHaveProperty('operation');
    expect(await fixture.registry.operations(tenant.tenantId)).toHaveLength(1);
    expect(await fixture.registry.tenantIdOf(tenant.name)).toBe(
      end === 'active' ? tenant.tenantId : undefined,
    );
  }

  it('converges when it is killed at any write and run again', async () => {
    const { registry, options, registryBy, cloud } = fixture;
    const kills = await atEveryWrite(cloud.endpoint, 'killed', async (way) => {
      const tenant = await addTenant(registry);
      const { made, steps } = world();
      const run = onboarding(steps, { end });
      const first = runOperation(
        operator(),
        registryBy({ ...options, endpoint: way.endpoint }),
        tenant,
        run,
      ).then(
        () => 'done',
        () => 'killed',
      );
      const outcome = await first;
      expect(outcome).toBe(way.happened() ? 'killed' : 'done');
      if (way.happened()) {
        expect((await read(tenant)).status).toMatch(/^(active|provisioning)$/);
        await runOperation(operator({ laterMs: minutes }), registry, await read(tenant), run);
      }
      await checkEnd(tenant, made);
    });
    // The claim, two writes in the middle of steps, and the end.
    expect(kills).toBe(4);
  });

  it('does not notice when the answer to any write is lost', async () => {
    const { registry, options, registryBy, cloud } = fixture;
    await atEveryWrite(cloud.endpoint, 'answer-lost', async (way) => {
      const tenant = await addTenant(registry);
      const { made, steps } = world();
      await runOperation(
        operator(),
        registryBy({ ...options, endpoint: way.endpoint }),
        tenant,
        onboarding(steps, { end }),
      );
      await checkEnd(tenant, made);
    });
  });
});
