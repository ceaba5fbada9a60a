import type { CfnResource } from 'aws-cdk-lib/core';

/** Context key that turns a synthesis into a review: the accepted findings are then written beside their resources. */
export const reviewContext = 'saas-ecs:review';

/** A cdk-nag finding that is accepted, and why. */
export interface AcceptedFinding {
  /** e.g. `AwsSolutions-IAM5` */
  id: string;
  reason: string;
  /** Only these findings of the rule, e.g. `Resource::*`; all of them when absent. */
  appliesTo?: readonly string[];
}

/**
 * Accepts findings of the review on one resource. Written as cdk-nag's own metadata, without its library, which
 * would load all of the CDK; and only during a review, so that deployed templates don't carry it.
 */
export function accept(resource: CfnResource, ...findings: readonly AcceptedFinding[]): void {
  if (!resource.node.tryGetContext(reviewContext)) return;
  const known = resource.getMetadata('cdk_nag') as { rules_to_suppress: object[] } | undefined;
  resource.addMetadata('cdk_nag', {
    rules_to_suppress: [
      ...(known?.rules_to_suppress ?? []),
      ...findings.map(({ id, reason, appliesTo }) => ({
        id,
        reason,
        ...(appliesTo && { applies_to: appliesTo }),
      })),
    ],
  });
}
