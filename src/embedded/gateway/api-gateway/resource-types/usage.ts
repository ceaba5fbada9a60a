/** AWS::ApiGateway::ApiKey, UsagePlan, UsagePlanKey, Account, DomainName, BasePathMapping and VpcLink. */
import type {
  ApiStage,
  CreateUsagePlanRequest,
  QuotaSettings,
  ThrottleSettings,
} from '@aws-sdk/client-api-gateway';
import type { Properties, ResourceContext, ResourceState, ResourceType } from '../../../platform.ts';
import type { Parts } from './parts.ts';
import { given, tagsOf } from './tags.ts';

export function usageTypes(parts: Parts): Readonly<Record<string, ResourceType>> {
  return {
    'AWS::ApiGateway::ApiKey': apiKeyType(parts),
    'AWS::ApiGateway::UsagePlan': usagePlanType(parts),
    'AWS::ApiGateway::UsagePlanKey': usagePlanKeyType(parts),
    'AWS::ApiGateway::Account': accountType(parts),
    'AWS::ApiGateway::DomainName': domainNameType(parts),
    'AWS::ApiGateway::BasePathMapping': basePathMappingType,
    'AWS::ApiGateway::VpcLink': vpcLinkType(parts),
  };
}

function apiKeyType({ state, keys }: Parts): ResourceType {
  const result = (id: string): ResourceState => ({ physicalId: id, attributes: { APIKeyId: id } });
  const settings = (properties: Properties) =>
    given({
      description: properties['Description'] as string | undefined,
      customerId: properties['CustomerId'] as string | undefined,
      enabled: (properties['Enabled'] as boolean | undefined) ?? false,
    });
  return {
    replaceOn: ['Name', 'Value', 'GenerateDistinctId'],
    create(context, properties) {
      const { id } = keys.create({
        ...settings(properties),
        name: (properties['Name'] as string | undefined) ?? context.physicalName(),
        value: properties['Value'] as string | undefined,
        tags: tagsOf(context, properties),
      });
      context.initiated?.(id);
      return result(id);
    },
    update(context, id, properties) {
      const { description: _d, customerId: _c, ...record } = state.key(id);
      keys.put({ ...record, ...settings(properties), tags: tagsOf(context, properties) });
      return result(id);
    },
    delete: (_context, id) => keys.delete(id),
  };
}

interface LimitProperties {
  RateLimit?: number;
  BurstLimit?: number;
}
const throttleOf = ({ RateLimit, BurstLimit }: LimitProperties): ThrottleSettings =>
  given({ rateLimit: RateLimit, burstLimit: BurstLimit });

function planOf(context: ResourceContext, properties: Properties): CreateUsagePlanRequest {
  const stages = (properties['ApiStages'] ?? []) as {
    ApiId?: string;
    Stage?: string;
    Throttle?: Record<string, LimitProperties>;
  }[];
  const throttle = properties['Throttle'] as LimitProperties | undefined;
  const quota = properties['Quota'] as { Limit?: number; Offset?: number; Period?: string } | undefined;
  return {
    name: (properties['UsagePlanName'] as string | undefined) ?? context.physicalName(),
    apiStages: stages.map(
      ({ ApiId, Stage, Throttle }): ApiStage =>
        given({
          apiId: ApiId,
          stage: Stage,
          throttle:
            Throttle &&
            Object.fromEntries(Object.entries(Throttle).map(([path, limits]) => [path, throttleOf(limits)])),
        }),
    ),
    tags: tagsOf(context, properties),
    ...given({
      description: properties['Description'] as string | undefined,
      throttle: throttle && throttleOf(throttle),
      quota:
        quota &&
        given({
          limit: quota.Limit,
          offset: quota.Offset ?? 0,
          period: quota.Period as QuotaSettings['period'],
        }),
    }),
  };
}

