import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tenant } from '../../src/model/tenant.ts';
import { newProject, type Project } from './project.ts';
import { type Fate, start } from './started.ts';

let project: Project;
beforeAll(async () => {
  project = await newProject('--tiers', 'basic,premium', '--services', 'products');
});
afterAll(() => project.remove());

/** At the `count`th sign of life of a step. */
const afterDetails = (step: string, count: number, signal: NodeJS.Signals): Fate => {
  let seen = 0;
  return (event) => (event.type === 'detail' && event.step === step && ++seen === count ? signal : undefined);
};

interface Deployed {
  stacks: { name: string; status: string }[];
  release: string;
}

describe('deploying what tenants share', () => {
  it('is killed with -9 in the middle, again and again, and the same command still goes on', async () => {
    for (const fate of [
      (event) => (event.type === 'step-started' && event.step === 'bootstrap' ? 'SIGKILL' : undefined),
      // Somewhere among the hundred and more events of the stacks.
      ...[1, 2, 3].map(() => afterDetails('stacks', 2 + Math.floor(Math.random() * 30), 'SIGKILL')),
    ] satisfies Fate[]) {
      const killed = await start(project, ['deploy-shared'], fate);
      expect(killed.signal).toBe('SIGKILL');
      const early = await project.cli(
        ...['onboard', '--tier', 'premium', '--name', 'early', '--email', 'a@early.example', '--json'],
      );
      // By then the stacks may be up, but the release is what comes last.
      expect(early.code).toBe(1);
      expect(['not_deployed', 'tier_not_deployed', 'no_release']).toContain(early.json().error.code);
      expect(early.json().error.hint).toContain('saas-ecs deploy-shared');
    }
  }, 180_000);

  it('is stopped by Ctrl-C: says what goes on without it and how to take it up', async () => {
    const stopped = await start(project, ['deploy-shared'], afterDetails('stacks', 2, 'SIGINT'));
    expect(stopped.code).toBe(130);
    expect(stopped.last.error).toMatchObject({
      code: 'interrupted',
      message: 'stopped watching: the deployment is not finished',
      detail: expect.stringMatching(/^nothing was undone; .*CloudFormation/),
      hint: 'take it up where it stopped: saas-ecs deploy-shared',
      exitCode: 130,
    });
  });

  it('is stopped by SIGTERM, as by a pipeline that is cancelled, in the same way', async () => {
    const stopped = await start(project, ['deploy-shared'], afterDetails('stacks', 4, 'SIGTERM'));
    expect(stopped.code).toBe(143);
    expect(stopped.last.error).toMatchObject({
      code: 'interrupted',
      hint: 'take it up where it stopped: saas-ecs deploy-shared',
      exitCode: 143,
    });
  });

  it('waits no longer than it is told to: exit code 124, and what is under way goes on', async () => {
    const late = await start(project, ['deploy-shared', '--wait-timeout', '1s']);
    expect(late.code).toBe(124);
    expect(late.last.error).toMatchObject({
      code: 'wait_timed_out',
      message: 'the deployment is not finished after 1 s',
      detail: expect.stringContaining('nothing was undone'),
      hint: 'take it up where it stopped: saas-ecs deploy-shared',
      exitCode: 124,
    });
  });

  it('ends soon and clearly when the embedded cloud dies', async () => {
    const { pid } = await project.json<{ pid: number }>('local', 'start');
    const { code, last } = await start(project, ['deploy-shared'], (event) => {
      if (event.type === 'detail' && event.step === 'stacks') process.kill(pid, 'SIGKILL');
      return undefined;
    });
    expect(code).toBe(1);
    expect(last.error).toMatchObject({
      code: 'unreachable',
      hint: expect.stringContaining('run the same command again'),
    });
  }, 40_000);

  it('converges in the end: the next run finds nothing to change, and tenants are served', async () => {
    const { release } = await project.json<Deployed>('deploy-shared');
    const again = await project.json<Deployed>('deploy-shared');
    expect(again.release).toBe(release);
    expect(again.stacks.filter(({ status }) => status !== 'unchanged')).toEqual([]);
    for (const tier of ['basic', 'premium'])
      expect(
        await project.json<Tenant>(
          ...['onboard', '--tier', tier, '--name', `late-${tier}`, '--email', `a@late-${tier}.example`],
        ),
      ).toMatchObject({ status: 'active' });
  });

  it('leaves the tenants alone when a later deployment is killed', async () => {
    const killed = await start(project, ['deploy-shared'], afterDetails('stacks', 1, 'SIGKILL'));
    expect(killed.signal).toBe('SIGKILL');
    const { tenants } = await project.json<{ tenants: Tenant[] }>('list-tenants');
    expect(tenants.map(({ status }) => status)).toEqual(['active', 'active']);
    expect(await project.json<Deployed>('deploy-shared')).toMatchObject({
      stacks: expect.not.arrayContaining([expect.objectContaining({ status: 'deployed' })]),
    });
  });
});
