/**
 * Where an environment is: the only code that knows an embedded cloud from an AWS account. Everything after it sees
 * a region, client options and addresses.
 */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { AwsCredentialIdentity, AwsCredentialIdentityProvider } from '@smithy/types';
import { type Addresses, addressesAt, addressesOf } from '../model/addresses.ts';
import type { SecondFactor } from '../model/authenticator.ts';
import type { Config, Environment } from '../model/config.ts';
import { ExitCode, SaasError } from '../model/error.ts';
import { packageRoot } from '../model/installation.ts';
import type { Identity } from './account.ts';
import { startLocalCloud, untilEnded } from './local-cloud.ts';
import type { RequestHandler } from './pace.ts';
import { storedAuthenticator } from './stored-authenticator.ts';

/** Options that every SDK client of an environment is made with. */
export interface ClientOptions {
  region: string;
  endpoint?: string;
  credentials?: AwsCredentialIdentity | AwsCredentialIdentityProvider;
  /** S3 only; the others ignore it. */
  forcePathStyle?: boolean;
  requestHandler?: RequestHandler;
  retryMode?: 'standard' | 'adaptive';
  maxAttempts?: number;
}

/** Answers an invitation on behalf of a user, where the environment's mail can be read. */
export interface Mailbox {
  /** The temporary password of the newest invitation to that address in that pool. */
  temporaryPassword(userPoolId: string, email: string): Promise<string | undefined>;
  /** A password for the user that needs no storing: derived from a key that this environment's state holds. */
  password(userPoolId: string, email: string): Promise<string>;
  /** The user's authenticator app, whose secret this environment's state holds. */
  authenticator(userPoolId: string, email: string): SecondFactor;
}

export interface Target extends Addresses {
  readonly environment: Environment;
  readonly app: string;
  readonly prefix: string | undefined;
  /** On AWS the one that the configuration names; {@link verify} asks whether it is. */
  readonly account: string;
  readonly region: string;
  readonly azs: number;
  readonly nat: 'per-az' | 'single';
  readonly client: ClientOptions;
  /**
   * Whose credentials these are, asked once; on AWS by STS. Throws `wrong_account`. Clients made with {@link client} wait
   * for it by themselves; whoever prompts, or starts a program that signs for itself, calls it first.
   */
  verify(): Promise<Identity>;
  /** What programs that speak for this environment (toolkit-lib, a child process) find in `process.env`. */
  readonly processEnvironment: Readonly<Record<string, string | undefined>>;
  /** Whether what costs, or gives somebody more rights, is agreed to by a person before it happens. */
  readonly asksFirst: boolean;
  /** Resolves once there is nothing left to wait for, where that can be told: the process that plays AWS has ended. */
  readonly untilGone?: (signal: AbortSignal) => Promise<void>;
  /** Whether packages of functions are to be installed in containers when templates are synthesized. */
  readonly bundles: boolean;
  readonly mailbox: Mailbox | undefined;
  /** How often to ask how a stack is doing, in milliseconds: as often as the account's rate limits bear. */
  readonly pollMs: number;
}

export interface ResolveOptions {
  /** Name of the environment; the configuration's first when undefined. */
  name?: string | undefined;
  profile?: string | undefined;
  region?: string | undefined;
  /** Called before an embedded cloud is started by itself. */
  onStart?: (() => void) | undefined;
}

export function chooseEnvironment(config: Config, name: string | undefined): Environment {
  const [first] = config.environments;
  const chosen =
    name === undefined ? first : config.environments.find((environment) => environment.name === name);
  if (chosen) return chosen;
  throw new SaasError('unknown_environment', `no environment is named "${name ?? ''}"`, {
    detail: `saas-ecs.yaml has: ${config.environments.map((environment) => environment.name).join(', ')}`,
    hint: 'use --env with one of them, or add it under environments',
    exitCode: ExitCode.usage,
  });
}

/** The account and Region of every embedded cloud. */
const embeddedPlace = { account: '000000000000', region: 'us-east-1' };

/** Which account and Region an environment is in, without reaching for it. */
export function whereabouts(
  config: Config,
  name: string | undefined,
  region?: string,
): { environment: Environment; account: string; region: string } {
  const environment = chooseEnvironment(config, name);
  if (environment.target === 'embedded') return { environment, ...embeddedPlace };
  return { environment, account: environment.account, region: region ?? environment.region };
}

