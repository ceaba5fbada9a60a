/**
 * A product whose control plane is SBT's, on the embedded cloud: its own Python code registers tenants of each tier, jobs
 * provision them and take them out again, and it is kept in step.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { api, newProject, type Project } from '../integration/project.ts';
import { installPackages } from './python-packages.ts';

type Json = Record<string, string>;

const work = await mkdtemp(path.join(tmpdir(), 'saas-ecs-sbt-'));
const installed = await installPackages(path.join(work, 'python'));
const missing = 'missing' in installed ? installed.missing : undefined;
if (missing !== undefined) await rm(work, { recursive: true, force: true });

describe.skipIf(missing !== undefined)(
  `a product with SBT's control plane${missing ? ` (skipped: ${missing})` : ''}`,
  () => {
    let project: Project;
    let token = '';
    let apiUrl = '';

    beforeAll(async () => {
      if ('directory' in installed) vi.stubEnv('SAAS_ECS_PYTHON_PACKAGES', installed.directory);
      project = await newProject();
      const file = path.join(project.directory, 'saas-ecs.yaml');
      const text = await readFile(file, 'utf8');
      await writeFile(file, text.replace('target: embedded', 'target: embedded\n    controlPlane: sbt'));
      await project.json('deploy-shared');
      ({ token, apiUrl } = await project.json<{ token: string; apiUrl: string }>('token', '--control-plane'));
    }, 180_000);
    afterAll(async () => {
      await project?.remove();
      vi.unstubAllEnvs();
      await rm(work, { recursive: true, force: true });
    });

    const call = async (method: string, target: string, body?: object) => {
      const reply = await api(`${apiUrl}${target}`, { method, token, ...(body && { body }) });
      return { status: reply.status, data: reply.body['data'] as Json };
    };
    const register = (tenantName: string, tier: string) =>
      call('POST', '/tenant-registrations', {
        tenantData: { tenantName, tier, email: `admin@${tenantName}.example` },
        tenantRegistrationData: { registrationStatus: 'In progress' },
      });
    const registrationAt = (id: string | undefined, status: string): Promise<Json> =>
      vi.waitFor(
        async () => {
          const { data } = await call('GET', `/tenant-registrations/${id}`);
          expect(data, JSON.stringify(data)).toMatchObject({ registrationStatus: status });
          return data;
        },
        { timeout: 90_000, interval: 200 },
      );
    const agrees = async (): Promise<void> =>
      expect(await project.json('reconcile', '--dry-run')).toEqual({ findings: [] });

    it.each(['basic', 'advanced', 'premium'])(
      'onboards and offboards a tenant of the tier %s',
      async (tier) => {
        const name = `sbt-${tier}`;
        const { status, data } = await register(name, tier);
        expect(status).toBe(201);
        await registrationAt(data['tenantRegistrationId'], 'Complete');
        expect(await project.json('describe-tenant', name)).toMatchObject({ tier, status: 'active' });
        const shown = (await call('GET', `/tenants/${data['tenantId']}`)).data;
        expect(shown).toMatchObject({ tenantName: name, tenantStatus: 'active' });
        const config = await api(`${apiUrl}/tenant-config/${name}`);
        expect(config.body).toEqual(JSON.parse(shown['tenantConfig'] ?? ''));
        await agrees();

        expect((await call('DELETE', `/tenant-registrations/${data['tenantRegistrationId']}`)).status).toBe(
          200,
        );
        await registrationAt(data['tenantRegistrationId'], 'Deleted');
        expect(await project.json('list-tenants')).toMatchObject({ tenants: [] });
        await agrees();
      },
      240_000,
    );

    it('has one tenant of a name, whoever asks, and says so to the second', async () => {
      await project.json(
        ...['onboard', '--tier', 'basic', '--name', 'by-hand', '--email', 'admin@by-hand.example'],
      );
      const second = (await register('by-hand', 'basic')).data['tenantRegistrationId'];
      const { failureReason, failureLog } = await registrationAt(second, 'Failed');
      expect(failureReason).toContain('the name "by-hand" is taken');
      expect(failureLog).toContain('https://');
      expect(await project.json('list-tenants')).toMatchObject({ tenants: [{ name: 'by-hand' }] });

      const { findings } = await project.json<{ findings: Json[] }>('reconcile');
      expect(findings).toMatchObject([{ kind: 'registration-without-tenant', status: 'repaired' }]);
      await registrationAt(second, 'Deleted');
      await project.json('offboard', 'by-hand', '--confirm', 'by-hand');
      await vi.waitFor(agrees, { timeout: 30_000 });
    }, 120_000);
  },
);
