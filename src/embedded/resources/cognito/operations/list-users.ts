/** ListUsers: its filter, and pages that cost what they hold. */
import type {
  ListUsersCommandInput,
  ListUsersCommandOutput,
} from '@aws-sdk/client-cognito-identity-provider';
import { compareText, decodeToken, encodeToken } from '../../pages.ts';
import { invalidParameter } from '../errors.ts';
import type { Parts } from '../parts.ts';
import type { PoolRecord } from '../pools.ts';
import { describeUser, type UserDirectory, type UserRecord, userAttributes } from '../users.ts';

const maxPage = 60;
/** Custom attributes can't be searched by, as on AWS. */
const searchable = [
  'username',
  'email',
  'phone_number',
  'name',
  'given_name',
  'family_name',
  'preferred_username',
  'cognito:user_status',
  'status',
  'sub',
] as const;

interface Filter {
  attribute: (typeof searchable)[number];
  prefix: boolean;
  value: string;
}

/** Throws AwsError InvalidParameterException. */
export function pageLimit(limit: number | undefined): number {
  if (limit !== undefined && (limit < 0 || limit > maxPage)) {
    throw invalidParameter(
      `1 validation error detected: Value '${limit}' at 'limit' failed to satisfy constraint: Member must be between 0 and ${maxPage}`,
    );
  }
  return limit || maxPage;
}

export function listUsers(
  parts: Parts,
  pool: PoolRecord,
  input: Omit<ListUsersCommandInput, 'UserPoolId'>,
): Omit<ListUsersCommandOutput, '$metadata'> {
  const users = parts.users(pool);
  const limit = pageLimit(input.Limit);
  const filter = parseFilter(input.Filter);
  const after =
    input.PaginationToken === undefined
      ? undefined
      : decodeToken(input.PaginationToken, 'InvalidParameterException');
  const found: UserRecord[] = [];
  for (const user of candidates(users, filter, after)) {
    if (!matches(user, filter)) continue;
    found.push(user);
    // One more than a page says whether there is another one.
    if (found.length > limit) break;
  }
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return {
    Users: page.map((user) => describeUser(user, input.AttributesToGet)),
    PaginationToken: last && found.length > limit ? encodeToken(users.keyOf(last)) : undefined,
  };
}

/** Those users, in order, that a filter may find: by an index where it asks for one value. */
function* candidates(
  users: UserDirectory,
  filter: Filter | undefined,
  after: string | undefined,
): Generator<UserRecord> {
  if (filter && !filter.prefix) {
    const { attribute, value } = filter;
    let found: UserRecord[] | undefined;
    if (attribute === 'sub') found = [users.findSub(value)].flatMap((user) => user ?? []);
    if (attribute === 'username') {
      found = [users.byKey(users.keyOf({ username: value }))].flatMap((user) => user ?? []);
    }
    if (attribute === 'email' || attribute === 'phone_number' || attribute === 'preferred_username') {
      found = users.having(attribute, value);
    }
    if (found) {
      const keyed = found.map((user) => ({ user, key: users.keyOf(user) }));
      keyed.sort((left, right) => compareText(left.key, right.key));
      for (const { user, key } of keyed) if (after === undefined || key > after) yield user;
      return;
    }
  }
  const keys = users.keys();
  let index = 0;
  if (after !== undefined) {
    let high = keys.length;
    while (index < high) {
      const middle = (index + high) >> 1;
      if ((keys[middle] ?? '') <= after) index = middle + 1;
      else high = middle;
    }
  }
  for (; index < keys.length; index += 1) {
    const user = users.byKey(keys[index] ?? '');
    if (user) yield user;
  }
}

function parseFilter(text: string | undefined): Filter | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const match = /^\s*"?([\w:]+)"?\s*(\^?=)\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')\s*$/.exec(text);
  if (!match) throw invalidParameter('Error while parsing filter.');
  const attribute = searchable.find((name) => name === match[1]);
  if (!attribute) throw invalidParameter(`Invalid search attribute: ${match[1]}`);
  return {
    attribute,
    prefix: match[2] === '^=',
    value: (match[3] ?? match[4] ?? '').replace(/\\(.)/g, '$1'),
  };
}

function matches(user: UserRecord, filter: Filter | undefined): boolean {
  if (!filter) return true;
  const { attribute, prefix } = filter;
  let actual: string | undefined;
  if (attribute === 'username') actual = user.username;
  else if (attribute === 'cognito:user_status') actual = user.status;
  else if (attribute === 'status') actual = user.enabled ? 'Enabled' : 'Disabled';
  else actual = userAttributes(user)[attribute];
  if (actual === undefined) return false;
  // Cognito searches without regard to case.
  const [left, right] = [actual.toLowerCase(), filter.value.toLowerCase()];
  return prefix ? left.startsWith(right) : left === right;
}
