/** The temporary credentials that STS issued, kept on disk, and the principals they stand for. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { AwsError, type Cloud, type Credentials, type Principal } from '../platform.ts';
import { type IamState, type RoleRecord, uniqueId } from './state.ts';

interface SessionRecord {
  token: string;
  /** Milliseconds since the epoch. */
  expires: number;
  userId: string;
  arn: string;
  /** Absent for the administrator's own session. */
  role?: { arn: string; id: string };
  /** Of the session alone; the role's own tags are added when they are asked for. */
  tags: Record<string, string>;
  transitive: string[];
  policies: unknown[];
}

/**
 * Every access key issued here starts with this, so that a key that is unknown by now (long expired, or from before a
 * reset) is refused and never taken for the administrator's.
 */
const keyPrefix = 'ASIAEMBD';
/** How long an expired key is still answered with "expired" and not "invalid". */
const graceMs = 3600_000;
const pruneEveryMs = 600_000;

export function openSessions(cloud: Cloud, iam: IamState) {
  const sessions = cloud.store.collection<SessionRecord>('sts.sessions');
  const principals = new Map<string, { principal: Principal; role: RoleRecord | undefined }>();
  let pruned = 0;

  const prune = (): void => {
    const now = cloud.clock.now();
    if (now - pruned < pruneEveryMs) return;
    pruned = now;
    for (const [key, session] of sessions.entries()) {
      if (session.expires + graceMs > now) continue;
      sessions.delete(key);
      principals.delete(key);
    }
  };

  const keep = (session: Omit<SessionRecord, 'token' | 'expires'>, seconds: number): Credentials => {
    prune();
    const expires = cloud.clock.now() + seconds * 1000;
    const accessKeyId = uniqueId(keyPrefix, 12);
    const sessionToken = randomBytes(96).toString('base64');
    sessions.put(accessKeyId, { ...session, token: sessionToken, expires });
    return {
      accessKeyId,
      secretAccessKey: randomBytes(30).toString('base64'),
      sessionToken,
      expiration: new Date(expires),
    };
  };

  const sameToken = (given: string, kept: string): boolean => {
    const [a, b] = [Buffer.from(given), Buffer.from(kept)];
    return a.length === b.length && timingSafeEqual(a, b);
  };

  return {
    issue(
      role: RoleRecord,
      name: string,
      seconds: number,
      options: { tags?: Record<string, string>; transitive?: string[]; policies?: unknown[] } = {},
    ): { credentials: Credentials; session: { arn: string; userId: string } } {
      const userId = `${role.id}:${name}`;
      const arn = `arn:${cloud.partition}:sts::${cloud.account}:assumed-role/${role.name}/${name}`;
      const credentials = keep(
        {
          userId,
          arn,
          role: { arn: role.arn, id: role.id },
          tags: options.tags ?? {},
          transitive: options.transitive ?? [],
          policies: options.policies ?? [],
        },
        seconds,
      );
      return { credentials, session: { arn, userId } };
    },

    issueAdministrator(seconds: number): Credentials {
      const arn = `arn:${cloud.partition}:iam::${cloud.account}:root`;
      return keep({ userId: cloud.account, arn, tags: {}, transitive: [], policies: [] }, seconds);
    },

    /** Tags that a session hands on to the roles assumed with it. */
    transitiveTags(accessKeyId: string | undefined): Record<string, string> {
      const session = accessKeyId === undefined ? undefined : sessions.get(accessKeyId);
      return Object.fromEntries((session?.transitive ?? []).map((key) => [key, session?.tags[key] ?? '']));
    },

    /** Undefined for a key that STS did not issue. Throws InvalidClientTokenId, ExpiredToken. */
    principal(
      accessKeyId: string,
      sessionToken: string | undefined,
      administrator: Principal,
    ): Principal | undefined {
      const session = sessions.get(accessKeyId);
      if (!session) {
        if (!accessKeyId.startsWith(keyPrefix)) return undefined;
        throw new AwsError(
          'InvalidClientTokenId',
          'The security token included in the request is invalid.',
          403,
        );
      }
      if (sessionToken === undefined || !sameToken(sessionToken, session.token))
        throw new AwsError(
          'InvalidClientTokenId',
          'The security token included in the request is invalid.',
          403,
        );
      if (session.expires <= cloud.clock.now())
        throw new AwsError('ExpiredToken', 'The security token included in the request is expired', 403);
      const { role: of } = session;
      // A role's sessions end with it, also when another of its name follows.
      const role = of && iam.roleByArn(of.arn);
      if (of && role?.id !== of.id)
        throw new AwsError(
          'InvalidClientTokenId',
          'The security token included in the request is invalid.',
          403,
        );
      const known = principals.get(accessKeyId);
      if (known && known.role === role) return known.principal;
      const principal: Principal = of
        ? {
            type: 'role',
            arn: session.arn,
            userId: session.userId,
            accessKeyId,
            roleArn: of.arn,
            tags: { ...role?.tags, ...session.tags },
            sessionPolicies: session.policies,
          }
        : { ...administrator, accessKeyId };
      principals.set(accessKeyId, { principal, role });
      return principal;
    },

    stop(): void {
      principals.clear();
    },
  };
}
