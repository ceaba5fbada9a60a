import { SaasError } from '../../model/error.ts';
import { type TenantStatus, type UserRole, userRoles } from '../../model/tenant.ts';
import { audited } from '../audit/audited.ts';
import type { Context } from '../context.ts';
import { Identity } from '../identity.ts';
import type { TenantRecord } from '../registry/registry.ts';
import { openSession } from '../session.ts';
import { userPoolOf } from '../tokens.ts';
import { Accounts } from './accounts.ts';
import type { Directory } from './directory.ts';

const changeable: ReadonlySet<TenantStatus> = new Set(['active', 'updating']);

/** The users of one tenant, by name or id. Throws `tenant_not_found`, `tenant_not_ready`. */
export async function tenantUsers(context: Context, reference: string): Promise<Directory> {
  const session = await openSession(context);
  const tenant = await session.registry.findTenant(reference);
  if (tenant.status === 'offboarded') throw notChangeable(tenant);
  const pool = await userPoolOf(context, session, tenant);
  const accounts = new Accounts(context.target.client, pool.userPoolId);
  const identity = new Identity(context.target.client);
  return {
    accounts,
    owner: `tenant "${tenant.name}"`,
    flags: `--tenant ${tenant.name}`,
    roles: userRoles,
    // The gateway remembers a decision for 30 seconds, the authorizer a user for 30.
    tokenSeconds: 60,
    checkChangeable() {
      if (!changeable.has(tenant.status)) throw notChangeable(tenant);
    },
    change: (what, parameters, work) =>
      audited(context, { action: `users ${what}`, tenant, parameters }, work),
    async find(user) {
      const account = await accounts.get(user);
      return account?.tenantId === tenant.tenantId ? account : undefined;
    },
    async page(limit, nextToken) {
      const page = await accounts.page({ group: tenant.tenantId, limit, nextToken });
      // A group is only how they are found; the attribute is what binds a user to the tenant.
      return { ...page, accounts: page.accounts.filter(({ tenantId }) => tenantId === tenant.tenantId) };
    },
    invite: ({ email, role }) => identity.ensureUser(pool, tenant, { email, role: role as UserRole }),
    join: ({ username }) => identity.joinGroup(pool, username, tenant.tenantId),
    inviteAgain: ({ email }) => accounts.inviteAgain(email),
  };
}

const whatToDo: Partial<Record<TenantStatus, (name: string) => string>> = {
  provisioning: (name) => `wait until it is served: saas-ecs watch ${name}`,
  failed: (name) => `see why, and how to go on: saas-ecs explain ${name}`,
  offboarding: (name) => `its users go with it: saas-ecs watch ${name}`,
  suspended: (name) => `its users are locked out as long as it is; resume it first: saas-ecs resume ${name}`,
};

function notChangeable({ name, status }: TenantRecord): SaasError {
  if (status === 'offboarded')
    return new SaasError('tenant_gone', `tenant "${name}" is offboarded`, {
      detail: 'its users are gone with it',
      exitCode: 4,
    });
  const hint = whatToDo[status]?.(name);
  return new SaasError('tenant_not_active', `the users of tenant "${name}" can't be changed`, {
    detail: `the tenant is ${status}`,
    ...(hint !== undefined && { hint }),
  });
}
