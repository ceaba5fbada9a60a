/** IAM's API, as far as roles, policies and instance profiles go. */
import {
  AddRoleToInstanceProfile$,
  type AddRoleToInstanceProfileRequest,
  type AttachedPolicy,
  AttachRolePolicy$,
  type AttachRolePolicyRequest,
  CreateInstanceProfile$,
  type CreateInstanceProfileRequest,
  CreatePolicy$,
  type CreatePolicyRequest,
  CreatePolicyVersion$,
  type CreatePolicyVersionRequest,
  CreateRole$,
  type CreateRoleRequest,
  CreateServiceLinkedRole$,
  type CreateServiceLinkedRoleRequest,
  DeleteInstanceProfile$,
  type DeleteInstanceProfileRequest,
  DeletePolicy$,
  type DeletePolicyRequest,
  DeletePolicyVersion$,
  type DeletePolicyVersionRequest,
  DeleteRole$,
  DeleteRolePermissionsBoundary$,
  DeleteRolePolicy$,
  type DeleteRolePolicyRequest,
  type DeleteRoleRequest,
  DetachRolePolicy$,
  GetAccountSummary$,
  GetInstanceProfile$,
  type GetInstanceProfileRequest,
  GetPolicy$,
  type GetPolicyRequest,
  GetPolicyVersion$,
  type GetPolicyVersionRequest,
  GetRole$,
  GetRolePolicy$,
  type GetRolePolicyRequest,
  type GetRoleRequest,
  type InstanceProfile,
  ListAttachedRolePolicies$,
  ListEntitiesForPolicy$,
  type ListEntitiesForPolicyRequest,
  ListInstanceProfiles$,
  ListInstanceProfilesForRole$,
  type ListInstanceProfilesForRoleRequest,
  type ListInstanceProfilesRequest,
  ListPolicies$,
  type ListPoliciesRequest,
  ListPolicyVersions$,
  type ListPolicyVersionsRequest,
  ListRolePolicies$,
  type ListRolePoliciesRequest,
  ListRoles$,
  type ListRolesRequest,
  ListRoleTags$,
  type ListRoleTagsRequest,
  type Policy,
  PutRolePermissionsBoundary$,
  type PutRolePermissionsBoundaryRequest,
  PutRolePolicy$,
  type PutRolePolicyRequest,
  RemoveRoleFromInstanceProfile$,
  type Role,
  SetDefaultPolicyVersion$,
  type SetDefaultPolicyVersionRequest,
  type Tag,
  TagRole$,
  type TagRoleRequest,
  UntagRole$,
  type UntagRoleRequest,
  UpdateAssumeRolePolicy$,
  type UpdateAssumeRolePolicyRequest,
  UpdateRole$,
  type UpdateRoleRequest,
} from '@aws-sdk/client-iam';
import { AwsError, type Cloud, type Operation, operation } from '../platform.ts';
import { managedPolicies } from './managed-policies.ts';
import {
  type IamState,
  limitExceeded,
  noSuchEntity,
  type PolicyRecord,
  type ProfileRecord,
  quotas,
  type RoleRecord,
} from './state.ts';

/** Documents travel URL-encoded in answers (RFC 3986). */
const encoded = (document: string): string =>
  encodeURIComponent(document).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

const tagList = (tags: Record<string, string>): Tag[] =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
const tagMap = (tags: readonly Tag[] | undefined): Record<string, string> =>
  Object.fromEntries((tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value]));

interface Paged {
  Marker?: string | undefined;
  MaxItems?: number | undefined;
}

/** One page in the order of the names; the marker is the position. */
function page<T>(all: readonly T[], input: Paged): { items: T[]; IsTruncated: boolean; Marker?: string } {
  const from = input.Marker === undefined ? 0 : Number(input.Marker);
  if (!Number.isInteger(from)) throw new AwsError('ValidationError', `Invalid Marker: ${input.Marker}`);
  const to = from + Math.min(input.MaxItems ?? 100, 1000);
  const items = all.slice(from, to);
  return to < all.length ? { items, IsTruncated: true, Marker: String(to) } : { items, IsTruncated: false };
}

const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);

export function roleOutput(role: RoleRecord): Role {
  return {
    Path: role.path,
    RoleName: role.name,
    RoleId: role.id,
    Arn: role.arn,
    CreateDate: new Date(role.createdAt),
    AssumeRolePolicyDocument: encoded(role.trust),
    Description: role.description,
    MaxSessionDuration: role.maxSessionDuration,
    ...(role.boundary
      ? {
          PermissionsBoundary: {
            PermissionsBoundaryType: 'PermissionsBoundaryPolicy' as const,
            PermissionsBoundaryArn: role.boundary,
          },
        }
      : {}),
    Tags: tagList(role.tags),
    RoleLastUsed: {},
  };
}

