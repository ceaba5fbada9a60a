import { SaasError } from '../../model/error.ts';
import { tenantOutputs, tenantStackName } from '../../model/names.ts';
import { vacate } from '../cells.ts';
import type { Context } from '../context.ts';
import { Identity, type UserPool } from '../identity.ts';
import { Items } from '../items.ts';
import { runOperation, type Step } from '../operation.ts';
import type { TenantRecord } from '../registry/registry.ts';
import { openSession, type Session } from '../session.ts';
import { describeEvent } from '../stack-events.ts';
import { outputsOf, Stacks } from '../stacks.ts';
import { UsagePlans } from '../usage-plans.ts';
import { exportTenant, type Manifest } from './export.ts';

export interface OffboardRequest {
  /** Id or name. */
  tenant: string;
  /** Directory to export users and items to before anything is deleted. */
  exportTo?: string;
}

/** What was deleted, by count. */
export interface Deleted {
  users: number;
  items: number;
  tables: number;
  userPools: number;
  stacks: number;
  apiKeys: number;
  slots: number;
}

export interface Offboarded {
  tenantId: string;
  name: string;
  deleted: Deleted;
  export: (Manifest & { directory: string }) | null;
}

/** Where a tenant's data is: written down before anything is deleted, so that a later run still knows. */
export interface Holdings {
  pool?: UserPool & { issuer: string };
  /** The user pool is the tenant's own. */
  ownPool: boolean;
  /** Service name -> table. */
  tables: Record<string, string>;
  stack?: string;
}

interface OffboardData {
  holdings: Holdings;
  deleted: Deleted;
  export: Manifest & { directory: string };
}

const nothing: Deleted = { users: 0, items: 0, tables: 0, userPools: 0, stacks: 0, apiKeys: 0, slots: 0 };

/** What an offboarding of this tenant will delete; for the list that an operator confirms. */
export async function planOffboarding(
  context: Context,
  reference: string,
): Promise<{ tenant: TenantRecord; holdings: Holdings }> {
  const session = await openSession(context);
  const tenant = await session.registry.findTenant(reference);
  return { tenant, holdings: await findHoldings(context, session, tenant) };
}

/**
 * Takes a tenant out: closes the API to it, exports when asked, deletes users, items, stack and key, checks that
 * nothing is left, and only then frees the name. Run again it goes on where it stopped.
 */
export async function offboard(context: Context, request: OffboardRequest): Promise<Offboarded> {
  const session = await openSession(context);
  const { registry } = session;
  const tenant = await registry.findTenant(request.tenant);
  if (tenant.status === 'offboarded')
    throw new SaasError('tenant_gone', `tenant "${tenant.name}" is offboarded already`, {
      detail: `tenant ${tenant.tenantId}, at ${tenant.updatedAt}`,
      exitCode: 4,
    });
  const ran = await runOperation<OffboardData>(context, registry, tenant, {
    kind: 'offboard',
    title: `Offboarding ${tenant.name}`,
    status: 'offboarding',
    steps: stepsFor(context, session, tenant, request),
  });
  await registry.retireTenant(tenant.tenantId, context.now().toISOString(), ran.holder);
  await registry.releaseName(tenant.name, tenant.tenantId);
  return {
    tenantId: tenant.tenantId,
    name: tenant.name,
    deleted: ran.data.deleted ?? nothing,
    export: ran.data.export ?? null,
  };
}

async function findHoldings(context: Context, { shared }: Session, tenant: TenantRecord): Promise<Holdings> {
  const onboarding = tenant.operation?.kind === 'onboard' ? tenant.operation.data : {};
  if (tenant.model === 'pool') {
    return {
      ...(shared.pool && { pool: { ...shared.pool } }),
      ownPool: false,
      tables: shared.pool?.tables ?? {},
    };
  }
  const stack = tenantStackName(context.target.prefix, tenant.tenantId);
  const stacks = new Stacks(context.target.client);
  const described = await stacks.describe(stack);
  if (!described) return { ownPool: true, tables: {}, ...(onboarding['pool'] as object) };
  const outputs = outputsOf(described);
  const resources = outputs[tenantOutputs.tables] === undefined ? await stacks.resources(stack) : [];
  const physical = (type: string): [string, string][] =>
    resources
      .filter(
        (resource) =>
          resource.ResourceType === type &&
          resource.PhysicalResourceId &&
          resource.ResourceStatus !== 'DELETE_COMPLETE',
      )
      .map((resource) => [resource.LogicalResourceId ?? '', resource.PhysicalResourceId ?? '']);
  const userPoolId = outputs[tenantOutputs.userPoolId] ?? physical('AWS::Cognito::UserPool')[0]?.[1];
  return {
    ...(userPoolId && {
      pool: {
        userPoolId,
        clientId: outputs[tenantOutputs.clientId] ?? '',
        issuer: outputs[tenantOutputs.issuer] ?? '',
      },
    }),
    ownPool: true,
    // A stack that never came up has no outputs; its tables are found among its resources.
    tables:
      outputs[tenantOutputs.tables] === undefined
        ? Object.fromEntries([...physical('AWS::DynamoDB::Table'), ...physical('AWS::DynamoDB::GlobalTable')])
        : (JSON.parse(outputs[tenantOutputs.tables] ?? '{}') as Record<string, string>),
    stack,
  };
}

