/** What happens to a user, whoever asks for it: made, given a password or a code, changed. */
import { randomInt, randomUUID } from 'node:crypto';
import type { AttributeType, CodeDeliveryDetailsType } from '@aws-sdk/client-cognito-identity-provider';
import { AwsError } from '../../platform.ts';
import type { ClientRecord } from './clients.ts';
import { codeExpired, codeMismatch, invalidParameter, limitExceeded, notAuthorized } from './errors.ts';
import type { Parts } from './parts.ts';
import { checkPassword, hashPassword, passwordPolicy } from './passwords.ts';
import type { PoolRecord } from './pools.ts';
import { checkedAttributes, checkWritable, isEmail, isPhoneNumber, mergeAttributes } from './schema.ts';
import { srpVerifier } from './srp.ts';
import type { UserRecord } from './users.ts';

type Address = 'email' | 'phone_number';

const hour = 3_600_000;
const day = 24 * hour;
const maxAttempts = 5;

/** The part of a pool's id that SRP counts in. */
export const poolName = ({ id }: PoolRecord): string => id.slice(id.indexOf('_') + 1);

/**
 * A user that isn't stored yet, under the name that the pool's sign-in options give him. Throws AwsError
 * UsernameExistsException or InvalidParameterException.
 */
export function newUser(
  parts: Parts,
  pool: PoolRecord,
  username: string,
  given: readonly AttributeType[] | undefined,
): UserRecord {
  if (username === '' || username.length > 128)
    throw invalidParameter('The username must have 1 to 128 characters.');
  const { UsernameAttributes: addresses = [], AliasAttributes: aliases = [] } = pool.settings;
  const attributes = checkedAttributes(pool.schema, given);
  const users = parts.users(pool);
  const sub = randomUUID();
  let name = username;
  if (addresses.length > 0) {
    const attribute = addresses.find((each) =>
      each === 'email' ? isEmail(username) : isPhoneNumber(username),
    );
    if (!attribute) {
      const wanted = addresses.map((each) => (each === 'email' ? 'an email' : 'a phone number')).join(' or ');
      throw invalidParameter(`Username should be ${addresses.length > 1 ? 'either ' : ''}${wanted}.`);
    }
    attributes[attribute] ??= username;
    name = sub;
    // Who comes from an identity provider may have the same address: he does not sign in with it.
    if (users.having(attribute, username).some(({ status }) => status !== 'EXTERNAL_PROVIDER')) {
      throw new AwsError('UsernameExistsException', 'An account with the given email already exists.');
    }
  } else if (aliases.includes('email') && isEmail(username)) {
    throw invalidParameter(
      'Username cannot be of email format, since user pool is configured for email alias.',
    );
  }
  if (users.byKey(users.keyOf({ username: name }))) {
    throw new AwsError('UsernameExistsException', 'User account already exists');
  }
  if (attributes['sub'] !== undefined) throw invalidParameter('user.sub: Attribute cannot be updated.\n');
  const at = new Date(parts.cloud.clock.now()).toISOString();
  return {
    username: name,
    sub,
    attributes: Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== '')),
    enabled: true,
    status: 'UNCONFIRMED',
    created: at,
    modified: at,
    groups: [],
  };
}

/** The user with a new password; nothing is stored. Throws AwsError InvalidPasswordException. */
export async function withPassword(
  parts: Parts,
  pool: PoolRecord,
  user: UserRecord,
  password: string,
  kind: 'permanent' | 'temporary',
): Promise<UserRecord> {
  const policy = passwordPolicy(pool.settings.Policies?.PasswordPolicy);
  checkPassword(password, policy);
  const now = parts.cloud.clock.now();
  return {
    ...user,
    password: await hashPassword(password, kind),
    srp: srpVerifier(poolName(pool), user.username, password),
    temporaryUntil: kind === 'temporary' ? now + policy.TemporaryPasswordValidityDays * day : undefined,
    status: kind === 'temporary' ? 'FORCE_CHANGE_PASSWORD' : 'CONFIRMED',
  };
}

/** A code by mail or text; the user, stored with it. */
export function sendCode(
  parts: Parts,
  pool: PoolRecord,
  user: UserRecord,
  purpose: string,
  attribute: Address,
): CodeDeliveryDetailsType {
  const code = String(randomInt(1_000_000)).padStart(6, '0');
  const expires = parts.cloud.clock.now() + (purpose === 'password' ? hour : day);
  const users = parts.users(pool);
  users.save({ ...user, codes: { ...user.codes, [purpose]: { code, expires, attempts: 0 } } });
  const attributes = { ...user.attributes, ...user.unverified };
  return parts.outbox.sendCode(
    pool,
    { username: attributes.email ?? user.username, attributes },
    attribute,
    code,
  );
}

