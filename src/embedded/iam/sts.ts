/** STS: who calls, and credentials of roles. What it issued is kept until it expires: running tasks hold it. */
import {
  AssumeRole$,
  type AssumeRoleRequest,
  type AssumeRoleResponse,
  GetAccessKeyInfo$,
  GetCallerIdentity$,
  type GetCallerIdentityResponse,
  GetSessionToken$,
  type GetSessionTokenRequest,
  type GetSessionTokenResponse,
} from '@aws-sdk/client-sts';
import { parseJson } from '../../model/nesting.ts';
import {
  AwsError,
  type AwsService,
  type Call,
  type Cloud,
  type Credentials,
  operation,
  type Principal,
  type StsApi,
} from '../platform.ts';
import { requestLookup } from './iam.ts';
import { compilePolicy, decide, evaluate, PolicySyntaxError, type PrincipalIdentity } from './policy.ts';
import { openSessions } from './sessions.ts';
import { openIamState, type RoleRecord } from './state.ts';

/** AssumeRole calls a second in one account and Region (IAM and AWS STS quotas). */
const assumeRolePerSecond = 600;
/** Platforms' credentials: longer than any task needs to fetch new ones. */
const serviceSessionSeconds = 12 * 3600;

const invalid = (message: string): AwsError => new AwsError('ValidationError', message);

/** Seconds that a session holds, 900 to `most`. */
function durationOf(seconds: number, most: number): number {
  if (Number.isInteger(seconds) && seconds >= 900 && seconds <= most) return seconds;
  throw invalid(
    `1 validation error detected: Value '${seconds}' at 'durationSeconds' failed to satisfy constraint: Member must have value ${seconds > most ? `less than or equal to ${most}` : 'greater than or equal to 900'}`,
  );
}

