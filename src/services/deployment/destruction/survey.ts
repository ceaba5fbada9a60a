import { stackNames, withPrefix } from '../../../model/names.ts';
import type { Context } from '../../context.ts';
import { registryTableOf } from '../../shared-outputs.ts';
import { type Belonging, kindsOf } from './belongings.ts';
import { findImages } from './images.ts';
import { ownershipOf } from './ownership.ts';
import { contentsOf, findStacks, type OwnStack } from './stacks.ts';
import { type LivingTenant, livingTenants } from './tenants.ts';

/** What is there of an environment, whoever made it and whatever an earlier run has deleted. */
export interface Survey {
  tenants: LivingTenant[];
  /** In the order in which they go; without those of the tenants. */
  stacks: OwnStack[];
  /** API keys and usage plans that are in no stack, nor a tenant's. */
  limits: Belonging[];
  /** Log groups that are in no stack. */
  logs: Belonging[];
  /** URIs. */
  images: string[];
  /** URIs of images that another app or environment runs as well. */
  sharedImages: string[];
  /** What outlives the stacks, of today and of earlier deployments; without what goes with the tenants. */
  data: Belonging[];
  /** Tables that are registries, of today and of earlier deployments; the same order each time. */
  registries: string[];
  /** Stacks under names of ours that are somebody else's. */
  foreign: string[];
}

export async function survey(context: Context): Promise<Survey> {
  const { target } = context;
  const ownership = ownershipOf(context);
  const kinds = kindsOf(target.client);
  const find = async (of: (typeof kinds)[keyof typeof kinds]): Promise<Belonging[]> =>
    (await Promise.all(of.map((kind) => kind.find(ownership)))).flat();
  const [tenants, { own, foreign }, data, limits, logs] = await Promise.all([
    livingTenants(context),
    findStacks(context),
    find(kinds.data),
    find(kinds.limits),
    find(kinds.logs),
  ]);
  const { held, going } = await contentsOf(context, own);
  const living = new Set(tenants.map(({ tenantId }) => tenantId));
  const isTenants = ({ tenantId }: { tenantId?: string }): boolean =>
    tenantId !== undefined && living.has(tenantId);
  const loose = (found: readonly Belonging[]): Belonging[] =>
    found.filter((belonging) => !isTenants(belonging) && !held.has(belonging.id));
  const registries = await registriesAmong(context, data);
  const images = await findImages(context, registries);
  return {
    tenants,
    stacks: own.filter((stack) => !isTenants(stack)),
    limits: loose(limits),
    logs: loose(logs),
    images: images.going,
    sharedImages: images.shared,
    data: data.filter((belonging) => !isTenants(belonging) && !going.has(belonging.id)),
    registries: registries.sort(),
    foreign,
  };
}

/** Registries know the images of all their releases. */
async function registriesAmong(context: Context, data: readonly Belonging[]): Promise<string[]> {
  const named = await registryTableOf(context.target);
  const beginning = `${withPrefix(context.target.prefix, stackNames.controlPlane)}-Registry`;
  return data
    .filter(({ kind, id }) => kind === 'table' && (id === named || id.startsWith(beginning)))
    .map(({ id }) => id);
}
