/** Cognito's errors, with AWS's wording: clients and tests tell by it what went wrong. */
import { AwsError } from '../../platform.ts';

export const invalidParameter = (message: string): AwsError =>
  new AwsError('InvalidParameterException', message);
export const notFound = (message: string): AwsError => new AwsError('ResourceNotFoundException', message);
export const notAuthorized = (message: string): AwsError => new AwsError('NotAuthorizedException', message);
export const userNotFound = (): AwsError => new AwsError('UserNotFoundException', 'User does not exist.');
export const limitExceeded = (message: string): AwsError => new AwsError('LimitExceededException', message);
export const codeMismatch = (): AwsError =>
  new AwsError('CodeMismatchException', 'Invalid verification code provided, please try again.');
export const codeExpired = (): AwsError =>
  new AwsError('ExpiredCodeException', 'Invalid code provided, please request a code again.');
export const aliasExists = (attribute: string): AwsError =>
  new AwsError('AliasExistsException', `An account with the ${attribute} already exists.`);
export const invalidSession = (): AwsError =>
  notAuthorized('Invalid session for the user, session can only be used once.');
