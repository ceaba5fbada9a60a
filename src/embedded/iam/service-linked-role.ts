import { AwsError } from '../platform.ts';
import type { IamState, RoleRecord } from './state.ts';

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
