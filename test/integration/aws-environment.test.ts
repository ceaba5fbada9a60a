/** An environment with the target `aws`, where AWS_ENDPOINT_URL leads to an embedded cloud: the way of an account, without one. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { packageRoot } from '../../src/model/installation.ts';
import type { Check } from '../../src/services/doctor/check.ts';
import { newProject, type Project } from './project.ts';

let project: Project;
let endpoint = '';

beforeAll(async () => {
  project = await newProject(
    '--account',
    '000000000000',
    '--aws-region',
    'us-east-1',
    '--control-plane',
    'builtin',
    '--services',
    'products',
  );
  ({ endpoint } = await project.json<{ endpoint: string }>('local', 'start'));
  for (const name of Object.keys(process.env)) if (/^AWS_(?!SDK_)/.test(name)) vi.stubEnv(name, undefined);
  signIn();
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await project.remove();
});

function signIn(): void {
  vi.stubEnv('AWS_ENDPOINT_URL', endpoint);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'operator');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'operator');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  vi.stubEnv('AWS_CONFIG_FILE', path.join(project.directory, 'no-config'));
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', path.join(project.directory, 'no-credentials'));
  vi.stubEnv('CDK_DOCKER', path.join(packageRoot(), 'bin', 'embedded-docker'));
}

const statusOf = (checks: readonly Check[], name: string): string | undefined =>
  checks.find((check) => check.name === name)?.status;

describe('doctor', () => {
  it('finds nothing in the way of a first deployment, and says what comes first', async () => {
    const { checks } = await project.json<{ checks: Check[] }>('doctor', '--env', 'prod');
    for (const name of ['node', 'configuration', 'docker', 'credentials', 'region', 'quota/vpc-links'])
      expect([name, statusOf(checks, name)]).toEqual([name, 'PASS']);
    expect(checks.find(({ name }) => name === 'bootstrap')).toMatchObject({
      status: 'WARN',
      hint: expect.stringContaining('saas-ecs deploy-shared --env prod --bootstrap'),
    });
    expect(checks.find(({ name }) => name === 'deployed')?.detail).toBe('nothing is deployed yet');
  });

  it('without credentials says what to do, and asks nothing that needs them', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
    const ran = await project.cli('doctor', '--env', 'prod');
    const listing = await project.cli('list-tenants', '--env', 'prod');
    signIn();
    expect(ran.code).toBe(1);
    const lines = ran.stdout.split('\n');
    const at = lines.findIndex((line) => line.startsWith('FAIL'));
    expect(lines.slice(at, at + 2).map((line) => line.trim())).toEqual([
      'FAIL  credentials            there are no AWS credentials',
      'name a profile with --profile, or sign in (for example: aws sso login)',
    ]);
    expect(ran.stdout).not.toContain('quota');
    expect(listing.code).toBe(1);
    expect(listing.stderr.trim().split('\n')).toHaveLength(2);
  });

  it('tells a configuration that is not valid by line, and is a failure', async () => {
    const file = path.join(project.directory, 'broken.yaml');
    const config = await readFile(path.join(project.directory, 'saas-ecs.yaml'), 'utf8');
    await writeFile(file, config.replace('azs: 2', 'azs: many'));
    const ran = await project.cli('doctor', '--config', 'broken.yaml', '--json');
    expect(ran.code).toBe(1);
    const { ok, data, error } = ran.json();
    expect(ok).toBe(false);
    expect(error.code).toBe('checks_failed');
    expect(statusOf((data as { checks: Check[] }).checks, 'configuration')).toBe('FAIL');
  });

  it('of the embedded environment looks at what that needs, and at no account', async () => {
    const { checks } = await project.json<{ checks: Check[] }>('doctor');
    expect(checks.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['embedded-cloud', 'port', 'state', 'deployed']),
    );
    expect(statusOf(checks, 'credentials')).toBeUndefined();
  });
});

describe('deploying', () => {
  it('stops at the wrong account before anything else', async () => {
    const config = await readFile(path.join(project.directory, 'saas-ecs.yaml'), 'utf8');
    await writeFile(
      path.join(project.directory, 'wrong.yaml'),
      config.replace('000000000000', '111122223333'),
    );
    const ran = await project.cli(
      'deploy-shared',
      '--env',
      'prod',
      '--config',
      'wrong.yaml',
      '--yes',
      '--json',
    );
    expect(ran.code).toBe(1);
    expect(ran.json().error).toMatchObject({
      code: 'wrong_account',
      message: expect.stringMatching(/000000000000.*111122223333/),
    });
    expect(ran.stderr).toBe('');
  });

  it('does not bootstrap unasked, not even with --yes: the error names the command', async () => {
    const ran = await project.cli('deploy-shared', '--env', 'prod', '--yes', '--json');
    expect(ran.code).toBe(1);
    expect(ran.json().error).toMatchObject({
      code: 'not_bootstrapped',
      hint: expect.stringContaining('saas-ecs deploy-shared --env prod --bootstrap'),
    });
  });

  it('shows in advance what would change, permissions among it', async () => {
    const { changes } = await project.json<{
      changes: { stack: string; added: string[]; permissions: { broadened: boolean; lines: string[] } }[];
    }>('deploy-shared', '--env', 'prod', '--dry-run');
    const infra = changes.find(({ stack }) => stack === 'shared-infra-stack');
    expect(infra?.permissions.broadened).toBe(true);
    expect(infra?.permissions.lines.join('\n')).toMatch(/^\+ Allow sts:AssumeRole on .* to Service:lambda/m);
  });

  it('asks before permissions broaden; where there is nobody to ask it fails, and nothing is deployed', async () => {
    const ran = await project.cli(
      ...['deploy-shared', '--env', 'prod', '--bootstrap', '--require-approval', 'broadening', '--json'],
    );
    expect(ran.code).toBe(2);
    expect(ran.json().error).toMatchObject({
      code: 'approval_needed',
      hint: expect.stringContaining('--require-approval never'),
    });
    expect(ran.stderr).toContain('+ shared-infra-stack: Allow');
    const { checks } = await project.json<{ checks: Check[] }>('doctor', '--env', 'prod');
    expect(statusOf(checks, 'bootstrap')).toBe('WARN');
  });
});
