import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/model/installation.ts';
import type { Tenant } from '../../src/model/tenant.ts';
import { newProject, type Project } from './project.ts';
import { start } from './started.ts';

const execute = promisify(execFile);
const bin = path.join(packageRoot(), 'bin', 'saas-ecs');

let project: Project;
beforeAll(async () => {
  project = await newProject();
  await project.json('deploy-shared');
  await project.json('onboard', '--tier', 'basic', '--name', 'acorn', '--email', 'admin@acorn.example');
});
afterAll(() => project.remove());

describe('completion', () => {
  const words = async (...typed: string[]): Promise<string[]> =>
    (await project.cli('__complete', '--', ...typed)).stdout.split('\n').filter(Boolean);

  it.each(['bash', 'zsh', 'fish'])('prints a script for %s', async (shell) => {
    const ran = await project.cli('completion', shell);
    expect([ran.code, ran.stdout]).toEqual([0, expect.stringContaining('saas-ecs __complete')]);
  });

  it('works in a real bash, and refuses a shell it does not know', async () => {
    const script = path.join(project.directory, 'complete.bash');
    await writeFile(
      script,
      `saas-ecs() { ${process.execPath} ${bin} "$@"; }\n${(await project.cli('completion', 'bash')).stdout}\nCOMP_WORDS=(saas-ecs describe-tenant ac); COMP_CWORD=2; _saas_ecs; echo "\${COMPREPLY[@]}"\n`,
    );
    const { stdout } = await execute('bash', [script], { cwd: project.directory, timeout: 30_000 });
    expect(stdout.trim()).toBe('acorn');
    expect((await project.cli('completion', 'tcsh')).code).toBe(2);
  });

  it('offers commands, flags, tiers, and the names of the tenants that live', async () => {
    expect(await words('on')).toEqual(['onboard']);
    expect(await words('local', 'st')).toEqual(['start', 'stop', 'status']);
    expect(await words('throttle', '--te')).toEqual(['--tenant', '--test']);
    expect(await words('onboard', '--tier', '')).toEqual(['basic', 'advanced', 'premium']);
    expect(await words('offboard', '')).toEqual(['acorn']);
    expect(await words('token', '--tenant', 'a')).toEqual(['acorn']);
  });
});

describe('what a command loads', () => {
  /** CommonJS modules that a run of the command and its child processes loaded: the CDK and its toolkit are such. */
  async function loadedBy(...argv: string[]): Promise<string> {
    const lists = await mkdtemp(path.join(project.directory, 'loaded-'));
    const hook = path.join(project.directory, 'hook.cjs');
    await writeFile(
      hook,
      `process.on('exit', () => require('node:fs').writeFileSync(process.env.LOADED + '/' + process.pid, Object.keys(require('node:module')._cache).join('\\n')));`,
    );
    await execute(process.execPath, [bin, ...argv, '--json'], {
      cwd: project.directory,
      env: { ...process.env, NODE_OPTIONS: `--require ${hook}`, LOADED: lists },
      timeout: 120_000,
    });
    const files = await readdir(lists);
    expect(files).not.toEqual([]);
    return (await Promise.all(files.map((file) => readFile(path.join(lists, file), 'utf8')))).join('\n');
  }

  it('onboarding a silo tenant loads neither the CDK nor its toolkit; deploying does load the toolkit', async () => {
    const onboarding = await loadedBy(
      'onboard',
      '--tier',
      'advanced',
      '--name',
      'birch',
      '--email',
      'admin@birch.example',
    );
    expect(onboarding).not.toMatch(/aws-cdk-lib|toolkit-lib/);
    expect(await loadedBy('deploy-shared')).toMatch(/toolkit-lib/);
  });
});

describe('in the background', () => {
  it('onboards with --no-wait: the tenant is there at once, and active in the end', async () => {
    const begun = await project.json<Tenant>(
      'onboard',
      '--tier',
      'basic',
      '--name',
      'cedar',
      '--email',
      'admin@cedar.example',
      '--no-wait',
    );
    expect(begun).toMatchObject({ name: 'cedar', status: 'provisioning' });
    await expect
      .poll(async () => (await project.json<Tenant>('describe-tenant', 'cedar')).status, {
        timeout: 30_000,
        interval: 200,
      })
      .toBe('active');
  });
});

describe('when the embedded cloud dies during a command', () => {
  it('the command fails clearly, and the same command again converges', async () => {
    const { pid } = await project.json<{ pid: number }>('local', 'status');
    const onboarding = [
      'onboard',
      '--tier',
      'advanced',
      '--name',
      'dogwood',
      '--email',
      'admin@dogwood.example',
    ];
    // A process of its own, as it is in life: its end is what frees the tenant for the next run.
    const ran = await start(project, onboarding, (event) => {
      if (event.type === 'step-started' && event.step === 'infrastructure') process.kill(pid, 'SIGKILL');
      return undefined;
    });
    expect(ran.code).toBe(1);
    expect(ran.last.error).toMatchObject({
      code: 'unreachable',
      hint: expect.stringContaining('local status'),
    });
    expect(await project.json<Tenant>('describe-tenant', 'dogwood')).toMatchObject({
      status: 'provisioning',
    });
    expect(await project.json<Tenant>(...onboarding)).toMatchObject({ status: 'active' });
  });
});
