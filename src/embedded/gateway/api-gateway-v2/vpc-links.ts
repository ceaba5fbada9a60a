/** VPC Links of version 2: how an API reaches load balancers inside a VPC. */
import type { VpcLink } from '@aws-sdk/client-apigatewayv2';
import { AwsError, type Cloud } from '../../platform.ts';
import { allows, securityGroups } from '../../resources/ec2/security-groups.ts';
import type { Collection } from '../../store.ts';
import { securityGroupsOf } from '../load-balancer/state.ts';

export type VpcLinkRecord = Omit<VpcLink, 'CreatedDate'> & { CreatedDate: string; VpcLinkId: string };

export const vpcLinksOf = (cloud: Cloud): Collection<VpcLinkRecord> =>
  cloud.store.collection<VpcLinkRecord>('apigatewayv2.vpc-links');

/** Throws AwsError NotFoundException. */
export function vpcLink(cloud: Cloud, id: string | undefined): VpcLinkRecord {
  const link = vpcLinksOf(cloud).get(id ?? '');
  if (!link) throw new AwsError('NotFoundException', `Unable to find VPC link by id ${String(id)}`, 404);
  return link;
}

/** How long an answer about security groups holds, in milliseconds: asking looks at every group and rule. */
const rememberedMs = 1000;

/**
 * Whether a link exists and, where both ends have security groups that EC2 knows, those of the load balancer let the link's in.
 * A change of rules counts within a second.
 */
export function createAdmission(
  cloud: Cloud,
  linkId: string,
  loadBalancerArn: string,
  port: number,
): () => boolean {
  let admitted = false;
  let until = 0;
  const groupsAdmit = (from: readonly string[]): boolean => {
    const to = securityGroupsOf(cloud, loadBalancerArn);
    const known = new Set(securityGroups(cloud).map(({ groupId }) => groupId));
    const both = from.some((id) => known.has(id)) && to.some((id) => known.has(id));
    return !both || allows(cloud, from, to, port);
  };
  return () => {
    const link = vpcLinksOf(cloud).get(linkId);
    if (!link) return false;
    const now = performance.now();
    if (now >= until) {
      admitted = groupsAdmit(link.SecurityGroupIds ?? []);
      until = now + rememberedMs;
    }
    return admitted;
  };
}
