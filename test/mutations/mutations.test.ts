/** Verification notices when any one control of the isolation is missing, and says which. */
import { writeSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AttackResult } from '../../src/services/verify/attack.ts';
import { type ControlName, controls } from '../../src/services/verify/controls.ts';
import { irremovable, mutations } from './mutations.ts';
import { World } from './world.ts';

let world: World;
const table: { control: string; how: string; noticed: string }[] = [];

beforeAll(async () => {
  world = await World.make();
});
afterAll(async () => {
  await world?.project.remove();
  for (const [control, why] of Object.entries(irremovable))
    table.push({ control, how: 'none', noticed: why });
  const width = (key: 'control' | 'how') => Math.max(...table.map((row) => row[key].length));
  const [first, second] = [width('control'), width('how')];
  // Not the console: vitest would put a heading above each line.
  writeSync(
    1,
    `\n${table.map(({ control, how, noticed }) => `${control.padEnd(first)}  ${how.padEnd(second)}  ${noticed}`).join('\n')}\n\n`,
  );
});

const withOutcome = (results: readonly AttackResult[], outcome: AttackResult['outcome']): string[] => [
  ...new Set(results.filter((result) => result.outcome === outcome).map(({ name }) => name)),
];
const evidence = (results: readonly AttackResult[]): string =>
  JSON.stringify(
    results.map(({ name, tier, outcome, evidence: shots }) => ({ name, tier, outcome, shots })),
    null,
    1,
  );

it('has a mutation for every control', () => {
  const named = new Set<string>([...mutations.map(({ control }) => control), ...Object.keys(irremovable)]);
  expect(Object.keys(controls).filter((control) => !named.has(control))).toEqual([]);
});

describe('without the control', () => {
  it.each(mutations.map((mutation) => [mutation.control, mutation] as const))(
    '%s, verification is red',
    async (control, mutation) => {
      const { models, attacks, behind } = mutation;
      const attack = () => world.attack(control, { models, attacks });
      if (behind) {
        const restore = await behind.apply(world);
        try {
          const held = await attack();
          expect(withOutcome(held, 'held').length, evidence(held)).toBeGreaterThan(0);
          expect(withOutcome(held, 'succeeded'), evidence(held)).toEqual([]);
        } finally {
          await restore();
        }
      }
      const restore = await mutation.apply(world);
      let results: AttackResult[];
      try {
        results = await attack();
      } finally {
        await restore();
      }
      const noticed = withOutcome(results, 'succeeded');
      table.push({
        control,
        how: mutation.how + (behind ? ` (${behind.what} gone before)` : ''),
        noticed: noticed.join(', ') || 'NOTHING NOTICED',
      });
      expect(noticed, evidence(results)).not.toEqual([]);
      expect(new Set(results.map((result) => result.control))).toEqual(new Set<ControlName>([control]));
    },
  );
});

it('with all of them back, is green', async () => {
  const results = await world.everything();
  expect(
    results
      .filter(({ outcome }) => outcome !== 'held')
      .map(({ name, tier, evidence: shots }) => ({ name, tier, shots })),
  ).toEqual([]);
  expect(results.length).toBeGreaterThan(200);
});
