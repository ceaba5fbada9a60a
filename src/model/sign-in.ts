/** Signing a user in, through whatever a user pool asks for after the password. */
import {
  AdminInitiateAuthCommand,
  AdminRespondToAuthChallengeCommand,
  AssociateSoftwareTokenCommand,
  type AuthenticationResultType,
  type ChallengeNameType,
  type CognitoIdentityProviderClient,
  InitiateAuthCommand,
  RespondToAuthChallengeCommand,
  VerifySoftwareTokenCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import type { SecondFactor } from './authenticator.ts';
import { SaasError } from './error.ts';

export interface UserPool {
  userPoolId: string;
  clientId: string;
}

export interface Credentials {
  email: string;
  password: string;
  /** Taken when the password was only mailed. */
  newPassword?: string | undefined;
  /** Where the pool asks for one. */
  secondFactor?: SecondFactor | undefined;
}

interface Answer {
  AuthenticationResult?: AuthenticationResultType | undefined;
  ChallengeName?: ChallengeNameType | undefined;
  ChallengeParameters?: Record<string, string> | undefined;
  Session?: string | undefined;
}

/** A wrong code may be a slip, or one that was used; Cognito locks out whoever goes on. */
const codesTried = 3;
/** A new password, a new authenticator, a code: no user is asked for more. */
const challengesAnswered = 4;

/** By an administrator's operations, which credentials are needed for; or by the public ones, as an application does it. */
export type SignInWay = 'administrator' | 'application';

/**
 * Throws Cognito's refusals, `new_password_required`, `second_factor_required`, `sign_in_incomplete` for a challenge that
 * isn't known here, and what the second factor throws.
 */
export async function signInByPassword(
  client: CognitoIdentityProviderClient,
  pool: UserPool,
  credentials: Credentials,
  way: SignInWay = 'administrator',
): Promise<AuthenticationResultType & { IdToken: string }> {
  const { email, password } = credentials;
  const { userPoolId: UserPoolId, clientId: ClientId } = pool;
  const AuthParameters = { USERNAME: email, PASSWORD: password };
  let answer: Answer =
    way === 'administrator'
      ? await client.send(
          new AdminInitiateAuthCommand({
            UserPoolId,
            ClientId,
            AuthFlow: 'ADMIN_USER_PASSWORD_AUTH',
            AuthParameters,
          }),
        )
      : await client.send(
          new InitiateAuthCommand({ ClientId, AuthFlow: 'USER_PASSWORD_AUTH', AuthParameters }),
        );
  const respond: Respond = (ChallengeName, responses, { Session, ChallengeParameters }) => {
    const given = {
      ClientId,
      ChallengeName,
      ...(Session !== undefined && { Session }),
      ChallengeResponses: { USERNAME: ChallengeParameters?.['USER_ID_FOR_SRP'] ?? email, ...responses },
    };
    return way === 'administrator'
      ? client.send(new AdminRespondToAuthChallengeCommand({ UserPoolId, ...given }))
      : client.send(new RespondToAuthChallengeCommand(given));
  };
  for (let answered = 0; answer.ChallengeName !== undefined; answered++) {
    if (answered === challengesAnswered) break;
    answer = await next(client, respond, credentials, answer);
  }
  const { AuthenticationResult: result } = answer;
  if (result?.IdToken) return { ...result, IdToken: result.IdToken };
  throw incomplete(email, answer.ChallengeName);
}

type Respond = (
  challenge: ChallengeNameType,
  responses: Record<string, string>,
  to: Answer,
) => Promise<Answer>;

async function next(
  client: CognitoIdentityProviderClient,
  respond: Respond,
  { email, newPassword, secondFactor }: Credentials,
  answer: Answer,
): Promise<Answer> {
  const { ChallengeName, Session } = answer;
  switch (ChallengeName) {
    case 'NEW_PASSWORD_REQUIRED':
      if (newPassword === undefined)
        throw new SaasError('new_password_required', `"${email}" has not chosen a password yet`, {
          hint: 'sign in once with the temporary password from the invitation',
        });
      return respond('NEW_PASSWORD_REQUIRED', { NEW_PASSWORD: newPassword }, answer);
    case 'SOFTWARE_TOKEN_MFA': {
      const factor = needed(email, secondFactor);
      return untilRight(factor, (code) =>
        respond('SOFTWARE_TOKEN_MFA', { SOFTWARE_TOKEN_MFA_CODE: code }, answer),
      );
    }
    case 'MFA_SETUP': {
      const factor = needed(email, secondFactor);
      const made = await client.send(
        new AssociateSoftwareTokenCommand({ ...(Session !== undefined && { Session }) }),
      );
      await factor.enrol(made.SecretCode ?? '');
      const proved = await untilRight(factor, (UserCode) =>
        client.send(
          new VerifySoftwareTokenCommand({
            ...(made.Session !== undefined && { Session: made.Session }),
            UserCode,
          }),
        ),
      );
      return respond('MFA_SETUP', {}, { ...answer, Session: proved.Session });
    }
    default:
      throw incomplete(email, ChallengeName);
  }
}

function needed(email: string, secondFactor: SecondFactor | undefined): SecondFactor {
  if (secondFactor) return secondFactor;
  throw new SaasError('second_factor_required', `"${email}" can't be signed in with a password alone`, {
    detail: 'the user pool asks for a code of his authenticator app',
    hint: 'give the code: --mfa-code, or SAAS_ECS_MFA_CODE',
  });
}

const incomplete = (email: string, challenge: string | undefined): SaasError =>
  new SaasError('sign_in_incomplete', `"${email}" can't be signed in with a password alone`, {
    detail: `the user pool asks for ${challenge ?? 'another challenge'}`,
  });

/** Cognito's names for a code that is wrong, or was used before. */
const wrongCode = /^(CodeMismatch|ExpiredCode|EnableSoftwareTokenMFA)Exception$/;

async function untilRight<T>(factor: SecondFactor, use: (code: string) => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried++) {
    const code = await factor.code();
    try {
      return await use(code);
    } catch (error) {
      if (!(error instanceof Error && wrongCode.test(error.name))) throw error;
      if (tried === codesTried)
        throw new SaasError('code_refused', 'the code of the authenticator app was refused', {
          detail: error.message,
          hint: 'a code is good once, for half a minute; check the clock of the device, then try again',
          cause: error,
        });
    }
  }
}
