/** Signing in, by users and by administrators for them. */
import {
  AdminInitiateAuth$,
  type AdminInitiateAuthCommandInput,
  AdminRespondToAuthChallenge$,
  type AdminRespondToAuthChallengeCommandInput,
  InitiateAuth$,
  type InitiateAuthCommandInput,
  RespondToAuthChallenge$,
  type RespondToAuthChallengeCommandInput,
  RevokeToken$,
  type RevokeTokenCommandInput,
} from '@aws-sdk/client-cognito-identity-provider';
import { AwsError, type Operation } from '../../../platform.ts';
import { notAuthorized } from '../errors.ts';
import type { Parts } from '../parts.ts';
import type { SignIn } from '../sign-in.ts';
import { onPool, openToAll } from './making.ts';

export function signInOperations(parts: Parts, signIn: SignIn): Operation[] {
  const { clients, tokens } = parts;
  return [
    openToAll(InitiateAuth$, (input: InitiateAuthCommandInput) =>
      signIn.initiate(clients.get(input.ClientId), input.AuthFlow, input.AuthParameters),
    ),
    openToAll(RespondToAuthChallenge$, (input: RespondToAuthChallengeCommandInput) =>
      signIn.respond(
        clients.get(input.ClientId),
        input.ChallengeName,
        input.Session,
        input.ChallengeResponses,
      ),
    ),
    onPool(parts, AdminInitiateAuth$, (input: AdminInitiateAuthCommandInput, pool) =>
      signIn.initiate(clients.in(pool.id, input.ClientId), input.AuthFlow, input.AuthParameters, true),
    ),
    onPool(parts, AdminRespondToAuthChallenge$, (input: AdminRespondToAuthChallengeCommandInput, pool) =>
      signIn.respond(
        clients.in(pool.id, input.ClientId),
        input.ChallengeName,
        input.Session,
        input.ChallengeResponses,
      ),
    ),
    openToAll(RevokeToken$, (input: RevokeTokenCommandInput) => {
      const client = clients.get(input.ClientId);
      if (client.secret !== undefined && client.secret !== input.ClientSecret) {
        throw new AwsError('UnauthorizedException', 'Unable to verify the client secret.', 401);
      }
      if (client.settings.EnableTokenRevocation === false) {
        throw new AwsError(
          'UnsupportedOperationException',
          'Token revocation is not enabled for the client.',
        );
      }
      const token = input.Token ?? '';
      if (token.split('.').length === 3) {
        throw new AwsError('UnsupportedTokenTypeException', 'Only refresh tokens can be revoked.');
      }
      try {
        tokens.revoke(tokens.refresh(token, client));
      } catch (error) {
        // What is revoked or expired already is as it should be.
        const message = error instanceof AwsError ? error.message : '';
        if (message === 'Invalid Refresh Token') throw notAuthorized(message);
        if (!(error instanceof AwsError)) throw error;
      }
      return {};
    }),
  ];
}
