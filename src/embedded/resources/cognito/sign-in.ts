/** Signing in: the flows of InitiateAuth and AdminInitiateAuth, and the challenges that follow. */
import { randomUUID } from 'node:crypto';
import type { ChallengeNameType, InitiateAuthResponse } from '@aws-sdk/client-cognito-identity-provider';
import { AwsError } from '../../platform.ts';
import { poolName, withPassword } from './accounts.ts';
import { Attempts } from './attempts.ts';
import { allowsFlow, type ClientRecord, checkSecretHash } from './clients.ts';
import { invalidParameter, invalidSession, notAuthorized, userNotFound } from './errors.ts';
import type { Parts } from './parts.ts';
import { passwordFits } from './passwords.ts';
import type { PoolRecord } from './pools.ts';
import { checkedAttributes, checkWritable, mergeAttributes, missingAttributes } from './schema.ts';
import type { SessionContent, Sessions } from './sessions.ts';
import { beginSrp, type SrpExchange, srpProven, srpVerifier } from './srp.ts';
import { totpStep } from './totp.ts';
import { type UserRecord, userAttributes } from './users.ts';

type Values = Readonly<Record<string, string>>;

/** Where a sign-in is: somebody is signed in, or a challenge waits for an answer. */
export type Step =
  | { user: UserRecord; challenge?: undefined }
  | { user?: undefined; challenge: InitiateAuthResponse };

interface SrpContent {
  type: 'srp';
  pool: string;
  client: string;
  /** Empty for a user that isn't there. */
  sub: string;
  until: number;
  exchange: SrpExchange;
}

/** What both forms of a flow name: the administrator's has prefixes of its own. */
const flows: Record<string, { allow: string; admin?: boolean }> = {
  USER_PASSWORD_AUTH: { allow: 'USER_PASSWORD_AUTH', admin: false },
  ADMIN_USER_PASSWORD_AUTH: { allow: 'ADMIN_USER_PASSWORD_AUTH', admin: true },
  ADMIN_NO_SRP_AUTH: { allow: 'ADMIN_USER_PASSWORD_AUTH', admin: true },
  USER_SRP_AUTH: { allow: 'USER_SRP_AUTH' },
  REFRESH_TOKEN_AUTH: { allow: 'REFRESH_TOKEN_AUTH' },
  REFRESH_TOKEN: { allow: 'REFRESH_TOKEN_AUTH' },
};

const incorrect = () => notAuthorized('Incorrect username or password.');
const challengeMinutes = 3;

export class SignIn {
  private readonly parts: Parts;
  private readonly sessions: Sessions;
  private readonly attempts: Attempts;

  constructor(parts: Parts, sessions: Sessions) {
    this.parts = parts;
    this.sessions = sessions;
    this.attempts = new Attempts(parts.cloud.clock);
  }

  async initiate(
    client: ClientRecord,
    flow: string | undefined,
    parameters: Values = {},
    admin = false,
  ): Promise<InitiateAuthResponse> {
    const known = flows[flow ?? ''];
    if (!known || (known.admin !== undefined && known.admin !== admin)) {
      throw invalidParameter(
        flow === 'CUSTOM_AUTH' || flow === 'USER_AUTH'
          ? `The embedded cloud has no ${flow} flow.`
          : 'Initiate Auth method not supported.',
      );
    }
    if (!allowsFlow(client, known.allow))
      throw invalidParameter(`${known.allow} flow not enabled for this client`);
    const pool = this.parts.pools.get(client.poolId);
    if (known.allow === 'REFRESH_TOKEN_AUTH') return this.refresh(pool, client, parameters);

    const username = parameters['USERNAME'];
    if (username === undefined) throw invalidParameter('Missing required parameter USERNAME');
    checkSecretHash(client, parameters['SECRET_HASH'], [username]);
    if (known.allow === 'USER_SRP_AUTH') return this.startSrp(pool, client, username, parameters['SRP_A']);
    const password = parameters['PASSWORD'];
    if (password === undefined) throw invalidParameter('Missing required parameter PASSWORD');
    return this.answer(pool, client, await this.password(pool, client, username, password));
  }

