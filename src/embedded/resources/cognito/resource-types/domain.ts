/** AWS::Cognito::UserPoolDomain. Ref is the domain. */
import { AwsError, type ResourceType } from '../../../platform.ts';
import { createDomain, domains } from '../domains.ts';
import type { Parts } from '../parts.ts';

export function domainType(parts: Parts): ResourceType {
  const { cloud, pools } = parts;
  const state = (domain: string) => ({
    physicalId: domain,
    attributes: { CloudFrontDistribution: domains(cloud).get(domain)?.cloudFront ?? '', Id: domain },
  });
  return {
    replaceOn: ['UserPoolId', 'Domain'],
    create(_context, properties) {
      const { Domain, UserPoolId, CustomDomainConfig, ManagedLoginVersion } = properties;
      const { domain } = createDomain(cloud, pools.get(String(UserPoolId)).id, String(Domain), {
        custom: CustomDomainConfig as undefined,
        managedLoginVersion: ManagedLoginVersion as number | undefined,
      });
      return state(domain);
    },
    update(_context, domain, properties) {
      const record = domains(cloud).get(domain);
      if (!record) throw new AwsError('NotFound', `Domain ${domain} does not exist.`);
      domains(cloud).put(domain, {
        ...record,
        custom: properties['CustomDomainConfig'] as undefined,
        managedLoginVersion: properties['ManagedLoginVersion'] as number | undefined,
      });
      return state(domain);
    },
    delete(_context, domain, properties) {
      if (domains(cloud).get(domain)?.poolId === properties['UserPoolId']) domains(cloud).delete(domain);
    },
  };
}
