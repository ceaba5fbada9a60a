import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Deployment } from '../../src/model/config.ts';
import { built } from '../../src/model/installation.ts';
import { deployment, scratch, tiers } from './synthesized.ts';

function synthesize(of: Deployment): { directory: string; stdout: string; stderr: string } {
  const directory = path.join(scratch(), 'assembly');
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [built('templates', 'synthesize.js'), directory],
    {
      input: JSON.stringify(of),
      encoding: 'utf8',
      timeout: 60_000,
    },
  );
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return { directory, stdout, stderr };
}

const content = (directory: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .filter((file) => statSync(path.join(directory, file)).isFile())
      .sort()
      .map((file) => [
        file,
        createHash('sha256')
          .update(readFileSync(path.join(directory, file)))
          .digest('hex'),
      ]),
  );

describe('the program that synthesizes', () => {
  const ec2 = deployment({ routing: 'proxy', tiers: tiers('ec2') });
  const { directory, stdout } = synthesize(ec2);

  it('writes nothing to stdout', () => {
    expect(stdout).toBe('');
  });

  it('gives the same for the same deployment', () => {
    expect(content(synthesize(ec2).directory)).toEqual(content(directory));
  });

  it('writes a template for each silo tier and one for cells, of parameters alone', () => {
    expect(readdirSync(path.join(directory, 'tenant-templates')).sort()).toEqual([
      'advanced.json',
      'premium.json',
    ]);
    for (const file of [
      'tenant-templates/advanced.json',
      'tenant-templates/premium.json',
      'cell-template.json',
    ]) {
      const text = readFileSync(path.join(directory, file), 'utf8');
      // CloudFormation takes this much without a detour by S3.
      expect(text.length).toBeLessThan(51_200);
      expect(text).not.toMatch(/BootstrapVersion|cdk-hnb659fds|cdk_nag|aws:cdk:path/);
    }
  });

  it('holds every shared template below what CloudFormation takes', () => {
    const templates = readdirSync(directory).filter((file) => file.endsWith('.template.json'));
    expect(templates.sort()).toEqual(
      ['controlplane', 'coreappplane', 'shared-infra']
        .map((name) => `${name}-stack.template.json`)
        .concat(['tenant-template-advanced.template.json', 'tenant-template-basic.template.json']),
    );
    for (const file of templates) expect(statSync(path.join(directory, file)).size).toBeLessThan(1_000_000);
  });

  it('names and tags the stacks for their environment, and binds them to no account', () => {
    const prefixed = synthesize(deployment({ prefix: 'team-a' })).directory;
    const manifest = JSON.parse(readFileSync(path.join(prefixed, 'manifest.json'), 'utf8'));
    const stack = manifest.artifacts['shared-infra-stack'];
    expect(stack.properties).toMatchObject({
      stackName: 'team-a-shared-infra-stack',
      tags: { 'saas-ecs:app': 'acme-shop', 'saas-ecs:environment': 'staging' },
    });
    expect(stack.environment).toBe('aws://unknown-account/unknown-region');
    expect(stack.dependencies).toContain('controlplane-stack');
  });
});
