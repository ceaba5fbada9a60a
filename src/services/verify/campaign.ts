/** Which attacks are made on whom, and in which order. */
import { isSilo } from '../../model/tier.ts';
import type { Context } from '../context.ts';
import type { Session } from '../session.ts';
import { throttleTenant } from '../throttling.ts';
import { watched } from '../watched.ts';
import { type Attack, type AttackResult, attackClasses, isInside } from './attack.ts';
import { catalogOf, type Estate, type Subject } from './estate.ts';
import { removeProbes } from './probes.ts';
import { type Planned, runStage } from './runner.ts';
import type { VerifyUsers } from './users.ts';

/** Attacks that disturb their tenant need limits that this machine can exceed, in requests (a second). */
const burdenable = 50;
const burden = { rate: 10, burst: 10 };

export type Pair = readonly [Subject, Subject];

/** On each tier one probe attacks the other, and one of each other tier. */
export function scenesOf(
  pairs: readonly Pair[],
): { attacker: Subject; neighbour: Subject; victims: Subject[] }[] {
  return pairs.map(([attacker, neighbour]) => ({
    attacker,
    neighbour,
    victims: [neighbour, ...pairs.map(([first]) => first).filter((first) => first !== attacker)],
  }));
}

export const estateOf = (context: Context, session: Session, users: VerifyUsers): Estate => ({
  context,
  session,
  catalog: catalogOf(context.config.services),
  users,
  async retire({ name, model, pool }) {
    await removeProbes(context, session.registry, [name]);
    if (isSilo(model)) users.forgetPool(pool.userPoolId);
  },
});

/** Why an attack is not made: undefined when it is, empty when it does not apply to that model. */
export function whyNot(
  attack: Attack,
  { estate, attacker, neighbour, victims }: Planned['scene'],
): string | undefined {
  if (attack.models && !attack.models.includes(attacker.model)) return '';
  const subjects = [attacker, ...victims];
  if (attack.writes && subjects.some(({ disposable }) => !disposable))
    return 'it would change tenants that live';
  if (attack.turn === 'alone' && attacker.tier !== neighbour.tier) return 'the neighbour is on another tier';
  const kind = estate.session.shared.controlPlane?.kind;
  if (attack.controlPlane && kind === undefined) return 'the environment has no control plane';
  if (attack.controlPlane === 'builtin' && kind !== 'builtin')
    return "the toolkit's control plane does not promise it; the registry's lock on names does";
  const missing = (attack.needs ?? []).filter((what) => estate.catalog[what] === undefined);
  if (missing.length > 0) return `the configuration has no built-in service for ${missing.join(' and ')}`;
  if (isInside(attack) && !estate.catalog.of(attack.from))
    return `no service of the configuration has access: ${attack.from}, so no task has its role`;
  const bare = attack.stored ? victims.filter(({ stored }) => Object.keys(stored).length === 0) : [];
  if (bare.length > 0) return `nothing is stored in ${bare.map(({ name }) => name).join(', ')}`;
  if (attack.name === 'session-from-silo' && !victims.some(({ model }) => model === 'pool'))
    return 'there is no tenant of the pool';
  return undefined;
}

/** Makes all attacks, class by class as far as a watcher sees, side by side in truth. */
export async function attackAll(context: Context, planned: readonly Planned[]): Promise<AttackResult[]> {
  const results: AttackResult[] = [];
  const stages = [
    ['first', 'attacks', 'Attack side by side'],
    ['alone', 'limits', 'Attack the limits'],
    ['last', 'endings', 'Attack with what has ended'],
  ] as const;
  for (const [stage, step, title] of stages) {
    const count = planned.filter(({ attack }) => (attack.turn ?? 'first') === stage).length;
    if (count === 0) continue;
    await watched(context.watch, step, `${title} (${count})`, async () => {
      if (stage === 'alone') await makeBurdenable(context, planned);
      let done = 0;
      const made = await runStage(planned, stage, {
        signal: context.signal,
        onResult({ name, tier, class: each, outcome }) {
          done++;
          context.watch({ type: 'detail', step, text: `${done} of ${count}: ${attackClasses[each].title}` });
          if (outcome !== 'held') context.watch({ type: 'note', text: `${outcome}: ${name} (${tier})` });
        },
      });
      results.push(...made);
    });
  }
  return results;
}

/** Gives probes whose limits are out of this machine's reach lower ones of their own. */
async function makeBurdenable(context: Context, planned: readonly Planned[]): Promise<void> {
  const subjects = new Set(
    planned
      .filter(({ attack }) => attack.turn === 'alone')
      .flatMap(({ scene }) => [scene.attacker, scene.neighbour]),
  );
  for (const subject of subjects) {
    if (subject.throttle.burst <= burdenable && subject.throttle.rate <= burdenable) continue;
    await throttleTenant({ ...context, watch: () => {} }, subject.tenantId, burden);
    subject.throttle = burden;
  }
}
