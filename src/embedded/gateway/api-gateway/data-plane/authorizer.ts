/** Lambda authorizers: invoked for real, their answer cached by the identity sources' values. */
import type { Authorizer } from '@aws-sdk/client-api-gateway';
import { wholly } from '../../../foreign-pattern.ts';
import type { CompiledPolicy } from '../../../iam/policy.ts';
import { compilePolicy, evaluate } from '../../../iam/policy.ts';
import type { Cloud, Credentials } from '../../../platform.ts';
import { authorizerEvent } from './authorizer-event.ts';
import type { Exchange } from './exchange.ts';
import { Refusal } from './gateway-responses.ts';
import { compileSource } from './mapping.ts';

interface Answer {
  principalId: string;
  policy: CompiledPolicy;
  context: Record<string, string>;
  usageIdentifierKey: string | undefined;
}

export interface CompiledAuthorizer {
  /**
   * Lets a request pass, or throws a {@link Refusal}. The cached answer is a policy: it is evaluated for each request's own
   * method and path. Gives the API key that the authorizer names.
   */
  authorize(exchange: Exchange): Promise<string | undefined>;
}

/** Cached answers an authorizer; the oldest goes first. */
const maxCached = 10_000;

/** `…:lambda:path/2015-03-31/functions/<arn>/invocations` */
export const functionOf = (uri: string): string | undefined =>
  /\/functions\/([^/]+)\/invocations$/.exec(uri)?.[1];

const noCondition = (): undefined => undefined;

export function compileAuthorizer(cloud: Cloud, apiId: string, authorizer: Authorizer): CompiledAuthorizer {
  const { id = '', type, identityValidationExpression } = authorizer;
  const ttl = (authorizer.authorizerResultTtlInSeconds ?? 300) * 1000;
  const sources = (authorizer.identitySource ?? '')
    .split(',')
    .map((each) => each.trim())
    .filter(Boolean)
    .map(compileSource);
  const valid = identityValidationExpression === undefined ? undefined : wholly(identityValidationExpression);
  const functionArn = functionOf(authorizer.authorizerUri ?? '');
  const sourceArn = `arn:${cloud.partition}:execute-api:${cloud.region}:${cloud.account}:${apiId}/authorizers/${id}`;
  const cache = new Map<string, { answer: Answer; until: number }>();
  const underWay = new Map<string, Promise<Answer>>();
  let credentials: Credentials | undefined;

  /** With `authorizerCredentials` API Gateway invokes as that role, else by the function's resource policy. */
  const invoke = async (event: unknown): Promise<unknown> => {
    if (!functionArn) throw new Refusal('AUTHORIZER_CONFIGURATION_ERROR');
    const { authorizerCredentials: role } = authorizer;
    if (!role)
      return cloud.lambda.invoke(functionArn, event, { service: 'apigateway.amazonaws.com', sourceArn });
    if (!credentials || credentials.expiration.getTime() - cloud.clock.now() < 60_000)
      credentials = cloud.sts.issueForService(role, 'apigateway.amazonaws.com', 'BackplaneAssumeRoleSession');
    cloud.iam.authorize(cloud.sts.principalOf(credentials.accessKeyId, credentials.sessionToken), {
      action: 'lambda:InvokeFunction',
      resource: functionArn,
    });
    return cloud.lambda.invoke(functionArn, event);
  };

  const ask = async (exchange: Exchange, identity: readonly string[]): Promise<Answer> => {
    let result: unknown;
    try {
      result = await invoke(authorizerEvent(exchange, authorizer, identity));
    } catch (error) {
      if (error instanceof Refusal) throw error;
      const message = error instanceof Error ? error.message : String(error);
      // The one error message that means something: the caller is not known.
      if (message === 'Unauthorized') throw new Refusal('UNAUTHORIZED');
      cloud.log(`apigateway: the authorizer ${authorizer.name ?? id} of ${apiId} failed: ${message}`);
      exchange.authorizerStatus = 500;
      throw new Refusal('AUTHORIZER_FAILURE');
    }
    try {
      return readAnswer(result);
    } catch (error) {
      cloud.log(
        `apigateway: the authorizer ${authorizer.name ?? id} of ${apiId} gave no valid answer: ${(error as Error).message}`,
      );
      throw new Refusal('AUTHORIZER_CONFIGURATION_ERROR');
    }
  };

  const answerFor = async (exchange: Exchange, identity: readonly string[]): Promise<Answer> => {
    if (ttl === 0) return ask(exchange, identity);
    const key = JSON.stringify(identity);
    const now = cloud.clock.now();
    const cached = cache.get(key);
    if (cached && cached.until > now) return cached.answer;
    // Requests of one identity that come together wait for one invocation.
    let pending = underWay.get(key);
    if (!pending) {
      pending = ask(exchange, identity)
        .then((answer) => {
          cache.delete(key);
          if (cache.size >= maxCached) {
            const [oldest] = cache.keys();
            if (oldest !== undefined) cache.delete(oldest);
          }
          cache.set(key, { answer, until: cloud.clock.now() + ttl });
          return answer;
        })
        .finally(() => underWay.delete(key));
      underWay.set(key, pending);
    }
    return pending;
  };

  return {
    async authorize(exchange) {
      const identity: string[] = [];
      for (const source of sources) {
        const value = source(exchange);
        // API Gateway does not even ask when part of the identity is missing.
        if (value === undefined || value === '') throw new Refusal('UNAUTHORIZED');
        identity.push(value);
      }
      if (type === 'TOKEN' && valid && !valid.matches(identity[0] ?? '')) throw new Refusal('UNAUTHORIZED');
      const began = performance.now();
      const answer = await answerFor(exchange, identity);
      exchange.authorizerLatency = performance.now() - began;
      exchange.authorizerStatus = 200;
      exchange.authorizer = answer;
      const decision = evaluate([answer.policy], {
        action: 'execute-api:Invoke',
        resource: exchange.methodArn,
        lookup: noCondition,
      });
      if (decision === 'explicit-deny')
        throw new Refusal(
          'ACCESS_DENIED',
          'User is not authorized to access this resource with an explicit deny in an identity-based policy',
        );
      if (decision !== 'allow') throw new Refusal('ACCESS_DENIED');
      return answer.usageIdentifierKey;
    },
  };
}

function readAnswer(result: unknown): Answer {
  if (typeof result !== 'object' || result === null) throw new Error('it is no object');
  const { principalId, policyDocument, context, usageIdentifierKey } = result as Record<string, unknown>;
  if (typeof principalId !== 'string') throw new Error('principalId is no text');
  const texts: Record<string, string> = {};
  if (context !== undefined && context !== null) {
    if (typeof context !== 'object' || Array.isArray(context)) throw new Error('context is no object');
    for (const [key, value] of Object.entries(context)) {
      if (value === null) continue;
      if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
        throw new Error(`context.${key} is neither text, number nor boolean`);
      texts[key] = String(value);
    }
  }
  if (
    usageIdentifierKey !== undefined &&
    usageIdentifierKey !== null &&
    typeof usageIdentifierKey !== 'string'
  )
    throw new Error('usageIdentifierKey is no text');
  return {
    principalId,
    policy: compilePolicy(policyDocument),
    context: texts,
    usageIdentifierKey: usageIdentifierKey ?? undefined,
  };
}
