/**
 * The quotas that this cloud enforces, under AWS's codes. Values are the constants that the services check against,
 * never numbers of their own; a quota that nothing enforces here is not listed, so nobody plans with it. Codes and names:
 * docs.aws.amazon.com, "Service endpoints and quotas" (the quota console's links of each service), and
 * `aws service-quotas list-aws-default-service-quotas`.
 */
import { stackLimit } from '../../cloudformation/api/stacks.ts';
import { clusterQuota } from '../../compute/ecs/clusters.ts';
import { servicesPerCluster } from '../../compute/ecs/service-operations.ts';
import { maxConcurrent } from '../../compute/lambda/runner.ts';
import { maxKeys } from '../../gateway/api-gateway/control/api-keys.ts';
import { maxApis } from '../../gateway/api-gateway/control/rest-apis.ts';
import { maxPlans, maxPlansPerKey } from '../../gateway/api-gateway/control/usage-plans.ts';
import { maxLinks } from '../../gateway/api-gateway-v2/vpc-link-control.ts';
import { quotas as loadBalancing } from '../../gateway/load-balancer/quotas.ts';
import { quotas as iam } from '../../iam/state.ts';
import { maxPools } from '../cognito/pools.ts';
import { maxTables } from '../dynamodb/tables.ts';
import { maxBuses } from '../event-bridge/rules.ts';
import { namespaceQuota } from '../service-discovery/namespaces.ts';

export interface Quota {
  code: string;
  name: string;
  value: number;
  /** May be raised on request. */
  adjustable: boolean;
  /** Of the account, not of a Region. */
  global?: true;
}

export interface QuotaService {
  code: string;
  name: string;
  quotas: readonly Quota[];
}

const raisable = (code: string, name: string, value: number): Quota => ({
  code,
  name,
  value,
  adjustable: true,
});
const hard = (code: string, name: string, value: number): Quota => ({ code, name, value, adjustable: false });

export const quotaServices: readonly QuotaService[] = [
  {
    code: 'AWSCloudMap',
    name: 'AWS Cloud Map',
    quotas: [raisable('L-0FE3F50E', 'Namespaces per Region', namespaceQuota)],
  },
  {
    code: 'apigateway',
    name: 'Amazon API Gateway',
    quotas: [
      hard('L-1D180A63', 'API keys', maxKeys),
      hard('L-AA0FF27B', 'Regional APIs', maxApis),
      raisable('L-E8693075', 'Usage plans', maxPlans),
      raisable('L-985EB478', 'Usage plans per API key', maxPlansPerKey),
      raisable('L-608BDCD4', 'VPC links(V2)', maxLinks),
    ],
  },
  {
    code: 'cloudformation',
    name: 'AWS CloudFormation',
    quotas: [raisable('L-0485CB21', 'Stack count', stackLimit)],
  },
  {
    code: 'cognito-idp',
    name: 'Amazon Cognito User Pools',
    quotas: [raisable('L-66E6DF30', 'User pools per account', maxPools)],
  },
  {
    code: 'dynamodb',
    name: 'Amazon DynamoDB',
    quotas: [raisable('L-F98FE922', 'Maximum number of tables', maxTables)],
  },
  {
    code: 'ecs',
    name: 'Amazon Elastic Container Service (Amazon ECS)',
    quotas: [
      raisable('L-21C621EB', 'Clusters per account', clusterQuota),
      raisable('L-9EF96962', 'Services per cluster', servicesPerCluster),
    ],
  },
  {
    code: 'elasticloadbalancing',
    name: 'Elastic Load Balancing (ELB)',
    quotas: [
      raisable('L-53DA6B97', 'Application Load Balancers per Region', loadBalancing.loadBalancers),
      raisable(
        'L-B6DF7632',
        'Listeners per Application Load Balancer',
        loadBalancing.listenersPerLoadBalancer,
      ),
      raisable('L-7EED9B64', 'Rules per Application Load Balancer', loadBalancing.rulesPerLoadBalancer),
      hard(
        'L-822D1B1B',
        'Target Groups per Application Load Balancer',
        loadBalancing.targetGroupsPerLoadBalancer,
      ),
      raisable('L-B22855CB', 'Target Groups per Region', loadBalancing.targetGroups),
    ],
  },
  {
    code: 'events',
    name: 'Amazon EventBridge (CloudWatch Events)',
    quotas: [raisable('L-658A4FD9', 'Event buses', maxBuses)],
  },
  {
    code: 'iam',
    name: 'AWS Identity and Access Management (IAM)',
    quotas: [{ ...raisable('L-FE177D64', 'Roles per account', iam.roles), global: true }],
  },
  {
    code: 'lambda',
    name: 'AWS Lambda',
    quotas: [raisable('L-B99A9384', 'Concurrent executions', maxConcurrent)],
  },
];
