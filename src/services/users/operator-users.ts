import { operatorRoles } from '../../model/control-plane.ts';
import { SaasError } from '../../model/error.ts';
import { emailProblem, tenantAttributes } from '../../model/tenant.ts';
import { audited } from '../audit/audited.ts';
import type { Context } from '../context.ts';
import { openSession } from '../session.ts';
import { environmentFlag } from '../stopped.ts';
import { Accounts } from './accounts.ts';
import type { Directory } from './directory.ts';

/** Those who use the control plane: all users of its pool. Throws `no_control_plane`, `user_ambiguous`. */
export async function operatorUsers(context: Context): Promise<Directory> {
  const { shared } = await openSession(context);
  if (!shared.controlPlane)
    throw new SaasError('no_control_plane', 'this environment has no control plane yet', {
      hint: `deploy it: saas-ecs deploy-shared${environmentFlag(context)}`,
    });
  const accounts = new Accounts(context.target.client, shared.controlPlane.userPoolId);
  return {
    accounts,
    owner: 'the control plane',
    flags: '--operators',
    roles: operatorRoles,
    // The builtin API asks Cognito each time; the toolkit's looks at signature and scopes alone, which hold for 15 minutes.
    tokenSeconds: shared.controlPlane.kind === 'builtin' ? 0 : 900,
    checkChangeable() {},
    change: (what, parameters, work) =>
      audited(context, { action: `users ${what}`, parameters: { ...parameters, operators: true } }, work),
    async find(user) {
      // The pool's users have names of their own, and may share an address.
      const named = await accounts.get(user);
      if (named || emailProblem(user) !== undefined) return named;
      const [found, ...others] = await accounts.withAddress(user);
      if (others.length === 0) return found;
      throw new SaasError('user_ambiguous', `several operators have the address "${user}"`, {
        detail: [found, ...others].map((account) => account?.username).join(', '),
        hint: 'say which, by the name',
      });
    },
    page: (limit, nextToken) => accounts.page({ limit, nextToken }),
    invite: ({ email, role }) =>
      accounts.invite(email, { email, email_verified: 'true', [tenantAttributes.role]: role }),
    join: async () => {},
    inviteAgain: ({ username }) => accounts.inviteAgain(username),
  };
}