function usagePlanType({ state, plans }: Parts): ResourceType {
  const result = (id: string): ResourceState => ({ physicalId: id, attributes: { Id: id } });
  return {
    create(context, properties) {
      const { id } = plans.create(planOf(context, properties));
      context.initiated?.(id);
      return result(id);
    },
    update(context, id, properties) {
      const { name } = state.plan(id);
      const plan = planOf(context, properties);
      plans.put({ ...plan, id, name: (properties['UsagePlanName'] as string | undefined) ?? name });
      return result(id);
    },
    delete(_context, id) {
      const plan = state.plans.get(id);
      if (!plan) return;
      // The API refuses to delete a plan that has stages; CloudFormation takes them off first.
      plans.put({ ...plan, apiStages: [] });
      plans.delete(id);
    },
  };
}

function usagePlanKeyType({ plans }: Parts): ResourceType {
  return {
    replaceOn: ['*'],
    create(context, properties) {
      const planId = properties['UsagePlanId'] as string;
      const keyId = properties['KeyId'] as string;
      plans.addKey(planId, keyId);
      const id = `${keyId}:${planId}`;
      context.initiated?.(id);
      return { physicalId: id, attributes: { Id: id } };
    },
    delete(_context, id) {
      const [keyId = '', planId = ''] = id.split(':');
      plans.removeKey(planId, keyId);
    },
  };
}

function accountType({ account }: Parts): ResourceType {
  const set = (properties: Properties): void =>
    account.setLogRole(properties['CloudWatchRoleArn'] as string | undefined);
  return {
    create(context, properties) {
      set(properties);
      const id = context.physicalName();
      return { physicalId: id, attributes: { Id: id } };
    },
    update(_context, id, properties) {
      set(properties);
      return { physicalId: id, attributes: { Id: id } };
    },
    // As on AWS: the account's setting outlives the resource.
    delete: () => {},
  };
}

function domainNameType({ state, account }: Parts): ResourceType {
  const result = (name: string): ResourceState => {
    const record = state.domainNames.get(name);
    return {
      physicalId: name,
      attributes: {
        DistributionDomainName: record?.distributionDomainName,
        DistributionHostedZoneId: record?.distributionHostedZoneId,
        RegionalDomainName: record?.regionalDomainName,
        RegionalHostedZoneId: record?.regionalHostedZoneId,
        DomainNameArn: record?.domainNameArn,
      },
    };
  };
  return {
    presence: 'inert',
    replaceOn: ['DomainName'],
    create(context, properties) {
      const { domainName = '' } = account.createDomainName({
        domainName: properties['DomainName'] as string,
        certificateArn: properties['CertificateArn'] as string | undefined,
        regionalCertificateArn: properties['RegionalCertificateArn'] as string | undefined,
        tags: tagsOf(context, properties),
      });
      context.initiated?.(domainName);
      return result(domainName);
    },
    update: (_context, name) => result(name),
    delete: (_context, name) => {
      state.domainNames.delete(name);
    },
  };
}

/** Inert, as its domain name is. */
const basePathMappingType: ResourceType = {
  presence: 'inert',
  replaceOn: ['DomainName', 'BasePath'],
  create: (context) => ({ physicalId: context.physicalName() }),
  update: (_context, id) => ({ physicalId: id }),
  delete: () => {},
};

function vpcLinkType({ state, account }: Parts): ResourceType {
  return {
    // Version 1 leads to network load balancers, which are not here.
    presence: 'inert',
    replaceOn: ['TargetArns'],
    create(context, properties) {
      const { id } = account.createVpcLink({
        name: properties['Name'] as string,
        targetArns: properties['TargetArns'] as string[],
        tags: tagsOf(context, properties),
      });
      context.initiated?.(id);
      return { physicalId: id, attributes: { VpcLinkId: id } };
    },
    update(_context, id, properties) {
      const link = state.vpcLinks.get(id);
      if (link) state.vpcLinks.put(id, { ...link, name: properties['Name'] as string });
      return { physicalId: id, attributes: { VpcLinkId: id } };
    },
    delete: (_context, id) => {
      state.vpcLinks.delete(id);
    },
  };
}
