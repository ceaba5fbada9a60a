/**
 * The user that an identity provider's user is here: made at the first sign-in and brought up to date at each (developer guide,
 * "Mapping IdP attributes to profiles and tokens").
 */
import { randomUUID } from 'node:crypto';
import type { ClientRecord } from '../clients.ts';
import { invalidParameter, notAuthorized } from '../errors.ts';
import type { Parts } from '../parts.ts';
import type { PoolRecord } from '../pools.ts';
import { checkedAttributes, checkWritable, missingAttributes } from '../schema.ts';
import type { UserRecord } from '../users.ts';
import { type Identity, linkedUser } from './links.ts';
import type { ProviderRecord } from './providers.ts';

const maxUsername = 128;
/** What the provider says of an address, no client writes. */
const verifiedNames = new Set(['email_verified', 'phone_number_verified']);

/** `claims.sub`: who it is at the provider. Throws AwsError with the words in which Cognito refuses. */
export function federatedUser(
  parts: Parts,
  pool: PoolRecord,
  client: ClientRecord,
  provider: ProviderRecord,
  claims: Readonly<Record<string, unknown>> & { sub: string },
): UserRecord {
  const username = `${provider.name}_${claims.sub}`;
  if (username.length > maxUsername) {
    throw invalidParameter(`The user's name at ${provider.name} is too long.`);
  }
  const mapped = mappedAttributes(pool, client, provider, claims);
  const users = parts.users(pool);
  const at = parts.cloud.clock.now();
  const known = users.byKey(users.keyOf({ username }));
  if (known) checkKnown(pool, provider, known, claims.sub, mapped);
  const linked = known ? undefined : linkedUser(parts, pool, provider.name, claims.sub);
  if (linked) checkChange(pool, linked, mapped);
  const identity: Identity = {
    userId: claims.sub,
    providerName: provider.name,
    providerType: provider.type,
    issuer: null,
    primary: true,
    dateCreated: at,
  };
  const user: UserRecord = known ??
    linked ?? {
      username,
      sub: randomUUID(),
      attributes: { identities: JSON.stringify([identity]) },
      enabled: true,
      status: 'EXTERNAL_PROVIDER',
      created: new Date(at).toISOString(),
      modified: new Date(at).toISOString(),
      groups: [groupOf(parts, pool, provider)],
    };
  const attributes = { ...user.attributes, ...mapped };
  const missing = missingAttributes(pool.schema, attributes);
  if (missing.length > 0) throw invalidParameter(`attributes required: [${missing.join(', ')}]`);
  return users.save({ ...user, attributes });
}

/** What the mapping takes from the claims, held to the schema and to what the client may write. */
function mappedAttributes(
  pool: PoolRecord,
  client: ClientRecord,
  { mapping }: ProviderRecord,
  claims: Readonly<Record<string, unknown>>,
): Record<string, string> {
  const given = Object.entries(mapping).flatMap(([Name, claim]) => {
    const value = claims[claim];
    return Name === 'username' || value === undefined || value === null
      ? []
      : [{ Name, Value: textOf(value) }];
  });
  const values = checkedAttributes(pool.schema, given);
  checkWritable(
    pool.schema,
    client.settings.WriteAttributes,
    Object.keys(values).filter((name) => !verifiedNames.has(name)),
  );
  // "By default, mapped email addresses are unverified."
  if (values['email'] !== undefined) values['email_verified'] ??= 'false';
  if (values['phone_number'] !== undefined) values['phone_number_verified'] ??= 'false';
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''));
}

/** Several values become one text, as Cognito writes them: `[a, b]`. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(textOf).join(', ')}]`;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function checkKnown(
  pool: PoolRecord,
  provider: ProviderRecord,
  user: UserRecord,
  subject: string,
  mapped: Readonly<Record<string, string>>,
): void {
  // `A_B` may be user `B` of provider `A`, or one of the pool's own: a name alone proves nothing.
  const [identity] = JSON.parse(user.attributes['identities'] ?? '[]') as Identity[];
  if (
    user.status !== 'EXTERNAL_PROVIDER' ||
    identity?.providerName !== provider.name ||
    identity.userId !== subject
  ) {
    throw notAuthorized(`The name ${user.username} is another user's.`);
  }
  checkChange(pool, user, mapped);
}

function checkChange(pool: PoolRecord, user: UserRecord, mapped: Readonly<Record<string, string>>): void {
  if (!user.enabled) throw notAuthorized('User is not enabled.');
  const fixed = pool.schema.find(({ Name = '', Mutable }) => Mutable === false && Name in mapped);
  if (fixed) throw invalidParameter(`user.${fixed.Name}: Attribute cannot be updated.\n`);
}

/** Cognito puts the users of each provider into a group of its own. */
function groupOf(parts: Parts, pool: PoolRecord, { name }: ProviderRecord): string {
  const group = `${pool.id}_${name}`;
  if (!parts.groups.find(pool.id, group)) {
    parts.groups.create(pool.id, {
      name: group,
      description: `Autogenerated group for users who sign in using ${name}`,
    });
  }
  return group;
}
