/** AWS WAF: web ACLs in front of stages of REST APIs. Rules are counted and matched; what AWS's own rule groups hold is not here. */
import {
  AssociateWebACL$,
  type AssociateWebACLRequest,
  CreateWebACL$,
  type CreateWebACLRequest,
  DeleteLoggingConfiguration$,
  type DeleteLoggingConfigurationRequest,
  DeleteWebACL$,
  type DeleteWebACLRequest,
  DisassociateWebACL$,
  type DisassociateWebACLRequest,
  GetLoggingConfiguration$,
  type GetLoggingConfigurationRequest,
  GetWebACL$,
  GetWebACLForResource$,
  type GetWebACLForResourceRequest,
  type GetWebACLRequest,
  ListResourcesForWebACL$,
  type ListResourcesForWebACLRequest,
  ListTagsForResource$,
  type ListTagsForResourceRequest,
  ListWebACLs$,
  type ListWebACLsRequest,
  PutLoggingConfiguration$,
  type PutLoggingConfigurationRequest,
  TagResource$,
  type TagResourceRequest,
  UntagResource$,
  type UntagResourceRequest,
  UpdateWebACL$,
  type UpdateWebACLRequest,
} from '@aws-sdk/client-wafv2';
import {
  AwsError,
  type AwsService,
  type Cloud,
  type Operation,
  operation,
  type WafApi,
} from '../../platform.ts';
import { pageOf } from '../../resources/pages.ts';
import { tagList, tagsFrom } from '../../resources/tags.ts';
import { logRequest } from './request-log.ts';
import { loggingType, webAclAssociationType, webAclType } from './resource-types.ts';
import type { Rule } from './rules.ts';
import { type Logging, nonexistent, type WebAcl, WebAcls } from './state.ts';
import { invalid } from './statements.ts';

export function createWaf(cloud: Cloud): AwsService & WafApi {
  const acls = new WebAcls(cloud);

  return {
    signingName: 'wafv2',
    protocol: 'json-1.1',
    operations: operationsOf(acls),
    resourceTypes: {
      'AWS::WAFv2::WebACL': webAclType(acls),
      'AWS::WAFv2::WebACLAssociation': webAclAssociationType(acls),
      'AWS::WAFv2::LoggingConfiguration': loggingType(acls),
    },
    admits(apiId, stage, request) {
      const acl = acls.of(`${apiId}/${stage}`);
      if (!acl) return true;
      const outcome = acls.rulesOf(acl).decide(request, cloud.clock.now());
      const logging = acls.logging(acl.arn);
      if (logging) logRequest(cloud, acl, logging, `${apiId}/${stage}`, request, outcome);
      return outcome.action === 'ALLOW';
    },
    webAclOf: (apiId, stage) => acls.of(`${apiId}/${stage}`)?.arn,
  };
}