/** The user without the code, not stored. Throws AwsError CodeMismatchException, ExpiredCodeException or LimitExceededException. */
export function redeemCode(
  parts: Parts,
  pool: PoolRecord,
  user: UserRecord,
  purpose: string,
  code: string | undefined,
): UserRecord {
  const pending = user.codes?.[purpose];
  if (!pending || pending.expires <= parts.cloud.clock.now()) throw codeExpired();
  if (pending.attempts >= maxAttempts) {
    throw limitExceeded('Attempt limit exceeded, please try after some time.');
  }
  if (pending.code !== code) {
    const codes = { ...user.codes, [purpose]: { ...pending, attempts: pending.attempts + 1 } };
    parts.users(pool).save({ ...user, codes });
    throw codeMismatch();
  }
  const { [purpose]: _redeemed, ...codes } = user.codes ?? {};
  return { ...user, codes };
}

/** Which address the sign-up's or a changed address's code goes to; undefined when the pool verifies none. */
export function verifiedAddress(pool: PoolRecord, user: UserRecord): Address | undefined {
  const verified = pool.settings.AutoVerifiedAttributes ?? [];
  return (['email', 'phone_number'] as const).find(
    (each) => verified.includes(each) && user.attributes[each] !== undefined,
  );
}

/** Which address a forgotten password's code goes to. Throws AwsError where the pool or the user has none. */
export function recoveryAddress(pool: PoolRecord, user: UserRecord): Address {
  const mechanisms = pool.settings.AccountRecoverySetting?.RecoveryMechanisms ?? [
    { Name: 'verified_email', Priority: 1 },
    { Name: 'verified_phone_number', Priority: 2 },
  ];
  if (mechanisms.every(({ Name }) => Name === 'admin_only')) {
    throw notAuthorized('Contact administrator to reset password.');
  }
  const ordered = [...mechanisms].sort((left, right) => (left.Priority ?? 0) - (right.Priority ?? 0));
  for (const { Name } of ordered) {
    const address =
      Name === 'verified_email' ? 'email' : Name === 'verified_phone_number' ? 'phone_number' : undefined;
    if (address && user.attributes[`${address}_verified`] === 'true') return address;
  }
  throw invalidParameter(
    'Cannot reset password for the user as there is no registered/verified email or phone_number',
  );
}

/**
 * Sets attributes, empty values remove them, and stores the user. With a client it is the user himself who asks, and
 * may write what that client may. Returns where codes went for changed addresses.
 */
export function changeAttributes(
  parts: Parts,
  pool: PoolRecord,
  user: UserRecord,
  given: readonly AttributeType[] | undefined,
  client?: ClientRecord,
): CodeDeliveryDetailsType[] {
  const changes = checkedAttributes(pool.schema, given);
  if (client) checkWritable(pool.schema, client.settings.WriteAttributes, Object.keys(changes));
  const users = parts.users(pool);
  const postponed: Record<string, string> = {};
  const codes: Address[] = [];
  for (const address of ['email', 'phone_number'] as const) {
    const value = changes[address];
    const verified = `${address}_verified`;
    if (value === undefined || value === user.attributes[address]) continue;
    if (changes[verified] !== undefined) continue;
    const confirmFirst = pool.settings.UserAttributeUpdateSettings?.AttributesRequireVerificationBeforeUpdate;
    if (value !== '' && confirmFirst?.includes(address)) {
      postponed[address] = value;
      delete changes[address];
      codes.push(address);
      continue;
    }
    if (value === '') changes[verified] = '';
    else {
      changes[verified] = 'false';
      if (pool.settings.AutoVerifiedAttributes?.includes(address)) codes.push(address);
    }
  }
  const changed = { ...user, attributes: mergeAttributes(pool.schema, user.attributes, changes) };
  users.checkAliases({ ...changed, attributes: { ...changed.attributes, ...postponed } });
  const required = pool.schema.filter(({ Required, Name }) => Required && changes[Name ?? ''] === '');
  if (required.length > 0) {
    throw invalidParameter(`user.${required[0]?.Name}: Required attribute cannot be deleted.\n`);
  }
  users.save({ ...changed, unverified: { ...user.unverified, ...postponed } });
  return codes.map((address) => sendCode(parts, pool, users.get(user.username), address, address));
}

/** Confirms an address by its code. */
export function confirmAddress(
  parts: Parts,
  pool: PoolRecord,
  user: UserRecord,
  attribute: string | undefined,
  code: string | undefined,
): void {
  if (attribute !== 'email' && attribute !== 'phone_number') {
    throw invalidParameter('Only email and phone_number can be verified.');
  }
  const redeemed = redeemCode(parts, pool, user, attribute, code);
  const { [attribute]: waiting, ...unverified } = user.unverified ?? {};
  const attributes = {
    ...user.attributes,
    ...(waiting !== undefined && { [attribute]: waiting }),
    [`${attribute}_verified`]: 'true',
  };
  const users = parts.users(pool);
  const confirmed = { ...redeemed, attributes, unverified };
  users.checkAliases(confirmed);
  users.save(confirmed);
}
