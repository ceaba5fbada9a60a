import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operationReference } from '../../src/model/registry.ts';
import { follow } from '../../src/services/follow.ts';
import { newOperation, type Operation } from '../../src/services/lease.ts';
import type { TenantRecord } from '../../src/services/registry/registry.ts';
import { type Environment, startEnvironment } from './environment-fixture.ts';
import { addTenant } from './registry-fixture.ts';

let environment: Environment;
beforeAll(async () => {
  environment = await startEnvironment();
});
afterAll(() => environment.stop());

/** An operation that this process holds, with two steps of which the first is done. */
const half = (kind: Operation['kind'], changes: Partial<Operation> = {}): Operation => ({
  ...newOperation(kind, new Date()),
  done: ['one'],
  steps: [
    { name: 'one', title: 'The first', startedAt: new Date().toISOString(), durationMs: 7 },
    { name: 'two', title: 'The second', startedAt: new Date().toISOString() },
  ],
  ...changes,
});

const withOperation = async (operation: Operation): Promise<TenantRecord> =>
  addTenant(environment.registry, { status: 'provisioning', operation });

describe('following an operation', () => {
  it('tells what its own process told, and ends with it', async () => {
    const operation = half('onboard');
    const tenant = await withOperation(operation);
    const by = environment.operator();
    const followed = follow(by, tenant.name);
    await expect.poll(() => by.events.map(({ type }) => type)).toContain('step-started');
    operation.done.push('two');
    await environment.registry.endOperation(tenant, operation, {
      ending: 'active',
      at: new Date().toISOString(),
    });
    expect(await followed).toMatchObject({
      operation: { id: operationReference(tenant.tenantId, operation.id), kind: 'onboard', status: 'done' },
      tenant: { tenantId: tenant.tenantId, status: 'active' },
    });
    const told = by.events.map((event) => ('step' in event ? `${event.type} ${event.step}` : event.type));
    expect(told).toEqual(['plan', 'step-started one', 'step-done one', 'step-started two', 'step-done two']);
    expect(by.events).toContainEqual(
      expect.objectContaining({ type: 'step-done', step: 'one', durationMs: 7 }),
    );
  });

  it('fails as it failed, with the reason and the command that goes on', async () => {
    const failure = { step: 'two', reason: 'no room', at: new Date().toISOString() };
    const tenant = await withOperation(half('onboard', { failure }));
    const by = environment.operator();
    await expect(follow(by, tenant.tenantId)).rejects.toMatchObject({
      code: 'operation_failed',
      exitCode: 1,
      message: `the onboarding of "${tenant.name}" failed at "The second"`,
      detail: 'no room',
      hint: expect.stringContaining(`saas-ecs onboard --resume ${tenant.name}`),
    });
    expect(by.events.at(-1)).toMatchObject({ type: 'step-failed', step: 'two', reason: 'no room' });
  });

  it('says so when another operation took its place, or when there never was one', async () => {
    const failed = half('onboard');
    const tenant = await withOperation(half('offboard'));
    const by = environment.operator();
    await expect(follow(by, operationReference(tenant.tenantId, failed.id))).rejects.toMatchObject({
      code: 'operation_superseded',
      exitCode: 1,
    });
    const idle = await addTenant(environment.registry);
    for (const reference of [idle.name, `${idle.tenantId}/nothing`, 'nobody/nothing'])
      await expect(follow(by, reference)).rejects.toMatchObject({ code: 'operation_not_found', exitCode: 4 });
  });

  it('that nobody runs any more names the export which is still to be asked for', async () => {
    const operation = half('offboard', {
      leaseUntil: new Date(0).toISOString(),
      steps: [{ name: 'export', title: 'Export' }],
      done: [],
    });
    const tenant = await withOperation(operation);
    await expect(follow(environment.operator(), tenant.name)).rejects.toMatchObject({
      code: 'operation_stopped',
      hint: expect.stringContaining(`saas-ecs offboard ${tenant.name} --confirm ${tenant.name} --export DIR`),
    });
  });
});
