/** Elastic Load Balancing v2, Application Load Balancers: control plane, CloudFormation types, live data plane. */
import { pipeline } from 'node:stream/promises';
import type { AwsService, Cloud, LoadBalancerApi } from '../../platform.ts';
import { createListeners } from './listeners.ts';
import { createLoadBalancers } from './load-balancers.ts';
import { send } from './proxy.ts';
import { resourceTypes } from './resource-types.ts';
import { createRouting } from './routing.ts';
import { createRules } from './rules.ts';
import { openState } from './state.ts';
import { createTags } from './tags.ts';
import { createTargetGroups } from './target-groups.ts';
import { createTargets } from './targets.ts';

export function createLoadBalancer(cloud: Cloud): AwsService & LoadBalancerApi {
  const state = openState(cloud);
  const routing = createRouting(cloud, state);
  const targets = createTargets(cloud, state);
  state.onChange(() => targets.reconcile());
  const loadBalancers = createLoadBalancers(cloud, state);
  const listeners = createListeners(cloud, state);
  const rules = createRules(cloud, state);
  const targetGroups = createTargetGroups(cloud, state, targets);
  const tags = createTags(state);

  const sendTo: LoadBalancerApi['send'] = (loadBalancerArn, port, request, signal) =>
    send(routing, targets, loadBalancerArn, port, request, signal);

  return {
    signingName: 'elasticloadbalancing',
    protocol: 'query',
    xmlNamespace: 'http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/',
    operations: [loadBalancers, listeners, rules, targetGroups, tags].flatMap(({ operations }) => operations),
    resourceTypes: resourceTypes({ state, loadBalancers, listeners, rules, targetGroups, tags }),

    register: targets.register,
    deregister: targets.deregister,
    healthy: targets.healthy,
    onUnhealthy: targets.onUnhealthy,
    listenersWith: (certificateArn) =>
      state.listeners
        .values()
        .filter(({ description }) =>
          (description.Certificates ?? []).some((each) => each.CertificateArn === certificateArn),
        )
        .map(({ arn }) => arn),
    send: sendTo,
    async forward(loadBalancerArn, port, request, response, responseHeaders) {
      const answer = await sendTo(loadBalancerArn, port, request);
      response.writeHead(answer.status, [...answer.headers, ...Object.entries(responseHeaders).flat()]);
      if (Buffer.isBuffer(answer.body)) response.end(answer.body);
      // A caller that goes away in the middle is no error of ours.
      else await pipeline(answer.body, response).catch(() => response.destroy());
    },

    async start() {
      targetGroups.restore();
    },
    async stop() {
      targets.stop();
    },
  };
}