export function iamOperations(cloud: Cloud, state: IamState): Operation[] {
  const on = <Input extends { RoleName?: string | undefined }, Output>(
    schema: unknown,
    name: string,
    handler: (role: RoleRecord, input: Input) => Output,
  ): Operation =>
    operation(schema, (input: Input) => handler(state.role(input.RoleName ?? ''), input), {
      access: (input) => [
        {
          action: `iam:${name}`,
          resource:
            state.roles.get(input.RoleName ?? '')?.arn ??
            `arn:${cloud.partition}:iam::${cloud.account}:role/${input.RoleName ?? ''}`,
        },
      ],
    });
  const onPolicy = <Input extends { PolicyArn?: string | undefined }, Output>(
    schema: unknown,
    name: string,
    handler: (input: Input) => Output,
  ): Operation =>
    operation(schema, handler, {
      access: (input) => [{ action: `iam:${name}`, resource: input.PolicyArn ?? '*' }],
    });

  const policyOutput = (record: PolicyRecord): Policy => ({
    PolicyName: record.name,
    PolicyId: record.id,
    Arn: record.arn,
    Path: record.path,
    DefaultVersionId: `v${record.defaultVersion}`,
    AttachmentCount: state.attachedTo(record.arn).length,
    PermissionsBoundaryUsageCount: state.roles.values().filter((role) => role.boundary === record.arn).length,
    IsAttachable: true,
    Description: record.description,
    CreateDate: new Date(record.createdAt),
    UpdateDate: new Date(record.updatedAt),
    Tags: tagList(record.tags),
  });

  const awsPolicies = (): Policy[] =>
    managedPolicies().map((policy) => ({
      PolicyName: policy.name,
      PolicyId: `ANPA${Buffer.from(policy.name).toString('hex').toUpperCase().slice(0, 17)}`,
      Arn: policy.arn,
      Path: policy.path,
      DefaultVersionId: 'v1',
      AttachmentCount: state.attachedTo(policy.arn).length,
      PermissionsBoundaryUsageCount: 0,
      IsAttachable: true,
      Description: policy.description,
      CreateDate: new Date('2015-02-06T18:39:46Z'),
      UpdateDate: new Date('2015-02-06T18:39:46Z'),
    }));

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

  const versionNumber = (record: PolicyRecord, id: string | undefined): string => {
    const number = /^v(\d+)$/.exec(id ?? '')?.[1];
    if (number === undefined || !record.versions[number])
      throw noSuchEntity(`Policy ${record.arn} version ${id} does not exist or is not attachable.`);
    return number;
  };

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

    operation(CreatePolicy$, (input: CreatePolicyRequest) => {
      const record = state.createPolicy({
        name: input.PolicyName ?? '',
        document: input.PolicyDocument ?? '',
        tags: tagMap(input.Tags),
        ...(input.Path === undefined ? {} : { path: input.Path }),
        ...(input.Description === undefined ? {} : { description: input.Description }),
      });
      return { Policy: policyOutput(record) };
    }),
    onPolicy(GetPolicy$, 'GetPolicy', (input: GetPolicyRequest) => ({
      Policy:
        awsPolicies().find((policy) => policy.Arn === input.PolicyArn) ??
        policyOutput(state.policy(input.PolicyArn ?? '')),
    })),
    onPolicy(DeletePolicy$, 'DeletePolicy', (input: DeletePolicyRequest) => {
      state.deletePolicy(state.policy(input.PolicyArn ?? ''));
      return {};
    }),
    operation(ListPolicies$, (input: ListPoliciesRequest) => {
      const own = state.policies.values().sort(byName).map(policyOutput);
      const all = [
        ...(input.Scope === 'AWS' ? [] : own),
        ...(input.Scope === 'Local' ? [] : awsPolicies()),
      ].filter(
        (policy) =>
          (policy.Path ?? '/').startsWith(input.PathPrefix ?? '/') &&
          (!input.OnlyAttached || (policy.AttachmentCount ?? 0) > 0),
      );
      const { items, ...rest } = page(all, input);
      return { Policies: items, ...rest };
    }),
    onPolicy(GetPolicyVersion$, 'GetPolicyVersion', (input: GetPolicyVersionRequest) => {
      const aws = awsPolicies().find((policy) => policy.Arn === input.PolicyArn);
      if (aws) {
        if (input.VersionId !== 'v1')
          throw noSuchEntity(`Policy ${input.PolicyArn} version ${input.VersionId} does not exist.`);
        return {
          PolicyVersion: {
            Document: encoded(state.managedDocument(input.PolicyArn ?? '')),
            VersionId: 'v1',
            IsDefaultVersion: true,
            CreateDate: aws.CreateDate,
          },
        };
      }
      const record = state.policy(input.PolicyArn ?? '');
      const number = versionNumber(record, input.VersionId);
      const version = record.versions[number];
      return {
        PolicyVersion: {
          Document: encoded(version?.document ?? ''),
          VersionId: input.VersionId,
          IsDefaultVersion: record.defaultVersion === Number(number),
          CreateDate: new Date(version?.createdAt ?? 0),
        },
      };
    }),
    onPolicy(CreatePolicyVersion$, 'CreatePolicyVersion', (input: CreatePolicyVersionRequest) => {
      const record = state.policy(input.PolicyArn ?? '');
      const number = state.addPolicyVersion(record, input.PolicyDocument ?? '', input.SetAsDefault ?? false);
      return {
        PolicyVersion: {
          VersionId: `v${number}`,
          IsDefaultVersion: record.defaultVersion === number,
          CreateDate: new Date(cloud.clock.now()),
        },
      };
    }),
    onPolicy(DeletePolicyVersion$, 'DeletePolicyVersion', (input: DeletePolicyVersionRequest) => {
      const record = state.policy(input.PolicyArn ?? '');
      const number = versionNumber(record, input.VersionId);
      if (record.defaultVersion === Number(number))
        throw new AwsError('DeleteConflict', 'Cannot delete the default version of a policy.', 409);
      delete record.versions[number];
      state.savePolicy(record);
      return {};
    }),
    onPolicy(SetDefaultPolicyVersion$, 'SetDefaultPolicyVersion', (input: SetDefaultPolicyVersionRequest) => {
      const record = state.policy(input.PolicyArn ?? '');
      record.defaultVersion = Number(versionNumber(record, input.VersionId));
      state.savePolicy(record);
      return {};
    }),
    onPolicy(ListPolicyVersions$, 'ListPolicyVersions', (input: ListPolicyVersionsRequest) => {
      const record = state.policy(input.PolicyArn ?? '');
      const { items, ...rest } = page(Object.entries(record.versions).reverse(), input);
      return {
        Versions: items.map(([number, version]) => ({
          VersionId: `v${number}`,
          IsDefaultVersion: record.defaultVersion === Number(number),
          CreateDate: new Date(version.createdAt),
        })),
        ...rest,
      };
    }),
    onPolicy(ListEntitiesForPolicy$, 'ListEntitiesForPolicy', (input: ListEntitiesForPolicyRequest) => {
      state.managedDocument(input.PolicyArn ?? '');
      const { items, ...rest } = page(state.attachedTo(input.PolicyArn ?? ''), input);
      return {
        PolicyRoles: items.map((role) => ({ RoleName: role.name, RoleId: role.id })),
        PolicyGroups: [],
        PolicyUsers: [],
        ...rest,
      };
    }),

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

/** Creates the role that a service uses on the account's behalf; its name is AWS's. Throws InvalidInput when it exists. */
export function createServiceLinkedRole(
  state: IamState,
  service: string,
  options: { CustomSuffix?: string | undefined; Description?: string | undefined },
): RoleRecord {
  const words: Record<string, string> = {
    ecs: 'ECS',
    elasticloadbalancing: 'ElasticLoadBalancing',
    autoscaling: 'AutoScaling',
    'ops.apigateway': 'APIGateway',
    'ecs.application-autoscaling': 'ApplicationAutoScaling_ECSService',
    'dynamodb.application-autoscaling': 'ApplicationAutoScaling_DynamoDBTable',
  };
  const prefix = /^([a-z0-9.-]+)\.amazonaws\.com$/.exec(service)?.[1];
  if (prefix === undefined)
    throw new AwsError('InvalidInput', `Service role name for ${service} could not be determined`);
  const suffix = options.CustomSuffix ? `_${options.CustomSuffix}` : '';
  const name = `AWSServiceRoleFor${words[prefix] ?? prefix.replace(/(^|[.-])([a-z])/g, (_, _dot, letter: string) => letter.toUpperCase())}${suffix}`;
  if (state.roles.has(name))
    throw new AwsError(
      'InvalidInput',
      `Service role name ${name} has been taken in this account, please try a different suffix.`,
    );
  return state.createRole({
    name,
    path: `/aws-service-role/${service}/`,
    service,
    trust: JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' }],
    }),
    ...(options.Description === undefined ? {} : { description: options.Description }),
  });
}
