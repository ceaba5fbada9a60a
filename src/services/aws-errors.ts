import { ExitCode, SaasError } from '../model/error.ts';
import { isToolkitError, readToolkitFailure } from './toolkit-errors.ts';

interface Fields {
  name?: string;
  message?: string;
  code?: string;
  $fault?: string;
  $metadata?: { httpStatusCode?: number; requestId?: string };
}

interface Rule {
  when: (error: Fields, text: string) => boolean;
  code: string;
  message: string | ((text: string) => string);
  hint: string;
  /** The message says it all: what AWS said goes unsaid. */
  plain?: true;
}

/** Thrown by the SDK's credential chain, before any call. */
const ofChain = ({ name = '' }: Fields): boolean =>
  name === 'CredentialsProviderError' || name === 'TokenProviderError';

const missingProfile = /profile:? \[([^\]]+)\]|Profile (\S+) was not found/i;

const rules: readonly Rule[] = [
  {
    when: (error, text) =>
      /^(Expired(Token|TokenException)|TokenRefreshRequired)$/.test(error.name ?? '') ||
      (ofChain(error) && /expired/i.test(text)),
    code: 'credentials_expired',
    message: 'the AWS credentials have expired',
    hint: 'sign in again (for example: aws sso login), then run the command again',
    plain: true,
  },
  {
    when: (error, text) => ofChain(error) && missingProfile.test(text),
    code: 'no_profile',
    message: (text) => {
      const [, bracketed, bare] = missingProfile.exec(text) ?? [];
      return `the AWS profile "${bracketed ?? bare ?? ''}" gives no credentials`;
    },
    hint: 'see what there is with: aws configure list-profiles; then use one with --profile',
    plain: true,
  },
  {
    when: (error, text) => ofChain(error) && /multi-factor/i.test(text),
    code: 'mfa_needed',
    message: 'the AWS profile asks for an MFA code',
    hint: 'sign in first, so that no code is needed: aws sso login, or aws sts get-session-token',
    plain: true,
  },
  {
    when: ofChain,
    code: 'no_credentials',
    message: 'there are no AWS credentials',
    hint: 'name a profile with --profile, or sign in (for example: aws sso login)',
    plain: true,
  },
  {
    when: ({ name = '' }) =>
      [
        'UnrecognizedClientException',
        'InvalidClientTokenId',
        'SignatureDoesNotMatch',
        'InvalidSignatureException',
      ].includes(name),
    code: 'bad_credentials',
    message: 'AWS does not accept these credentials',
    hint: 'check the profile and the account: aws sts get-caller-identity',
  },
  {
    when: ({ name = '', $metadata }) =>
      /^AccessDenied(Exception)?$|^UnauthorizedOperation$/.test(name) ||
      ($metadata?.httpStatusCode === 403 && /not authorized/i.test(name)),
    code: 'access_denied',
    message: 'AWS denied a call',
    hint: 'the detail names the action and the resource; grant it to the role that you use',
  },
  {
    when: (_, text) =>
      /is in [A-Z_]+_IN_PROGRESS state|^ChangeSet \S+ cannot be created because it already exists|Stack \[\S+\] already exists/.test(
        text,
      ),
    code: 'stack_busy',
    message: 'another operation is under way on the stack',
    hint: 'wait for it to end, then run the command again',
  },
  {
    when: ({ name = '' }) => /Throttling|TooManyRequests|RequestLimitExceeded|SlowDown/.test(name),
    code: 'aws_throttled',
    message: 'AWS is throttling this account',
    hint: 'run the command again in a minute; it goes on where it stopped',
  },
  {
    when: ({ name = '' }) => /LimitExceeded|QuotaExceeded|TooMany/.test(name),
    code: 'quota_exceeded',
    message: 'an AWS quota is used up',
    hint: 'raise the quota that the detail names, or remove what is unused',
  },
  {
    when: ({ name, code }, text) =>
      /ECONNREFUSED|ECONNRESET|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT/.test(`${name} ${code} ${text}`) ||
      name === 'TimeoutError',
    code: 'unreachable',
    message: 'the environment does not answer',
    hint: 'on the embedded cloud: saas-ecs local status; on AWS: check the network. Then run the command again',
  },
];

/** What is said and advised for one of the codes that {@link toSaasError} gives; undefined for any other code. */
export function knownFailure(code: string): { message: string; hint: string } | undefined {
  const rule = rules.find((candidate) => candidate.code === code);
  if (!rule) return undefined;
  const { message, hint } = rule;
  return { message: typeof message === 'string' ? message : message(''), hint };
}

/** Turns whatever was thrown into the one error that a user sees. What AWS said goes into its detail. */
export function toSaasError(error: unknown): SaasError {
  if (error instanceof SaasError) return error;
  const fields = (typeof error === 'object' && error !== null ? error : {}) as Fields;
  if (fields.name === 'AbortError')
    return new SaasError('interrupted', 'stopped', { exitCode: ExitCode.interrupted, cause: error });
  const text = fields.message ?? String(error);
  const toolkit = isToolkitError(fields.name) ? readToolkitFailure(text) : undefined;
  // Below the toolkit's first line there may be what a task logged: that says nothing of this environment.
  const rule = rules.find((candidate) =>
    toolkit ? candidate.when({}, toolkit.message) : candidate.when(fields, text),
  );
  const said = toolkit?.message ?? [fields.name, text].filter((part) => part && part !== 'Error').join(': ');
  if (toolkit && !rule)
    return new SaasError('deployment_failed', toolkit.message, {
      detail: toolkit.detail,
      hint: 'repair the cause, then run the same command again',
      cause: error,
    });
  if (rule)
    return new SaasError(rule.code, typeof rule.message === 'string' ? rule.message : rule.message(text), {
      ...(!rule.plain && { detail: said }),
      hint: rule.hint,
      cause: error,
    });
  if (fields.$metadata)
    return new SaasError('aws_error', 'AWS refused a call', {
      detail: said,
      hint: 'see more with --debug',
      cause: error,
    });
  return new SaasError(
    'internal_error',
    `something went wrong that saas-ecs did not expect: ${text.split('\n', 1)[0]}`,
    {
      hint: 'run it again with --debug, and report what it prints',
      cause: error,
    },
  );
}
