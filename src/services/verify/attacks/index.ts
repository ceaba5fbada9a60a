/** All attacks, by class. */
import type { Attack, AttackClass } from '../attack.ts';
import { controlPlaneAttacks } from './control-plane.ts';
import { dataAttacks } from './data.ts';
import { federationAttacks } from './federation.ts';
import { networkAttacks } from './network.ts';
import { operatorApiAttacks } from './operator-api.ts';
import { outlivedTokenAttacks } from './outlived-tokens.ts';
import { rawItemAttacks } from './raw-items.ts';
import { roleAttacks } from './roles.ts';
import { routingAttacks } from './routing.ts';
import { selfPromotionAttacks } from './self-promotion.ts';
import { sessionAttacks } from './sessions.ts';
import { throttleAttacks } from './throttle.ts';
import { tokenAttacks } from './tokens.ts';

export const attacks: Readonly<Record<AttackClass, readonly Attack[]>> = {
  tokens: [...tokenAttacks, ...outlivedTokenAttacks],
  'self-promotion': selfPromotionAttacks,
  federation: federationAttacks,
  routing: [...routingAttacks, ...networkAttacks],
  data: [...dataAttacks, ...rawItemAttacks, ...sessionAttacks, ...roleAttacks],
  'control-plane': [...controlPlaneAttacks, ...operatorApiAttacks],
  throttle: throttleAttacks,
};
