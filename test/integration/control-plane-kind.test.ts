/** One control plane does not take the place of the other. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tenant } from '../../src/model/tenant.ts';
import { newProject, type Project } from './project.ts';

let project: Project;
beforeAll(async () => {
  project = await newProject('--tiers', 'basic', '--services', 'products');
  await project.json('deploy-shared');
});
afterAll(() => project.remove());

const configure = async (controlPlane: string): Promise<void> => {
  const file = path.join(project.directory, 'saas-ecs.yaml');
  const text = (await readFile(file, 'utf8')).replace(/\n {4}controlPlane: \w+/, '');
  await writeFile(
    file,
    text.replace('target: embedded', `target: embedded\n    controlPlane: ${controlPlane}`),
  );
};

/** Each stack with the time of its last change. */
async function stacks(): Promise<unknown[]> {
  const { endpoint } = await project.json<{ endpoint: string }>('local', 'status');
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new CloudFormationClient({ region: 'us-east-1', endpoint, credentials });
  const { Stacks = [] } = await client.send(new DescribeStacksCommand({}));
  return Stacks.map(({ StackName, StackStatus, LastUpdatedTime }) => [
    StackName,
    StackStatus,
    LastUpdatedTime,
  ]);
}

describe('an environment that is deployed with the builtin control plane', () => {
  it('refuses the other one before anything happens, and serves its tenants on', async () => {
    const onboarding = ['--tier', 'basic', '--name', 'acme', '--email', 'admin@acme.example'];
    await project.json('onboard', ...onboarding);
    const before = await stacks();
    await configure('sbt');
    for (const argv of [['deploy-shared'], ['deploy-shared', '--dry-run']]) {
      const { code, json } = await project.cli(...argv, '--json');
      expect([code, json().error]).toMatchObject([
        1,
        {
          code: 'control_plane_differs',
          message: 'the environment "local" has the control plane "builtin", and saas-ecs.yaml says "sbt"',
          hint: expect.stringMatching(/write "controlPlane: builtin" .*offboard the tenants.*destroy-shared/),
        },
      ]);
    }
    expect(await stacks()).toEqual(before);
    await configure('builtin');
    await project.json('deploy-shared');
    expect(await project.json<Tenant>('describe-tenant', 'acme')).toMatchObject({ status: 'active' });
  });

  it('can be taken down while saas-ecs.yaml says the other one', async () => {
    await project.json('offboard', 'acme', '--confirm', 'acme');
    await configure('sbt');
    expect(await project.json('destroy-shared', '--confirm', 'shop')).toMatchObject({ left: [] });
  });
});
