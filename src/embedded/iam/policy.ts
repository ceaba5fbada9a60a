/** IAM policy documents: checked and compiled once, evaluated per request. Pure: knows no store and no cloud. */

import { parseJson } from '../../model/nesting.ts';
import { type Condition, compileCondition } from './condition.ts';
import { compileArn, compilePattern, type Lookup, type Pattern } from './pattern.ts';

/** Who is asking, as a Principal element sees it. */
export interface PrincipalIdentity {
  /** Every ARN and id the caller answers to: its session, its role, its account. */
  aws: readonly string[];
  service?: string;
  federated?: string;
}

export interface PolicyRequest {
  /** e.g. `dynamodb:Query` */
  action: string;
  /** An ARN, or `*` for an action that names none: any Allow statement's resource then fits. */
  resource: string;
  lookup: Lookup;
  /** Only for resource and trust policies. */
  principal?: PrincipalIdentity;
}

export type Decision = 'allow' | 'explicit-deny' | 'implicit-deny';

export interface CompiledPolicy {
  readonly statements: readonly Statement[];
}

interface Statement {
  readonly deny: boolean;
  readonly actions: readonly Pattern[];
  readonly notActions: boolean;
  /** Undefined in trust policies. */
  readonly resources: readonly Pattern[] | undefined;
  readonly notResources: boolean;
  readonly principals: ((principal: PrincipalIdentity, lookup: Lookup) => boolean) | undefined;
  readonly conditions: readonly Condition[];
}

/** A document that IAM would refuse; the message is what MalformedPolicyDocument says. */
export class PolicySyntaxError extends Error {
  override readonly name = 'PolicySyntaxError';
}

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function strings(value: unknown): string[] {
  return list(value).map((entry) => {
    if (typeof entry === 'string') return entry;
    if (typeof entry === 'number' || typeof entry === 'boolean') return String(entry);
    throw new PolicySyntaxError('Syntax errors in policy.');
  });
}

const statementKeys = new Set([
  'Sid',
  'Effect',
  'Principal',
  'NotPrincipal',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
]);

function compileActions(source: unknown): Pattern[] {
  return strings(source).map((action) => {
    if (action !== '*' && !/^[A-Za-z0-9_-]+:[^:\s]+$/.test(action))
      throw new PolicySyntaxError(
        'Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.',
      );
    return compilePattern(action, { wildcards: true, ignoreCase: true, variables: false });
  });
}

function compileResources(source: unknown, variables: boolean): Pattern[] {
  return strings(source).map((resource) => {
    if (resource !== '*' && !resource.startsWith('arn:') && !resource.startsWith('${'))
      throw new PolicySyntaxError(`Resource ${resource} must be in ARN format or "*".`);
    return compileArn(resource, variables);
  });
}

function compilePrincipals(
  source: unknown,
  negated: boolean,
): (principal: PrincipalIdentity, lookup: Lookup) => boolean {
  const tests: ((principal: PrincipalIdentity) => boolean)[] = [];
  if (source === '*') tests.push(() => true);
  else if (isObject(source)) {
    for (const [kind, value] of Object.entries(source)) {
      for (const wanted of strings(value)) {
        if (kind === 'AWS') {
          // An account may be named by its id alone.
          const full = /^\d{12}$/.test(wanted) ? `arn:aws:iam::${wanted}:root` : wanted;
          tests.push(({ aws }) => (full === '*' ? aws.length > 0 : aws.includes(full)));
        } else if (kind === 'Service') tests.push(({ service }) => service === wanted);
        else if (kind === 'Federated') tests.push(({ federated }) => federated === wanted);
        else if (kind !== 'CanonicalUser')
          throw new PolicySyntaxError(`Invalid principal in policy: "${kind}":"${wanted}"`);
      }
    }
  } else throw new PolicySyntaxError('Invalid principal in policy.');
  return (principal) => tests.some((test) => test(principal)) !== negated;
}

function compileStatement(source: unknown, kind: PolicyKind, variables: boolean): Statement {
  if (!isObject(source)) throw new PolicySyntaxError('Syntax errors in policy.');
  for (const key of Object.keys(source))
    if (!statementKeys.has(key)) throw new PolicySyntaxError(`Unknown field ${key}`);
  const { Effect, Action, NotAction, Resource, NotResource, Principal, NotPrincipal, Condition } = source;
  if (Effect !== 'Allow' && Effect !== 'Deny') throw new PolicySyntaxError('Invalid effect in policy.');
  if ((Action === undefined) === (NotAction === undefined))
    throw new PolicySyntaxError('Policy statement must contain actions.');
  if (kind === 'identity') {
    if (Principal !== undefined || NotPrincipal !== undefined)
      throw new PolicySyntaxError('Policy document should not specify a principal.');
    if ((Resource === undefined) === (NotResource === undefined))
      throw new PolicySyntaxError('Policy statement must contain resources.');
  } else {
    if ((Principal === undefined) === (NotPrincipal === undefined))
      throw new PolicySyntaxError('Missing required field Principal');
    if (kind === 'trust' && (Resource !== undefined || NotResource !== undefined))
      throw new PolicySyntaxError('Has prohibited field Resource');
  }
  const conditions: Condition[] = [];
  if (Condition !== undefined) {
    if (!isObject(Condition)) throw new PolicySyntaxError('Syntax errors in policy.');
    for (const [operator, entries] of Object.entries(Condition)) {
      if (!isObject(entries)) throw new PolicySyntaxError('Syntax errors in policy.');
      for (const [key, values] of Object.entries(entries)) {
        try {
          conditions.push(compileCondition(operator, key, strings(values), variables));
        } catch (error) {
          throw new PolicySyntaxError(error instanceof Error ? error.message : String(error));
        }
      }
    }
  }
  const resources = Resource ?? NotResource;
  return {
    deny: Effect === 'Deny',
    actions: compileActions(Action ?? NotAction),
    notActions: Action === undefined,
    resources: resources === undefined ? undefined : compileResources(resources, variables),
    notResources: Resource === undefined && NotResource !== undefined,
    principals:
      kind === 'identity' ? undefined : compilePrincipals(Principal ?? NotPrincipal, Principal === undefined),
    conditions,
  };
}

