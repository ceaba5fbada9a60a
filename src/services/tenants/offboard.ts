import { SaasError } from '../../model/error.ts';
import { type Act, audited } from '../audit/audited.ts';
import { slotsHeld, vacate } from '../cells/placement.ts';
import type { Context } from '../context.ts';
import { deregisterStep, reportFailure } from '../control-plane/steps.ts';
import { EncryptionKeys, pendingDays } from '../encryption-keys.ts';
import { Identity } from '../identity.ts';
import { Items } from '../items.ts';
import { runOperation, type Step, type StepTools } from '../operation.ts';
import type { TenantRecord } from '../registry/registry.ts';
import { openSession, type Session } from '../session.ts';
import { describeEvent } from '../stack-events.ts';
import { Stacks } from '../stacks.ts';
import { UsagePlans } from '../usage-plans.ts';
import { exportTenant, type Manifest } from './export.ts';
import { findHoldings, type Holdings, whatIsLeft, withWhatWasKept } from './holdings.ts';

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
  operationId: string;
  deleted: Deleted;
  export: (Manifest & { directory: string }) | null;
}

interface OffboardData {
  holdings: Holdings;
  /**
   * Counted and written down before the first of a kind goes, so that a run that finds only the rest still counts
   * all; the last step proves that none is left.
   */
  deleted: Partial<Deleted>;
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
  const plans = new UsagePlans(context.target.client);
  return { tenant, holdings: await findHoldings(context, session, tenant, plans) };
}

/**
 * Takes a tenant out: closes the API to it, exports when asked, deletes users, items, stack and key, checks that
 * nothing is left, and only then frees the name. Run again it goes on where it stopped.
 */
export async function offboard(context: Context, request: OffboardRequest): Promise<Offboarded> {
  const { tenant, exportTo } = request;
  return audited(
    context,
    { action: 'offboard', tenant, parameters: { export: exportTo !== undefined } },
    (act) => takeOut(context, request, act),
  );
}

async function takeOut(context: Context, request: OffboardRequest, act: Act): Promise<Offboarded> {
  const session = await openSession(context);
  const tenant = await session.registry.findTenant(request.tenant);
  act.tenant = tenant;
  if (tenant.status === 'offboarded')
    throw new SaasError('tenant_gone', `tenant "${tenant.name}" is offboarded already`, {
      detail: `tenant ${tenant.tenantId}, at ${tenant.updatedAt}`,
      exitCode: 4,
    });
  const ran = await runOperation<OffboardData>(context, session.registry, tenant, {
    kind: 'offboard',
    title: `Offboarding ${tenant.name}`,
    begin: { status: 'offboarding' },
    steps: (claimed) => stepsFor(context, session, claimed, request),
    end: 'retired',
    act,
    ...(request.exportTo !== undefined && { resumeWith: `--export ${request.exportTo}` }),
  }).catch(async (error: unknown) => {
    await reportFailure(context, session, 'deprovisionFailure', tenant.registrationId, error);
    throw error;
  });
  return {
    tenantId: tenant.tenantId,
    name: tenant.name,
    operationId: ran.operationId,
    deleted: { ...nothing, ...ran.data.deleted },
    export: ran.data.export ?? null,
  };
}

/** Notes how many of a kind there are, unless an earlier run did; gives the number. */
async function counted(
  kind: keyof Deleted,
  data: Partial<OffboardData>,
  tools: StepTools,
  count: () => number | Promise<number>,
): Promise<void> {
  if (data.deleted?.[kind] !== undefined) return;
  data.deleted = { ...data.deleted, [kind]: await count() };
  await tools.save();
}

/** More went than were counted: some came while the others were being deleted. */
function atLeast(kind: keyof Deleted, data: Partial<OffboardData>, count: number): void {
  data.deleted = { ...data.deleted, [kind]: Math.max(data.deleted?.[kind] ?? 0, count) };
}

