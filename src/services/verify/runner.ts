/** Runs attacks: those from outside side by side, those from inside as few tasks, those that disturb by themselves. */
import type { Suite } from './attack.ts';
import {
  type Attack,
  type AttackClass,
  type AttackResult,
  attackClasses,
  type InsideAttack,
  isInside,
  type OutsideAttack,
  outcomeOf,
  type Scene,
  type Shot,
} from './attack.ts';
import type { Access, Call } from './inside/plan.ts';
import { runInside } from './inside/run.ts';
import { judgedCall } from './judge.ts';

/** Attacks from outside that one attacker makes at a time, by stage; each sends one request at a time. */
const sideBySide = { first: 3, last: 1 } as const;
/** Milliseconds that one attack from outside may take: its turns within the tenant's limits are most of it. */
const longest = 90_000;

/** An attack as it will be made. */
export interface Planned {
  attack: Attack;
  class: AttackClass;
  scene: Omit<Scene, 'signal'>;
}

export interface RunOptions {
  signal: AbortSignal;
  /** Told of each attack that is over. */
  onResult: (result: AttackResult) => void;
}

type Stage = 'first' | 'alone' | 'last';
const stageOf = ({ attack }: Planned): Stage => attack.turn ?? 'first';

/** Makes the attacks of one stage; gives their results in the order they were planned. */
export async function runStage(
  planned: readonly Planned[],
  stage: Stage,
  options: RunOptions,
): Promise<AttackResult[]> {
  const mine = planned.filter((each) => stageOf(each) === stage);
  const results = new Map<Planned, AttackResult>();
  const settle = (plan: Planned, shots: readonly Shot[], durationMs: number): void => {
    const result = resultOf(plan, shots, durationMs);
    results.set(plan, result);
    options.onResult(result);
  };
  const outside = mine.filter(({ attack }) => !isInside(attack));
  const inside = mine.filter(({ attack }) => isInside(attack));
  await Promise.all([
    ...lanesOf(outside, stage).map(async (lane) => {
      for (const plan of lane) await outsideOne(plan, options.signal, settle);
    }),
    ...groupsOf(inside).map((group) => insideGroup(group, options.signal, settle)),
  ]);
  options.signal.throwIfAborted();
  return mine.flatMap((plan) => results.get(plan) ?? []);
}

/** Attacks in one lane are made one after the other. Each attacker has lanes of his own: his limits bound him, not the others. */
function lanesOf(planned: readonly Planned[], stage: Stage): Planned[][] {
  if (stage === 'alone') return [[...planned]];
  const width = sideBySide[stage];
  return [...new Set(planned.map(({ scene }) => scene.attacker))].flatMap((attacker) => {
    const his = planned.filter(({ scene }) => scene.attacker === attacker);
    return Array.from({ length: width }, (_, lane) => his.filter((_plan, index) => index % width === lane));
  });
}

function resultOf(
  { attack, class: attackClass, scene }: Planned,
  evidence: readonly Shot[],
  durationMs: number,
): AttackResult {
  const { name, tries, expects, control } = attack;
  const { attacker } = scene;
  const suite: Suite = attackClasses[attackClass].suite;
  return {
    name,
    class: attackClass,
    suite,
    tenant: attacker.name,
    tier: attacker.tier,
    outcome: outcomeOf(evidence),
    tries,
    expects,
    evidence: [...evidence],
    control: typeof control === 'function' ? control(attacker.model) : control,
    durationMs: Math.round(durationMs),
  };
}

type Settle = (plan: Planned, shots: readonly Shot[], durationMs: number) => void;

const notMade = (error: unknown): Shot => ({
  sent: 'nothing more: the attack could not be made',
  received: error instanceof Error ? error.message : String(error),
  outcome: 'inconclusive',
});

async function outsideOne(plan: Planned, stop: AbortSignal, settle: Settle): Promise<void> {
  if (stop.aborted) return;
  const began = performance.now();
  const signal = AbortSignal.any([stop, AbortSignal.timeout(longest)]);
  let shots: readonly Shot[];
  try {
    shots = await (plan.attack as OutsideAttack).run({ ...plan.scene, signal });
  } catch (error) {
    if (stop.aborted) return;
    shots = [notMade(error)];
  }
  settle(plan, shots, performance.now() - began);
}

interface Group {
  access: Access;
  plans: Planned[];
}

/** Attacks of one attacker from one kind of task share its tasks. */
function groupsOf(inside: readonly Planned[]): Group[] {
  const groups = new Map<string, Group>();
  for (const plan of inside) {
    const { from } = plan.attack as InsideAttack;
    const key = `${plan.scene.attacker.tenantId} ${from}`;
    const group = groups.get(key) ?? { access: from, plans: [] };
    group.plans.push(plan);
    groups.set(key, group);
  }
  return [...groups.values()];
}

async function insideGroup({ access, plans }: Group, stop: AbortSignal, settle: Settle): Promise<void> {
  const [first] = plans;
  if (!first || stop.aborted) return;
  const began = performance.now();
  const { estate, attacker } = first.scene;
  const signal = AbortSignal.any([stop, AbortSignal.timeout(4 * longest)]);
  const wanted = new Map<Planned, readonly Call[]>();
  for (const plan of plans) {
    try {
      wanted.set(plan, await (plan.attack as InsideAttack).calls({ ...plan.scene, signal }));
    } catch (error) {
      if (stop.aborted) return;
      settle(plan, [notMade(error)], performance.now() - began);
    }
  }
  const merged = merge([...wanted.values()].flat());
  try {
    const service = estate.catalog.of(access);
    if (!service) throw new Error(`no service of the configuration has access: ${access}`);
    const results = await runInside(estate.context, attacker, service, merged.calls, signal);
    for (const [plan, calls] of wanted) {
      const own = calls
        .flatMap((call) => results.get(merged.of(call)) ?? [])
        .map((result, index) => ({ ...result, call: calls[index] ?? result.call }));
      const { judge } = plan.attack as InsideAttack;
      const shots =
        own.length < calls.length
          ? [notMade(new Error(`the task answered ${own.length} of ${calls.length} calls`))]
          : judge
            ? judge(own)
            : own.map(judgedCall);
      settle(plan, withoutProof(shots, own.length), performance.now() - began);
    }
  } catch (error) {
    if (stop.aborted) return;
    for (const plan of wanted.keys()) settle(plan, [notMade(error)], performance.now() - began);
  }
}

const withoutProof = (shots: readonly Shot[], calls: number): readonly Shot[] =>
  calls > 0 ? shots : [notMade(new Error('there is nothing to attack'))];

/** The same call of several attacks is made once: above all the session that they start from. */
function merge(calls: readonly Call[]): { calls: Call[]; of(call: Call): Call } {
  const unique = new Map<string, Call>();
  for (const call of calls) {
    const key = JSON.stringify(call);
    if (!unique.has(key)) unique.set(key, call);
  }
  return { calls: [...unique.values()], of: (call) => unique.get(JSON.stringify(call)) ?? call };
}