  /** The step after a password. Throws AwsError NotAuthorizedException and others. */
  async password(pool: PoolRecord, client: ClientRecord, username: string, password: string): Promise<Step> {
    const user = this.userOf(pool, client, username);
    await this.attempts.counted(`${pool.id}/${user?.sub ?? username}`, async () => {
      const fits = user?.password && (await passwordFits(password, user.password));
      if (!fits && user?.status === 'RESET_REQUIRED') throw resetRequired();
      if (!fits) throw incorrect();
    });
    if (!user) throw incorrect();
    return this.afterPassword(pool, client, this.current(pool, user.sub));
  }

  async respond(
    client: ClientRecord,
    challenge: string | undefined,
    session: string | undefined,
    responses: Values = {},
  ): Promise<InitiateAuthResponse> {
    const pool = this.parts.pools.get(client.poolId);
    const username = responses['USERNAME'];
    if (username === undefined) throw invalidParameter('Missing required parameter USERNAME');
    checkSecretHash(client, responses['SECRET_HASH'], [username]);
    return this.answer(pool, client, await this.next(pool, client, challenge, session, responses));
  }

  /** The step after a challenge that is answered. Throws AwsError NotAuthorizedException and others. */
  async next(
    pool: PoolRecord,
    client: ClientRecord,
    challenge: string | undefined,
    session: string | undefined,
    responses: Values,
  ): Promise<Step> {
    switch (challenge) {
      case 'PASSWORD_VERIFIER':
        return this.finishSrp(pool, client, responses);
      case 'NEW_PASSWORD_REQUIRED':
        return this.newPassword(pool, client, this.sessions.open(client, challenge, session), responses);
      case 'SOFTWARE_TOKEN_MFA':
        return this.totp(pool, this.sessions.open(client, challenge, session), responses);
      case 'MFA_SETUP': {
        const content = this.sessions.open(client, challenge, session);
        if (!content.totp?.verified) {
          throw invalidParameter('The authenticator app must be verified before MFA_SETUP is answered.');
        }
        const user = this.current(pool, content.sub);
        this.sessions.use(content);
        return { user };
      }
      default:
        throw invalidParameter(`The embedded cloud has no challenge ${challenge}.`);
    }
  }

  private userOf(pool: PoolRecord, client: ClientRecord, username: string): UserRecord | undefined {
    const user = this.parts.users(pool).find(username);
    if (!user && client.settings.PreventUserExistenceErrors !== 'ENABLED') throw userNotFound();
    return user;
  }

  /** The user as he is by now. Throws AwsError NotAuthorizedException when gone or disabled. */
  private current(pool: PoolRecord, sub: string): UserRecord {
    const user = this.parts.users(pool).findSub(sub);
    if (!user) throw incorrect();
    if (!user.enabled) throw notAuthorized('User is disabled.');
    return user;
  }

  private async refresh(
    pool: PoolRecord,
    client: ClientRecord,
    parameters: Values,
  ): Promise<InitiateAuthResponse> {
    const token = parameters['REFRESH_TOKEN'];
    if (token === undefined) throw invalidParameter('Missing required parameter REFRESH_TOKEN');
    const content = this.parts.tokens.refresh(token, client);
    const user = this.parts.users(pool).findSub(content.sub);
    if (!user || this.parts.tokens.signedOut(user, content.issued)) {
      throw notAuthorized('Refresh Token has been revoked');
    }
    if (!user.enabled) throw notAuthorized('User is disabled.');
    const names = [user.username, user.sub, user.attributes.email, user.attributes.phone_number];
    checkSecretHash(client, parameters['SECRET_HASH'], names);
    return {
      ChallengeParameters: {},
      AuthenticationResult: await this.parts.tokens.issue(pool, client, user, content),
    };
  }