function stepsFor(
  context: Context,
  session: Session,
  tenant: TenantRecord,
  request: OffboardRequest,
): Step<OffboardData>[] {
  const { registry } = session;
  const { client } = context.target;
  const { tenantId } = tenant;
  const identity = new Identity(client);
  const plans = new UsagePlans(client);
  const items = new Items(client);
  const stacks = new Stacks(client);
  const keys = new EncryptionKeys(client);
  const holdingsOf = (data: Partial<OffboardData>): Holdings =>
    data.holdings ?? { ownPool: false, tables: {} };

  const steps: Step<OffboardData>[] = [
    {
      name: 'close',
      title: 'Close the API to it',
      async run(data, tools) {
        data.holdings ??= await findHoldings(context, session, tenant, plans);
        // The key goes first: without one the gateway refuses every request of the tenant at once.
        const keyId = data.holdings.keyId ?? (await plans.findKey(tenantId));
        await counted('apiKeys', data, tools, () => (keyId === undefined ? 0 : 1));
        if (keyId !== undefined) await plans.deleteKey(keyId);
      },
    },
  ];
  if (request.exportTo !== undefined) {
    const directory = request.exportTo;
    steps.push({
      name: 'export',
      title: 'Export users and items',
      async run(data) {
        if (data.deleted?.users !== undefined)
          throw new SaasError('export_too_late', `an earlier run has begun to delete "${tenant.name}"`, {
            detail: 'an export would hold only what that run left',
            hint: `finish without one: saas-ecs offboard ${tenant.name} --confirm ${tenant.name}`,
          });
        const { pool, ownPool, tables } = holdingsOf(data);
        const exported = await exportTenant(
          directory,
          { tenant, pool, ownPool, tables, identity, items },
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
        if (!pool) return counted('users', data, tools, () => 0);
        // All names first: pages that shrink while they are read would skip some.
        const names: string[] = [];
        for await (const user of identity.usersOf(pool, tenantId, { silo: ownPool }))
          names.push(user.Username ?? '');
        await counted('users', data, tools, () => names.length);
        if (ownPool) return;
        for (const [index, name] of names.entries()) {
          tools.signal.throwIfAborted();
          await identity.deleteUser(pool, name);
          tools.detail(`${index + 1} of ${names.length} users`);
        }
        atLeast('users', data, names.length);
        await identity.deleteProbes(pool, tenantId);
        await identity.deleteGroup(pool, tenantId);
      },
    },
    {
      name: 'items',
      title: 'Delete its items',
      async run(data, tools) {
        const { tables, ownPool } = holdingsOf(data);
        await counted('items', data, tools, async () => {
          let count = 0;
          for (const table of Object.values(tables)) count += await items.count(table, tenantId);
          return count;
        });
        // A silo's go with its tables.
        if (ownPool) return;
        let deleted = 0;
        for (const [service, table] of Object.entries(tables)) {
          if (!(await items.tableExists(table))) continue;
          deleted += await items.deleteAll(table, tenantId, {
            onPage: (count) => tools.detail(`${service}: ${count} items`),
            signal: tools.signal,
          });
        }
        atLeast('items', data, deleted);
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
          if (stack === undefined) return;
          const there = await stacks.describe(stack);
          await counted('stacks', data, tools, () => (there ? 1 : 0));
          if (there)
            await stacks.remove(stack, {
              signal: tools.signal,
              onEvent(event) {
                const text = describeEvent(event);
                if (text !== undefined) tools.detail(text);
              },
            });
          data.holdings = await withWhatWasKept(stacks, holdingsOf(data));
        },
      },
      {
        name: 'data',
        title: 'Delete its tables, user pool and key',
        async run(data, tools) {
          const { pool, tables } = holdingsOf(data);
          await counted('tables', data, tools, async () => {
            let count = 0;
            for (const table of Object.values(tables)) if (await items.tableExists(table)) count++;
            return count;
          });
          await counted('userPools', data, tools, async () =>
            pool && (await identity.poolExists(pool.userPoolId)) ? 1 : 0,
          );
          for (const [service, table] of Object.entries(tables)) {
            tools.signal.throwIfAborted();
            if (await items.deleteTable(table)) tools.detail(`table of ${service}`);
          }
          if (pool) {
            await identity.deletePool(pool.userPoolId);
            const issuer = pool.issuer || tenant.holdings?.pool.issuer;
            if (issuer) await registry.deleteIssuer(issuer);
          }
          // Last: what it protects is gone.
          const { encryptionKey } = holdingsOf(data);
          if (encryptionKey !== undefined && (await keys.scheduleDeletion(encryptionKey)))
            tools.detail(`key, gone for good in ${pendingDays} days`);
        },
      },
      {
        name: 'placement',
        title: 'Free its place',
        async run(data, tools) {
          await counted('slots', data, tools, () => slotsHeld(registry, tenantId));
          await vacate(registry, tenantId);
        },
      },
    );
  }
  steps.push({
    name: 'verify',
    title: 'Check that nothing is left',
    always: true,
    async run(data, tools) {
      const left = await whatIsLeft(holdingsOf(data), tenantId, {
        identity,
        items,
        stacks,
        plans,
        registry,
        keys,
      });
      if (left.length === 0) return;
      tools.reopen(...steps.map((step) => step.name).filter((name) => name !== 'export'));
      throw new SaasError('data_left', `something of tenant "${tenant.name}" is still there`, {
        detail: left.join('\n'),
        hint: `run it again: saas-ecs offboard ${tenant.name} --confirm ${tenant.name}`,
      });
    },
  });
  steps.push(...deregisterStep<OffboardData>(context, session));
  return steps;
}
