/** What is kept of inert resources, so that they can be described and looked into. */
import type { Properties } from '../../platform.ts';
import type { Collection, Store } from '../../store.ts';

export interface InertResource {
  type: string;
  physicalId: string;
  properties: Properties;
  attributes: Record<string, unknown>;
  stackId: string;
  logicalId: string;
  /** The stack's tags under the resource's own. */
  tags: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  createdAt: number;
}

/** All inert resources of a cloud, by type and physical id. */
export const inertResources = (store: Store): Collection<InertResource> =>
  store.collection<InertResource>('inert');

export const inertKey = (type: string, physicalId: string): string => `${type} ${physicalId}`;

/** The inert resources of one type, oldest first. */
export const inertOfType = (store: Store, type: string): InertResource[] =>
  inertResources(store)
    .values()
    .filter((resource) => resource.type === type)
    .sort((a, b) => a.createdAt - b.createdAt);
