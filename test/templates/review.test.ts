import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { type App, Aspects, Stack } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Deployment } from '../../src/model/config.ts';
import type { Tier } from '../../src/model/tier.ts';
import { apps, deployment, everything, tiers } from './synthesized.ts';

const shapes: [Deployment['routing'], Tier['capacity']][] = [
  ['direct', 'fargate'],
  ['direct', 'ec2'],
  ['proxy', 'fargate'],
  ['proxy', 'ec2'],
];

const shapesWithSecurity: [...(typeof shapes)[number], Deployment['security']][] = [
  ...shapes.map((shape) => [...shape, { encryption: 'aws-owned' }] as (typeof shapesWithSecurity)[number]),
  ['direct', 'fargate', everything],
  ['proxy', 'ec2', everything],
];

const findings = (app: App): string[] =>
  app.node.children
    .filter((child) => Stack.isStack(child))
    .flatMap((stack) => {
      const annotations = Annotations.fromStack(stack);
      const nag = Match.stringLikeRegexp('AwsSolutions-.*');
      return [...annotations.findError('*', nag), ...annotations.findWarning('*', nag)].map(
        ({ id, entry }) => `${id}: ${String(entry.data)}`,
      );
    });

it('would find what is accepted, were it not', async () => {
  process.env['CDK_VALIDATION'] = 'false';
  const { shared, stored } = await apps(deployment({ tiers: tiers('ec2') }));
  for (const app of [shared, stored]) Aspects.of(app).add(new AwsSolutionsChecks());
  const rules = [...findings(shared), ...findings(stored)].map((text) => /AwsSolutions-\w+/.exec(text)?.[0]);
  expect([...new Set(rules)].sort()).toEqual(
    [
      'APIG2',
      'APIG3',
      'APIG4',
      'AS3',
      'CB4',
      'COG2',
      'COG8',
      'ECS2',
      'ECS4',
      'ELB2',
      'IAM4',
      'IAM5',
      'S1',
      'SMG4',
    ].map((rule) => `AwsSolutions-${rule}`),
  );
});

it("has no finding that is not accepted in the toolkit's control plane either", async () => {
  process.env['CDK_VALIDATION'] = 'false';
  const { shared } = await apps(deployment({ controlPlane: 'sbt' }), { review: true });
  Aspects.of(shared).add(new AwsSolutionsChecks());
  expect(findings(shared)).toEqual([]);
});

it('finds less to accept with every setting on', async () => {
  process.env['CDK_VALIDATION'] = 'false';
  const { shared, stored } = await apps(deployment({ security: everything }));
  for (const app of [shared, stored]) Aspects.of(app).add(new AwsSolutionsChecks());
  const rules = [...findings(shared), ...findings(stored)].map((text) => /AwsSolutions-\w+/.exec(text)?.[0]);
  expect(rules).not.toContain('AwsSolutions-APIG3');
  expect(rules).not.toContain('AwsSolutions-CB4');
});

describe.each(shapesWithSecurity)('with %s routing on %s, %o', (routing, capacity, security) => {
  it('has no finding of cdk-nag that is not accepted beside its resource', async () => {
    process.env['CDK_VALIDATION'] = 'false';
    const { shared, stored } = await apps(deployment({ routing, tiers: tiers(capacity), security }), {
      review: true,
    });
    for (const app of [shared, stored]) Aspects.of(app).add(new AwsSolutionsChecks());
    expect([...findings(shared), ...findings(stored)]).toEqual([]);
  });
});

interface Report {
  pluginReports: {
    violations: { ruleName: string; description: string; violatingConstructs: unknown[] }[];
  }[];
}

/** The path of an SSM parameter taken for its value, where CloudFormation or EC2 puts the value in. */
const mistaken = ["'/saas-ecs/", "'resolve:ssm:/aws/service/ecs/"];

describe("the CDK's own check against CloudFormation's schemas", () => {
  const before = process.env['CDK_VALIDATION'];
  beforeAll(() => {
    delete process.env['CDK_VALIDATION'];
  });
  afterAll(() => {
    process.env['CDK_VALIDATION'] = before ?? 'false';
  });

  it.each(shapesWithSecurity)(
    'finds nothing with %s routing on %s, %o',
    async (routing, capacity, security) => {
      const { shared, stored } = await apps(deployment({ routing, tiers: tiers(capacity), security }));
      for (const app of [shared, stored]) {
        const { directory } = app.synth();
        const report = JSON.parse(
          readFileSync(path.join(directory, 'validation-report.json'), 'utf8'),
        ) as Report;
        const violations = report.pluginReports.flatMap((plugin) => plugin.violations);
        expect(
          violations.filter(({ description }) => !mistaken.some((part) => description.includes(part))),
        ).toEqual([]);
      }
    },
  );
});
