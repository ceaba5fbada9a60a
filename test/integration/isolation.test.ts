/** Hostile tenants, hostile users and containers that were taken over, on all three tiers. None of them gets at a neighbour. */
import { afterAll, beforeAll } from 'vitest';
import { hostileContainers } from './isolation/containers.ts';
import { type Estate, newEstate } from './isolation/estate.ts';
import { noisyNeighbours } from './isolation/limits.ts';
import { hostileRequests } from './isolation/requests.ts';
import { hostileTokens } from './isolation/tokens.ts';
import { hostileUsers } from './isolation/users.ts';

let estate: Estate;
beforeAll(async () => {
  estate = await newEstate();
}, 300_000);
afterAll(() => estate?.project.remove());

hostileRequests(() => estate);
hostileTokens(() => estate);
hostileUsers(() => estate);
hostileContainers(() => estate);
noisyNeighbours(() => estate);
