import { tenantOutputs, tenantStackName } from '../../model/names.ts';
import { slotsHeld } from '../cells/placement.ts';
import type { Context } from '../context.ts';
import type { EncryptionKeys } from '../encryption-keys.ts';
import type { Identity, UserPool } from '../identity.ts';
import type { Items } from '../items.ts';
import type { Registry, TenantRecord } from '../registry/registry.ts';
import type { Session } from '../session.ts';
import { outputsOf, Stacks } from '../stacks.ts';
import type { UsagePlans } from '../usage-plans.ts';

/** Where a tenant's data is: written down before anything is deleted, so that a later run still knows. */
export interface Holdings {
  pool?: UserPool & { issuer: string };
  /** The user pool is the tenant's own. */
  ownPool: boolean;
  /** Service name -> table. */
  tables: Record<string, string>;
  stack?: string;
  /** By it a stack is found once it is deleted. */
  stackId?: string;
  keyId?: string;
  /** KMS key that the tenant's data is under, where it has one of its own. */
  encryptionKey?: string;
}

/** What a tenant has, by its record, its stack and the gateway. */
export async function findHoldings(
  context: Context,
  { shared }: Session,
  tenant: TenantRecord,
  plans: UsagePlans,
): Promise<Holdings> {
  const keyId = tenant.apiKeyId ?? (await plans.findKey(tenant.tenantId));
  const key = keyId === undefined ? {} : { keyId };
  if (tenant.model === 'pool')
    return {
      ...(shared.pool && { pool: { ...shared.pool } }),
      ownPool: false,
      tables: shared.pool?.tables ?? {},
      ...key,
    };
  const name = tenantStackName(context.target.prefix, tenant.tenantId);
  const stacks = new Stacks(context.target.client);
  const stack = await stacks.describe(name);
  // Somebody may have deleted the stack by hand; the data that it keeps is in the tenant's record.
  if (!stack) return { tables: {}, ...tenant.holdings, ownPool: true, ...key };
  const outputs = outputsOf(stack);
  const stackId = stack.StackId ?? name;
  // A stack that never came up has no outputs; what it made is found among its resources.
  const made = outputs[tenantOutputs.tables] === undefined ? await dataOf(stacks, stackId, isThere) : none;
  const encryptionKey = outputs[tenantOutputs.encryptionKey] ?? made.encryptionKey;
  const userPoolId = outputs[tenantOutputs.userPoolId] ?? made.userPoolId;
  return {
    ...(userPoolId && {
      pool: {
        userPoolId,
        clientId: outputs[tenantOutputs.clientId] ?? '',
        issuer: outputs[tenantOutputs.issuer] ?? '',
      },
    }),
    ownPool: true,
    tables: {
      ...made.tables,
      ...(JSON.parse(outputs[tenantOutputs.tables] ?? '{}') as Record<string, string>),
    },
    stack: name,
    stackId,
    ...(encryptionKey !== undefined && { encryptionKey }),
    ...key,
  };
}

/** Adds what a stack that is deleted by now left behind: it may have made more after it was first looked at. */
export async function withWhatWasKept(stacks: Stacks, holdings: Holdings): Promise<Holdings> {
  if (holdings.stackId === undefined) return holdings;
  const kept = await dataOf(stacks, holdings.stackId, (status) => status === 'DELETE_SKIPPED');
  const known = new Set(Object.values(holdings.tables));
  const late = Object.entries(kept.tables).filter(([, table]) => !known.has(table));
  return {
    ...(kept.userPoolId && { pool: { userPoolId: kept.userPoolId, clientId: '', issuer: '' } }),
    ...(kept.encryptionKey && { encryptionKey: kept.encryptionKey }),
    ...holdings,
    tables: { ...holdings.tables, ...Object.fromEntries(late) },
  };
}

const isThere = (status: string): boolean => status !== 'DELETE_COMPLETE';

interface Data {
  userPoolId?: string | undefined;
  encryptionKey?: string | undefined;
  /** Logical id -> table. */
  tables: Record<string, string>;
}
const none: Data = { tables: {} };

/** The resources of a stack that hold a tenant's data. */
async function dataOf(stacks: Stacks, stackId: string, wanted: (status: string) => boolean): Promise<Data> {
  const resources = (await stacks.resources(stackId)).filter(
    ({ ResourceStatus = '', PhysicalResourceId }) => PhysicalResourceId && wanted(ResourceStatus),
  );
  const ofType = (...types: string[]): [string, string][] =>
    resources
      .filter(({ ResourceType = '' }) => types.includes(ResourceType))
      .map(({ LogicalResourceId = '', PhysicalResourceId = '' }) => [LogicalResourceId, PhysicalResourceId]);
  return {
    userPoolId: ofType('AWS::Cognito::UserPool')[0]?.[1],
    encryptionKey: ofType('AWS::KMS::Key')[0]?.[1],
    tables: Object.fromEntries(ofType('AWS::DynamoDB::Table', 'AWS::DynamoDB::GlobalTable')),
  };
}

export interface Services {
  identity: Identity;
  items: Items;
  stacks: Stacks;
  plans: UsagePlans;
  registry: Registry;
  keys: EncryptionKeys;
}

/** What of a tenant is still there, in words; empty when nothing is. */
export async function whatIsLeft(
  { pool, tables, ownPool, stack, encryptionKey }: Holdings,
  tenantId: string,
  { identity, items, stacks, plans, registry, keys }: Services,
): Promise<string[]> {
  const left: string[] = [];
  for (const [service, table] of Object.entries(tables)) {
    if (ownPool) {
      if (await items.tableExists(table)) left.push(`the table ${table} of ${service}`);
      continue;
    }
    const count = await items.count(table, tenantId);
    if (count > 0) left.push(`${count} items in the table ${table} of ${service}`);
  }
  if (pool && ownPool && (await identity.poolExists(pool.userPoolId)))
    left.push(`the user pool ${pool.userPoolId}`);
  if (pool && !ownPool) {
    let users = 0;
    for await (const _ of identity.usersOf(pool, tenantId)) users++;
    if (users > 0) left.push(`${users} users in the user pool ${pool.userPoolId}`);
  }
  if (encryptionKey !== undefined && (await keys.isInUse(encryptionKey)))
    left.push(`the KMS key ${encryptionKey}`);
  if (stack !== undefined && (await stacks.describe(stack))) left.push(`the stack ${stack}`);
  if ((await plans.findKey(tenantId)) !== undefined) left.push('its API key');
  const slots = ownPool ? await slotsHeld(registry, tenantId) : 0;
  if (slots > 0) left.push(`${slots} slots of a cell`);
  return left;
}
