/** Two operators at once on what all tenants share, as processes: one does it, the other is refused by name. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeployedShared } from '../../src/services/deployment/deploy-shared.ts';
import { newProject, type Project } from './project.ts';
import { at, type Ended, start } from './started.ts';

let project: Project;
beforeAll(async () => {
  project = await newProject('--tiers', 'basic', '--services', 'products');
  await project.json('local', 'start');
});
afterAll(() => project.remove());

const busy = { code: 'environment_busy', hint: expect.stringContaining('wait for it to end') };

/** Starts a command, and comes back once it has begun a step; it ends by itself. */
async function underWay(argv: readonly string[], step: string): Promise<{ ended: Promise<Ended> }> {
  let begun = (): void => {};
  const reached = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const ended = start(project, argv, (event) => {
    if (event.type === 'step-started' && event.step === step) begun();
    return undefined;
  });
  await Promise.race([reached, ended]);
  return { ended };
}

const destroying = ['destroy-shared', '--confirm', 'shop'];

describe('two operators', () => {
  it('deploy for the first time at once: one does it, the other is refused', async () => {
    const both = await Promise.all([start(project, ['deploy-shared']), start(project, ['deploy-shared'])]);
    const told = JSON.stringify(both.map(({ last }) => last));
    const refused = both.find(({ code }) => code === 1);
    if (refused) {
      expect(both.map(({ code }) => code).sort(), told).toEqual([0, 1]);
      expect(refused.last.error).toMatchObject(busy);
      return;
    }
    // One that was so late that the other had ended has found all of it there.
    const late = both.filter(({ last }) =>
      (last.data as DeployedShared).stacks.every(({ status }) => status === 'unchanged'),
    );
    expect(late, told).toHaveLength(1);
  }, 180_000);

  it('while one deploys, another is told who does, where and since when, whatever he is at', async () => {
    const { ended } = await underWay(['deploy-shared'], 'synthesize');
    for (const argv of [['deploy-shared'], destroying]) {
      const { code, json } = await project.cli(...argv, '--json');
      expect([code, json().error]).toMatchObject([
        1,
        {
          ...busy,
          message: 'the environment "local" is being deployed already',
          detail: expect.stringMatching(/^by \S+ on \S+ \(process \d+\), since 2\d{3}-/),
        },
      ]);
    }
    expect((await ended).code).toBe(0);
  }, 120_000);

  it('goes on at once where a run was killed', async () => {
    const killed = await start(project, ['deploy-shared'], at('step-started', 'stacks', 'SIGKILL'));
    expect(killed.signal).toBe('SIGKILL');
    expect((await project.cli('deploy-shared', '--json')).code).toBe(0);
  }, 120_000);

  it('while one takes the environment down, nobody deploys into it', async () => {
    const { ended } = await underWay(destroying, 'shared-infra-stack');
    const second = await project.cli('deploy-shared', '--json');
    const first = await ended;
    expect([first.code, first.last.data]).toMatchObject([0, { left: [] }]);
    expect([second.code, second.json().error]).toMatchObject([
      1,
      { ...busy, message: 'the environment "local" is being taken down already' },
    ]);
  }, 120_000);

  it('after it was taken down, the next deployment begins anew', async () => {
    expect((await project.cli('deploy-shared', '--json')).code).toBe(0);
  }, 120_000);
});
