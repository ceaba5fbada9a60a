/** How an HTTP integration reaches its target: through a VPC Link to a load balancer, or directly on this machine. */
import { Agent, request as startRequest } from 'node:http';
import type { Integration } from '@aws-sdk/client-api-gateway';
import type { Cloud, LoadBalancerRequest, LoadBalancerResponse } from '../../../platform.ts';
import { createAdmission } from '../../api-gateway-v2/vpc-links.ts';
import { Refusal } from './gateway-responses.ts';

export type Connect = (request: LoadBalancerRequest, signal: AbortSignal) => Promise<LoadBalancerResponse>;

const fill = (text: string, variables: Readonly<Record<string, string>>): string =>
  text.replace(/\$\{stageVariables\.(\w+)\}/g, (_whole, name: string) => variables[name] ?? '');

const loopback = /^(127(\.\d{1,3}){3}|localhost)$/;

export function connector(
  cloud: Cloud,
  integration: Integration,
  host: string,
  port: number,
  variables: Readonly<Record<string, string>>,
): Connect {
  if (integration.connectionType === 'VPC_LINK') {
    const linkId = fill(integration.connectionId ?? '', variables);
    const loadBalancerArn = fill(integration.integrationTarget ?? '', variables);
    const admits = createAdmission(cloud, linkId, loadBalancerArn, port);
    return (request, signal) => {
      // A link that was deleted, or that the load balancer's security groups keep out, reaches nothing.
      if (!admits())
        return Promise.reject(
          new Error(`the VPC Link ${linkId} does not reach ${loadBalancerArn} on port ${port}`),
        );
      return cloud.loadBalancer.send(loadBalancerArn, port, request, signal);
    };
  }
  if (!loopback.test(host)) {
    return () => {
      cloud.log(
        `apigateway: an integration with ${host} was not tried: the embedded cloud stays on this machine`,
      );
      return Promise.reject(new Refusal('API_CONFIGURATION_ERROR'));
    };
  }
  const agent = new Agent({ keepAlive: true, scheduling: 'lifo' });
  return (request, signal) =>
    new Promise((resolve, reject) => {
      const call = startRequest(
        { host, port, method: request.method, path: request.path, headers: request.headers, agent, signal },
        (response) =>
          resolve({ status: response.statusCode ?? 502, headers: response.rawHeaders, body: response }),
      );
      call.once('error', reject);
      call.end(request.body.length > 0 ? request.body : undefined);
    });
}
