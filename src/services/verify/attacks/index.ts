/** All attacks, by class. */
import type { Attack, AttackClass } from '../attack.ts';
import { controlPlaneAttacks } from './control-plane.ts';
import { credentialAttacks } from './credentials.ts';
import { dataAttacks } from './data.ts';
import { routingAttacks } from './routing.ts';
import { selfPromotionAttacks } from './self-promotion.ts';
import { throttleAttacks } from './throttle.ts';
import { tokenAttacks } from './tokens.ts';

export const attacks: Readonly<Record<AttackClass, readonly Attack[]>> = {
  tokens: tokenAttacks,
  'self-promotion': selfPromotionAttacks,
  routing: routingAttacks,
  data: [...dataAttacks, ...credentialAttacks],
  'control-plane': controlPlaneAttacks,
  throttle: throttleAttacks,
};
