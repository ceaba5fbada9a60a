/** What Cognito's operations work with. */
import type { Cloud } from '../../platform.ts';
import { Clients } from './clients.ts';
import { Groups } from './groups.ts';
import { SigningKeys } from './keys.ts';
import { Outbox } from './outbox.ts';
import { type PoolRecord, Pools } from './pools.ts';
import { Sealer } from './seal.ts';
import { Tokens } from './tokens.ts';
import { UserDirectory } from './users.ts';

export interface Parts {
  cloud: Cloud;
  pools: Pools;
  clients: Clients;
  groups: Groups;
  keys: SigningKeys;
  sealer: Sealer;
  outbox: Outbox;
  tokens: Tokens;
  /** The users of a pool that exists. */
  users(pool: PoolRecord): UserDirectory;
  /** Lets go of what is held of a deleted pool. */
  forget(poolId: string): void;
}

export function createParts(cloud: Cloud): Parts {
  const pools = new Pools(cloud);
  const groups = new Groups(cloud);
  const keys = new SigningKeys(cloud);
  const sealer = new Sealer(cloud);
  const directories = new Map<string, UserDirectory>();
  return {
    cloud,
    pools,
    groups,
    keys,
    sealer,
    clients: new Clients(cloud),
    outbox: new Outbox(cloud),
    tokens: new Tokens(cloud, { pools, keys, sealer, groups }),
    users({ id }) {
      let directory = directories.get(id);
      if (!directory) {
        directory = new UserDirectory(cloud, () => pools.get(id));
        directories.set(id, directory);
      }
      return directory;
    },
    forget: (poolId) => directories.delete(poolId),
  };
}
