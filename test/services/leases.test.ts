import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processIdentity } from '../../src/model/process.ts';
import { newOperation, type Operation } from '../../src/services/lease.ts';
import { type Run, runOperation, type Step } from '../../src/services/operation.ts';
import type { TenantRecord } from '../../src/services/registry/registry.ts';
import { addTenant, type Fixture, operationElsewhere, operator, startRegistry } from './registry-fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startRegistry();
});
afterAll(() => fixture.stop());

const minutes = 60_000;

const onboarding = (...steps: Step<object>[]): Run<object> => ({
  kind: 'onboard',
  title: 'Onboarding',
  steps: () => steps,
  end: 'active',
});

const step = (name: string, run: Step<object>['run'] = async () => {}): Step<object> => ({
  name,
  title: `Do ${name}`,
  run,
});

const heldBy = (operation: Operation): Promise<TenantRecord> => addTenant(fixture.registry, { operation });

/** Waits until the other side opens it. */
function gate(): { wait: Promise<void>; open(): void } {
  let open = (): void => {};
  const wait = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { wait, open };
}

describe('while another operator holds the tenant', () => {
  it('a second one is refused by name, and told who, where and since when', async () => {
    const operation = operationElsewhere('offboard', new Date(Date.now() + 10_000));
    const tenant = await heldBy(operation);
    await expect(
      runOperation(operator(), fixture.registry, tenant, onboarding(step('one'))),
    ).rejects.toMatchObject({
      code: 'tenant_busy',
      message: `tenant "${tenant.name}" is being offboarded already`,
      detail: `by mallory on elsewhere (process 1), since ${operation.startedAt}`,
    });
    expect(await fixture.registry.tenant(tenant.tenantId)).toEqual(tenant);
  });

  it('a process of another host is never judged by its process id', async () => {
    const gone = await endedPid();
    const tenant = await heldBy(
      operationElsewhere('onboard', new Date(Date.now() + 10_000), {
        process: { host: 'elsewhere', machine: 'other', pid: gone, identity: 'x', user: 'mallory' },
      }),
    );
    await expect(runOperation(operator(), fixture.registry, tenant, onboarding())).rejects.toMatchObject({
      code: 'tenant_busy',
    });
  });

  it('a process of another container with the same host name is not, either', async () => {
    const tenant = await heldBy(
      operationElsewhere('onboard', new Date(Date.now() + 10_000), {
        process: {
          host: hostname(),
          machine: 'boot/pid:[1]',
          pid: await endedPid(),
          identity: 'x',
          user: 'mallory',
        },
      }),
    );
    await expect(runOperation(operator(), fixture.registry, tenant, onboarding())).rejects.toMatchObject({
      code: 'tenant_busy',
    });
  });
});

async function endedPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid ?? 0;
}

describe('an operation that nobody works on any more', () => {
  it('is taken over once its lease ran out', async () => {
    const operation = operationElsewhere('onboard', new Date(), { done: ['one'] });
    const tenant = await heldBy(operation);
    const ran = await runOperation(
      operator({ laterMs: 10 * minutes }),
      fixture.registry,
      tenant,
      onboarding(step('one'), step('two')),
    );
    expect(ran.steps.map(({ name, status }) => [name, status])).toEqual([
      ['one', 'skipped'],
      ['two', 'done'],
    ]);
  });

  it('is taken over at once when its process on this machine has ended', async () => {
    const operation = newOperation('onboard', new Date());
    operation.process = { ...operation.process, pid: await endedPid() };
    const tenant = await heldBy(operation);
    const ran = await runOperation(operator(), fixture.registry, tenant, onboarding(step('one')));
    expect(ran.tenant).toMatchObject({ status: 'active' });
  });

  it('is taken over at once when its process id belongs to another process by now', async () => {
    const other = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)']);
    try {
      const operation = newOperation('onboard', new Date());
      const pid = other.pid ?? 0;
      operation.process = { ...operation.process, pid, identity: `${processIdentity(pid)}0` };
      const tenant = await heldBy(operation);
      await expect(runOperation(operator(), fixture.registry, tenant, onboarding())).resolves.toBeDefined();

      operation.process = { ...operation.process, identity: processIdentity(pid) ?? '' };
      const alive = await heldBy(operation);
      await expect(runOperation(operator(), fixture.registry, alive, onboarding())).rejects.toMatchObject({
        code: 'tenant_busy',
      });
    } finally {
      other.kill('SIGKILL');
      await once(other, 'exit');
    }
  });

  it('is taken over at once when it has failed', async () => {
    const operation = operationElsewhere('onboard', new Date(Date.now() + 10_000), {
      failure: { step: 'two', reason: 'no room', at: new Date().toISOString() },
    });
    const tenant = await heldBy(operation);
    await expect(runOperation(operator(), fixture.registry, tenant, onboarding())).resolves.toBeDefined();
  });

  it('is not taken over from a holder that renews its lease, when the clock here is ahead', async () => {
    // By the clock here the lease is over; the other operator's clock is a minute behind.
    const operation = operationElsewhere('onboard', new Date(Date.now() - 45_000));
    const tenant = await heldBy(operation);
    const taking = runOperation(operator(), fixture.registry, tenant, onboarding(step('one')));
    await fixture.registry.updateTenant(
      tenant.tenantId,
      { operation: { ...operation, leaseUntil: new Date(Date.now() - 40_000).toISOString() } },
      operation.holder,
    );
    await expect(taking).rejects.toMatchObject({ code: 'tenant_busy' });
    const after = await fixture.registry.tenant(tenant.tenantId);
    expect(after?.operation?.holder).toBe(operation.holder);
  });

  it('is taken over from one that stays silent', async () => {
    const tenant = await heldBy(operationElsewhere('onboard', new Date(Date.now() - 20_000)));
    await expect(
      runOperation(operator(), fixture.registry, tenant, onboarding(step('one'))),
    ).resolves.toBeDefined();
  });
});

