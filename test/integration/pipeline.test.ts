/** What a pipeline relies on: the event stream, waiting with an end, and going on with what another run began. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { packageRoot } from '../../src/model/installation.ts';
import type { Tenant } from '../../src/model/tenant.ts';
import { newProject, type Project } from './project.ts';
import { at, type Ended, type Fate, start } from './started.ts';

let project: Project;
let line: z.ZodType;
beforeAll(async () => {
  project = await newProject('--tiers', 'basic,premium', '--services', 'products');
  await project.json('deploy-shared');
  const published = await readFile(path.join(packageRoot(), 'schema', 'events.schema.json'), 'utf8');
  line = z.fromJSONSchema(JSON.parse(published));
});
afterAll(() => project.remove());

const onboarding = (tier: string, name: string): string[] => [
  'onboard',
  ...['--tier', tier, '--name', name, '--email', `admin@${name}.example`],
];

/** Every line is of the published schema, and the envelope is the last one. */
function expectStream({ lines }: Ended): void {
  for (const text of lines) expect(line.safeParse(JSON.parse(text)).error, text).toBeUndefined();
  const parsed = lines.map((text) => JSON.parse(text) as { event?: string; ok?: boolean; at?: string });
  expect(parsed.map(({ event }) => event === undefined)).toEqual(
    parsed.map((_, index) => index === parsed.length - 1),
  );
  const times = parsed.slice(0, -1).map((event) => event.at ?? '');
  expect(times).toEqual([...times].sort());
}

interface Onboarded extends Tenant {
  operationId: string;
}

/** Stops a command's process as soon as its stack moves; `stopped` gives the way to let it go on. */
function standstill(): { fate: Fate; stopped: Promise<{ goOn: () => void; id: string }> } {
  let id = '';
  let tell = (_: { goOn: () => void; id: string }): void => {};
  const stopped = new Promise<{ goOn: () => void; id: string }>((resolve) => {
    tell = resolve;
  });
  let once = false;
  const fate: Fate = (event, send) => {
    if (event.type === 'plan') id = event.operationId ?? '';
    if (event.type !== 'detail' || once) return undefined;
    once = true;
    tell({ goOn: () => send('SIGCONT'), id });
    return 'SIGSTOP';
  };
  return { fate, stopped };
}

const operationOf = async (name: string): Promise<{ id: string; kind: string } | null> =>
  (await project.json<{ operation: { id: string; kind: string } | null }>('describe-tenant', name)).operation;

describe('--output ndjson', () => {
  it('tells a success as the published schema says, the envelope last', async () => {
    const ran = await start(project, onboarding('basic', 'told'));
    expect(ran.code).toBe(0);
    expectStream(ran);
    const { operationId } = ran.last.data as Onboarded;
    expect(ran.events[0]).toMatchObject({ type: 'plan', operationId });
    expect(ran.events.filter(({ type }) => type === 'step-done')).toHaveLength(5);
    expect(ran.stderr).toBe('');
  });

  it('tells a failure so, too', async () => {
    const taken = await start(project, onboarding('basic', 'told'));
    expect(taken.code).toBe(1);
    expectStream(taken);
    expect(taken.last.error?.code).toBe('tenant_exists');
  });

  it('has a schema that refuses what is none of its lines', () => {
    for (const wrong of [
      { schemaVersion: 1, event: 'step-done', step: 'x', title: 'x', at: new Date().toISOString() },
      { schemaVersion: 1, event: 'unheard-of', at: new Date().toISOString() },
      { schemaVersion: 2, ok: true, data: {} },
      { schemaVersion: 1, ok: false },
    ])
      expect(line.safeParse(wrong).success, JSON.stringify(wrong)).toBe(false);
  });
});