  private startSrp(
    pool: PoolRecord,
    client: ClientRecord,
    username: string,
    clientPublic: string | undefined,
  ): InitiateAuthResponse {
    if (clientPublic === undefined) throw invalidParameter('Missing required parameter SRP_A');
    const user = this.userOf(pool, client, username);
    if (user?.status === 'RESET_REQUIRED') throw resetRequired();
    // Who isn't there gets a salt that stays the same, as everybody else does.
    const verifier = user?.srp ?? {
      ...srpVerifier(poolName(pool), username, randomUUID()),
      salt: this.parts.sealer.fingerprint(`${pool.id}/${username}`).slice(0, 32),
    };
    const exchange = beginSrp(clientPublic, verifier);
    if (!exchange) throw invalidParameter('SRP_A is not valid');
    const content: SrpContent = {
      type: 'srp',
      pool: pool.id,
      client: client.id,
      sub: user?.srp ? user.sub : '',
      until: this.until(client),
      exchange,
    };
    const userId = user?.username ?? username;
    return {
      ChallengeName: 'PASSWORD_VERIFIER',
      ChallengeParameters: {
        SALT: verifier.salt,
        SECRET_BLOCK: this.parts.sealer.seal(content).toString('base64'),
        SRP_B: exchange.serverPublic,
        USERNAME: userId,
        USER_ID_FOR_SRP: userId,
      },
    };
  }

  private async finishSrp(pool: PoolRecord, client: ClientRecord, responses: Values): Promise<Step> {
    const secretBlock = Buffer.from(responses['PASSWORD_CLAIM_SECRET_BLOCK'] ?? '', 'base64');
    const content = this.parts.sealer.open<SrpContent>(secretBlock);
    if (content?.type !== 'srp' || content.client !== client.id) throw incorrect();
    if (content.until <= this.parts.cloud.clock.now())
      throw notAuthorized('Invalid session for the user, session is expired.');
    const known = this.parts.users(pool).findSub(content.sub);
    await this.attempts.counted(`${pool.id}/${known?.sub ?? ''}`, async () => {
      const proven =
        known?.srp &&
        srpProven(content.exchange, known.srp, {
          poolName: poolName(pool),
          userId: known.username,
          secretBlock,
          timestamp: responses['TIMESTAMP'] ?? '',
          signature: responses['PASSWORD_CLAIM_SIGNATURE'] ?? '',
        });
      if (!proven) throw incorrect();
    });
    return this.afterPassword(pool, client, this.current(pool, content.sub));
  }

  private afterPassword(pool: PoolRecord, client: ClientRecord, user: UserRecord): Step {
    if (user.status === 'UNCONFIRMED') {
      throw new AwsError('UserNotConfirmedException', 'User is not confirmed.');
    }
    if (user.status === 'RESET_REQUIRED') throw resetRequired();
    if (user.status === 'FORCE_CHANGE_PASSWORD') {
      if ((user.temporaryUntil ?? 0) <= this.parts.cloud.clock.now()) {
        throw notAuthorized('Temporary password has expired and must be reset by an administrator.');
      }
      const { sub: _sub, ...attributes } = userAttributes(user);
      return this.challenge(pool, client, user, 'NEW_PASSWORD_REQUIRED', {
        requiredAttributes: JSON.stringify(
          missingAttributes(pool.schema, user.attributes).map((name) => `userAttributes.${name}`),
        ),
        userAttributes: JSON.stringify(attributes),
      });
    }
    return this.afterFirstFactor(pool, client, user);
  }

  private afterFirstFactor(pool: PoolRecord, client: ClientRecord, user: UserRecord): Step {
    const mode = pool.mfa.MfaConfiguration ?? 'OFF';
    const ready = user.totp?.verified === true;
    // Where the pool demands a second factor, one that is set up counts whether it is switched on or not.
    if (ready && (mode === 'ON' || (mode === 'OPTIONAL' && user.totp?.enabled))) {
      return this.challenge(pool, client, user, 'SOFTWARE_TOKEN_MFA', {
        FRIENDLY_DEVICE_NAME: 'authenticator',
      });
    }
    if (mode === 'ON') {
      return this.challenge(pool, client, user, 'MFA_SETUP', {
        MFAS_CAN_SETUP: JSON.stringify(['SOFTWARE_TOKEN_MFA']),
      });
    }
    return { user };
  }

