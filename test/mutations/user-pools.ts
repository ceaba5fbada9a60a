/** How to take away what a user pool keeps its users from. */
import { tenantAttributes } from '../../src/model/tenant.ts';
import type { Mutation } from './mutation.ts';

const silo = ['dedicated-cluster'] as const;

export const userPoolMutations: readonly Mutation[] = [
  {
    control: 'client-write-attributes',
    how: 'Cognito: the client may write the attributes of the tenant',
    models: silo,
    apply: (world) =>
      world.userPoolClient(world.scene('dedicated-cluster').attacker, {
        WriteAttributes: [
          'email',
          'name',
          tenantAttributes.role,
          tenantAttributes.tier,
          tenantAttributes.name,
        ],
      }),
  },
  {
    control: 'no-self-sign-up',
    how: 'Cognito: anybody may sign up',
    models: silo,
    apply: (world) =>
      world.userPool(world.scene('dedicated-cluster').neighbour, {
        AdminCreateUserConfig: { AllowAdminCreateUserOnly: false },
      }),
  },
  {
    control: 'verified-address',
    how: 'Cognito: a new address counts before it is proved',
    models: silo,
    apply: (world) =>
      world.userPool(world.scene('dedicated-cluster').attacker, {
        UserAttributeUpdateSettings: { AttributesRequireVerificationBeforeUpdate: [] },
      }),
  },
  {
    control: 'hidden-users',
    how: 'Cognito: says that a user does not exist',
    models: silo,
    apply: (world) =>
      world.userPoolClient(world.scene('dedicated-cluster').neighbour, {
        PreventUserExistenceErrors: 'LEGACY',
      }),
  },
];
