/** The lease on what an environment's tenants share: one run at a time, whoever begins it and however it ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { registryKeys } from '../../src/model/registry.ts';
import type { Tier } from '../../src/model/tier.ts';
import { type EnvironmentWork, holdingEnvironment } from '../../src/services/environment-lease.ts';
import { thisProcess } from '../../src/services/lease.ts';
import { RegistryTable } from '../../src/services/registry/table.ts';
import { reserve } from '../../src/services/tenants/reservation.ts';
import { type Fixture, type OperatorContext, operator, startRegistry } from './registry-fixture.ts';

let fixture: Fixture | undefined;
let table: RegistryTable;
beforeEach(async () => {
  await fixture?.stop();
  fixture = await startRegistry();
  table = new RegistryTable(fixture.options, fixture.tableName);
});
afterAll(() => fixture?.stop());

const key = registryKeys.environmentLease();
const elsewhere = { host: 'elsewhere', machine: 'other', pid: 1, identity: 'other/1', user: 'mallory' };

const someone = (laterMs = 0): OperatorContext =>
  operator({
    laterMs,
    target: { environment: { name: 'prod', target: 'aws' }, client: fixture?.options },
  } as never);

const hold = <T>(what: EnvironmentWork, work: (signal: AbortSignal) => Promise<T>, laterMs = 0): Promise<T> =>
  holdingEnvironment(someone(laterMs), what, async (lease) => {
    await lease.claim(fixture?.tableName);
    return work(lease.signal);
  });

const leave = (changes: object): Promise<void> =>
  table.put({
    ...key,
    holder: 'an-earlier-run',
    what: 'deploy-shared',
    since: '2026-01-01T12:00:00.000Z',
    process: elsewhere,
    leaseUntil: new Date(Date.now() + 10_000).toISOString(),
    ...changes,
  });

const nothing = async (): Promise<string> => 'done';

/** Waits until the other side opens it. */
function gate(): { wait: Promise<void>; open(): void } {
  let open = (): void => {};
  const wait = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { wait, open };
}

describe('while another run holds the environment', () => {
  it.each([
    ['deploy-shared', 'being deployed'],
    ['destroy-shared', 'being taken down'],
    ['add-cell', 'being given a further cell'],
  ])('%s: a second one is refused by name, and told who, where and since when', async (what, words) => {
    await leave({ what });
    for (const second of ['deploy-shared', 'destroy-shared'] as const)
      await expect(hold(second, nothing)).rejects.toMatchObject({
        code: 'environment_busy',
        message: `the environment "prod" is ${words} already`,
        detail: 'by mallory on elsewhere (process 1), since 2026-01-01T12:00:00.000Z',
      });
    expect(await table.get(key)).toMatchObject({ holder: 'an-earlier-run', process: elsewhere });
  });

  it('eight that come at once: exactly one works', async () => {
    const held = gate();
    let working = 0;
    let refused = 0;
    const ends = await Promise.all(
      Array.from({ length: 8 }, () =>
        hold('deploy-shared', async () => {
          working++;
          await held.wait;
          return 'done';
        }).catch((error: { code: string }) => {
          if (++refused === 7) held.open();
          return error.code;
        }),
      ),
    );
    expect(ends.sort()).toEqual(['done', ...Array<string>(7).fill('environment_busy')]);
    expect(working).toBe(1);
  });

  it('who adds a cell waits for its end, and then works', async () => {
    const order: string[] = [];
    const waits = gate();
    const begun = gate();
    const first = hold('deploy-shared', async () => {
      begun.open();
      await waits.wait;
      order.push('first');
    });
    await begun.wait;
    await holdingEnvironment(someone(), 'add-cell', async (lease) => {
      await lease.claim(fixture?.tableName, (holder) => {
        order.push(holder);
        waits.open();
      });
      order.push('second');
    });
    await first;
    expect(order).toEqual([expect.stringContaining(`(process ${process.pid})`), 'first', 'second']);
  });

  it('who adds a cell does not wait for an environment that is being taken down', async () => {
    await leave({ what: 'destroy-shared' });
    await expect(
      holdingEnvironment(someone(), 'add-cell', (lease) => lease.claim(fixture?.tableName, () => {})),
    ).rejects.toMatchObject({ code: 'environment_busy' });
  });
});

