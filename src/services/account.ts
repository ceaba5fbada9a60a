/** An AWS account as an environment names it: credentials of the SDK's default chain, and the check that they are its. */
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { SaasError } from '../model/error.ts';
import type { ClientOptions } from './environment.ts';
import { paced, type RequestHandler } from './pace.ts';

export interface AccountRequest {
  /** The account that the configuration names. */
  account: string;
  environment: string;
  region: string;
  /** Undefined: what the chain finds, `AWS_PROFILE` included. */
  profile: string | undefined;
}

export interface Identity {
  account: string;
  arn: string;
}

export interface Account {
  client: ClientOptions;
  /**
   * Asks STS, once a process, whose credentials these are. Throws `wrong_account` when they are another account's, and
   * what the chain throws when there are none.
   */
  verify(): Promise<Identity>;
}

/**
 * Nothing is asked before it is needed. Every client that is made with these options signs nothing until the account
 * is verified, so a command may go on with other work meanwhile and still never touches a wrong account. They share
 * credentials, connections and pace.
 */
export function openAccount(request: AccountRequest): Account {
  const { region, profile } = request;
  const sts = new STSClient({ region, ...(profile !== undefined && { profile }) });
  let verified: Promise<Identity> | undefined;
  const verify = (): Promise<Identity> => {
    verified ??= identify(sts, request);
    return verified;
  };
  return {
    verify,
    client: {
      region,
      async credentials() {
        await verify();
        return sts.config.credentials();
      },
      requestHandler: paced(sts.config.requestHandler as RequestHandler),
      retryMode: 'adaptive',
      maxAttempts: 8,
    },
  };
}

async function identify(sts: STSClient, request: AccountRequest): Promise<Identity> {
  const { Account: account = '', Arn: arn = '' } = await sts
    .send(new GetCallerIdentityCommand({}))
    .catch((error: unknown) => {
      // The chain tries every source in turn, and in the end does not say that the one that was asked for is missing.
      if (request.profile !== undefined && error instanceof Error && /any providers/.test(error.message))
        throw Object.assign(new Error(`Profile ${request.profile} was not found.`, { cause: error }), {
          name: 'CredentialsProviderError',
        });
      throw error;
    });
  if (account === request.account) return { account, arn };
  const profile = request.profile ?? process.env['AWS_PROFILE'];
  throw new SaasError(
    'wrong_account',
    `these credentials are of account ${account}, and the environment "${request.environment}" is account ${request.account}`,
    {
      detail: `${profile === undefined ? 'no profile' : `profile "${profile}"`}, signed in as ${arn}`,
      hint: `use a profile of account ${request.account} with --profile, or correct the account in saas-ecs.yaml; nothing was changed`,
    },
  );
}