function stepsFor(
  context: Context,
  session: Session,
  tenant: TenantRecord,
  request: OffboardRequest,
): Step<OffboardData>[] {
  const { registry } = session;
  const { target, signal } = context;
  const { tenantId } = tenant;
  const identity = new Identity(target.client);
  const plans = new UsagePlans(target.client);
  const items = new Items(target.client);
  const stacks = new Stacks(target.client);
  const add = (data: Partial<OffboardData>, counts: Partial<Deleted>): void => {
    const deleted = data.deleted ?? { ...nothing };
    for (const [kind, count] of Object.entries(counts)) deleted[kind as keyof Deleted] += count;
    data.deleted = deleted;
  };
  const holdingsOf = (data: Partial<OffboardData>): Holdings =>
    data.holdings ?? { ownPool: false, tables: {} };

  const steps: Step<OffboardData>[] = [
    {
      name: 'close',
      title: 'Close the API to it',
      async run(data) {
        data.holdings = await findHoldings(context, session, tenant);
        // The key goes first: without one the gateway refuses every request of the tenant at once.
        const keyId = tenant.apiKeyId ?? (await plans.findKey(tenantId));
        if (keyId !== undefined) {
          await plans.deleteKey(keyId);
          add(data, { apiKeys: 1 });
        }
      },
    },
  ];
  if (request.exportTo !== undefined) {
    const directory = request.exportTo;
    steps.push({
      name: 'export',
      title: 'Export users and items',
      async run(data) {
        const { pool, tables } = holdingsOf(data);
        const exported = await exportTenant(
          directory,
          { tenant, pool, tables, identity, items },
          context.now(),
        );
        data.export = { ...exported.manifest, directory: exported.directory };
      },
    });
  }
  steps.push(
    {
      name: 'users',
      title: 'Delete its users',
      async run(data, tools) {
        const { pool, ownPool } = holdingsOf(data);
        if (!pool) return;
        let users = 0;
        for await (const user of identity.users(pool, tenantId)) {
          if (!ownPool) await identity.deleteUser(pool, user.Username ?? '');
          tools.detail(`${++users} users`);
        }
        if (!ownPool) await identity.deleteGroup(pool, tenantId);
        add(data, { users });
      },
    },
    {
      name: 'items',
      title: 'Delete its items',
      async run(data, tools) {
        const { tables, ownPool } = holdingsOf(data);
        for (const [service, table] of Object.entries(tables)) {
          if (!(await items.tableExists(table))) continue;
          const count = ownPool
            ? await items.count(table, tenantId)
            : await items.deleteAll(table, tenantId, (deleted) =>
                tools.detail(`${service}: ${deleted} items`),
              );
          add(data, { items: count });
        }
      },
    },
  );
  if (tenant.model !== 'pool') {
    steps.push(
      {
        name: 'stack',
        title: 'Delete the stack',
        async run(data, tools) {
          const { stack } = holdingsOf(data);
          if (stack === undefined || !(await stacks.describe(stack))) return;
          await stacks.remove(stack, {
            signal,
            onEvent: (event) => tools.detail(describeEvent(event) ?? ''),
          });
          add(data, { stacks: 1 });
        },
      },
      {
        name: 'data',
        title: 'Delete its tables and user pool',
        async run(data, tools) {
          const { pool, tables } = holdingsOf(data);
          for (const [service, table] of Object.entries(tables)) {
            if (!(await items.deleteTable(table))) continue;
            add(data, { tables: 1 });
            tools.detail(`table of ${service}`);
          }
          if (!pool) return;
          if (await identity.deletePool(pool.userPoolId)) add(data, { userPools: 1 });
          if (pool.issuer) await registry.deleteIssuer(pool.issuer);
        },
      },
      {
        name: 'placement',
        title: 'Free its place',
        async run(data) {
          if (tenant.cell !== undefined) add(data, { slots: await vacate(registry, tenantId, tenant.cell) });
        },
      },
    );
  }
  steps.push({
    name: 'verify',
    title: 'Check that nothing is left',
    always: true,
    async run(data) {
      const left = await whatIsLeft(holdingsOf(data), tenantId, { identity, items, stacks, plans });
      if (left.length === 0) return;
      throw new SaasError('data_left', `something of tenant "${tenant.name}" is still there`, {
        detail: left.join('\n'),
        hint: `run it again: saas-ecs offboard ${tenant.name} --confirm ${tenant.name}`,
      });
    },
  });
  return steps;
}

interface Services {
  identity: Identity;
  items: Items;
  stacks: Stacks;
  plans: UsagePlans;
}

async function whatIsLeft(holdings: Holdings, tenantId: string, services: Services): Promise<string[]> {
  const left: string[] = [];
  const { pool, tables, ownPool, stack } = holdings;
  for (const [service, table] of Object.entries(tables)) {
    if (!(await services.items.tableExists(table))) continue;
    if (ownPool) left.push(`the table ${table} of ${service}`);
    else {
      const count = await services.items.count(table, tenantId);
      if (count > 0) left.push(`${count} items in the table ${table} of ${service}`);
    }
  }
  if (pool && ownPool && (await services.identity.poolExists(pool.userPoolId)))
    left.push(`the user pool ${pool.userPoolId}`);
  if (pool && !ownPool) {
    let users = 0;
    for await (const _ of services.identity.users(pool, tenantId)) users++;
    if (users > 0) left.push(`${users} users in the user pool ${pool.userPoolId}`);
  }
  if (stack !== undefined && (await services.stacks.describe(stack))) left.push(`the stack ${stack}`);
  if ((await services.plans.findKey(tenantId)) !== undefined) left.push('its API key');
  return left;
}
