import { SaasError } from '../../model/error.ts';
import { audited } from '../audit/audited.ts';
import type { Context } from '../context.ts';
import type { Token } from '../identity.ts';
import { openSession } from '../session.ts';
import { controlPlaneOf } from './client.ts';

/** A token to call the control plane's API with, and where that is. Throws `no_control_plane`. */
export async function controlPlaneToken(context: Context): Promise<Token & { apiUrl: string }> {
  return audited(context, { action: 'token', parameters: { of: 'control-plane' } }, () =>
    askForToken(context),
  );
}

async function askForToken(context: Context): Promise<Token & { apiUrl: string }> {
  const { shared } = await openSession(context);
  const controlPlane = controlPlaneOf(context.target, shared);
  if (!controlPlane || !shared.controlPlane)
    throw new SaasError('no_control_plane', 'this environment has no control plane yet', {
      hint: 'deploy it: saas-ecs deploy-shared',
    });
  const { token, expiresAt } = await controlPlane.token();
  return {
    token,
    tokenType: 'Bearer',
    expiresAt: new Date(expiresAt).toISOString(),
    apiUrl: shared.controlPlane.apiUrl,
  };
}
