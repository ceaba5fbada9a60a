/** The Lambda authorizer of every cell's API. */
import { authorizerEnvironment } from '../../../model/names.ts';
import { type AuthorizerAnswer, type AuthorizerEvent, authorize } from './authorizer.ts';
import { createTokenVerifier, Unauthorized } from './token.ts';
import { registryTrust, rememberTrust } from './trust.ts';

const required = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
};

const trust = rememberTrust(
  registryTrust(
    required(authorizerEnvironment.registryTable),
    required(authorizerEnvironment.apiKeySecretArn),
  ),
);
const verifyToken = createTokenVerifier();

export async function handler(event: AuthorizerEvent): Promise<AuthorizerAnswer> {
  try {
    return await authorize(event, trust, verifyToken);
  } catch (error) {
    // Neither token nor claims are logged. A 401 is the caller's matter; anything else is ours.
    if (!(error instanceof Unauthorized))
      console.error(JSON.stringify({ level: 'error', msg: 'no decision', error: String(error) }));
    throw error;
  }
}
