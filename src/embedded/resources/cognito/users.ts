/**
 * The users of one pool and the groups that they are in. Records are never changed in place; {@link UserDirectory.save}
 * keeps the indexes right by comparing what was there. Finding a user by name, sub or alias costs the same in a pool of any size.
 */
import type { UserStatusType, UserType } from '@aws-sdk/client-cognito-identity-provider';
import type { Cloud } from '../../platform.ts';
import type { Collection } from '../../store.ts';
import { compareText } from '../pages.ts';
import { aliasExists, userNotFound } from './errors.ts';
import type { PasswordHash } from './passwords.ts';
import type { PoolRecord } from './pools.ts';
import { attributeList } from './schema.ts';
import type { SrpVerifier } from './srp.ts';

/** A code that was sent and is waited for. */
export interface PendingCode {
  code: string;
  /** Milliseconds since the epoch. */
  expires: number;
  attempts: number;
}

export interface UserRecord {
  username: string;
  sub: string;
  /** All but `sub`. */
  attributes: Readonly<Record<string, string>>;
  enabled: boolean;
  status: UserStatusType;
  /** ISO 8601 */
  created: string;
  modified: string;
  password?: PasswordHash | undefined;
  srp?: SrpVerifier | undefined;
  /** A temporary password is good until then; milliseconds. */
  temporaryUntil?: number | undefined;
  /** By purpose: `signup`, `password`, or the attribute to be verified. */
  codes?: Readonly<Record<string, PendingCode>> | undefined;
  /** Addresses that become the user's once their code is confirmed. */
  unverified?: Readonly<Record<string, string>> | undefined;
  totp?:
    | {
        secret: string;
        verified: boolean;
        enabled: boolean;
        preferred: boolean;
        /** The step of the last code that counted: no code counts twice. */
        lastStep?: number | undefined;
      }
    | undefined;
  /** The secret of an authenticator app that is being set up: it takes the other's place once a code of it was seen. */
  pendingTotp?: string | undefined;
  groups: readonly string[];
  /** Tokens issued before this (milliseconds) are refused. */
  signedOut?: number | undefined;
}

const indexed = ['email', 'phone_number', 'preferred_username'] as const;
type Indexed = (typeof indexed)[number];

export class UserDirectory {
  private readonly cloud: Cloud;
  private readonly pool: () => PoolRecord;
  private readonly collection: Collection<UserRecord>;
  private readonly caseSensitive: boolean;
  /** Keys in order. */
  private readonly sorted: string[];
  private readonly bySub = new Map<string, string>();
  private readonly byAttribute = new Map<string, Set<string>>();
  /** Keys of each group's members, in order. */
  private readonly groups = new Map<string, string[]>();

  constructor(cloud: Cloud, pool: () => PoolRecord) {
    this.cloud = cloud;
    this.pool = pool;
    const { id, settings } = pool();
    this.collection = cloud.store.collection<UserRecord>(`cognito.users.${id}`);
    this.caseSensitive = settings.UsernameConfiguration?.CaseSensitive ?? true;
    this.sorted = this.collection.keys().sort(compareText);
    for (const key of this.sorted) this.index(key, undefined, this.collection.get(key));
  }

  get size(): number {
    return this.sorted.length;
  }

  /** The keys of all users or of a group's, in the order in which they are listed. */
  keys(group?: string): readonly string[] {
    return group === undefined ? this.sorted : (this.groups.get(group) ?? []);
  }

  byKey(key: string): UserRecord | undefined {
    return this.collection.get(key);
  }

  keyOf(user: Pick<UserRecord, 'username'>): string {
    return this.fold(user.username);
  }

  private fold(text: string): string {
    return this.caseSensitive ? text : text.toLowerCase();
  }

  /** By username, sub, or what the pool lets users sign in with. */
  find(reference: string): UserRecord | undefined {
    const key = this.fold(reference);
    const direct = this.collection.get(key) ?? this.collection.get(this.bySub.get(reference) ?? '');
    if (direct) return direct;
    for (const attribute of indexed) {
      if (!this.signsInWith(attribute)) continue;
      for (const user of this.having(attribute, reference)) {
        if (this.isAlias(user, attribute)) return user;
      }
    }
    return undefined;
  }

  /** Throws AwsError UserNotFoundException. */
  get(reference: string | undefined): UserRecord {
    const user = reference === undefined ? undefined : this.find(reference);
    if (!user) throw userNotFound();
    return user;
  }

  /** Users with that value of an attribute. */
  having(attribute: Indexed, value: string): UserRecord[] {
    const keys = this.byAttribute.get(`${attribute}:${this.fold(value)}`) ?? [];
    return [...keys].flatMap((key) => this.collection.get(key) ?? []);
  }

