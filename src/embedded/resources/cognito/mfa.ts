/** The second factor: an authenticator app is set up by its secret, proven by a code, and switched on. */
import type {
  SetUserMFAPreferenceRequest,
  SoftwareTokenMfaSettingsType,
} from '@aws-sdk/client-cognito-identity-provider';
import { AwsError } from '../../platform.ts';
import { invalidParameter, invalidSession, userNotFound } from './errors.ts';
import type { Parts } from './parts.ts';
import type { PoolRecord } from './pools.ts';
import type { Sessions } from './sessions.ts';
import { totpSecret, totpStep } from './totp.ts';
import type { UserRecord } from './users.ts';

/** Throws AwsError SoftwareTokenMFANotFoundException where the pool has no authenticator apps. */
export function checkTotpOffered(pool: PoolRecord): void {
  const { MfaConfiguration = 'OFF', SoftwareTokenMfaConfiguration } = pool.mfa;
  if (MfaConfiguration === 'OFF' || !SoftwareTokenMfaConfiguration?.Enabled) {
    throw new AwsError(
      'SoftwareTokenMFANotFoundException',
      'Software Token MFA has not been enabled by the userPool',
    );
  }
}

/** The code's step. Throws AwsError EnableSoftwareTokenMFAException. */
export function proveTotp(parts: Parts, secret: string | undefined, code: string | undefined): number {
  const step = secret === undefined ? undefined : totpStep(secret, code ?? '', parts.cloud.clock.now());
  if (step === undefined) throw new AwsError('EnableSoftwareTokenMFAException', 'Code mismatch');
  return step;
}

/** A session's new secret, and the session to go on with. Throws AwsError NotAuthorizedException and others. */
export function associateInSession(
  parts: Parts,
  sessions: Sessions,
  given: string | undefined,
): { secret: string; session: string } {
  const session = sessions.open(undefined, 'MFA_SETUP', given);
  checkTotpOffered(parts.pools.get(session.pool));
  sessions.use(session);
  const secret = totpSecret();
  return { secret, session: sessions.make({ ...session, totp: { secret, verified: false } }) };
}

/** Sets up the authenticator app of a session by a code of it. Returns the session to go on with. */
export function verifyInSession(
  parts: Parts,
  sessions: Sessions,
  given: string | undefined,
  code: string | undefined,
): string {
  const session = sessions.open(undefined, 'MFA_SETUP', given);
  const users = parts.users(parts.pools.get(session.pool));
  const user = users.findSub(session.sub);
  if (!user) throw userNotFound();
  // A session from before the user had an app must not replace the one he has now.
  if (user.totp?.verified) throw invalidSession();
  const secret = session.totp?.secret;
  const lastStep = proveTotp(parts, secret, code);
  sessions.use(session);
  users.save({
    ...user,
    totp: { secret: secret ?? '', verified: true, enabled: true, preferred: true, lastStep },
    pendingTotp: undefined,
  });
  return sessions.make({ ...session, totp: { secret: '', verified: true } });
}

export function preferMfa(
  parts: Parts,
  pool: PoolRecord,
  user: UserRecord,
  input: Pick<SetUserMFAPreferenceRequest, 'SMSMfaSettings' | 'EmailMfaSettings'> & {
    SoftwareTokenMfaSettings?: SoftwareTokenMfaSettingsType | undefined;
  },
): void {
  if (input.SMSMfaSettings?.Enabled || input.EmailMfaSettings?.Enabled) {
    throw invalidParameter('The embedded cloud has authenticator apps as second factor only.');
  }
  const settings = input.SoftwareTokenMfaSettings;
  if (!settings) return;
  const { Enabled: enabled = false, PreferredMfa: preferred = false } = settings;
  if (preferred && !enabled) throw invalidParameter('A factor must be enabled to be preferred.');
  if (enabled && !user.totp?.verified) {
    throw invalidParameter('User has not verified software token mfa');
  }
  if (user.totp) parts.users(pool).save({ ...user, totp: { ...user.totp, enabled, preferred } });
}

/** As GetUser and AdminGetUser show it. */
export const mfaOf = ({
  totp,
}: UserRecord): { UserMFASettingList?: string[]; PreferredMfaSetting?: string } => ({
  ...(totp?.enabled && { UserMFASettingList: ['SOFTWARE_TOKEN_MFA'] }),
  ...(totp?.enabled && totp.preferred && { PreferredMfaSetting: 'SOFTWARE_TOKEN_MFA' }),
});