function operationsOf(acls: WebAcls): Operation[] {
  /** An operation on one web ACL, allowed by its ARN. */
  const on = <Input, Output>(
    schema: unknown,
    name: string,
    arnOf: (input: Input) => string,
    handler: (input: Input) => Output,
  ): Operation =>
    operation(schema, handler, {
      access: (input) => [{ action: `wafv2:${name}`, resource: arnOf(input) }],
    });
  const byId = ({ Name = '', Id = '' }: { Name?: string | undefined; Id?: string | undefined }): string =>
    acls.arnOf(Name, Id);
  /** The named one, as whoever changes it last saw it. */
  const seen = (input: {
    Name?: string | undefined;
    Id?: string | undefined;
    LockToken?: string | undefined;
  }): WebAcl => {
    const acl = acls.get(byId(input));
    if (acl.lockToken !== input.LockToken)
      throw new AwsError(
        'WAFOptimisticLockException',
        'AWS WAF couldn’t save your changes because someone changed the resource after you started to edit it. Reapply your changes.',
      );
    return acl;
  };

  return [
    operation(CreateWebACL$, (input: CreateWebACLRequest) => {
      regional(input.Scope);
      return summary(
        acls.create({ ...settingsOf(input), name: input.Name ?? '', tags: tagsFrom(input.Tags) }),
      );
    }),
    on(UpdateWebACL$, 'UpdateWebACL', byId, (input: UpdateWebACLRequest) => {
      const { arn, tags } = seen(input);
      return { NextLockToken: acls.update(arn, { ...settingsOf(input), tags }).lockToken };
    }),
    on(
      GetWebACL$,
      'GetWebACL',
      ({ ARN, ...input }: GetWebACLRequest) => ARN ?? byId(input),
      ({ ARN, ...input }) => {
        const acl = acls.get(ARN ?? byId(input));
        return { WebACL: described(acl), LockToken: acl.lockToken };
      },
    ),
    operation(ListWebACLs$, (input: ListWebACLsRequest) => {
      regional(input.Scope);
      const page = pageOf(acls.all(), ({ name }) => name, input.Limit ?? 100, input.NextMarker);
      return {
        WebACLs: page.items.map((acl) => summary(acl).Summary),
        ...(page.next !== undefined && { NextMarker: page.next }),
      };
    }),
    on(DeleteWebACL$, 'DeleteWebACL', byId, (input: DeleteWebACLRequest) => {
      acls.delete(seen(input).arn);
      return {};
    }),
    operation(
      AssociateWebACL$,
      ({ WebACLArn = '', ResourceArn = '' }: AssociateWebACLRequest) => {
        acls.associate(WebACLArn, ResourceArn);
        return {};
      },
      {
        access: ({ WebACLArn = '', ResourceArn = '' }) => [
          { action: 'wafv2:AssociateWebACL', resource: WebACLArn },
          { action: 'wafv2:AssociateWebACL', resource: ResourceArn },
        ],
      },
    ),
    on(
      DisassociateWebACL$,
      'DisassociateWebACL',
      ({ ResourceArn = '' }: DisassociateWebACLRequest) => ResourceArn,
      ({ ResourceArn = '' }) => {
        acls.stage(ResourceArn);
        acls.disassociate(ResourceArn);
        return {};
      },
    ),
    on(
      GetWebACLForResource$,
      'GetWebACLForResource',
      ({ ResourceArn = '' }: GetWebACLForResourceRequest) => ResourceArn,
      ({ ResourceArn = '' }) => {
        const acl = acls.of(acls.stage(ResourceArn));
        return acl ? { WebACL: described(acl) } : {};
      },
    ),
    on(
      ListResourcesForWebACL$,
      'ListResourcesForWebACL',
      ({ WebACLArn = '' }: ListResourcesForWebACLRequest) => WebACLArn,
      ({ WebACLArn = '', ResourceType = 'APPLICATION_LOAD_BALANCER' }) => ({
        ResourceArns: ResourceType === 'API_GATEWAY' ? acls.stagesOf(acls.get(WebACLArn).arn) : [],
      }),
    ),
    on(
      PutLoggingConfiguration$,
      'PutLoggingConfiguration',
      ({ LoggingConfiguration }: PutLoggingConfigurationRequest) => LoggingConfiguration?.ResourceArn ?? '',
      ({ LoggingConfiguration }) => {
        acls.log(LoggingConfiguration as unknown as Logging);
        return { LoggingConfiguration };
      },
    ),
    on(
      GetLoggingConfiguration$,
      'GetLoggingConfiguration',
      ({ ResourceArn = '' }: GetLoggingConfigurationRequest) => ResourceArn,
      ({ ResourceArn = '' }) => {
        const LoggingConfiguration = acls.logging(acls.get(ResourceArn).arn);
        if (!LoggingConfiguration) throw nonexistent();
        return { LoggingConfiguration };
      },
    ),
    on(
      DeleteLoggingConfiguration$,
      'DeleteLoggingConfiguration',
      ({ ResourceArn = '' }: DeleteLoggingConfigurationRequest) => ResourceArn,
      ({ ResourceArn = '' }) => {
        acls.unlog(acls.get(ResourceArn).arn);
        return {};
      },
    ),
    on(
      ListTagsForResource$,
      'ListTagsForResource',
      ({ ResourceARN = '' }: ListTagsForResourceRequest) => ResourceARN,
      ({ ResourceARN = '' }) => ({
        TagInfoForResource: { ResourceARN, TagList: tagList(acls.get(ResourceARN).tags) },
      }),
    ),
    on(
      TagResource$,
      'TagResource',
      ({ ResourceARN = '' }: TagResourceRequest) => ResourceARN,
      ({ ResourceARN = '', Tags }) => {
        acls.tag(ResourceARN, { ...acls.get(ResourceARN).tags, ...tagsFrom(Tags) });
        return {};
      },
    ),
    on(
      UntagResource$,
      'UntagResource',
      ({ ResourceARN = '' }: UntagResourceRequest) => ResourceARN,
      ({ ResourceARN = '', TagKeys = [] }) => {
        const tags = { ...acls.get(ResourceARN).tags };
        for (const key of TagKeys) delete tags[key];
        acls.tag(ResourceARN, tags);
        return {};
      },
    ),
  ];
}

function regional(scope: string | undefined): void {
  if (scope !== 'REGIONAL')
    throw invalid('SCOPE_VALUE', scope, 'The embedded cloud has web ACLs of scope REGIONAL');
}

const summary = ({ name, id, arn, description, lockToken }: WebAcl) => ({
  Summary: { Name: name, Id: id, ARN: arn, Description: description, LockToken: lockToken },
});

const described = (acl: WebAcl) => ({
  Name: acl.name,
  Id: acl.id,
  ARN: acl.arn,
  Description: acl.description,
  DefaultAction: acl.defaultAction,
  Rules: acl.rules.map((rule) => withSearch(rule, (text) => Buffer.from(String(text)))),
  VisibilityConfig: acl.visibilityConfig,
  Capacity: acl.capacity,
  ManagedByFirewallManager: false,
});

const settingsOf = (input: CreateWebACLRequest | UpdateWebACLRequest) => ({
  ...(input.Description !== undefined && { description: input.Description }),
  defaultAction: { ...input.DefaultAction } as Record<string, unknown>,
  rules: (input.Rules ?? []).map(
    (rule) => withSearch(rule, (bytes) => Buffer.from(bytes as Uint8Array).toString()) as unknown as Rule,
  ),
  visibilityConfig: { ...input.VisibilityConfig } as Record<string, unknown>,
});

/** The API has a search string as bytes, a template as text. */
function withSearch(value: unknown, convert: (search: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => withSearch(each, convert));
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === 'SearchString' && inner !== undefined ? convert(inner) : withSearch(inner, convert),
    ]),
  );
}
