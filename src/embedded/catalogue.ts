/** What the embedded cloud has, read off one that runs: docs/embedded-cloud.md lists it, by `npm run docs`. */

import { startCloud } from './cloud.ts';
import types from './cloudformation/schema/types.json' with { type: 'json' };
import { placeholderTypes } from './cloudformation/types/placeholders.ts';
import { shapeOf } from './endpoint/shape.ts';
import { inertTypeNames } from './resources/inert/index.ts';

export interface Catalogue {
  services: ServiceEntry[];
  /** CloudFormation types, each list in alphabetical order. Every type that is in none of them is refused, too. */
  resourceTypes: { live: string[]; inert: string[]; refused: string[] };
}

export interface ServiceEntry {
  /** The credential scope's name; API Gateway's two versions share theirs. */
  signingName: string;
  /** In alphabetical order. */
  operations: string[];
}

/** Starts an embedded cloud in `stateDir`, which must be empty, and stops it again. */
export async function catalogue(stateDir: string): Promise<Catalogue> {
  const cloud = await startCloud({ stateDir });
  try {
    const operations = new Map<string, Set<string>>();
    const names = new Set([
      ...Object.keys(types),
      ...inertTypeNames,
      ...Object.keys(placeholderTypes(cloud)),
    ]);
    for (const service of cloud.services) {
      const known = operations.get(service.signingName) ?? new Set();
      operations.set(service.signingName, known);
      for (const each of service.operations) known.add(shapeOf(service, each).name);
      for (const name of service.rawOperations ?? []) known.add(name);
      for (const name of Object.keys(service.resourceTypes ?? {})) names.add(name);
    }
    const resourceTypes: Catalogue['resourceTypes'] = { live: [], inert: [], refused: [] };
    const served = new Set(cloud.services.flatMap((service) => Object.keys(service.resourceTypes ?? {})));
    const inert = new Set([...inertTypeNames, ...Object.keys(placeholderTypes(cloud))]);
    for (const name of [...names].sort()) {
      const type = cloud.cloudFormation.resourceType(name);
      // A type that has become live may still be among the inert ones: the service's own comes first.
      const presence = type
        ? (type.presence ?? (inert.has(name) && !served.has(name) ? 'inert' : 'live'))
        : 'refused';
      resourceTypes[presence].push(name);
    }
    return {
      services: [...operations]
        .map(([signingName, known]) => ({ signingName, operations: [...known].sort() }))
        .sort((a, b) => (a.signingName < b.signingName ? -1 : 1)),
      resourceTypes,
    };
  } finally {
    await cloud.stop();
  }
}
