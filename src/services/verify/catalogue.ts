/** What is protected by what, and proved by which attack: for the documentation. */
import type { TierModel } from '../../model/tier.ts';
import { tierModels } from '../../model/tier.ts';
import { type Attack, type AttackClass, attackClasses, type Suite } from './attack.ts';
import { attacks } from './attacks/index.ts';
import { type ControlName, controls } from './controls.ts';

export interface ControlEntry {
  name: string;
  does: string;
  in: string;
  attacks: string[];
}

export interface AttackEntry {
  name: string;
  class: string;
  suite: Suite;
  tries: string;
  /** Makes or changes something, so it is not made on tenants that live. */
  writes: boolean;
}

const modelsOf = ({ models }: Attack): readonly TierModel[] => models ?? tierModels;
const relyOn = (attack: Attack): ControlName[] =>
  modelsOf(attack).map((model) =>
    typeof attack.control === 'function' ? attack.control(model) : attack.control,
  );

export function catalogue(): { controls: ControlEntry[]; attacks: AttackEntry[] } {
  const all = (Object.entries(attacks) as [AttackClass, readonly Attack[]][]).flatMap(([each, list]) =>
    list.map((attack) => ({ each, attack })),
  );
  return {
    controls: Object.entries(controls).map(([name, control]) => ({
      name,
      ...control,
      attacks: all
        .filter(({ attack }) => (relyOn(attack) as string[]).includes(name))
        .map(({ attack }) => attack.name),
    })),
    attacks: all.map(({ each, attack: { name, tries, writes = false } }) => ({
      name,
      class: attackClasses[each].title,
      suite: attackClasses[each].suite,
      tries,
      writes,
    })),
  };
}
