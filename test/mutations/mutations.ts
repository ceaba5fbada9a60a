import type { ControlName } from '../../src/services/verify/controls.ts';
import { authorizerMutations } from './authorizer.ts';
import { controlPlaneMutations } from './control-plane.ts';
import { gatewayMutations } from './gateway.ts';
import type { Mutation } from './mutation.ts';
import { nameMutations } from './names.ts';
import { networkMutations } from './network.ts';
import { roleMutations } from './roles.ts';
import { serviceMutations } from './services.ts';
import { userPoolMutations } from './user-pools.ts';

/** For each control, how to take it away; in the order of a request's way, the control plane last. */
export const mutations: readonly Mutation[] = [
  ...authorizerMutations,
  ...gatewayMutations,
  ...networkMutations,
  ...serviceMutations,
  ...roleMutations,
  ...userPoolMutations,
  ...nameMutations,
  ...controlPlaneMutations,
];

/** Controls that no call of AWS can take away, and why that is no gap. */
export const irremovable: Partial<Record<ControlName, string>> = {
  'tenant-id-immutable':
    'Cognito has no call that makes an attribute of a user pool mutable; raw-move-user is refused by the schema alone, with every other permission it needs',
};