/** Finds the environment and makes it reachable: the embedded cloud is started when it does not run. */
export async function resolveEnvironment(config: Config, options: ResolveOptions = {}): Promise<Target> {
  const environment = chooseEnvironment(config, options.name);
  return environment.target === 'embedded'
    ? embeddedTarget(config, environment, options)
    : awsTarget(config, environment, options);
}

async function embeddedTarget(
  config: Config,
  environment: Environment,
  options: ResolveOptions,
): Promise<Target> {
  const cloud = await startLocalCloud({
    root: config.root,
    ...(options.onStart && { onStart: options.onStart }),
  });
  const { account, region } = embeddedPlace;
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  return {
    environment,
    app: config.app,
    prefix: environment.prefix,
    account,
    region,
    azs: 2,
    nat: 'single',
    client: { region, endpoint: cloud.endpoint, credentials, forcePathStyle: true },
    verify: async () => ({ account: '000000000000', arn: 'arn:aws:iam::000000000000:root' }),
    untilGone: (signal) => untilEnded(cloud, signal),
    ...addressesAt(cloud.endpoint),
    processEnvironment: {
      AWS_ENDPOINT_URL: cloud.endpoint,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      AWS_EC2_METADATA_DISABLED: 'true',
      CDK_DOCKER: path.join(packageRoot(), 'bin', 'embedded-docker'),
    },
    asksFirst: false,
    bundles: false,
    mailbox: outboxMailbox(cloud.endpoint, cloud.stateDir),
    pollMs: 100,
  };
}

async function awsTarget(config: Config, environment: Environment, options: ResolveOptions): Promise<Target> {
  if (environment.target !== 'aws') throw new TypeError('not an AWS environment');
  const { openAccount } = await import('./account.ts');
  const { profile, region = environment.region } = options;
  const { account } = environment;
  const { client, verify } = openAccount({ account, environment: environment.name, region, profile });
  // The SDK sends its calls there; the addresses that are formed from ids must be found there as well.
  const endpoint = process.env['AWS_ENDPOINT_URL']?.replace(/\/$/, '');
  return {
    environment,
    app: config.app,
    prefix: environment.prefix,
    account,
    region,
    azs: environment.azs,
    nat: environment.nat,
    client,
    verify,
    ...addressesOf(region, endpoint),
    processEnvironment: {
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      ...(profile !== undefined && { AWS_PROFILE: profile, ...noKeys }),
    },
    asksFirst: true,
    bundles: !endpoint,
    mailbox: undefined,
    pollMs: 2_000,
  };
}

/** A profile that is named comes before keys in the environment, in another program too. */
const noKeys = {
  AWS_ACCESS_KEY_ID: undefined,
  AWS_SECRET_ACCESS_KEY: undefined,
  AWS_SESSION_TOKEN: undefined,
};

/** Reads invitations from the embedded cloud's outbox, and derives lasting passwords from a key in its private state directory. */
function outboxMailbox(endpoint: string, stateDir: string): Mailbox {
  const keyFile = path.join(stateDir, 'mailbox.key');
  const key = async (): Promise<string> => {
    await mkdir(stateDir, { recursive: true, mode: 0o700 });
    await writeFile(keyFile, randomBytes(32).toString('hex'), { mode: 0o600, flag: 'wx' }).catch(() => {});
    return readFile(keyFile, 'utf8');
  };
  return {
    async temporaryPassword(userPoolId, email) {
      const { readOutbox } = await import('./local-cloud.ts');
      const mails = await readOutbox(endpoint);
      return mails.findLast((mail) => mail.userPoolId === userPoolId && mail.to === email)?.secret;
    },
    async password(userPoolId, email) {
      const digest = createHmac('sha256', await key())
        .update(`${userPoolId}/${email}`)
        .digest('base64url');
      // The suffix satisfies every character class a pool may ask for.
      return `${digest.slice(0, 24)}aA1!`;
    },
    authenticator(userPoolId, email) {
      const name = createHash('sha256').update(`${userPoolId}/${email}`).digest('hex').slice(0, 32);
      return storedAuthenticator(path.join(stateDir, 'authenticators', name));
    },
  };
}
