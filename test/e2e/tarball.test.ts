import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/model/installation.ts';

const execute = promisify(execFile);
let directory = '';
let project = '';
let bin = '';

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the installed command as a user's shell would. */
async function saasEcs(...argv: string[]): Promise<Result> {
  try {
    const { stdout, stderr } = await execute(process.execPath, [bin, ...argv], {
      cwd: project,
      timeout: 240_000,
      env: { ...process.env, CI: 'true' },
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const failed = error as { code: number; stdout: string; stderr: string };
    return { code: failed.code, stdout: failed.stdout, stderr: failed.stderr };
  }
}

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'saas-ecs-e2e-'));
  await execute('npm', ['pack', '--ignore-scripts', '--pack-destination', directory], { cwd: packageRoot() });
  const tarball = (await readdir(directory)).find((file) => file.endsWith('.tgz')) ?? '';
  await execute(
    'npm',
    ['install', '--prefix', directory, '--no-audit', '--no-fund', path.join(directory, tarball)],
    { cwd: directory },
  );
  bin = path.join(directory, 'node_modules', 'saas-ecs', 'bin', 'saas-ecs');
  project = path.join(directory, 'project');
  await mkdir(project);
});

afterAll(async () => {
  if (bin !== '') await saasEcs('local', 'stop');
  await rm(directory, { recursive: true, force: true, maxRetries: 5 });
});

describe('the packed tarball', () => {
  it('starts a project, deploys it, brings a tenant in and out', async () => {
    expect(await saasEcs('init', '--app', 'acme-shop', '--yes')).toMatchObject({ code: 0 });
    const deployed = await saasEcs('deploy-shared', '--json');
    expect(deployed, deployed.stderr).toMatchObject({ code: 0 });

    const onboarded = await saasEcs(
      'onboard',
      '--tier',
      'premium',
      '--name',
      'acme',
      '--email',
      'admin@acme.example',
      '--json',
    );
    expect(onboarded, onboarded.stderr).toMatchObject({ code: 0 });
    const tenant = JSON.parse(onboarded.stdout).data;
    expect(tenant).toMatchObject({
      name: 'acme',
      tier: 'premium',
      model: 'dedicated-cluster',
      status: 'active',
    });

    const token = (await saasEcs('token', '--tenant', 'acme')).stdout.trim();
    const response = await fetch(`${tenant.apiUrl}/orders`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(response.status).toBe(200);

    const gone = await saasEcs('offboard', 'acme', '--confirm', 'acme', '--export', 'exports', '--json');
    expect(gone, gone.stderr).toMatchObject({ code: 0 });
    expect((await saasEcs('describe-tenant', 'acme')).code).toBe(4);
  });
});
