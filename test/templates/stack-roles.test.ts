import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import type { Deployment } from '../../src/model/config.ts';
import type { Tier } from '../../src/model/tier.ts';
import { cellStackPermissions } from '../../src/templates/shared-infra/cell-stack-role.ts';
import { tenantStackPermissions } from '../../src/templates/shared-infra/tenant-stack-policy.ts';
import { deployment, everything, resources, templates, tiers } from './synthesized.ts';

/** Maximum of all inline policies of a role (IAM and STS quotas), white space not counted. */
const inlineLimit = 10_240;

interface Statement {
  Action: string | string[];
  Resource: unknown;
  Condition?: object;
}

const typesIn = (template: Template): string[] =>
  Object.values((template.toJSON() as { Resources: Record<string, { Type: string }> }).Resources).map(
    ({ Type }) => Type,
  );

const policyOf = (shared: Template, role = 'TenantStacksRole'): Statement[] => {
  const found = resources(shared, 'AWS::IAM::Role').find(([id]) => id.startsWith(role));
  return found?.[1].Properties.Policies[0].PolicyDocument.Statement ?? expect.fail('there is no such role');
};

/** With what is in a policy by itself. */
const allOf = (shared: Template): Statement[] => [
  ...policyOf(shared),
  ...resources(shared, 'AWS::IAM::ManagedPolicy')
    .filter(([, { Properties }]) => Properties.Roles !== undefined)
    .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement as Statement[]),
];

/** Joins with long values for what CloudFormation fills in. */
function resolved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(resolved);
  if (typeof value !== 'object' || value === null) return value;
  const known: Record<string, string> = {
    'AWS::Partition': 'aws-us-gov',
    'AWS::Region': 'ap-southeast-1',
    'AWS::AccountId': '123456789012',
    'AWS::URLSuffix': 'amazonaws.com',
  };
  if ('Fn::Join' in value) return (resolved((value['Fn::Join'] as unknown[])[1]) as string[]).join('');
  if ('Ref' in value) return known[String(value.Ref)] ?? 'x'.repeat(80);
  if ('Fn::GetAtt' in value) return 'x'.repeat(80);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolved(inner)]));
}

const plain: Deployment['security'] = { encryption: 'aws-owned' };
const shapes: [Deployment['routing'], Tier['capacity'], Deployment['security']][] = [
  ['direct', 'fargate', plain],
  ['proxy', 'ec2', plain],
  ['proxy', 'ec2', everything],
];

describe.each(shapes)('with %s routing on %s, %o', (routing, capacity, security) => {
  const all = templates(deployment({ routing, prefix: 'acme', tiers: tiers(capacity), security }));

  it('covers every type of the silo templates, and no other', async () => {
    const get = await all;
    const types = new Set(['tenant-advanced', 'tenant-premium'].flatMap((tier) => typesIn(get(tier))));
    const actions = allOf(get('shared-infra-stack')).flatMap(({ Action }) => Action);
    for (const [type, statements] of Object.entries(tenantStackPermissions)) {
      const needed = statements({
        app: '',
        environment: '',
        prefix: undefined,
        vpcId: '',
        executionRoleArn: '',
        boundaryArn: '',
      }).flatMap(({ Action }) => Action);
      const own = needed.filter((action) => /:(Create|Put|Register|Authorize)/.test(action));
      expect([type, own.every((action) => actions.includes(action))]).toEqual([type, types.has(type)]);
    }
    expect([...types].filter((type) => !(type in tenantStackPermissions))).toEqual([]);
  });

  it('fits into a role, and grants no action on everything that could name its resource', async () => {
    const statements = policyOf((await all)('shared-infra-stack'));
    expect(JSON.stringify(resolved(statements)).length).toBeLessThan(inlineLimit);
    for (const { Action, Resource, Condition } of statements)
      if (Resource === '*' && !Condition)
        for (const action of [Action].flat())
          expect(action).toMatch(
            /:(Describe|List|GetOperation|RegisterTaskDefinition|DeregisterTaskDefinition|CreateHttpNamespace|TagResource|UntagResource)/,
          );
  });

  it('makes roles under the boundary alone, and every role of a tenant has it', async () => {
    const get = await all;
    const making = policyOf(get('shared-infra-stack')).filter(({ Action }) =>
      [Action].flat().some((action) => /^iam:(CreateRole|PutRolePolicy)$/.test(action)),
    );
    expect(making).toHaveLength(1);
    expect(making[0]?.Condition).toMatchObject({
      StringEquals: { 'iam:PermissionsBoundary': expect.anything() },
    });
    for (const tier of ['tenant-advanced', 'tenant-premium'])
      for (const [id, role] of resources(get(tier), 'AWS::IAM::Role'))
        expect([id, role.Properties.PermissionsBoundary]).toEqual([id, { Ref: 'TenantBoundaryArn' }]);
  });
});

it('is not made where every tier is a pool', async () => {
  const get = await templates(deployment({ tiers: tiers().filter(({ model }) => model === 'pool') }));
  expect(resources(get('shared-infra-stack'), 'AWS::IAM::ManagedPolicy')).toEqual([]);
});

describe("the role of further cells' stacks", () => {
  const all = templates(deployment({ prefix: 'acme', security: everything }));

  it("covers every type of the cells' template, and no other", async () => {
    expect([...new Set(typesIn((await all)('cell')))].sort()).toEqual(
      Object.keys(cellStackPermissions).sort(),
    );
  });

  it('fits into a role, and grants nothing but describing on everything', async () => {
    const statements = policyOf((await all)('shared-infra-stack'), 'CellStacksRole');
    expect(JSON.stringify(resolved(statements)).length).toBeLessThan(inlineLimit);
    for (const { Action, Resource } of statements)
      if (Resource === '*') for (const action of [Action].flat()) expect(action).toMatch(/:Describe/);
  });
});
