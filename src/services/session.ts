import { ownerTags as ownerTagsOf } from '../model/names.ts';
import type { Context } from './context.ts';
import { Registry } from './registry/registry.ts';
import { RegistryTable } from './registry/table.ts';
import { readSharedOutputs, type SharedOutputs } from './shared-outputs.ts';

/** A deployed environment: what its shared stacks say of themselves, and its registry. */
export interface Session {
  shared: SharedOutputs;
  registry: Registry;
}

/** Throws `not_deployed` when the environment has no shared stacks yet. */
export async function openSession(context: Pick<Context, 'target'>): Promise<Session> {
  const shared = await readSharedOutputs(context.target);
  return { shared, registry: new Registry(new RegistryTable(context.target.client, shared.registryTable)) };
}

/** {@link ownerTagsOf} of where a command works. */
export const ownerTags = ({ target }: Pick<Context, 'target'>): Record<string, string> =>
  ownerTagsOf(target.app, target.environment.name);
