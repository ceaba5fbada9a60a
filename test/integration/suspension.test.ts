/** A tenant that is shut out and let in again: in the pool and in a silo, with neighbours who notice nothing. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tenant } from '../../src/model/tenant.ts';
import { loadConfig } from '../../src/services/config/load.ts';
import { controlPlaneOf } from '../../src/services/control-plane/client.ts';
import { resolveEnvironment, type Target } from '../../src/services/environment.ts';
import { Registry } from '../../src/services/registry/registry.ts';
import { RegistryTable } from '../../src/services/registry/table.ts';
import { readSharedOutputs } from '../../src/services/shared-outputs.ts';
import { api, newProject, type Project } from './project.ts';

let project: Project;
let target: Target;
let registry: Registry;
const tenants: Record<string, Tenant> = {};

beforeAll(async () => {
  project = await newProject('--tiers', 'basic,advanced', '--services', 'products');
  await project.json('deploy-shared');
  for (const [name, tier] of [
    ['acorn', 'basic'],
    ['birch', 'basic'],
    ['cedar', 'advanced'],
  ] as const)
    tenants[name] = await project.json<Tenant>(
      ...['onboard', '--tier', tier, '--name', name, '--email', `admin@${name}.example`],
    );
  target = await resolveEnvironment(await loadConfig({ cwd: project.directory }));
  registry = new Registry(new RegistryTable(target.client, (await readSharedOutputs(target)).registryTable));
}, 120_000);
afterAll(() => project.remove());

const tokenOf = async (name: string): Promise<string> =>
  (await project.json<{ token: string }>('token', '--tenant', name)).token;
const call = async (name: string, token: string) => api(`${tenants[name]?.apiUrl}/products`, { token });

async function refused(...argv: string[]) {
  const ran = await project.cli(...argv, '--json');
  const { code, hint } = ran.json().error;
  return { exit: ran.code, code, hint };
}

async function registeredStatus(name: string): Promise<unknown> {
  const shared = await readSharedOutputs(target);
  for await (const registered of controlPlaneOf(target, shared)?.tenants() ?? [])
    if (registered.name === name) return registered.data['tenantStatus'];
  return undefined;
}

describe.each([['acorn'], ['cedar']])('%s, suspended', (name) => {
  let used: string;

  it('is refused at once, also with a token whose decision the gateway remembers', async () => {
    used = await tokenOf(name);
    expect((await call(name, used)).status).toBe(200);
    const suspended = await project.json<Tenant>(
      ...['suspend', name, '--confirm', name, '--reason', "invoice 4711 isn't paid (2nd notice)"],
    );
    expect(suspended).toMatchObject({
      status: 'suspended',
      suspension: { reason: "invoice 4711 isn't paid (2nd notice)" },
    });
    const reply = await call(name, used);
    // The authorizer's decision still stands; it is the key that is off.
    expect([reply.status, reply.headers.get('x-amzn-errortype')]).toEqual([403, 'ForbiddenException']);
    expect((await call(name, await tokenOf(name))).status).toBe(403);
    expect((await call('birch', await tokenOf('birch'))).status).toBe(200);
  });

  it('is shown with its reason, in the registration and in the audit as well', async () => {
    const { suspension } = await project.json<Tenant>('describe-tenant', name);
    expect(suspension?.reason).toContain('invoice 4711');
    expect((await project.cli('describe-tenant', name)).stdout).toContain("invoice 4711 isn't paid");
    expect((await project.cli('list-tenants', '--status', 'suspended')).stdout).toContain(
      "suspended: invoice 4711 isn't paid",
    );
    expect(await registeredStatus(name)).toBe('suspended');
    expect(await project.json('audit', '--tenant', name, '--limit', '1')).toMatchObject({
      events: [{ action: 'token' }],
    });
    const { events } = await project.json<{ events: { action: string }[] }>('audit', '--tenant', name);
    expect(events.find(({ action }) => action === 'suspend')).toMatchObject({
      outcome: 'done',
      parameters: { reason: "invoice 4711 isn't paid (2nd notice)" },
    });
    expect(await project.json('reconcile', '--dry-run', '--tenant', name)).toMatchObject({ findings: [] });
  });

  it('keeps since and reason when it is suspended again', async () => {
    const before = await project.json<Tenant>('describe-tenant', name);
    const again = await project.json<Tenant>('suspend', name, '--confirm', name);
    expect(again.suspension).toEqual(before.suspension);
  });

  it('can have its limits changed, not its name taken nor its users changed', async () => {
    expect(await project.json('throttle', '--tenant', name, '--rate', '7')).toMatchObject({ rate: 7 });
    await project.json('throttle', '--tenant', name, '--reset');
    expect((await registry.findTenant(name)).status).toBe('suspended');
    const tier = tenants[name]?.tier ?? '';
    expect(
      await refused('onboard', '--tier', tier, '--name', name, '--email', 'x@other.example'),
    ).toMatchObject({ code: 'tenant_exists', hint: expect.stringContaining(`resume ${name}`) });
    expect(await refused('users', 'disable', `admin@${name}.example`, '--tenant', name)).toMatchObject({
      code: 'tenant_not_active',
      hint: expect.stringContaining(`resume ${name}`),
    });
  });

  it('is served again once resumed; again is no error', async () => {
    expect(await project.json('resume', name)).toMatchObject({ status: 'active', suspension: null });
    expect(await project.json('resume', name)).toMatchObject({ status: 'active' });
    expect((await call(name, used)).status).toBe(200);
    expect((await call(name, await tokenOf(name))).status).toBe(200);
    expect(await registeredStatus(name)).toBe('active');
  });
});

describe('a suspension', () => {
  it.each([
    [['suspend', 'acorn'], 2, 'missing_input'],
    [['suspend', 'acorn', '--confirm', 'birch'], 2, 'confirmation_differs'],
    [['suspend', 'acorn', '--confirm', 'acorn', '--reason', 'says bo@acorn.example'], 2, 'bad_reason'],
    [['suspend', 'acorn', '--confirm', 'acorn', '--reason', 'two\nlines'], 2, 'bad_reason'],
    [['suspend', 'nobody', '--confirm', 'nobody'], 4, 'tenant_not_found'],
    [['resume', 'nobody'], 4, 'tenant_not_found'],
  ])('by %j ends with %i, and nothing is changed', async (argv, exit, code) => {
    expect(await refused(...argv)).toMatchObject({ exit, code });
    expect((await registry.findTenant('acorn')).status).toBe('active');
  });

  it('that was killed before its key was off is taken up', async () => {
    const { tenantId } = await registry.findTenant('acorn');
    await registry.updateTenant(tenantId, { status: 'suspended', suspension: { since: '2026-01-01' } });
    const suspended = await project.json<Tenant>('suspend', 'acorn', '--confirm', 'acorn');
    expect(suspended.suspension).toEqual({ since: '2026-01-01', reason: null });
  });

  it('without a key to switch on again says how to get one', async () => {
    const { tenantId, apiKeyId } = await registry.findTenant('acorn');
    await registry.updateTenant(tenantId, { apiKeyId: 'gone' });
    expect(await refused('resume', 'acorn')).toMatchObject({
      exit: 1,
      code: 'missing_key',
      hint: expect.stringContaining('reconcile --tenant acorn'),
    });
    expect((await registry.findTenant('acorn')).status).toBe('suspended');
    await registry.updateTenant(tenantId, { apiKeyId });
    expect(await project.json('resume', 'acorn')).toMatchObject({ status: 'active', lastError: null });
  });

  it('is refused while a change of limits is unfinished, whose plans only its record names', async () => {
    const tenant = await registry.findTenant('birch');
    const failure = { step: 'move-key', reason: 'killed', at: new Date().toISOString() };
    const { newOperation } = await import('../../src/services/lease.ts');
    const operation = { ...newOperation('throttle', new Date(), { maybeOn: ['a'] }), failure };
    await registry.updateTenant(tenant.tenantId, { operation });
    expect(await refused('suspend', 'birch', '--confirm', 'birch')).toMatchObject({
      code: 'unfinished_operation',
      hint: 'finish it first: saas-ecs throttle --tenant birch --reset',
    });
    await project.json('throttle', '--tenant', 'birch', '--reset');
    await project.json('suspend', 'birch', '--confirm', 'birch');
  });

  it('does not keep a tenant from being taken out, with its export', async () => {
    const exports = path.join(project.directory, 'exports');
    const gone = await project.json<{ tenantId: string; deleted: object; export: { directory: string } }>(
      ...['offboard', 'birch', '--confirm', 'birch', '--export', exports],
    );
    expect(gone).toMatchObject({ deleted: { users: 1, apiKeys: 1 } });
    const users = await readFile(path.join(gone.export.directory, 'users.ndjson'), 'utf8');
    expect(users).toContain('admin@birch.example');
    expect(await refused('suspend', gone.tenantId, '--confirm', 'birch')).toMatchObject({
      exit: 4,
      code: 'tenant_gone',
    });
  });
});