  /** The step in the API's words: tokens for who is signed in. */
  private async answer(pool: PoolRecord, client: ClientRecord, step: Step): Promise<InitiateAuthResponse> {
    if (step.challenge) return step.challenge;
    return {
      ChallengeParameters: {},
      AuthenticationResult: await this.parts.tokens.issue(pool, client, step.user),
    };
  }

  private challenge(
    pool: PoolRecord,
    client: ClientRecord,
    user: UserRecord,
    ChallengeName: ChallengeNameType,
    parameters: Values,
  ): Step {
    return {
      challenge: {
        ChallengeName,
        Session: this.sessions.make({
          pool: pool.id,
          client: client.id,
          sub: user.sub,
          challenge: ChallengeName,
          until: this.until(client),
        }),
        ChallengeParameters: { USER_ID_FOR_SRP: user.username, ...parameters },
      },
    };
  }

  private until(client: ClientRecord): number {
    return this.parts.cloud.clock.now() + (client.settings.AuthSessionValidity ?? challengeMinutes) * 60_000;
  }

  private async newPassword(
    pool: PoolRecord,
    client: ClientRecord,
    session: SessionContent,
    responses: Values,
  ): Promise<Step> {
    const user = this.current(pool, session.sub);
    if (user.status !== 'FORCE_CHANGE_PASSWORD') throw invalidSession();
    const password = responses['NEW_PASSWORD'];
    if (password === undefined) throw invalidParameter('Missing required parameter NEW_PASSWORD');
    const prefix = 'userAttributes.';
    const given = Object.entries(responses).flatMap(([name, Value]) =>
      name.startsWith(prefix) ? [{ Name: name.slice(prefix.length), Value }] : [],
    );
    const changes = checkedAttributes(pool.schema, given);
    checkWritable(pool.schema, client.settings.WriteAttributes, Object.keys(changes));
    const attributes = mergeAttributes(pool.schema, user.attributes, changes);
    const missing = missingAttributes(pool.schema, attributes);
    if (missing.length > 0)
      throw invalidParameter(`Invalid attributes given, ${missing.join(', ')} is missing`);
    const changed = await withPassword(this.parts, pool, { ...user, attributes }, password, 'permanent');
    // Hashing takes a while: the user may have been changed meanwhile.
    if (this.current(pool, session.sub).modified !== user.modified) throw invalidSession();
    const users = this.parts.users(pool);
    users.checkAliases(changed);
    this.sessions.use(session);
    return this.afterFirstFactor(pool, client, users.save(changed));
  }

  private async totp(pool: PoolRecord, session: SessionContent, responses: Values): Promise<Step> {
    const user = this.current(pool, session.sub);
    const { totp } = user;
    if (!totp?.verified) throw invalidSession();
    await this.attempts.counted(`${pool.id}/${user.sub}/totp`, () => {
      const code = responses['SOFTWARE_TOKEN_MFA_CODE'] ?? '';
      const lastStep = totpStep(totp.secret, code, this.parts.cloud.clock.now());
      if (lastStep === undefined) {
        throw new AwsError('CodeMismatchException', 'Invalid code received for user');
      }
      if (lastStep <= (totp.lastStep ?? 0)) {
        throw new AwsError('ExpiredCodeException', 'Your software token has already been used once.');
      }
      this.parts.users(pool).save({ ...user, totp: { ...totp, lastStep } });
      return Promise.resolve();
    });
    this.sessions.use(session);
    return { user: this.current(pool, session.sub) };
  }
}

const resetRequired = () =>
  new AwsError('PasswordResetRequiredException', 'Password reset required for the user');
