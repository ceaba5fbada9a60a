/** What an attack is: data that says what it tries and what stops it, and a function that does it. */
import type { TierModel } from '../../model/tier.ts';
import type { ControlName } from './controls.ts';
import type { Estate, Subject } from './estate.ts';
import type { Access, Call, CallResult } from './inside/plan.ts';

/** The classes of attacks; each has a file of its own in attacks/. */
export const attackClasses = {
  tokens: { suite: 'auth', title: 'Forged, stray and outlived tokens' },
  'self-promotion': { suite: 'auth', title: 'Users who want to be more than users' },
  federation: { suite: 'auth', title: 'Users of identity providers' },
  routing: { suite: 'isolation', title: "Ways to a neighbour's services" },
  data: { suite: 'isolation', title: "Ways to a neighbour's data" },
  'control-plane': { suite: 'isolation', title: "The operator's side" },
  throttle: { suite: 'throttle', title: 'Limits' },
} as const;
export type AttackClass = keyof typeof attackClasses;
export const suites = ['isolation', 'auth', 'throttle'] as const;
export type Suite = (typeof suites)[number];

/** `inconclusive`: it could not be made, so nothing is known; it never counts as held. */
export type Outcome = 'held' | 'succeeded' | 'inconclusive';

/** One thing that an attack sent, in short and without secrets, and what came back. */
export interface Shot {
  sent: string;
  received: string;
  outcome: Outcome;
}

/** Who attacks whom. */
export interface Scene {
  estate: Estate;
  attacker: Subject;
  /** On the attacker's own tier. */
  neighbour: Subject;
  /** The neighbour, and one tenant of each other tier. */
  victims: readonly Subject[];
  /** Aborted when the attack has had its time. */
  signal: AbortSignal;
}

interface Described {
  /** kebab-case, unique. */
  name: string;
  /** One sentence. */
  tries: string;
  /** What a sound system does. */
  expects: string;
  /** What stops it; in the pool it may be another control than in a silo. */
  control: ControlName | ((model: TierModel) => ControlName);
  /** Models that it applies to; all when absent. */
  models?: readonly TierModel[];
  /** It makes or changes something, or would if it succeeded: not for tenants that live. */
  writes?: boolean;
  /** Needs a built-in service of this kind in the configuration. */
  needs?: readonly ('items' | 'orders' | 'users')[];
  /** Needs something that the victims have stored. */
  stored?: boolean;
  /** Needs a control plane; `builtin`: one that promises what is attacked, which the toolkit's does not. */
  controlPlane?: 'any' | 'builtin';
  /** `alone`: it disturbs others, so it runs by itself. `last`: it ends the neighbour, so it comes after all others. */
  turn?: 'alone' | 'last';
}

/** Made from this process, through the API or AWS's public operations. */
export interface OutsideAttack extends Described {
  run(scene: Scene): Promise<Shot[]>;
}

/** Made by a task of the attacker's, with that task's role and network. */
export interface InsideAttack extends Described {
  from: Access;
  calls(scene: Scene): Promise<readonly Call[]> | readonly Call[];
  /** Unless given, each call must be refused, see {@link Call}. */
  judge?(results: readonly CallResult[]): Shot[];
}

export type Attack = OutsideAttack | InsideAttack;
export const isInside = (attack: Attack): attack is InsideAttack => 'from' in attack;

export interface AttackResult {
  name: string;
  class: AttackClass;
  suite: Suite;
  /** Of the attacker. */
  tenant: string;
  tier: string;
  outcome: Outcome;
  tries: string;
  expects: string;
  evidence: Shot[];
  control: ControlName;
  durationMs: number;
}

/** One success is a success; without one, anything that is not known makes the whole unknown. */
export function outcomeOf(shots: readonly Shot[]): Outcome {
  if (shots.some(({ outcome }) => outcome === 'succeeded')) return 'succeeded';
  return shots.length > 0 && shots.every(({ outcome }) => outcome === 'held') ? 'held' : 'inconclusive';
}
