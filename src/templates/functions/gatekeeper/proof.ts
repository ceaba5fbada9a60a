/** Asks a tenant's API as one of its users would: a user that exists for that one request. */
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  AdminCreateUserCommand,
  AdminDeleteUserCommand,
  AdminSetUserPasswordCommand,
  type CognitoIdentityProviderClient,
} from '@aws-sdk/client-cognito-identity-provider';
import { Authenticator } from '../../../model/authenticator.ts';
import { SaasError } from '../../../model/error.ts';
import { type Proof, probeAddress } from '../../../model/gatekeeper.ts';
import type { TenantItem } from '../../../model/registry.ts';
import { signInByPassword, type UserPool } from '../../../model/sign-in.ts';
import { userAttributes } from '../../../model/tenant.ts';

export interface Question {
  cognito: CognitoIdentityProviderClient;
  pool: UserPool;
  tenant: TenantItem;
  url: string;
  expected: Proof['expected'];
  /** Milliseconds that it may take: a new key or route takes a moment to reach every gateway. */
  withinMs: number;
}

/**
 * Asks until the answer is the one that is expected. Throws `not_served` or `still_served` with the last one, and what
 * Cognito refuses.
 */
export async function prove(question: Question): Promise<void> {
  const { url, expected, withinMs } = question;
  const until = Date.now() + withinMs;
  for (let wait = 50; ; wait = Math.min(wait * 2, 2_000)) {
    // With a user of its own each time: of a token that the gateway has seen it remembers what was decided before.
    const { status, words } = await withProbe(question, (token) => call(url, token));
    if (status === (expected === 'served' ? 200 : 403)) return;
    if (Date.now() + wait > until) throw unproved(expected, `${words}\nat ${url}`);
    await delay(wait);
  }
}

const unproved = (expected: Proof['expected'], detail: string): SaasError =>
  expected === 'served'
    ? new SaasError('not_served', "a request with the tenant's token is not served", { detail })
    : new SaasError('still_served', "a request with the tenant's token is not refused", { detail });

/** One request, never longer than the gateway's own 29 seconds. What a tenant is served with is not told. */
async function call(url: string, token: string): Promise<{ status: number | undefined; words: string }> {
  try {
    const response = await fetch(url, {
      headers: { authorization: `Bearer ${token}` },
      redirect: 'error',
      signal: AbortSignal.timeout(30_000),
    });
    const text = await response.text();
    const { status, ok } = response;
    return { status, words: `the API answered ${status}${ok ? '' : `: ${text.slice(0, 500)}`}` };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { status: undefined, words: `the API did not answer: ${reason}` };
  }
}

/**
 * Runs `use` with the ID token of a user with a random password and no mail, who is deleted whatever happens. One that a
 * cut-short run leaves can sign in nowhere, and goes with its tenant.
 */
async function withProbe<T>(
  { cognito, pool, tenant }: Question,
  use: (token: string) => Promise<T>,
): Promise<T> {
  const email = probeAddress(tenant.tenantId, randomUUID());
  const password = `${randomBytes(24).toString('base64url')}aA1!`;
  const user = { UserPoolId: pool.userPoolId, Username: email };
  try {
    await cognito.send(
      new AdminCreateUserCommand({
        ...user,
        UserAttributes: userAttributes(tenant, { email, role: 'TenantUser' }),
        MessageAction: 'SUPPRESS',
      }),
    );
    await cognito.send(new AdminSetUserPasswordCommand({ ...user, Password: password, Permanent: true }));
    const secondFactor = new Authenticator();
    const { IdToken } = await signInByPassword(cognito, pool, { email, password, secondFactor });
    return await use(IdToken);
  } finally {
    await cognito.send(new AdminDeleteUserCommand(user)).catch((error: unknown) => {
      if (!(error instanceof Error && error.name === 'UserNotFoundException')) throw error;
    });
  }
}
