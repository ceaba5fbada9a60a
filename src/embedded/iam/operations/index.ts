/** IAM's API, as far as roles, policies and instance profiles go. */
import { GetAccountSummary$ } from '@aws-sdk/client-iam';
import { type Cloud, type Operation, operation } from '../../platform.ts';
import { type IamState, quotas } from '../state.ts';
import { instanceProfileOperations } from './instance-profiles.ts';
import { policyOperations } from './policies.ts';
import { roleOperations } from './roles.ts';

export function iamOperations(cloud: Cloud, state: IamState): Operation[] {
  return [
    ...roleOperations(cloud, state),
    ...policyOperations(cloud, state),
    ...instanceProfileOperations(cloud, state),
    operation(GetAccountSummary$, () => ({
      SummaryMap: {
        Roles: state.roles.keys().length,
        RolesQuota: quotas.roles,
        Policies: state.policies.keys().length,
        PoliciesQuota: quotas.policies,
        InstanceProfiles: state.profiles.keys().length,
        InstanceProfilesQuota: quotas.profiles,
        AttachedPoliciesPerRoleQuota: quotas.attachedPerRole,
        Users: 0,
        Groups: 0,
      },
    })),
  ];
}