export function createSts(cloud: Cloud): AwsService & StsApi {
  const iam = openIamState(cloud);
  const sessions = openSessions(cloud, iam);
  let second = 0;
  let calls = 0;

  const root = `arn:${cloud.partition}:iam::${cloud.account}:root`;
  const administrator: Principal = {
    type: 'administrator',
    arn: root,
    userId: cloud.account,
    tags: {},
    sessionPolicies: [],
  };
  const administrators = new Map<string, Principal>();

  const limitRate = (): void => {
    const now = Math.floor(cloud.clock.now() / 1000);
    if (now !== second) {
      second = now;
      calls = 0;
    }
    calls++;
    if (calls > assumeRolePerSecond) throw new AwsError('Throttling', 'Rate exceeded', 400);
  };

  const denied = (principal: Principal, action: string, resource: string): AwsError =>
    new AwsError(
      'AccessDenied',
      `User: ${principal.arn} is not authorized to perform: ${action} on resource: ${resource}`,
      403,
    );

  /**
   * One action on one role within the account. The trust policy must allow; where it names the account and not the
   * caller itself, the caller's own policies must allow too.
   */
  const admit = (
    principal: Principal,
    action: string,
    role: RoleRecord,
    context: Record<string, string | string[] | undefined>,
  ): void => {
    const { trust } = iam.compiledRole(role);
    const lookup = requestLookup(cloud, principal, context);
    const caller = principal.roleArn ? iam.roleByArn(principal.roleArn) : undefined;
    const own = principal.type === 'role' ? [principal.roleArn ?? principal.arn, principal.arn] : [];
    const asks = (aws: readonly string[]): ReturnType<typeof evaluate> => {
      const identity: PrincipalIdentity = { aws };
      return evaluate([trust], { action, resource: role.arn, lookup, principal: identity });
    };
    const request = { action, resource: role.arn, lookup };
    const note = (allowed: boolean): void => {
      if (caller) iam.noteCall(caller, request, allowed);
    };
    if (asks([...own, root]) !== 'allow') {
      note(false);
      throw denied(principal, action, role.arn);
    }
    if (principal.type === 'administrator') return;
    const direct = own.length > 0 && asks(own) === 'allow';
    const compiled = caller ? iam.compiledRole(caller) : undefined;
    const verdict = decide(
      {
        identity: compiled?.identity ?? [],
        boundary: compiled?.boundary,
        session:
          principal.sessionPolicies.length > 0
            ? principal.sessionPolicies.map((document) => compilePolicy(document))
            : undefined,
      },
      request,
    );
    const forbidden = verdict.reason.startsWith('with an explicit deny');
    // Being named in the trust policy stands in for an identity policy, not for a boundary or a session policy.
    const granted = verdict.allowed || (direct && verdict.reason.includes('identity-based'));
    note(!forbidden && granted);
    if (forbidden || !granted) throw denied(principal, action, role.arn);
  };

  const tagsOf = (input: AssumeRoleRequest, caller: Principal) => {
    const tags: Record<string, string> = {};
    const seen = new Set<string>();
    for (const { Key = '', Value = '' } of input.Tags ?? []) {
      if (Key.length < 1 || Key.length > 128 || Value.length > 256)
        throw invalid(
          `1 validation error detected: Value at 'tags' failed to satisfy constraint: a key has 1 to 128 and a value at most 256 characters`,
        );
      if (seen.has(Key.toLowerCase()))
        throw new AwsError(
          'InvalidParameterValue',
          'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
        );
      seen.add(Key.toLowerCase());
      tags[Key] = Value;
    }
    if (seen.size > 50)
      throw invalid(
        `1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50`,
      );
    const inherited = sessions.transitiveTags(caller.accessKeyId);
    for (const key of Object.keys(inherited)) {
      if (seen.has(key.toLowerCase()))
        throw new AwsError(
          'InvalidParameterValue',
          "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
        );
    }
    const transitive = input.TransitiveTagKeys ?? [];
    for (const key of transitive) {
      if (!(key in tags))
        throw new AwsError(
          'InvalidParameterValue',
          `The specified transitive tag key must be included in the requested tags.`,
        );
    }
    return { tags, inherited, transitive: [...transitive, ...Object.keys(inherited)] };
  };

  const sessionPolicies = (input: AssumeRoleRequest): unknown[] => {
    const documents: unknown[] = [];
    const add = (text: string): void => {
      try {
        const document: unknown = parseJson(text);
        compilePolicy(document);
        documents.push(document);
      } catch (error) {
        throw new AwsError(
          'MalformedPolicyDocument',
          error instanceof PolicySyntaxError ? error.message : 'This policy contains invalid Json',
        );
      }
    };
    if (input.Policy !== undefined) {
      if (input.Policy.length > 2048)
        throw invalid(
          `1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2048`,
        );
      add(input.Policy);
    }
    if ((input.PolicyArns?.length ?? 0) > 10)
      throw invalid(
        `1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to 10`,
      );
    for (const { arn = '' } of input.PolicyArns ?? []) add(iam.managedDocument(arn));
    return documents;
  };

  const answer = (credentials: Credentials) => ({
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey,
    SessionToken: credentials.sessionToken,
    Expiration: credentials.expiration,
  });

  const assumeRole = (input: AssumeRoleRequest, call: Call): AssumeRoleResponse => {
    limitRate();
    const { principal } = call;
    const { RoleArn = '', RoleSessionName = '' } = input;
    if (!/^[\w+=,.@-]{2,64}$/.test(RoleSessionName))
      throw invalid(
        `1 validation error detected: Value '${RoleSessionName}' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*`,
      );
    if (!/^arn:[\w-]+:iam::\d{12}:role\/.+$/.test(RoleArn)) throw invalid(`${RoleArn} is invalid`);
    const seconds = durationOf(input.DurationSeconds ?? 3600, 43_200);
    // That a role does not exist is nobody's business: AWS answers as for one that doesn't trust the caller.
    const role = iam.roleByArn(RoleArn);
    if (!role || principal.type === 'anonymous') throw denied(principal, 'sts:AssumeRole', RoleArn);
    const { tags, inherited, transitive } = tagsOf(input, principal);
    const context: Record<string, string | string[] | undefined> = {
      'sts:RoleSessionName': RoleSessionName,
      'sts:ExternalId': input.ExternalId,
      'sts:SourceIdentity': input.SourceIdentity,
    };
    const keys = [...Object.keys(tags), ...Object.keys(inherited)];
    if (keys.length > 0) context['aws:TagKeys'] = keys;
    if (transitive.length > 0) context['sts:TransitiveTagKeys'] = transitive;
    for (const [key, value] of Object.entries({ ...tags, ...inherited }))
      context[`aws:RequestTag/${key}`] = value;
    for (const [key, value] of Object.entries(role.tags)) {
      context[`aws:ResourceTag/${key}`] = value;
      context[`iam:ResourceTag/${key}`] = value;
    }
    admit(principal, 'sts:AssumeRole', role, context);
    if (keys.length > 0) admit(principal, 'sts:TagSession', role, context);
    if (input.SourceIdentity !== undefined) admit(principal, 'sts:SetSourceIdentity', role, context);
    if (seconds > role.maxSessionDuration)
      throw invalid('The requested DurationSeconds exceeds the MaxSessionDuration set for this role.');
    if (principal.type === 'role' && seconds > 3600)
      throw invalid(
        'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
      );
    const policies = sessionPolicies(input);
    const { credentials, session } = sessions.issue(role, RoleSessionName, seconds, {
      tags: { ...inherited, ...tags },
      transitive,
      policies,
    });
    return {
      Credentials: answer(credentials),
      AssumedRoleUser: { AssumedRoleId: session.userId, Arn: session.arn },
      PackedPolicySize: Math.ceil(((input.Policy?.length ?? 0) / 2048) * 100),
      ...(input.SourceIdentity === undefined ? {} : { SourceIdentity: input.SourceIdentity }),
    };
  };

  const free = { access: () => [] };
  return {
    signingName: 'sts',
    protocol: 'query',
    xmlNamespace: 'https://sts.amazonaws.com/doc/2011-06-15/',
    operations: [
      operation(
        GetCallerIdentity$,
        (_input: unknown, { principal }): GetCallerIdentityResponse => {
          if (principal.type === 'anonymous')
            throw new AwsError('MissingAuthenticationToken', 'Request is missing Authentication Token', 403);
          return { Account: cloud.account, Arn: principal.arn, UserId: principal.userId };
        },
        free,
      ),
      // Decided here by the trust policy together with the caller's own.
      operation(AssumeRole$, assumeRole, free),
      operation(
        GetSessionToken$,
        (input: GetSessionTokenRequest, { principal }): GetSessionTokenResponse => {
          if (principal.type !== 'administrator')
            throw new AwsError('AccessDenied', 'Cannot call GetSessionToken with session credentials', 403);
          const seconds = durationOf(input.DurationSeconds ?? 43_200, 129_600);
          return { Credentials: answer(sessions.issueAdministrator(seconds)) };
        },
        free,
      ),
      operation(GetAccessKeyInfo$, () => ({ Account: cloud.account })),
    ],

    issueForService(roleArn, servicePrincipal, sessionName) {
      const role = iam.roleByArn(roleArn);
      const refused = new AwsError(
        'AccessDenied',
        `${servicePrincipal} is unable to assume the role ${roleArn}: ${role ? 'its trust policy does not name the service' : 'it does not exist'}`,
        403,
      );
      if (!role) throw refused;
      const lookup = requestLookup(
        cloud,
        { ...administrator, arn: servicePrincipal, userId: servicePrincipal },
        { 'aws:PrincipalIsAWSService': 'true', 'aws:SourceAccount': cloud.account },
      );
      const verdict = evaluate([iam.compiledRole(role).trust], {
        action: 'sts:AssumeRole',
        resource: role.arn,
        lookup,
        principal: { aws: [], service: servicePrincipal },
      });
      if (verdict !== 'allow') throw refused;
      return sessions.issue(role, sessionName, serviceSessionSeconds).credentials;
    },

    principalOf(accessKeyId, sessionToken) {
      if (!accessKeyId)
        return { type: 'anonymous', arn: 'anonymous', userId: 'anonymous', tags: {}, sessionPolicies: [] };
      const issued = sessions.principal(accessKeyId, sessionToken, administrator);
      if (issued) return issued;
      let principal = administrators.get(accessKeyId);
      if (!principal) {
        if (administrators.size > 1000) administrators.clear();
        principal = { ...administrator, accessKeyId };
        administrators.set(accessKeyId, principal);
      }
      return principal;
    },
    stop: async () => sessions.stop(),
  };
}
