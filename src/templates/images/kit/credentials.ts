import { tenantSessionTag } from '../../../model/names.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { AwsCredentials } from './signature.ts';

/** Whose credentials a call for a tenant is signed with. */
export interface CredentialSource {
  forTenant(tenantId: string): Promise<AwsCredentials>;
  /** Forgets what it holds for the tenant: AWS no longer takes it. */
  drop(tenantId: string): void;
}

const minute = 60_000;
/** Under this much life left they are renewed beside the requests, which go on with the old ones. */
const renewBefore = 5 * minute;
/** Under this much they are not handed out. */
const unusableBefore = 30_000;
/** A failed renewal is tried again after this long. */
const renewalPause = 10_000;

/** Holds credentials and renews them shortly before they expire; however many ask, one request is under way. */
export class RenewedCredentials {
  #current: AwsCredentials | undefined;
  #loading: Promise<AwsCredentials> | undefined;
  #pausedUntil = 0;
  readonly #load: () => Promise<AwsCredentials>;
  readonly #now: () => number;

  constructor(load: () => Promise<AwsCredentials>, now: () => number = Date.now) {
    this.#load = load;
    this.#now = now;
  }

  async get(): Promise<AwsCredentials> {
    const current = this.#current;
    const left = (current?.expiration?.getTime() ?? Number.POSITIVE_INFINITY) - this.#now();
    if (current === undefined || left < unusableBefore) return this.#renew();
    if (left < renewBefore && this.#now() >= this.#pausedUntil) {
      this.#renew().catch(() => {
        this.#pausedUntil = this.#now() + renewalPause;
      });
    }
    return current;
  }

  #renew(): Promise<AwsCredentials> {
    this.#loading ??= this.#load()
      .then((credentials) => {
        this.#current = credentials;
        return credentials;
      })
      .finally(() => {
        this.#loading = undefined;
      });
    return this.#loading;
  }
}

// The SDK is loaded with the first credentials, not at start: a task is ready sooner, and health checks need none.
const importSts = () => import('@aws-sdk/client-sts');

/** In a silo: the task's own role, whoever calls. */
export function siloCredentials(region: string): CredentialSource {
  const own = new RenewedCredentials(async () => {
    const { STSClient } = await importSts();
    return new STSClient({ region }).config.credentials();
  });
  return { forTenant: () => own.get(), drop: () => {} };
}

/**
 * In the pool: sessions of the tenant role, tagged with the tenant's id, which the role's policy compares with the
 * items' partition key. One AssumeRole a tenant and hour (its quota is 600 a second for the account).
 */
export function poolCredentials(
  region: string,
  roleArn: string,
  options: { max?: number; now?: () => number } = {},
): CredentialSource {
  const tenants = new BoundedCache<RenewedCredentials>(options.max ?? 1_000);
  let sts: ReturnType<typeof connect> | undefined;
  async function connect() {
    const { STSClient, AssumeRoleCommand } = await importSts();
    const client = new STSClient({ region, maxAttempts: 3 });
    return (tenantId: string) =>
      client.send(
        new AssumeRoleCommand({
          RoleArn: roleArn,
          RoleSessionName: `tenant-${tenantId}`.slice(0, 64),
          // An hour is the most that a role may give when a role assumes it.
          DurationSeconds: 3_600,
          Tags: [{ Key: tenantSessionTag, Value: tenantId }],
        }),
      );
  }
  async function assume(tenantId: string): Promise<AwsCredentials> {
    sts ??= connect();
    const { Credentials: issued } = await (await sts)(tenantId);
    if (!issued?.AccessKeyId || !issued.SecretAccessKey || !issued.SessionToken)
      throw new Error('STS answered without credentials');
    return {
      accessKeyId: issued.AccessKeyId,
      secretAccessKey: issued.SecretAccessKey,
      sessionToken: issued.SessionToken,
      expiration: issued.Expiration,
    };
  }
  return {
    forTenant(tenantId) {
      let credentials = tenants.get(tenantId);
      if (credentials === undefined) {
        credentials = new RenewedCredentials(() => assume(tenantId), options.now);
        tenants.set(tenantId, credentials);
      }
      return credentials.get();
    },
    drop: (tenantId) => tenants.delete(tenantId),
  };
}
