/** Quotas of Application Load Balancers (docs.aws.amazon.com, "Quotas for your Application Load Balancers"). */
import { AwsError } from '../../platform.ts';

export const quotas = {
  loadBalancers: 50,
  targetGroups: 3000,
  targetGroupsPerLoadBalancer: 100,
  rulesPerLoadBalancer: 100,
  listenersPerLoadBalancer: 50,
  conditionValuesPerRule: 5,
  wildcardsPerRule: 6,
  targetGroupsPerAction: 5,
  targetsPerLoadBalancer: 1000,
} as const;

/** DescribeAccountLimits' names. */
export const accountLimits: readonly { Name: string; Max: string }[] = [
  { Name: 'application-load-balancers', Max: String(quotas.loadBalancers) },
  { Name: 'target-groups', Max: String(quotas.targetGroups) },
  { Name: 'targets-per-application-load-balancer', Max: String(quotas.targetsPerLoadBalancer) },
  { Name: 'listeners-per-application-load-balancer', Max: String(quotas.listenersPerLoadBalancer) },
  { Name: 'rules-per-application-load-balancer', Max: String(quotas.rulesPerLoadBalancer) },
  {
    Name: 'target-groups-per-application-load-balancer',
    Max: String(quotas.targetGroupsPerLoadBalancer),
  },
  {
    Name: 'target-groups-per-action-on-application-load-balancer',
    Max: String(quotas.targetGroupsPerAction),
  },
  { Name: 'condition-values-per-alb-rule', Max: String(quotas.conditionValuesPerRule) },
  { Name: 'condition-wildcards-per-alb-rule', Max: String(quotas.wildcardsPerRule) },
];

/** Throws AwsError with AWS's code once `count` passes the quota. */
export function within(count: number, quota: number, code: string, message: string): void {
  if (count > quota) throw new AwsError(code, message);
}
