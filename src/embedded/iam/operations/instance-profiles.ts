/** Instance profiles: how EC2's instances come by a role. */
import {
  AddRoleToInstanceProfile$,
  type AddRoleToInstanceProfileRequest,
  CreateInstanceProfile$,
  type CreateInstanceProfileRequest,
  DeleteInstanceProfile$,
  type DeleteInstanceProfileRequest,
  GetInstanceProfile$,
  type GetInstanceProfileRequest,
  type InstanceProfile,
  ListInstanceProfiles$,
  ListInstanceProfilesForRole$,
  type ListInstanceProfilesForRoleRequest,
  type ListInstanceProfilesRequest,
  RemoveRoleFromInstanceProfile$,
} from '@aws-sdk/client-iam';
import { AwsError, type Cloud, type Operation, operation } from '../../platform.ts';
import { type IamState, limitExceeded, noSuchEntity, type ProfileRecord } from '../state.ts';
import { byName, page, roleOutput, tagList, tagMap } from './answers.ts';
import { roleOperation } from './role-operation.ts';

export function instanceProfileOperations(cloud: Cloud, state: IamState): Operation[] {
  const on = roleOperation(cloud, state);
  const profileOutput = (record: ProfileRecord): InstanceProfile => {
    const role = record.role === undefined ? undefined : state.roles.get(record.role);
    return {
      Path: record.path,
      InstanceProfileName: record.name,
      InstanceProfileId: record.id,
      Arn: record.arn,
      CreateDate: new Date(record.createdAt),
      Roles: role ? [roleOutput(role)] : [],
      Tags: tagList(record.tags),
    };
  };

  return [
    operation(CreateInstanceProfile$, (input: CreateInstanceProfileRequest) => ({
      InstanceProfile: profileOutput(
        state.createProfile(input.InstanceProfileName ?? '', input.Path, tagMap(input.Tags)),
      ),
    })),
    operation(GetInstanceProfile$, (input: GetInstanceProfileRequest) => ({
      InstanceProfile: profileOutput(state.profile(input.InstanceProfileName ?? '')),
    })),
    operation(DeleteInstanceProfile$, (input: DeleteInstanceProfileRequest) => {
      const record = state.profile(input.InstanceProfileName ?? '');
      if (record.role)
        throw new AwsError(
          'DeleteConflict',
          'Cannot delete entity, must remove roles from instance profile first.',
          409,
        );
      state.profiles.delete(record.name);
      return {};
    }),
    operation(AddRoleToInstanceProfile$, (input: AddRoleToInstanceProfileRequest) => {
      const record = state.profile(input.InstanceProfileName ?? '');
      const role = state.role(input.RoleName ?? '');
      if (record.role) throw limitExceeded('Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1');
      state.profiles.put(record.name, { ...record, role: role.name });
      return {};
    }),
    operation(RemoveRoleFromInstanceProfile$, (input: AddRoleToInstanceProfileRequest) => {
      const { role, ...rest } = state.profile(input.InstanceProfileName ?? '');
      if (role !== input.RoleName)
        throw noSuchEntity(`Role ${input.RoleName} is not in the instance profile.`);
      state.profiles.put(rest.name, rest);
      return {};
    }),
    operation(ListInstanceProfiles$, (input: ListInstanceProfilesRequest) => {
      const { items, ...rest } = page(state.profiles.values().sort(byName), input);
      return { InstanceProfiles: items.map(profileOutput), ...rest };
    }),
    on(
      ListInstanceProfilesForRole$,
      'ListInstanceProfilesForRole',
      (role, input: ListInstanceProfilesForRoleRequest) => {
        const { items, ...rest } = page(
          state.profiles.values().filter((profile) => profile.role === role.name),
          input,
        );
        return { InstanceProfiles: items.map(profileOutput), ...rest };
      },
    ),
  ];
}
