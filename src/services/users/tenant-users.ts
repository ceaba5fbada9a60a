import { SaasError } from '../../model/error.ts';
import { emailProblem, type TenantStatus, type UserRole, userRoles } from '../../model/tenant.ts';
import { isSilo } from '../../model/tier.ts';
import { audited } from '../audit/audited.ts';
import type { Context } from '../context.ts';
import { Identity } from '../identity.ts';
import type { TenantRecord } from '../registry/registry.ts';
import { openSession } from '../session.ts';
import { userPoolOf } from '../tokens.ts';
import { type Account, Accounts } from './accounts.ts';
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
  const silo = isSilo(tenant.model);
  // Whoever comes from an identity provider has no attribute that binds him; a silo's user pool does.
  const isOurs = ({ tenantId, provider }: Account): boolean =>
    tenantId === tenant.tenantId || (silo && tenantId === undefined && provider !== null);
  return {
    accounts,
    owner: `tenant "${tenant.name}"`,
    flags: `--tenant ${tenant.name}`,
    roles: userRoles,
    // The gateway remembers a decision for 30 seconds, the authorizer a user for 30.
    tokenSeconds: 60,
    checkChangeable: () => checkTenantChangeable(tenant),
    change: (what, parameters, work) =>
      audited(context, { action: `users ${what}`, tenant, parameters }, work),
    async find(user) {
      const account = await accounts.get(user);
      if (account) return isOurs(account) ? account : undefined;
      if (!silo || emailProblem(user) !== undefined) return undefined;
      // Cognito finds by address only those who have a password here.
      const [found, ...others] = (await accounts.withAddress(user)).filter(isOurs);
      if (others.length === 0) return found;
      throw new SaasError(
        'user_ambiguous',
        `several users of tenant "${tenant.name}" have the address "${user}"`,
        {
          detail: [found, ...others].map((each) => each?.username).join(', '),
          hint: 'say which, by the username',
        },
      );
    },
    async page(limit, nextToken) {
      // A group is only how they are found in the pool. In a silo's own they are all of the tenant, in a group or not.
      const page = await accounts.page({ ...(!silo && { group: tenant.tenantId }), limit, nextToken });
      const nobodys = `@${tenant.tenantId}.invalid`;
      return {
        ...page,
        accounts: page.accounts.filter((account) => isOurs(account) && !account.email.endsWith(nobodys)),
      };
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

/** Throws `tenant_not_active`, `tenant_gone`. */
export function checkTenantChangeable(tenant: TenantRecord): void {
  if (!changeable.has(tenant.status)) throw notChangeable(tenant);
}

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
