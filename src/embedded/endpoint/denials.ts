/** The same refusal has another name in each protocol; services and IAM speak of it in one. */
import { AwsError, type Protocol } from '../platform.ts';

type Refusal = 'AccessDenied' | 'InvalidClientTokenId' | 'ExpiredToken' | 'MissingAuthenticationToken';

const json = {
  AccessDenied: 'AccessDeniedException',
  InvalidClientTokenId: 'UnrecognizedClientException',
  ExpiredToken: 'ExpiredTokenException',
  MissingAuthenticationToken: 'MissingAuthenticationTokenException',
} as const satisfies Record<Refusal, string>;

/** Sources: "Common Errors" of ECS, CloudFormation, EC2 and S3. */
const names: Record<Protocol, Partial<Record<Refusal, string>>> = {
  'json-1.0': json,
  'json-1.1': json,
  'rest-json': json,
  query: {},
  ec2: {
    AccessDenied: 'UnauthorizedOperation',
    InvalidClientTokenId: 'AuthFailure',
    ExpiredToken: 'RequestExpired',
  },
  'rest-xml': { InvalidClientTokenId: 'InvalidAccessKeyId', MissingAuthenticationToken: 'AccessDenied' },
};

/** Runs an authentication or authorization step; its refusal leaves under the protocol's own name. */
export function refusingAs<T>(protocol: Protocol, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw refusal(protocol, error.code, error.message, error.members);
  }
}

/** JSON services answer 400 to what they refuse, the others 403. */
export function refusal(
  protocol: Protocol,
  code: string,
  message: string,
  members: Readonly<Record<string, unknown>> = {},
): AwsError {
  const plain = code.replace(/Exception$/, '') as Refusal;
  return new AwsError(names[protocol][plain] ?? code, message, protocol.startsWith('json-') ? 400 : 403, {
    ...members,
  });
}