describe('an onboarding that is waited for no longer', () => {
  it('exits with 124, lets go of the tenant, and is taken up by --resume with what the registry remembers', async () => {
    const { fate, stopped } = standstill();
    const onboarded = start(project, [...onboarding('premium', 'slow'), '--wait-timeout', '1s'], fate);
    const { goOn, id } = await stopped;
    const impatient = await start(project, ['watch', 'slow', '--wait-timeout', '1s']);
    expect(impatient.code).toBe(124);
    expectStream(impatient);
    expect(impatient.last.error?.hint).toBe(`watch it again: saas-ecs watch ${id}`);
    goOn();
    const late = await onboarded;
    expect(late.code).toBe(124);
    expectStream(late);
    expect(late.last.error).toMatchObject({
      code: 'wait_timed_out',
      hint: 'take it up where it stopped: saas-ecs onboard --resume slow',
      exitCode: 124,
    });
    const operation = await operationOf('slow');
    const tenant = await project.json<Onboarded>('onboard', '--resume', 'slow');
    expect(tenant).toMatchObject({
      tier: 'premium',
      status: 'active',
      adminEmail: 'admin@slow.example',
      operationId: operation?.id,
    });
    const over = await project.cli('onboard', '--name', 'slow', '--resume', '--json');
    expect([over.code, over.json().error.code]).toEqual([1, 'nothing_to_resume']);
  });

  it('asks which one is meant, and says when there is none', async () => {
    const unnamed = await project.cli('onboard', '--resume', '--json');
    expect([unnamed.code, unnamed.json().error.code]).toEqual([2, 'missing_input']);
    const unknown = await project.cli('onboard', '--resume', 'nobody', '--json');
    expect([unknown.code, unknown.json().error.code]).toEqual([4, 'tenant_not_found']);
  });

  it('takes no duration that is none', async () => {
    for (const text of ['10', '0s', 'soon', '60d', '1000h'])
      expect((await project.cli(...onboarding('basic', 'x'), '--wait-timeout', text)).code).toBe(2);
  });
});

describe('watch', () => {
  it('follows an operation of another process to its end and takes nothing over', async () => {
    const { fate, stopped } = standstill();
    const working = start(project, onboarding('premium', 'watched'), fate);
    const { goOn, id } = await stopped;
    let seeing = 0;
    const sees = (): Fate => {
      let seen = false;
      return (event) => {
        if (event.type === 'detail' && !seen) {
          seen = true;
          // Both look on: now it may end.
          if (++seeing === 2) goOn();
        }
        return undefined;
      };
    };
    const [byName, byId, worked] = await Promise.all([
      start(project, ['watch', 'watched'], sees()),
      start(project, ['watch', id], sees()),
      working,
    ]);
    expect(worked.code).toBe(0);

    const stepsOf = ({ events }: Ended): string[] =>
      events.flatMap((event) => (event.type === 'step-done' ? [event.step] : []));
    for (const watched of [byName, byId]) {
      expect(watched.code).toBe(0);
      expectStream(watched);
      expect(watched.last.data).toMatchObject({
        operation: { id, kind: 'onboard', status: 'done' },
        tenant: { name: 'watched', status: 'active' },
      });
      expect(stepsOf(watched)).toEqual(stepsOf(worked));
      expect(watched.events.filter(({ type }) => type === 'detail').length).toBeGreaterThan(0);
    }
  });

  it('says of one that is over how it ended, and by SIGTERM stops without a trace', async () => {
    expect(await project.json('watch', 'watched')).toMatchObject({ operation: { status: 'done' } });
    const left = await start(
      project,
      onboarding('premium', 'left'),
      at('step-started', 'infrastructure', 'SIGTERM'),
    );
    expect(left.code).toBe(143);
    const before = await operationOf('left');
    const watching = await start(project, ['watch', 'left'], (event) =>
      event.type === 'step-started' ? 'SIGTERM' : undefined,
    );
    expect(watching.code).toBe(143);
    expect(await operationOf('left')).toEqual(before);
    // Nobody works on it.
    const alone = await project.cli('watch', 'left', '--json');
    expect([alone.code, alone.json().error]).toMatchObject([
      1,
      { code: 'operation_stopped', hint: expect.stringContaining('saas-ecs onboard --resume left') },
    ]);
  });

  it('waits for an onboarding that goes on in the background', async () => {
    const { operationId } = await project.json<Onboarded>(...onboarding('basic', 'behind'), '--no-wait');
    expect(await project.json('watch', operationId)).toMatchObject({
      operation: { id: operationId, status: 'done' },
      tenant: { status: 'active' },
    });
  });
});
