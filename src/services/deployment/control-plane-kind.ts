import { SaasError } from '../../model/error.ts';
import type { Context } from '../context.ts';
import { controlPlaneOutputsOf } from '../shared-outputs.ts';

/**
 * Refuses to put one control plane in the other's place: registrations and operators would stay behind in the old one,
 * and CloudFormation can't make a bus of a name that the old one still has. Throws `control_plane_differs`.
 */
export async function refuseOtherControlPlane({ target }: Pick<Context, 'target'>): Promise<void> {
  const { name, controlPlane: wanted } = target.environment;
  const deployed = (await controlPlaneOutputsOf(target))?.kind;
  if (deployed === undefined || deployed === wanted) return;
  throw new SaasError(
    'control_plane_differs',
    `the environment "${name}" has the control plane "${deployed}", and saas-ecs.yaml says "${wanted}"`,
    {
      detail:
        'nothing was changed: tenants are registered in the one that is there, and so are its operators',
      hint: `write "controlPlane: ${deployed}" for "${name}"; or offboard the tenants, then run: saas-ecs destroy-shared --env ${name}, and deploy anew`,
    },
  );
}
