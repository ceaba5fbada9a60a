/** IAM: what an account's roles may do. The evaluator is `policy.ts`; this puts principals and roles before it. */
import {
  type Access,
  AwsError,
  type AwsService,
  type Cloud,
  type IamApi,
  type Principal,
  type Protocol,
} from '../platform.ts';
import { iamOperations } from './operations/index.ts';
import type { Lookup } from './pattern.ts';
import { type CompiledPolicy, compilePolicy, decide, type PolicySet } from './policy.ts';
import { iamResourceTypes } from './resource-types.ts';
import { openIamState, type RoleRecord } from './state.ts';

/** How a protocol's services say that a caller may not do something. */
export function accessDenied(protocol: Protocol | undefined, message: string): AwsError {
  switch (protocol) {
    case 'query':
    case 'rest-xml':
      return new AwsError('AccessDenied', message, 403);
    case 'ec2':
      return new AwsError('UnauthorizedOperation', message, 403);
    case 'rest-json':
      return new AwsError('AccessDeniedException', message, 403);
    default:
      return new AwsError('AccessDeniedException', message, 400);
  }
}

const globalKey = /^aws:/;

/**
 * The condition keys of one request: the service's own, the global ones that say who calls, and `extra`.
 * Keys are looked up in lower case; session tags are `aws:PrincipalTag/<key>`.
 */
export function requestLookup(
  cloud: Pick<Cloud, 'account' | 'region' | 'clock'>,
  principal: Principal,
  context: Access['context'] = {},
): Lookup {
  const own = new Map<string, readonly string[]>();
  for (const key in context) {
    const value = context[key];
    if (value !== undefined) own.set(key.toLowerCase(), typeof value === 'string' ? [value] : value);
  }
  return (key) => {
    const given = own.get(key);
    if (given || !globalKey.test(key)) return given;
    if (key.startsWith('aws:principaltag/')) {
      const wanted = key.slice('aws:principaltag/'.length);
      const { tags } = principal;
      for (const name in tags) {
        const value = tags[name];
        if (value !== undefined && name.toLowerCase() === wanted) return [value];
      }
      return undefined;
    }
    switch (key) {
      // A role's principal ARN is the role's, not its session's.
      case 'aws:principalarn':
        return [principal.roleArn ?? principal.arn];
      case 'aws:principalaccount':
      case 'aws:resourceaccount':
        return [cloud.account];
      case 'aws:principaltype':
        return [principal.type === 'role' ? 'AssumedRole' : 'Account'];
      case 'aws:userid':
        return [principal.userId];
      case 'aws:principalisawsservice':
      case 'aws:viaawsservice':
      case 'aws:securetransport':
        return ['false'];
      case 'aws:requestedregion':
        return [cloud.region];
      case 'aws:sourceip':
        return ['127.0.0.1'];
      case 'aws:currenttime':
        return [new Date(cloud.clock.now()).toISOString()];
      case 'aws:epochtime':
        return [String(Math.floor(cloud.clock.now() / 1000))];
      default:
        return undefined;
    }
  };
}

export function createIam(cloud: Cloud): AwsService & IamApi {
  const state = openIamState(cloud);
  const sessions = new WeakMap<readonly unknown[], readonly CompiledPolicy[]>();
  const protocols = new Map<string, Protocol>();

  const protocolOf = (action: string): Protocol | undefined => {
    if (protocols.size === 0)
      for (const service of cloud.services)
        protocols.set(service.iamPrefix ?? service.signingName, service.protocol);
    return protocols.get(action.slice(0, action.indexOf(':')));
  };

  const policySet = (principal: Principal, role: RoleRecord | undefined): PolicySet => {
    if (!role) return { identity: [] };
    const { identity, boundary } = state.compiledRole(role);
    if (principal.sessionPolicies.length === 0) return { identity, boundary };
    let session = sessions.get(principal.sessionPolicies);
    if (!session) {
      session = principal.sessionPolicies.map((document) => compilePolicy(document));
      sessions.set(principal.sessionPolicies, session);
    }
    return { identity, boundary, session };
  };

  const authorize = (principal: Principal, access: Access): void => {
    if (principal.type === 'administrator') return;
    const { action, resource } = access;
    if (principal.type === 'anonymous')
      throw accessDenied(
        protocolOf(action),
        `User: anonymous is not authorized to perform: ${action} on resource: ${resource}`,
      );
    const role = principal.roleArn ? state.roleByArn(principal.roleArn) : undefined;
    const request = { action, resource, lookup: requestLookup(cloud, principal, access.context) };
    const verdict = decide(policySet(principal, role), request);
    if (role) state.noteCall(role, request, verdict.allowed);
    if (verdict.allowed) return;
    throw accessDenied(
      protocolOf(action),
      `User: ${principal.arn} is not authorized to perform: ${action} on resource: ${resource} ${verdict.reason}`,
    );
  };

  return {
    signingName: 'iam',
    protocol: 'query',
    xmlNamespace: 'https://iam.amazonaws.com/doc/2010-05-08/',
    operations: iamOperations(cloud, state),
    resourceTypes: iamResourceTypes(state),
    authorize,
  };
}
