/** What a rule or a listener does with a request: checked when it is set. */
import type { Action } from '@aws-sdk/client-elastic-load-balancing-v2';
import { AwsError } from '../../platform.ts';
import { quotas, within } from './quotas.ts';
import { type LoadBalancerState, targetGroupsOfActions } from './state.ts';

const invalid = (message: string): AwsError => new AwsError('ValidationError', message);

/** Throws AwsError with AWS's code: InvalidLoadBalancerAction, TargetGroupNotFound, TargetGroupAssociationLimit and the quotas'. */
export function checkActions(
  state: LoadBalancerState,
  loadBalancerArn: string,
  actions: readonly Action[],
): void {
  if (actions.length === 0) throw invalid('A listener or rule must have an action');
  for (const action of actions) {
    if (action.Type === 'fixed-response') {
      const { StatusCode = '', MessageBody = '' } = action.FixedResponseConfig ?? {};
      if (!/^[245]\d\d$/.test(StatusCode))
        throw invalid(`The fixed response status code '${StatusCode}' must match '^(2|4|5)\\d\\d$'`);
      if (MessageBody.length > 1024)
        throw invalid('The fixed response message has more than 1024 characters');
    } else if (action.Type === 'redirect') {
      const to = action.RedirectConfig;
      if (!to) throw invalid('A redirect action must have a RedirectConfig');
      if (![to.Protocol, to.Host, to.Port, to.Path, to.Query].some((part) => part !== undefined))
        throw invalid('A redirect must change at least one of protocol, host, port, path and query');
      if (to.Protocol === 'HTTPS')
        throw invalid(
          'The load balancers of the embedded cloud speak HTTP alone: redirects to HTTPS lead nowhere',
        );
    } else if (action.Type === 'forward') {
      const groups = targetGroupsOfActions([action]);
      if (groups.length === 0)
        throw new AwsError('InvalidLoadBalancerAction', 'A forward action must name a target group');
      within(
        action.ForwardConfig?.TargetGroups?.length ?? 1,
        quotas.targetGroupsPerAction,
        'TooManyTargetGroups',
        `A forward action can name at most ${quotas.targetGroupsPerAction} target groups`,
      );
      for (const group of groups) state.targetGroup(group);
    } else {
      throw new AwsError(
        'InvalidLoadBalancerAction',
        `Actions of type '${String(action.Type)}' are not available in the embedded cloud`,
      );
    }
  }
  if (actions.length > 1)
    throw invalid('A rule must have exactly one forward, redirect or fixed-response action');
  checkTargetGroups(state, loadBalancerArn, targetGroupsOfActions(actions));
}

/** A target group belongs to one load balancer, and a load balancer has at most 100 of them: hard quotas. */
function checkTargetGroups(
  state: LoadBalancerState,
  loadBalancerArn: string,
  added: readonly string[],
): void {
  const uses = state.uses();
  for (const group of added) {
    const users = uses.get(group);
    if (users && !users.has(loadBalancerArn))
      throw new AwsError(
        'TargetGroupAssociationLimit',
        `The following target groups cannot be associated with more than one load balancer: ${group}`,
      );
  }
  within(
    new Set([...state.targetGroupsOf(loadBalancerArn), ...added]).size,
    quotas.targetGroupsPerLoadBalancer,
    'TooManyUniqueTargetGroupsPerLoadBalancer',
    'You have reached the maximum number of unique target groups that you can associate with a load balancer of type ' +
      `'application': [${quotas.targetGroupsPerLoadBalancer}]`,
  );
}