describe('an environment that nobody works on any more', () => {
  it('is free at once when the work before has ended, well or not', async () => {
    await expect(hold('deploy-shared', nothing)).resolves.toBe('done');
    await expect(
      hold('destroy-shared', async () => {
        throw new Error('it broke');
      }),
    ).rejects.toThrow('it broke');
    await expect(hold('deploy-shared', nothing)).resolves.toBe('done');
  });

  it('is taken over at once when the process that held it is gone from this machine', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    await leave({ process: { ...thisProcess(), pid: child.pid } });
    await expect(hold('deploy-shared', nothing)).resolves.toBe('done');
  });

  it('is taken over from another machine once its lease is long over', async () => {
    await leave({});
    await expect(hold('deploy-shared', nothing, 10 * 60_000)).resolves.toBe('done');
  });

  it('is not taken over from a holder that renews its lease, when the clock here is ahead', async () => {
    await leave({ leaseUntil: new Date(Date.now() - 45_000).toISOString() });
    let renewed: Promise<unknown> = Promise.resolve();
    const renewing = setInterval(() => {
      renewed = table.update(key, { leaseUntil: new Date(Date.now() - 45_000).toISOString() });
    }, 1_000);
    try {
      await expect(hold('deploy-shared', nothing)).rejects.toMatchObject({ code: 'environment_busy' });
    } finally {
      clearInterval(renewing);
      await renewed;
    }
  });
});

describe('a run that lost the environment', () => {
  it('is told to stop, ends with the reason, and does not take the lease from its heir', async () => {
    const begun = gate();
    const told = gate();
    const first = hold('deploy-shared', async (signal) => {
      signal.addEventListener('abort', told.open);
      begun.open();
      await told.wait;
      throw new Error('stopped half-way');
    });
    await begun.wait;
    // It seems dead to the heir, whose clock is ahead; its next renewal finds the heir's name.
    await leave({ holder: 'heir' });
    await expect(first).rejects.toMatchObject({ code: 'environment_lease_lost' });
    expect(await table.get(key)).toMatchObject({ holder: 'heir', process: elsewhere });
  }, 20_000);
});

describe('a tenant who comes in', () => {
  const basic: Tier = {
    name: 'basic',
    model: 'pool',
    capacity: 'fargate',
    mfa: 'optional',
    throttle: { rate: 10, burst: 10, quota: { limit: 1000, period: 'day' } },
  };
  const comeIn = (name: string): Promise<unknown> => {
    if (!fixture) throw new Error('there is no registry');
    const request = { tier: 'basic', name, email: `admin@${name}.example` };
    return reserve(someone(), fixture.registry, basic, request);
  };

  it('is refused while the environment is taken down, and his name is free after it', async () => {
    await leave({ what: 'destroy-shared' });
    await expect(comeIn('acorn')).rejects.toMatchObject({
      code: 'environment_busy',
      message: 'the environment "prod" is being taken down',
    });
    // A lease that has just ended may go on by the holder's clock.
    await leave({ what: 'destroy-shared', leaseUntil: new Date(Date.now() - 60_000).toISOString() });
    await expect(comeIn('acorn')).rejects.toMatchObject({ code: 'environment_busy' });
    expect(await fixture?.registry.tenantIdOf('acorn')).toBeUndefined();
    await leave({ what: 'destroy-shared', leaseUntil: new Date(Date.now() - 301_000).toISOString() });
    await expect(comeIn('acorn')).resolves.toMatchObject({ tenant: { name: 'acorn' } });
  });

  it('needs not wait for a deployment', async () => {
    await leave({ what: 'deploy-shared' });
    await expect(comeIn('birch')).resolves.toMatchObject({ tenant: { name: 'birch' } });
  });
});

describe('without a registry', () => {
  it('the first deployment has nothing to hold, and a table that is named but gone is none', async () => {
    for (const named of [undefined, 'never-made'])
      await expect(
        holdingEnvironment(someone(), 'deploy-shared', async (lease) => {
          await lease.claim(named);
          return 'done';
        }),
      ).resolves.toBe('done');
  });

  it('of two at once the one that CloudFormation refuses says so', async () => {
    const refusals = [
      'Stack [controlplane-stack] already exists',
      'Stack:arn is in CREATE_IN_PROGRESS state and can not be updated.',
      'ChangeSet cdk-deploy-change-set cannot be created because it already exists',
    ];
    for (const message of refusals)
      await expect(
        holdingEnvironment(someone(), 'deploy-shared', async () => {
          throw new Error(message);
        }),
      ).rejects.toMatchObject({
        code: 'environment_busy',
        message: 'another run is making the shared stacks of the environment "prod"',
        detail: expect.stringContaining(message),
      });
  });
});
