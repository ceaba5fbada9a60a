/** Groups of a pool. Who is in one is kept with the users. */
import type { GroupType } from '@aws-sdk/client-cognito-identity-provider';
import { AwsError, type Cloud } from '../../platform.ts';
import { compareText } from '../pages.ts';
import { invalidParameter, limitExceeded, notFound } from './errors.ts';

export interface GroupRecord {
  name: string;
  description?: string | undefined;
  roleArn?: string | undefined;
  /** Lower goes first. */
  precedence?: number | undefined;
  /** ISO 8601 */
  created: string;
  modified: string;
}

/** Cognito's hard quota a pool. */
const maxGroups = 10_000;

export class Groups {
  private readonly cloud: Cloud;

  constructor(cloud: Cloud) {
    this.cloud = cloud;
  }

  private collection(poolId: string) {
    return this.cloud.store.collection<GroupRecord>(`cognito.groups.${poolId}`);
  }

  find(poolId: string, name: string): GroupRecord | undefined {
    return this.collection(poolId).get(name);
  }

  /** Throws AwsError ResourceNotFoundException. */
  get(poolId: string, name: string | undefined): GroupRecord {
    const group = this.find(poolId, name ?? '');
    if (!group) throw notFound('Group not found.');
    return group;
  }

  all(poolId: string): GroupRecord[] {
    return this.collection(poolId)
      .values()
      .sort((left, right) => compareText(left.name, right.name));
  }

  create(poolId: string, group: Omit<GroupRecord, 'created' | 'modified'>): GroupRecord {
    const collection = this.collection(poolId);
    if (!/^[\p{L}\p{M}\p{S}\p{N}\p{P}]{1,128}$/u.test(group.name)) {
      throw invalidParameter(`Group name ${JSON.stringify(group.name)} is not valid.`);
    }
    if (collection.has(group.name)) {
      throw new AwsError('GroupExistsException', 'A group with the name already exists.');
    }
    if (collection.keys().length >= maxGroups) {
      throw limitExceeded(`Maximum number of groups (${maxGroups}) in the user pool reached.`);
    }
    const at = new Date(this.cloud.clock.now()).toISOString();
    const record = { ...group, created: at, modified: at };
    collection.put(group.name, record);
    return record;
  }

  save(poolId: string, group: GroupRecord): GroupRecord {
    const saved = { ...group, modified: new Date(this.cloud.clock.now()).toISOString() };
    this.collection(poolId).put(group.name, saved);
    return saved;
  }

  remove(poolId: string, name: string): void {
    this.collection(poolId).delete(name);
  }

  removeAll(poolId: string): void {
    const collection = this.collection(poolId);
    for (const name of collection.keys()) collection.delete(name);
  }

  /** By precedence, then by name; those without precedence go last. */
  sorted(poolId: string, names: readonly string[]): GroupRecord[] {
    const rank = ({ precedence }: GroupRecord): number => precedence ?? Number.MAX_SAFE_INTEGER;
    return names
      .flatMap((name) => this.find(poolId, name) ?? [])
      .sort((left, right) => rank(left) - rank(right) || compareText(left.name, right.name));
  }

  /** `cognito:roles` and `cognito:preferred_role`, where the groups have roles. */
  roleClaims(poolId: string, names: readonly string[]): Record<string, unknown> {
    const groups = this.sorted(poolId, names).filter(({ roleArn }) => roleArn !== undefined);
    const [first, second] = groups;
    if (!first) return {};
    // Two groups of the same rank with different roles prefer neither.
    const tied = second?.precedence === first.precedence && second?.roleArn !== first.roleArn;
    return {
      'cognito:roles': [...new Set(groups.map(({ roleArn }) => roleArn))],
      ...(!tied || !second ? { 'cognito:preferred_role': first.roleArn } : {}),
    };
  }
}

export const describeGroup = (poolId: string, group: GroupRecord): GroupType => ({
  GroupName: group.name,
  UserPoolId: poolId,
  Description: group.description,
  RoleArn: group.roleArn,
  Precedence: group.precedence,
  // The endpoint makes dates of the text.
  CreationDate: group.created as unknown as Date,
  LastModifiedDate: group.modified as unknown as Date,
});
