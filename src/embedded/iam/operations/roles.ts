/** Roles, their trust, their tags, and the policies in them and on them. */
import {
  type AttachedPolicy,
  AttachRolePolicy$,
  type AttachRolePolicyRequest,
  CreateRole$,
  type CreateRoleRequest,
  CreateServiceLinkedRole$,
  type CreateServiceLinkedRoleRequest,
  DeleteRole$,
  DeleteRolePermissionsBoundary$,
  DeleteRolePolicy$,
  type DeleteRolePolicyRequest,
  type DeleteRoleRequest,
  DetachRolePolicy$,
  GetRole$,
  GetRolePolicy$,
  type GetRolePolicyRequest,
  type GetRoleRequest,
  ListAttachedRolePolicies$,
  ListRolePolicies$,
  type ListRolePoliciesRequest,
  ListRoles$,
  type ListRolesRequest,
  ListRoleTags$,
  type ListRoleTagsRequest,
  PutRolePermissionsBoundary$,
  type PutRolePermissionsBoundaryRequest,
  PutRolePolicy$,
  type PutRolePolicyRequest,
  TagRole$,
  type TagRoleRequest,
  UntagRole$,
  type UntagRoleRequest,
  UpdateAssumeRolePolicy$,
  type UpdateAssumeRolePolicyRequest,
  UpdateRole$,
  type UpdateRoleRequest,
} from '@aws-sdk/client-iam';
import { AwsError, type Cloud, type Operation, operation } from '../../platform.ts';
import { createServiceLinkedRole } from '../service-linked-role.ts';
import { type IamState, noSuchEntity } from '../state.ts';
import { byName, encoded, page, roleOutput, tagList, tagMap } from './answers.ts';
import { roleOperation } from './role-operation.ts';

export function roleOperations(cloud: Cloud, state: IamState): Operation[] {
  const on = roleOperation(cloud, state);
  const attachedOutput = (arn: string): AttachedPolicy => ({
    PolicyName: arn.slice(arn.lastIndexOf('/') + 1),
    PolicyArn: arn,
  });

  return [
    operation(CreateRole$, (input: CreateRoleRequest) => {
      const role = state.createRole({
        name: input.RoleName ?? '',
        trust: input.AssumeRolePolicyDocument ?? '',
        tags: tagMap(input.Tags),
        ...(input.Path === undefined ? {} : { path: input.Path }),
        ...(input.Description === undefined ? {} : { description: input.Description }),
        ...(input.MaxSessionDuration === undefined ? {} : { maxSessionDuration: input.MaxSessionDuration }),
        ...(input.PermissionsBoundary === undefined ? {} : { boundary: input.PermissionsBoundary }),
      });
      return { Role: roleOutput(role) };
    }),
    operation(CreateServiceLinkedRole$, (input: CreateServiceLinkedRoleRequest) => ({
      Role: roleOutput(createServiceLinkedRole(state, input.AWSServiceName ?? '', input)),
    })),
    on(GetRole$, 'GetRole', (role, _input: GetRoleRequest) => ({ Role: roleOutput(role) })),
    on(DeleteRole$, 'DeleteRole', (role, _input: DeleteRoleRequest) => {
      state.deleteRole(role);
      return {};
    }),
    operation(ListRoles$, (input: ListRolesRequest) => {
      const { items, ...rest } = page(
        state.roles
          .values()
          .filter((role) => role.path.startsWith(input.PathPrefix ?? '/'))
          .sort(byName),
        input,
      );
      return { Roles: items.map(roleOutput), ...rest };
    }),
    on(UpdateRole$, 'UpdateRole', (role, input: UpdateRoleRequest) => {
      const duration = input.MaxSessionDuration;
      if (duration !== undefined && (duration < 3600 || duration > 43_200))
        throw new AwsError('ValidationError', 'MaxSessionDuration must be between 3600 and 43200.');
      state.saveRole({
        ...role,
        ...(input.Description === undefined ? {} : { description: input.Description }),
        ...(duration === undefined ? {} : { maxSessionDuration: duration }),
      });
      return {};
    }),
    on(UpdateAssumeRolePolicy$, 'UpdateAssumeRolePolicy', (role, input: UpdateAssumeRolePolicyRequest) => {
      state.checkTrust(input.PolicyDocument ?? '');
      state.saveRole({ ...role, trust: input.PolicyDocument ?? '' });
      return {};
    }),
    on(TagRole$, 'TagRole', (role, input: TagRoleRequest) => {
      const tags = { ...role.tags, ...tagMap(input.Tags) };
      state.checkTags(tags);
      state.saveRole({ ...role, tags });
      return {};
    }),
    on(UntagRole$, 'UntagRole', (role, input: UntagRoleRequest) => {
      const gone = new Set(input.TagKeys);
      state.saveRole({
        ...role,
        tags: Object.fromEntries(Object.entries(role.tags).filter(([key]) => !gone.has(key))),
      });
      return {};
    }),
    on(ListRoleTags$, 'ListRoleTags', (role, input: ListRoleTagsRequest) => {
      const { items, ...rest } = page(tagList(role.tags), input);
      return { Tags: items, ...rest };
    }),
    on(
      PutRolePermissionsBoundary$,
      'PutRolePermissionsBoundary',
      (role, input: PutRolePermissionsBoundaryRequest) => {
        const boundary = input.PermissionsBoundary ?? '';
        state.managedDocument(boundary);
        state.saveRole({ ...role, boundary });
        return {};
      },
    ),
    on(DeleteRolePermissionsBoundary$, 'DeleteRolePermissionsBoundary', (role) => {
      const { boundary: _boundary, ...rest } = role;
      state.saveRole(rest);
      return {};
    }),

    on(PutRolePolicy$, 'PutRolePolicy', (role, input: PutRolePolicyRequest) => {
      state.putInline(role, input.PolicyName ?? '', input.PolicyDocument ?? '');
      return {};
    }),
    on(GetRolePolicy$, 'GetRolePolicy', (role, input: GetRolePolicyRequest) => {
      const document = role.inline[input.PolicyName ?? ''];
      if (document === undefined)
        throw noSuchEntity(`The role policy with name ${input.PolicyName} cannot be found.`);
      return { RoleName: role.name, PolicyName: input.PolicyName, PolicyDocument: encoded(document) };
    }),
    on(DeleteRolePolicy$, 'DeleteRolePolicy', (role, input: DeleteRolePolicyRequest) => {
      const { [input.PolicyName ?? '']: gone, ...inline } = role.inline;
      if (gone === undefined)
        throw noSuchEntity(`The role policy with name ${input.PolicyName} cannot be found.`);
      state.saveRole({ ...role, inline });
      return {};
    }),
    on(ListRolePolicies$, 'ListRolePolicies', (role, input: ListRolePoliciesRequest) => {
      const { items, ...rest } = page(Object.keys(role.inline).sort(), input);
      return { PolicyNames: items, ...rest };
    }),
    on(AttachRolePolicy$, 'AttachRolePolicy', (role, input: AttachRolePolicyRequest) => {
      state.attach(role, input.PolicyArn ?? '');
      return {};
    }),
    on(DetachRolePolicy$, 'DetachRolePolicy', (role, input: AttachRolePolicyRequest) => {
      state.detach(role, input.PolicyArn ?? '');
      return {};
    }),
    on(ListAttachedRolePolicies$, 'ListAttachedRolePolicies', (role, input: ListRolePoliciesRequest) => {
      const { items, ...rest } = page(role.attached, input);
      return { AttachedPolicies: items.map(attachedOutput), ...rest };
    }),
  ];
}
