/** How to take away what bounds the roles of tasks and of tenants. */
import type { Mutation } from './mutation.ts';
import type { Restore, World } from './world.ts';

const silo = ['dedicated-cluster'] as const;
const pool = ['pool'] as const;

/** The most that a role of a silo's stack may do, whatever its policy says: it goes before the policy is widened. */
const behindBoundary = (
  role: Parameters<World['roleOf']>[1],
  widen: (world: World, roleName: string) => Promise<Restore>,
): Pick<Mutation, 'behind' | 'apply'> => {
  const attackers = async (world: World): Promise<string> =>
    (await world.roleOf(world.scene('dedicated-cluster').attacker, role)).name;
  const unbound = async (world: World): Promise<Restore> => world.withoutBoundary(await attackers(world));
  return {
    behind: { what: "the boundary of tenants' roles", apply: unbound },
    async apply(world) {
      const bind = await unbound(world);
      const narrow = await widen(world, await attackers(world));
      return async () => {
        await narrow();
        await bind();
      };
    },
  };
};

const tenantRole = async (world: World): Promise<string> =>
  (await world.roleOf(world.scene('pool').attacker, 'data')).tenantRole;

const onTenantRole =
  (change: (statement: Record<string, unknown>) => void) =>
  async (world: World): Promise<Restore> =>
    world.rolePolicy(await tenantRole(world), change);
const onTenantTrust =
  (change: (statement: Record<string, unknown>) => void) =>
  async (world: World): Promise<Restore> =>
    world.roleTrust(await tenantRole(world), change);

const without = (condition: unknown, operator: string): unknown =>
  Object.fromEntries(Object.entries((condition ?? {}) as object).filter(([name]) => name !== operator));
const granting = (statement: Record<string, unknown>, action: string): void => {
  statement['Action'] = [...(statement['Action'] as string[]), action];
};
const withoutKeys = onTenantRole((statement) => {
  delete statement['Condition'];
});
const withoutGuard = (statement: Record<string, unknown>): void => {
  statement['Condition'] = without(statement['Condition'], 'Null');
};

export const roleMutations: readonly Mutation[] = [
  {
    control: 'tenant-role-leading-keys',
    how: 'IAM: the tenant role without its condition on LeadingKeys',
    models: pool,
    apply: onTenantRole((statement) => {
      statement['Condition'] = without(statement['Condition'], 'ForAllValues:StringEquals');
    }),
  },
  {
    control: 'tenant-role-null-guard',
    how: 'IAM: the tenant role without Null: false',
    models: pool,
    behind: {
      what: 'tenant-role-actions (Scan granted)',
      apply: onTenantRole((statement) => granting(statement, 'dynamodb:Scan')),
    },
    apply: onTenantRole((statement) => {
      granting(statement, 'dynamodb:Scan');
      withoutGuard(statement);
    }),
  },
  {
    control: 'tenant-role-actions',
    how: 'IAM: the tenant role may Scan',
    models: pool,
    behind: { what: 'tenant-role-null-guard', apply: onTenantRole(withoutGuard) },
    apply: onTenantRole((statement) => {
      withoutGuard(statement);
      granting(statement, 'dynamodb:Scan');
    }),
  },
  {
    control: 'tenant-role-tables',
    how: 'IAM: the tenant role reaches every table',
    models: pool,
    behind: { what: 'tenant-role-leading-keys', apply: withoutKeys },
    apply: onTenantRole((statement) => {
      delete statement['Condition'];
      statement['Resource'] = '*';
    }),
  },
  {
    control: 'tenant-role-trust-tag',
    how: 'IAM: the tenant role is given without the tag',
    models: pool,
    apply: onTenantTrust((statement) => {
      statement['Condition'] = without(statement['Condition'], 'StringLike');
    }),
  },
  {
    control: 'tenant-role-trust-tag-keys',
    how: 'IAM: the tenant role is given with any further tag',
    models: pool,
    apply: onTenantTrust((statement) => {
      statement['Condition'] = without(statement['Condition'], 'ForAllValues:StringEquals');
    }),
  },
  {
    control: 'tenant-role-trust-principal',
    how: "IAM: the tenant role is given to a silo's tasks",
    models: silo,
    async apply(world) {
      const { arn } = await world.roleOf(world.scene('dedicated-cluster').attacker, 'data');
      return world.roleTrust(await tenantRole(world), (statement) => {
        const { AWS } = statement['Principal'] as { AWS: string };
        statement['Principal'] = { AWS: [AWS, arn] };
      });
    },
  },
  {
    control: 'pool-task-role',
    how: "IAM: the pool's task role reaches tables by itself",
    models: pool,
    async apply(world) {
      const { name } = await world.roleOf(world.scene('pool').attacker, 'data');
      return world.rolePolicy(name, () => {}, { Action: 'dynamodb:GetItem', Resource: '*' });
    },
  },
  {
    control: 'silo-task-role-tables',
    how: "IAM: a silo's task role reaches every table",
    models: silo,
    async apply(world) {
      const { name } = await world.roleOf(world.scene('dedicated-cluster').attacker, 'data');
      return world.rolePolicy(name, (statement) => {
        statement['Resource'] = '*';
      });
    },
  },
  {
    control: 'silo-task-role-actions',
    how: "IAM: a silo's task role may Scan",
    models: silo,
    ...behindBoundary('data', (world, name) =>
      world.rolePolicy(name, (statement) => granting(statement, 'dynamodb:Scan')),
    ),
  },
  {
    control: 'identity-role-pool',
    how: "IAM: the user service's role reaches every user pool",
    models: silo,
    async apply(world) {
      const { name } = await world.roleOf(world.scene('dedicated-cluster').attacker, 'identity');
      return world.rolePolicy(name, (statement) => {
        statement['Resource'] = '*';
      });
    },
  },
  {
    control: 'identity-role-actions',
    how: "IAM: the user service's role may list its pool",
    models: silo,
    ...behindBoundary('identity', (world, name) =>
      world.rolePolicy(name, (statement) => granting(statement, 'cognito-idp:ListUsers')),
    ),
  },
  {
    control: 'task-roles-only',
    how: "IAM: a task role may read the operator's secrets",
    models: silo,
    attacks: ['role-operator-calls'],
    ...behindBoundary('data', (world, name) =>
      world.rolePolicy(name, () => {}, { Action: 'secretsmanager:GetSecretValue', Resource: '*' }),
    ),
  },
  {
    control: 'task-roles-only',
    how: 'IAM: a task role may ask the gatekeeper',
    models: silo,
    attacks: ['role-operator-calls'],
    ...behindBoundary('data', (world, name) =>
      world.rolePolicy(name, () => {}, { Action: 'lambda:InvokeFunction', Resource: '*' }),
    ),
  },
  {
    control: 'role-trust',
    how: "IAM: a neighbour's task role may be taken by a task of another tenant",
    models: silo,
    attacks: ['role-other-roles'],
    async apply(world) {
      const { attacker, neighbour } = world.scene('dedicated-cluster');
      const { arn } = await world.roleOf(attacker, 'data');
      const { name } = await world.roleOf(neighbour, 'data');
      return world.roleTrust(name, (statement) => {
        statement['Principal'] = { Service: 'ecs-tasks.amazonaws.com', AWS: arn };
        delete statement['Condition'];
      });
    },
  },
];