  findSub(sub: string): UserRecord | undefined {
    return this.collection.get(this.bySub.get(sub) ?? '');
  }

  private signsInWith(attribute: Indexed): boolean {
    const { UsernameAttributes, AliasAttributes } = this.pool().settings;
    return Boolean(
      (UsernameAttributes as string[] | undefined)?.includes(attribute) ||
        (AliasAttributes as string[] | undefined)?.includes(attribute),
    );
  }

  /** An alias counts once it is verified; where addresses are the usernames they always do. */
  private isAlias(user: UserRecord, attribute: Indexed): boolean {
    // Who comes from an identity provider has no password to sign in with.
    if (user.status === 'EXTERNAL_PROVIDER') return false;
    const { UsernameAttributes } = this.pool().settings;
    if ((UsernameAttributes as string[] | undefined)?.includes(attribute)) return true;
    return attribute === 'preferred_username' || user.attributes[`${attribute}_verified`] === 'true';
  }

  /** Others that sign in with an address that this user has. Throws AwsError AliasExistsException, unless it may be taken over. */
  checkAliases(user: UserRecord, takeOver = false): void {
    for (const attribute of indexed) {
      const value = user.attributes[attribute];
      if (value === undefined || !this.signsInWith(attribute) || !this.isAlias(user, attribute)) continue;
      for (const other of this.having(attribute, value)) {
        if (other.sub === user.sub || !this.isAlias(other, attribute)) continue;
        if (!takeOver) throw aliasExists(attribute);
        this.save({ ...other, attributes: { ...other.attributes, [`${attribute}_verified`]: 'false' } });
      }
    }
  }

  /** Creates or replaces; says when it was changed. */
  save(user: UserRecord): UserRecord {
    const key = this.fold(user.username);
    const before = this.collection.get(key);
    const saved = { ...user, modified: new Date(this.cloud.clock.now()).toISOString() };
    this.collection.put(key, saved);
    if (!before) insert(this.sorted, key);
    this.index(key, before, saved);
    return saved;
  }

  remove(user: UserRecord): void {
    const key = this.fold(user.username);
    const before = this.collection.get(key);
    if (!before) return;
    this.collection.delete(key);
    takeOut(this.sorted, key);
    this.index(key, before, undefined);
  }

  removeAll(): void {
    for (const key of this.sorted) this.collection.delete(key);
  }

  private index(key: string, before: UserRecord | undefined, after: UserRecord | undefined): void {
    if (before?.sub !== after?.sub) {
      if (before) this.bySub.delete(before.sub);
      if (after) this.bySub.set(after.sub, key);
    }
    for (const attribute of indexed) {
      const [old, now] = [before?.attributes[attribute], after?.attributes[attribute]];
      if (old === now) continue;
      if (old !== undefined) {
        const name = `${attribute}:${this.fold(old)}`;
        const keys = this.byAttribute.get(name);
        keys?.delete(key);
        if (keys?.size === 0) this.byAttribute.delete(name);
      }
      if (now !== undefined) {
        const name = `${attribute}:${this.fold(now)}`;
        this.byAttribute.set(name, (this.byAttribute.get(name) ?? new Set()).add(key));
      }
    }
    for (const group of before?.groups ?? []) {
      if (!after?.groups.includes(group)) takeOut(this.groups.get(group) ?? [], key);
    }
    for (const group of after?.groups ?? []) {
      if (before?.groups.includes(group)) continue;
      const members = this.groups.get(group) ?? [];
      insert(members, key);
      this.groups.set(group, members);
    }
  }
}

function place(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insert(keys: string[], key: string): void {
  const at = place(keys, key);
  if (keys[at] !== key) keys.splice(at, 0, key);
}

function takeOut(keys: string[], key: string): void {
  const at = place(keys, key);
  if (keys[at] === key) keys.splice(at, 1);
}

export const userAttributes = (user: UserRecord): Record<string, string> => ({
  ...user.attributes,
  sub: user.sub,
});

/** A user as ListUsers and AdminCreateUser show him. */
export function describeUser(user: UserRecord, only?: readonly string[]): UserType {
  const attributes = Object.entries(userAttributes(user)).filter(([name]) => !only || only.includes(name));
  return {
    Username: user.username,
    Attributes: attributeList(Object.fromEntries(attributes)),
    // The endpoint makes dates of the text.
    UserCreateDate: user.created as unknown as Date,
    UserLastModifiedDate: user.modified as unknown as Date,
    Enabled: user.enabled,
    UserStatus: user.status,
  };
}
