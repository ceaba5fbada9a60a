/** Explaining tenants and stacks, on an environment in its smallest form. */
import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient, CreateLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { explain } from '../../src/services/explain/explain.ts';
import type { Operation } from '../../src/services/lease.ts';
import { onboard } from '../../src/services/tenants/onboard.ts';
import { type Environment, startEnvironment } from './environment-fixture.ts';
import { addTenant, operationElsewhere } from './registry-fixture.ts';

let environment: Environment;
beforeAll(async () => {
  environment = await startEnvironment();
});
afterAll(() => environment.stop());

const minutes = 60_000;
const inMinutes = (count: number): Date => new Date(Date.now() + count * minutes);

/** A tenant in the middle of its onboarding. */
const halfway = async (leaseUntil: Date, failure?: Operation['failure']) => {
  const operation = operationElsewhere('onboard', leaseUntil, {
    done: ['placement'],
    ...(failure && { failure }),
  });
  return addTenant(environment.registry, { status: failure ? 'failed' : 'provisioning', operation });
};

async function create(name: string, resources: object): Promise<void> {
  const cloudFormation = new CloudFormationClient(environment.options);
  await cloudFormation.send(
    new CreateStackCommand({ StackName: name, TemplateBody: JSON.stringify({ Resources: resources }) }),
  );
  await expect
    .poll(
      async () => {
        const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName: name }));
        return Stacks?.[0]?.StackStatus;
      },
      { timeout: 10_000, interval: 20 },
    )
    .not.toMatch(/_IN_PROGRESS$/);
}

describe('a tenant', () => {
  it('whose run ended before it was done is told with the command that goes on', async () => {
    const { name, adminEmail } = await halfway(inMinutes(-10));
    expect(await explain(environment.operator(), name)).toMatchObject({
      subject: { kind: 'tenant', name, status: 'provisioning', healthy: false },
      chain: [
        {
          kind: 'operation',
          name: 'onboard',
          status: 'interrupted',
          detail: expect.stringMatching(/^after: placement\nby mallory on elsewhere, since /),
        },
      ],
      cause: { code: 'interrupted' },
      fix: [`go on with it: saas-ecs onboard --tier basic --name ${name} --email ${adminEmail}`],
    });
  });

  it('that somebody works on is told to be waited for', async () => {
    const { name } = await halfway(inMinutes(1));
    expect(await explain(environment.operator(), name)).toMatchObject({
      chain: [{ status: 'under way' }],
      cause: { code: 'under_way' },
      fix: [expect.stringContaining(`saas-ecs describe-tenant ${name}`)],
    });
  });

  it('that failed by a call which AWS refused is told by the code of the refusal', async () => {
    const at = new Date().toISOString();
    const { name } = await halfway(inMinutes(-1), {
      step: 'identity',
      reason: 'the client was told to go away',
      at,
      code: 'no_credentials',
    });
    const { chain, cause, fix } = await explain(environment.operator(), name);
    expect(chain[0]).toMatchObject({
      status: 'failed',
      at,
      detail: expect.stringContaining('at the step "identity"'),
    });
    expect(cause).toMatchObject({ code: 'no_credentials' });
    expect(fix).toEqual([
      expect.stringContaining('--profile'),
      expect.stringContaining('then run again: saas-ecs onboard'),
    ]);
  });

  it('that failed for no known reason is not guessed at: its own hint is the advice', async () => {
    const { name } = await halfway(inMinutes(-1), {
      step: 'identity',
      reason: 'the moon is full',
      at: new Date().toISOString(),
      code: 'moon',
      hint: 'wait for the new moon',
    });
    expect(await explain(environment.operator(), name)).toMatchObject({
      cause: null,
      fix: ['wait for the new moon', expect.stringContaining('then run again')],
    });
  });

  it('of a silo that is served is healthy, with who brought it in', async () => {
    const { name, tenantId } = await onboard(environment.operator(), {
      tier: 'premium',
      name: 'well',
      email: 'a@well.example',
    });
    const explained = await explain(environment.operator(), name);
    expect(explained).toMatchObject({
      subject: { tenantId, status: 'active', healthy: true },
      cause: null,
      fix: [],
    });
    expect(explained.chain).toMatchObject([
      { kind: 'operation', name: 'onboard', status: 'done' },
      { kind: 'stack', name: `tenant-${tenantId}`, status: 'CREATE_COMPLETE' },
    ]);
    // Its id and its stack lead to the same.
    expect((await explain(environment.operator(), tenantId)).subject.kind).toBe('tenant');
    expect((await explain(environment.operator(), `tenant-${tenantId}`)).subject.kind).toBe('stack');
  });
});

describe('a stack', () => {
  it('is told by what failed first in it, be it in a nested one', async () => {
    const logs = new CloudWatchLogsClient(environment.options);
    await logs.send(new CreateLogGroupCommand({ logGroupName: '/taken' }));
    const inner = {
      Resources: { Taken: { Type: 'AWS::Logs::LogGroup', Properties: { LogGroupName: '/taken' } } },
    };
    await new S3Client(environment.options).send(
      new PutObjectCommand({ Bucket: 'artifacts', Key: 'inner.json', Body: JSON.stringify(inner) }),
    );
    await create('outer', {
      Inner: {
        Type: 'AWS::CloudFormation::Stack',
        Properties: { TemplateURL: `${environment.cloud.endpoint}/artifacts/inner.json` },
      },
    });
    const { subject, chain, cause, fix } = await explain(environment.operator(), 'outer');
    expect(subject).toMatchObject({ kind: 'stack', status: 'ROLLBACK_COMPLETE', healthy: false });
    expect(chain).toMatchObject([
      { kind: 'stack', name: 'outer' },
      { kind: 'resource', name: 'Taken (AWS::Logs::LogGroup)', status: 'CREATE_FAILED' },
    ]);
    expect(cause).toMatchObject({ code: 'name_taken', text: expect.stringContaining('Taken') });
    expect(fix).toHaveLength(1);
  });

  it('of no such name is not found', async () => {
    await expect(explain(environment.operator(), 'nobody')).rejects.toMatchObject({
      code: 'not_found',
      exitCode: 4,
    });
  });
});
