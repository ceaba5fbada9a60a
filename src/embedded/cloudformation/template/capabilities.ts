/** What a caller must acknowledge before a template that makes IAM resources is deployed. */
import type { Capability } from '@aws-sdk/client-cloudformation';
import { AwsError } from '../../platform.ts';
import type { Template } from './model.ts';

/** The name property of each IAM type, from CloudFormation's page on CAPABILITY_NAMED_IAM. */
const nameProperties: Readonly<Record<string, string>> = {
  'AWS::IAM::Group': 'GroupName',
  'AWS::IAM::InstanceProfile': 'InstanceProfileName',
  'AWS::IAM::ManagedPolicy': 'ManagedPolicyName',
  'AWS::IAM::Role': 'RoleName',
  'AWS::IAM::User': 'UserName',
};
const iamTypes = new Set([
  ...Object.keys(nameProperties),
  'AWS::IAM::AccessKey',
  'AWS::IAM::Policy',
  'AWS::IAM::RolePolicy',
  'AWS::IAM::UserToGroupAddition',
]);

/** Capabilities that a template needs, and why. */
export function neededCapabilities(template: Template): { capabilities: Capability[]; reason?: string } {
  const iam = Object.values(template.Resources).filter((resource) => iamTypes.has(resource.Type));
  if (iam.length === 0) return { capabilities: [] };
  const named = iam.some((resource) => {
    const property = nameProperties[resource.Type];
    return property !== undefined && resource.Properties?.[property] !== undefined;
  });
  return {
    capabilities: [named ? 'CAPABILITY_NAMED_IAM' : 'CAPABILITY_IAM'],
    reason: `The following resource(s) require capabilities: [${[...new Set(iam.map((resource) => resource.Type))].join(', ')}]`,
  };
}

/** Throws AwsError InsufficientCapabilitiesException when something needed was not acknowledged. */
export function requireCapabilities(template: Template, given: readonly string[]): void {
  const missing = neededCapabilities(template).capabilities.filter(
    (capability) =>
      !given.includes(capability) &&
      !(capability === 'CAPABILITY_IAM' && given.includes('CAPABILITY_NAMED_IAM')),
  );
  if (missing.length > 0)
    throw new AwsError(
      'InsufficientCapabilitiesException',
      `Requires capabilities : [${missing.join(', ')}]`,
    );
}