describe('two claimants at once', () => {
  it.each([
    ['a tenant that nobody holds', undefined],
    ['an operation that was left', 'onboard' as const],
    ['an operation of another kind that was left', 'throttle' as const],
  ])('of %s: exactly one wins', async (_, left) => {
    const tenant = await addTenant(fixture.registry, {
      ...(left && { operation: operationElsewhere(left, new Date(0)) }),
    });
    const held = gate();
    let runs = 0;
    const work = step('one', async () => {
      runs++;
      await held.wait;
    });
    const attempts = Array.from({ length: 8 }, () =>
      runOperation(operator(), fixture.registry, tenant, onboarding(work)).then(
        () => 'won',
        (error: { code: string }) => {
          held.open();
          return error.code;
        },
      ),
    );
    expect((await Promise.all(attempts)).sort()).toEqual([...Array<string>(7).fill('tenant_busy'), 'won']);
    expect(runs).toBe(1);
  });

  it('a claim on a tenant that has gone through a whole operation since it was read is refused', async () => {
    const seen = await addTenant(fixture.registry);
    await runOperation(operator(), fixture.registry, seen, {
      ...onboarding(step('one')),
      kind: 'offboard',
      end: 'retired',
    });
    await expect(
      runOperation(operator(), fixture.registry, seen, { ...onboarding(step('one')), kind: 'throttle' }),
    ).rejects.toMatchObject({ code: 'tenant_busy' });
    expect(await fixture.registry.tenant(seen.tenantId)).toMatchObject({ status: 'offboarded' });
  });
});

describe('a holder that lost its lease', () => {
  it('can write nothing any more, and its work is told to stop', async () => {
    const tenant = await addTenant(fixture.registry);
    const reached = gate();
    const lost = gate();
    const stopped: string[] = [];
    const first = runOperation(
      operator(),
      fixture.registry,
      tenant,
      onboarding(
        step('one', async (_data, tools) => {
          tools.signal.addEventListener('abort', () => stopped.push('told'));
          reached.open();
          await lost.wait;
          await tools.save({ apiUrl: 'http://of-the-one-who-lost' });
        }),
        step('two', async () => {
          stopped.push('never');
        }),
      ),
    );
    await reached.wait;
    const now = await fixture.registry.findTenant(tenant.tenantId);
    const taken = await runOperation(
      operator({ laterMs: minutes }),
      fixture.registry,
      now,
      onboarding(step('one', async (_data, tools) => tools.save({ apiUrl: 'http://of-the-heir' }))),
    );
    expect(taken.tenant).toMatchObject({ status: 'active', apiUrl: 'http://of-the-heir' });
    lost.open();
    await expect(first).rejects.toMatchObject({ code: 'lease_lost' });
    expect(stopped).toEqual(['told']);
    expect(await fixture.registry.tenant(tenant.tenantId)).toEqual(taken.tenant);
  });

  it('does not bring an operation back that is over', async () => {
    const tenant = await addTenant(fixture.registry);
    let holder = '';
    const ran = await runOperation(
      operator(),
      fixture.registry,
      tenant,
      onboarding(
        step('one', async () => {
          holder = (await fixture.registry.tenant(tenant.tenantId))?.operation?.holder ?? '';
        }),
      ),
    );
    await expect(
      fixture.registry.updateTenant(tenant.tenantId, { status: 'failed' }, holder),
    ).rejects.toMatchObject({ code: 'lease_lost' });
    expect(await fixture.registry.tenant(tenant.tenantId)).toEqual(ran.tenant);
  });
});
