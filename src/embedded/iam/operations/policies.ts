/** Managed policies and their versions: the account's own, and AWS's. */
import {
  CreatePolicy$,
  type CreatePolicyRequest,
  CreatePolicyVersion$,
  type CreatePolicyVersionRequest,
  DeletePolicy$,
  type DeletePolicyRequest,
  DeletePolicyVersion$,
  type DeletePolicyVersionRequest,
  GetPolicy$,
  type GetPolicyRequest,
  GetPolicyVersion$,
  type GetPolicyVersionRequest,
  ListEntitiesForPolicy$,
  type ListEntitiesForPolicyRequest,
  ListPolicies$,
  type ListPoliciesRequest,
  ListPolicyVersions$,
  type ListPolicyVersionsRequest,
  type Policy,
  SetDefaultPolicyVersion$,
  type SetDefaultPolicyVersionRequest,
} from '@aws-sdk/client-iam';
import { AwsError, type Cloud, type Operation, operation } from '../../platform.ts';
import { managedPolicies } from '../managed-policies.ts';
import { type IamState, noSuchEntity, type PolicyRecord } from '../state.ts';
import { byName, encoded, page, tagList, tagMap } from './answers.ts';

export function policyOperations(cloud: Cloud, state: IamState): Operation[] {
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

  const versionNumber = (record: PolicyRecord, id: string | undefined): string => {
    const number = /^v(\d+)$/.exec(id ?? '')?.[1];
    if (number === undefined || !record.versions[number])
      throw noSuchEntity(`Policy ${record.arn} version ${id} does not exist or is not attachable.`);
    return number;
  };

  return [
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
  ];
}