/** identity: of a role, a boundary or a session. trust: who may assume a role. resource: of a bucket, function, … */
export type PolicyKind = 'identity' | 'trust' | 'resource';

/** Checks and compiles a policy document (parsed JSON). Throws PolicySyntaxError. */
export function compilePolicy(document: unknown, kind: PolicyKind = 'identity'): CompiledPolicy {
  if (!isObject(document)) throw new PolicySyntaxError('Syntax errors in policy.');
  const { Version, Statement } = document;
  if (Version !== undefined && Version !== '2012-10-17' && Version !== '2008-10-17')
    throw new PolicySyntaxError('The policy must contain a valid version string');
  if (Statement === undefined) throw new PolicySyntaxError('Missing required field Statement');
  // Variables exist from version 2012-10-17 on; before, they are plain text.
  const variables = Version === '2012-10-17';
  return { statements: list(Statement).map((entry) => compileStatement(entry, kind, variables)) };
}

/** Parses and compiles a document given as JSON text. Throws PolicySyntaxError. */
export function parsePolicy(text: string, kind: PolicyKind = 'identity'): CompiledPolicy {
  let document: unknown;
  try {
    document = parseJson(text);
  } catch {
    throw new PolicySyntaxError('Syntax errors in policy.');
  }
  return compilePolicy(document, kind);
}

function resourceFits(statement: Statement, request: PolicyRequest): boolean {
  const { resources } = statement;
  if (!resources) return true;
  if (request.resource === '*' && !statement.deny) return true;
  for (const pattern of resources)
    if (pattern.matches(request.resource, request.lookup)) return !statement.notResources;
  return statement.notResources;
}

function applies(statement: Statement, request: PolicyRequest): boolean {
  let action = false;
  for (const pattern of statement.actions) {
    if (pattern.matches(request.action, request.lookup)) {
      action = true;
      break;
    }
  }
  if (action === statement.notActions) return false;
  if (statement.principals && !(request.principal && statement.principals(request.principal, request.lookup)))
    return false;
  if (!resourceFits(statement, request)) return false;
  for (const condition of statement.conditions) if (!condition(request.lookup)) return false;
  return true;
}

/** The outcome of a set of policies taken together: an explicit deny wins, else any allow, else nothing. */
export function evaluate(policies: readonly CompiledPolicy[], request: PolicyRequest): Decision {
  let decision: Decision = 'implicit-deny';
  for (const policy of policies) {
    for (const statement of policy.statements) {
      if (decision === 'allow' && !statement.deny) continue;
      if (!applies(statement, request)) continue;
      if (statement.deny) return 'explicit-deny';
      decision = 'allow';
    }
  }
  return decision;
}

/** Which statement decides, as {@link evaluate} does: the first that denies, else the first that allows. */
export function decidingStatement(
  policies: readonly CompiledPolicy[],
  request: PolicyRequest,
): { policy: number; statement: number } | undefined {
  let allowing: { policy: number; statement: number } | undefined;
  for (const [policy, { statements }] of policies.entries()) {
    for (const [statement, each] of statements.entries()) {
      if (!applies(each, request)) continue;
      if (each.deny) return { policy, statement };
      allowing ??= { policy, statement };
    }
  }
  return allowing;
}

/** What bounds a caller: its own policies, and where set a permissions boundary and a session's policies. */
export interface PolicySet {
  identity: readonly CompiledPolicy[];
  boundary?: readonly CompiledPolicy[] | undefined;
  session?: readonly CompiledPolicy[] | undefined;
}

export interface Verdict {
  allowed: boolean;
  /** AWS's words for why not, e.g. `because no identity-based policy allows the s3:GetObject action`. */
  reason: string;
}

const allowedVerdict: Verdict = { allowed: true, reason: '' };

/** Intersects the sets; a deny in any of them wins. */
export function decide(set: PolicySet, request: PolicyRequest): Verdict {
  const identity = evaluate(set.identity, request);
  const boundary = set.boundary ? evaluate(set.boundary, request) : 'allow';
  const session = set.session ? evaluate(set.session, request) : 'allow';
  if (identity === 'allow' && boundary === 'allow' && session === 'allow') return allowedVerdict;
  const denied = (reason: string): Verdict => ({ allowed: false, reason });
  if (identity === 'explicit-deny') return denied('with an explicit deny in an identity-based policy');
  if (boundary === 'explicit-deny') return denied('with an explicit deny in a permissions boundary');
  if (session === 'explicit-deny') return denied('with an explicit deny in a session policy');
  const absent = (what: string): Verdict => denied(`because no ${what} allows the ${request.action} action`);
  if (boundary === 'implicit-deny' && identity === 'allow') return absent('permissions boundary');
  if (session === 'implicit-deny' && identity === 'allow') return absent('session policy');
  return absent('identity-based policy');
}
