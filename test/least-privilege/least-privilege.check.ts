/** Every role of the templates has the actions that its code calls, and no others without a reason. */
import { writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RecordedCall } from '../../src/embedded/iam/call-record.ts';
import type { ControlPlaneKind } from '../../src/model/control-plane.ts';
import { installPackages } from '../conformance/python-packages.ts';
import { deployment, templates, tiers } from '../templates/synthesized.ts';
import { type Call, findingsOf, judge, ungranted } from './compare.ts';
import { type Granted, grantsOf, together } from './grants.ts';
import { reasonsFor } from './reasons.ts';
import { callsOf, readRecords, refusedOf } from './records.ts';
import { type RoleOrigin, System } from './system.ts';

const stacks = [
  ...['controlplane-stack', 'shared-infra-stack', 'coreappplane-stack'],
  ...['tenant-template-basic', 'tenant-template-advanced', 'tenant-advanced', 'tenant-premium', 'cell'],
];

const work = await mkdtemp(path.join(tmpdir(), 'saas-ecs-least-privilege-'));
const installed = await installPackages(path.join(work, 'python'));
const kinds: ControlPlaneKind[] = 'directory' in installed ? ['builtin', 'sbt'] : ['builtin'];
const reasons = reasonsFor({ withToolkit: kinds.includes('sbt') });
const calls: Call[] = [];

afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(work, { recursive: true, force: true, maxRetries: 5 });
});

describe.each(kinds)('a system with the control plane %s', (kind) => {
  const directory = path.join(work, kind);
  let system: System | undefined;
  let origins: Map<string, RoleOrigin>;
  let records: RecordedCall[];

  beforeAll(async () => {
    vi.stubEnv('SAAS_ECS_RECORD_CALLS', directory);
    if ('directory' in installed) vi.stubEnv('SAAS_ECS_PYTHON_PACKAGES', installed.directory);
    system = await System.deploy(kind);
  });
  afterAll(() => system?.remove());

  it.each(['basic', 'advanced', 'premium'])(
    'serves a tenant on %s from registration to deletion',
    async (tier) => {
      await system?.lifeOfTenant(tier);
    },
  );
  it('has jobs that fail, and that are stopped', async () => {
    await system?.lifeOfJobs();
  });
  it('has operators', async () => {
    await system?.lifeOfOperators();
  });
  it('goes when nobody needs it any more', async () => {
    origins = (await system?.origins()) ?? new Map();
    await system?.destroy();
  });
  it('asks for nothing that its roles may not do', async () => {
    records = await readRecords(directory);
    calls.push(...callsOf(records, origins));
    expect(refusedOf(records, origins)).toEqual([]);
  });
});

describe('the roles of the templates', () => {
  let granted: Granted;
  beforeAll(async () => {
    const all = await Promise.all(
      kinds.map((controlPlane) => templates(deployment({ controlPlane, tiers: tiers('ec2') }))),
    );
    granted = together(all.flatMap((get) => stacks.map((stack) => grantsOf(stack, get(stack)))));
  });

  it('are those that were recorded', () => {
    expect(ungranted(granted, calls)).toEqual([]);
  });

  it('have nothing that is never called, or that is wide, without a reason', () => {
    printTable(granted, calls);
    const { unexplained, stale } = judge(findingsOf(granted, calls), reasons);
    expect.soft(unexplained, 'grants without a reason: narrow them, or give one in reasons.ts').toEqual([]);
    expect.soft(stale, 'reasons in reasons.ts that are for nothing').toEqual([]);
  });
});

/** Role, action, and whether it was called or why not. */
function printTable({ grants }: Granted, made: readonly Call[]): void {
  const called = new Set(made.map(({ role, action }) => `${role} ${action}`));
  const why = (role: string, action: string): string =>
    reasons.find((each) => each.role === role && each.kind === 'uncalled' && each.actions.includes(action))
      ?.why ?? 'NOTHING CALLED IT';
  const rows = [
    ...new Map(
      grants.map(({ role, action }) => {
        const used = called.has(`${role} ${action}`);
        return [
          `${role} ${action}`,
          [role, action, used ? 'called' : `not called: ${why(role, action)}`],
        ] as const;
      }),
    ).values(),
  ];
  const width = (column: 0 | 1): number => Math.max(...rows.map((row) => row[column].length));
  const [first, second] = [width(0), width(1)];
  // Not the console: vitest would put a heading above each line.
  writeSync(
    1,
    `\n${rows.map(([role, action, use]) => `${role.padEnd(first)}  ${action.padEnd(second)}  ${use}`).join('\n')}\n\n`,
  );
}
