import {
  CloudFormationClient,
  DescribeStacksCommand,
  type DescribeStacksCommandOutput,
} from '@aws-sdk/client-cloudformation';
import { DynamoDBClient, ListTablesCommand, type ListTablesCommandOutput } from '@aws-sdk/client-dynamodb';
import { withPrefix } from '../../model/names.ts';
import type { Context } from '../context.ts';
import { type ControlPlane, controlPlaneOf, type Registered } from '../control-plane/client.ts';
import { Gatekeeper } from '../gatekeeper.ts';
import { Identity } from '../identity.ts';
import type { TenantRecord } from '../registry/registry.ts';
import { openSession, ownerTags, type Session } from '../session.ts';
import { UsagePlans } from '../usage-plans.ts';

export interface Registration extends Registered {
  status: string;
  createdAt: string | undefined;
}

/** Everything that should agree, as it was read once. */
export interface World {
  context: Context;
  session: Session;
  identity: Identity;
  plans: UsagePlans;
  gatekeeper: Gatekeeper;
  tags: Record<string, string>;
  /** Those that live, whatever their status, by id. */
  tenants: ReadonlyMap<string, TenantRecord>;
  /** Undefined where no control plane is deployed. */
  controlPlane: ControlPlane | undefined;
  registrations: readonly Registration[];
  /** Tenant id -> name of its stack. */
  stacks: ReadonlyMap<string, string>;
  /** Names of tables that a silo's stack made, with the silo's tenant. */
  tables: readonly { name: string; tenantId: string }[];
  userPools: readonly { id: string; tenantId: string }[];
  /** An operation works on it: what it has done so far is not a difference. */
  underWay(tenantId: string): boolean;
  subject(tenant: TenantRecord): string;
}

/**
 * What is there is read before the registry: a tenant is in the registry before anything of it exists, so nothing that
 * comes while this reads can look as if it were nobody's.
 */
export async function readWorld(context: Context): Promise<World> {
  const { target } = context;
  const session = await openSession(context);
  const identity = new Identity(target.client);
  const plans = new UsagePlans(target.client);
  const tags = ownerTags(context);
  const controlPlane = controlPlaneOf(target, session.shared);
  const [stacks, tables, userPools, registrations] = await Promise.all([
    tenantStacks(context, tags),
    tenantTables(context),
    tenantPools(context, identity),
    readRegistrations(controlPlane),
  ]);
  const tenants = new Map<string, TenantRecord>();
  let nextToken: string | undefined;
  do {
    const page = await session.registry.tenants({
      limit: 500,
      ...(nextToken !== undefined && { nextToken }),
    });
    for (const tenant of page.items) tenants.set(tenant.tenantId, tenant);
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  const now = context.now().toISOString();
  return {
    context,
    session,
    identity,
    plans,
    gatekeeper: new Gatekeeper(target.client, session.shared),
    tags,
    tenants,
    controlPlane,
    registrations,
    stacks,
    tables,
    userPools,
    underWay(tenantId) {
      const operation = tenants.get(tenantId)?.operation;
      return operation !== undefined && !operation.failure && operation.leaseUntil > now;
    },
    subject: ({ name, tenantId }) => `${name} (${tenantId})`,
  };
}

/** The tenant whose stack has the name, or made what has it. */
function tenantOf(context: Context): (name: string) => string | undefined {
  const begin = withPrefix(context.target.prefix, 'tenant-');
  return (name) =>
    name.startsWith(begin)
      ? /^([a-km-np-z][a-km-np-z2-9]{9})(-|$)/.exec(name.slice(begin.length))?.[1]
      : undefined;
}

async function tenantStacks(context: Context, tags: Record<string, string>): Promise<Map<string, string>> {
  const client = new CloudFormationClient(context.target.client);
  const tenant = tenantOf(context);
  const found = new Map<string, string>();
  let NextToken: string | undefined;
  do {
    const page: DescribeStacksCommandOutput = await client.send(
      new DescribeStacksCommand({ ...(NextToken && { NextToken }) }),
    );
    for (const { StackName = '', Tags = [] } of page.Stacks ?? []) {
      const id = tenant(StackName);
      const own = Object.entries(tags).every(([key, value]) =>
        Tags.some((tag) => tag.Key === key && tag.Value === value),
      );
      if (id !== undefined && own) found.set(id, StackName);
    }
    NextToken = page.NextToken;
  } while (NextToken);
  return found;
}

async function tenantTables(context: Context): Promise<{ name: string; tenantId: string }[]> {
  const client = new DynamoDBClient(context.target.client);
  const tenant = tenantOf(context);
  const found: { name: string; tenantId: string }[] = [];
  let start: string | undefined;
  do {
    const page: ListTablesCommandOutput = await client.send(
      new ListTablesCommand({ ...(start && { ExclusiveStartTableName: start }) }),
    );
    for (const name of page.TableNames ?? []) {
      const tenantId = tenant(name);
      if (tenantId !== undefined) found.push({ name, tenantId });
    }
    start = page.LastEvaluatedTableName;
  } while (start);
  return found;
}

async function tenantPools(
  context: Context,
  identity: Identity,
): Promise<{ id: string; tenantId: string }[]> {
  const tenant = tenantOf(context);
  const found: { id: string; tenantId: string }[] = [];
  for await (const { id, name } of identity.pools()) {
    const tenantId = tenant(name);
    if (tenantId !== undefined) found.push({ id, tenantId });
  }
  return found;
}

async function readRegistrations(controlPlane: ControlPlane | undefined): Promise<Registration[]> {
  if (!controlPlane) return [];
  const own = new Map<string, Record<string, unknown>>();
  for await (const data of controlPlane.registrations()) own.set(String(data['tenantRegistrationId']), data);
  const found: Registration[] = [];
  for await (const tenant of controlPlane.tenants()) {
    const data = own.get(tenant.registrationId);
    found.push({
      ...tenant,
      active: tenant.active && data?.['sbtaws_active'] !== false,
      status: String(data?.['registrationStatus'] ?? ''),
      createdAt: data?.['createdAt'] === undefined ? undefined : String(data['createdAt']),
    });
  }
  return found;
}
