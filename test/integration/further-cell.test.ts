/** More silo tenants than one load balancer holds, on the whole system. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Tenant } from '../../src/model/tenant.ts';
import { slotsPerCell } from '../../src/services/cells/placement.ts';
import { loadConfig } from '../../src/services/config/load.ts';
import { resolveEnvironment } from '../../src/services/environment.ts';
import { openSession } from '../../src/services/session.ts';
import { api, newProject, type Project } from './project.ts';

let project: Project;
beforeAll(async () => {
  project = await newProject();
  await project.json('deploy-shared');
});
afterAll(() => project.remove());

const onboard = (name: string, tier: string): Promise<Tenant> =>
  project.json('onboard', '--tier', tier, '--name', name, '--email', `admin@${name}.example`);
const tokenOf = async (tenant: string): Promise<string> =>
  (await project.json<{ token: string }>('token', '--tenant', tenant)).token;

/** Takes every slot that is left in the first cell: what some thirty tenants would do. */
async function fillFirstCell(): Promise<void> {
  const target = await resolveEnvironment(await loadConfig({ cwd: project.directory }));
  const { registry } = await openSession({ target });
  const taken = await registry.slots('cell-1');
  const free = Array.from({ length: slotsPerCell }, (_, index) => index + 1).filter(
    (slot) => !taken.has(slot),
  );
  await registry.takeSlots('cell-1', new Map(free.map((slot) => [slot, `others/${slot}`])));
}

let inFirst: Tenant;
let inSecond: Tenant;

it('a tenant that finds the cells full is served by a further one', async () => {
  inFirst = await onboard('cedar', 'advanced');
  await fillFirstCell();
  inSecond = await onboard('dogwood', 'advanced');
  expect([inFirst.cell, inSecond.cell]).toEqual(['cell-1', 'cell-2']);
  expect(inSecond.apiUrl).not.toBe(inFirst.apiUrl);
  const token = await tokenOf('dogwood');
  expect((await api(`${inSecond.apiUrl}/orders`, { token })).body).toMatchObject({ items: [] });
});

it('a cell routes its own tenants alone, whatever a request says of itself', async () => {
  const [cedar, dogwood] = [await tokenOf('cedar'), await tokenOf('dogwood')];
  const elsewhere: [Tenant, string, Tenant][] = [
    [inFirst, dogwood, inFirst],
    [inSecond, cedar, inSecond],
  ];
  for (const [{ apiUrl }, token, other] of elsewhere) {
    const { status } = await api(`${apiUrl}/orders`, { token, headers: { tenantPath: other.tenantId } });
    expect([403, 404]).toContain(status);
  }
});

it("its tenants' limits are the tier's, and can be set by hand", async () => {
  const shown = await project.json<Tenant>('describe-tenant', 'dogwood');
  expect(shown.throttle).toMatchObject({ rate: 15, burst: 15, source: 'tier' });
  await project.json('throttle', '--tenant', 'dogwood', '--rate', '1', '--burst', '1');
  const { passed, throttled } = await project.json<{ passed: number; throttled: number }>(
    'throttle',
    ...['--tenant', 'dogwood', '--test'],
  );
  expect(passed).toBeGreaterThan(0);
  expect(throttled).toBeGreaterThan(0);
  await project.json('throttle', '--tenant', 'dogwood', '--reset');
});

it('a release reaches it as it does the first', async () => {
  const file = path.join(project.directory, 'saas-ecs.yaml');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('path: /users', 'path: /people'));
  const planned = await project.json<{ changes: { stack: string; added: string[] }[] }>(
    'deploy-shared',
    '--dry-run',
  );
  expect(planned.changes.find(({ stack }) => stack === 'cell-2')?.added).toEqual([
    expect.stringMatching(/^AWS::ApiGateway::Deployment /),
  ]);
  const deployed = await project.json<{ stacks: { name: string; status: string }[] }>('deploy-shared');
  expect(deployed.stacks).toContainEqual(expect.objectContaining({ name: 'cell-2', status: 'deployed' }));
  const token = await tokenOf('dogwood');
  // Neither cell has the old route any more. Behind the new one the tenant is still on the release it came with.
  for (const { apiUrl } of [inFirst, inSecond])
    expect((await api(`${apiUrl}/users`, { token })).body).toEqual({
      message: 'Missing Authentication Token',
    });
  const again = await project.json<{ stacks: { name: string; status: string }[] }>('deploy-shared');
  expect(again.stacks).toContainEqual(expect.objectContaining({ name: 'cell-2', status: 'unchanged' }));
});

it('goes before what it stands on', async () => {
  const { stacks, left } = await project.json<{ stacks: { name: string }[]; left: unknown[] }>(
    'destroy-shared',
    ...['--include-tenants', '--delete-data', '--confirm', 'shop and its data'],
  );
  const names = stacks.map(({ name }) => name);
  expect(names.indexOf('cell-2')).toBeGreaterThanOrEqual(0);
  expect(names.indexOf('cell-2')).toBeLessThan(names.indexOf('shared-infra-stack'));
  expect(left).toEqual([]);
});
