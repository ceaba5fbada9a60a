/**
 * Where an environment is: the only code that knows an embedded cloud from an AWS account. Everything after it sees
 * a region, client options and addresses.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Config, Environment } from '../model/config.ts';
import { ExitCode, SaasError } from '../model/error.ts';
import { packageRoot } from '../model/installation.ts';
import { startLocalCloud } from './local-cloud.ts';

/** Options that every SDK client of an environment is made with. */
export interface ClientOptions {
  region: string;
  endpoint?: string;
  credentials?: { accessKeyId: string; secretAccessKey: string };
  /** S3 only; the others ignore it. */
  forcePathStyle?: boolean;
  profile?: string;
}

/** Answers an invitation on behalf of a user, where the environment's mail can be read. */
export interface Mailbox {
  /** The temporary password of the newest invitation to that address in that pool. */
  temporaryPassword(userPoolId: string, email: string): Promise<string | undefined>;
  /** A password for the user that needs no storing: derived from a key that this environment's state holds. */
  password(userPoolId: string, email: string): Promise<string>;
}

export interface Target {
  readonly environment: Environment;
  readonly app: string;
  readonly prefix: string | undefined;
  /** Undefined until asked of STS, on AWS the one that the configuration names. */
  readonly account: string;
  readonly region: string;
  readonly azs: number;
  readonly nat: 'per-az' | 'single';
  readonly client: ClientOptions;
  /** Base URL of an API stage, without a trailing slash. */
  apiUrl(restApiId: string, stage: string): string;
  /** Where the user pool domain of that prefix gives tokens. */
  tokenUrl(domain: string): string;
  /** HTTPS URL of an object, as CloudFormation's TemplateURL wants it. */
  objectUrl(bucket: string, key: string): string;
  /** What programs that speak for this environment (toolkit-lib, a child process) find in `process.env`. */
  readonly processEnvironment: Readonly<Record<string, string>>;
  /** May `deploy-shared` bootstrap the account without asking? */
  readonly bootstrapsItself: boolean;
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
  const region = 'us-east-1';
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  return {
    environment,
    app: config.app,
    prefix: environment.prefix,
    account: '000000000000',
    region,
    azs: 2,
    nat: 'single',
    client: { region, endpoint: cloud.endpoint, credentials, forcePathStyle: true },
    apiUrl: (restApiId, stage) => `${cloud.endpoint}/_aws/execute-api/${restApiId}/${stage}`,
    tokenUrl: (domain) => `${cloud.endpoint}/_aws/cognito-domain/${domain}/oauth2/token`,
    objectUrl: (bucket, key) => `${cloud.endpoint}/${bucket}/${key}`,
    processEnvironment: {
      AWS_ENDPOINT_URL: cloud.endpoint,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      AWS_EC2_METADATA_DISABLED: 'true',
      CDK_DOCKER: path.join(packageRoot(), 'bin', 'embedded-docker'),
    },
    bootstrapsItself: true,
    bundles: false,
    mailbox: outboxMailbox(cloud.endpoint, cloud.stateDir),
    pollMs: 100,
  };
}

function awsTarget(config: Config, environment: Environment, options: ResolveOptions): Target {
  if (environment.target !== 'aws') throw new TypeError('not an AWS environment');
  const region = options.region ?? environment.region;
  return {
    environment,
    app: config.app,
    prefix: environment.prefix,
    account: environment.account,
    region,
    azs: environment.azs,
    nat: environment.nat,
    client: { region, ...(options.profile !== undefined && { profile: options.profile }) },
    apiUrl: (restApiId, stage) => `https://${restApiId}.execute-api.${region}.amazonaws.com/${stage}`,
    tokenUrl: (domain) => `https://${domain}.auth.${region}.amazoncognito.com/oauth2/token`,
    objectUrl: (bucket, key) => `https://${bucket}.s3.${region}.amazonaws.com/${key}`,
    processEnvironment: {
      AWS_REGION: region,
      ...(options.profile !== undefined && { AWS_PROFILE: options.profile }),
    },
    bootstrapsItself: false,
    bundles: process.env['AWS_ENDPOINT_URL'] === undefined,
    mailbox: undefined,
    pollMs: 2_000,
  };
}

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
  };
}
