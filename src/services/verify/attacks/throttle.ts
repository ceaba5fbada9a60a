/** Limits: nobody uses up another's, and nobody gets around his own. */
import { setTimeout as delay } from 'node:timers/promises';
import { APIGatewayClient, GetApiKeysCommand } from '@aws-sdk/client-api-gateway';
import type { OutsideAttack, Scene, Shot } from '../attack.ts';
import type { Subject } from '../estate.ts';
import { rawRequest } from '../request.ts';

const pathOf = ({ estate }: Scene): string => estate.context.config.services[0]?.path ?? '/';

/** A token that the gateway has not seen: what it remembers of one is what was true before. */
async function freshToken({ estate }: Scene, { pool, user }: Subject): Promise<string> {
  return (await estate.users.signIn(pool, user.email, user.password)).idToken;
}

interface Burst {
  tokens: readonly string[];
  headers?: readonly string[];
  /** Goes on beyond the count until this says that it is enough. */
  enough?: () => boolean;
}

/** Statuses of requests that are sent without waiting for a turn, 32 at a time. */
async function burst(scene: Scene, subject: Subject, count: number, options: Burst): Promise<number[]> {
  const { headers = [], tokens, enough = () => true } = options;
  const statuses: number[] = [];
  let sent = 0;
  const worker = async (): Promise<void> => {
    while (sent < count || (!enough() && sent < most)) {
      const token = tokens[sent++ % tokens.length];
      const reply = await rawRequest(subject.apiUrl, pathOf(scene), {
        headers: [...headers, 'authorization', `Bearer ${token}`],
        signal: scene.signal,
      });
      statuses.push(reply.status);
    }
  };
  await Promise.all(Array.from({ length: Math.min(32, count) }, worker));
  return statuses;
}

const counted = (statuses: readonly number[]): string => {
  const counts = new Map<number, number>();
  for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([status, count]) => `${count} times ${status}`)
    .join(', ');
};

/** Requests of one burst at most. */
const most = 1_000;
/** More than the tenant's limits admit while the burst lasts. */
const tooMany = ({ attacker }: Scene): number =>
  Math.min(attacker.throttle.burst * 2 + attacker.throttle.rate * 2 + 20, most);

/** Uses up what the attacker may ask at once; whether that worked says whether he is limited at all. */
async function exhaust(scene: Scene, options: Burst): Promise<{ shot: Shot; limited: boolean }> {
  const statuses = await burst(scene, scene.attacker, tooMany(scene), options);
  const limited = statuses.includes(429);
  const users = options.tokens.length;
  return {
    limited,
    shot: {
      sent: `${statuses.length} requests as fast as they go${users > 1 ? `, with ${users} tokens in turn` : ''}`,
      received: counted(statuses),
      outcome: limited ? 'held' : 'succeeded',
    },
  };
}

/** The bucket is full again. */
const recover = (scene: Scene): Promise<void> => {
  const { rate, burst: size } = scene.attacker.throttle;
  return delay(Math.min((1_000 * size) / Math.max(rate, 1), 5_000), undefined, { signal: scene.signal });
};

export const throttleAttacks: readonly OutsideAttack[] = [
  {
    name: 'burst-beside-neighbour',
    tries: 'asks far more than his limits admit, while the neighbour on the same tier asks a little',
    expects: 'he gets 429, and the neighbour never',
    control: 'tenant-api-key',
    writes: true,
    turn: 'alone',
    async run(scene) {
      const { attacker, neighbour } = scene;
      const [mine, his] = [await freshToken(scene, attacker), await freshToken(scene, neighbour)];
      const statuses: number[] = [];
      // No more than the neighbour's own limits admit at once; the burst lasts until he has asked.
      const asks = Math.max(Math.min(Math.floor(neighbour.throttle.burst * 0.8), 10), 1);
      const attack = exhaust(scene, { tokens: [mine], enough: () => statuses.length >= asks });
      while (statuses.length < asks) {
        statuses.push(...(await burst(scene, neighbour, 1, { tokens: [his] })));
        await delay(30, undefined, { signal: scene.signal });
      }
      const { shot, limited } = await attack;
      await recover(scene);
      const served = statuses.every((status) => status === 200);
      return [
        shot,
        {
          sent: `${statuses.length} requests of the neighbour meanwhile`,
          received: counted(statuses),
          outcome: statuses.includes(429) ? 'succeeded' : limited && served ? 'held' : 'inconclusive',
        },
      ];
    },
  },
  {
    name: 'limits-by-more-users',
    tries: 'spreads his requests over several users and tokens of his tenant',
    expects: 'they share the limits of the tenant',
    control: 'usage-plan',
    writes: true,
    turn: 'alone',
    async run(scene) {
      const { attacker, estate } = scene;
      const { email, password } = attacker.admin;
      const admin = await estate.users.signIn(attacker.pool, email, password);
      const tokens = [await freshToken(scene, attacker), await freshToken(scene, attacker), admin.idToken];
      const { shot } = await exhaust(scene, { tokens });
      await recover(scene);
      return [shot];
    },
  },
  {
    name: 'key-of-neighbour',
    tries:
      "sends the neighbour's API key along, which he has got hold of, so that the neighbour's limits count",
    expects: 'the key is without effect: his own limits hold, and without a token it opens nothing',
    control: 'api-key-required',
    writes: true,
    turn: 'alone',
    async run(scene) {
      const { neighbour, estate } = scene;
      const gateway = new APIGatewayClient(estate.context.target.client);
      const { items = [] } = await gateway.send(
        new GetApiKeysCommand({ customerId: neighbour.tenantId, includeValues: true }),
      );
      const key = items.find(({ customerId }) => customerId === neighbour.tenantId)?.value;
      if (key === undefined) throw new Error('the neighbour has no API key');
      const headers = ['x-api-key', key];
      const count = tooMany(scene);
      const tokens = [await freshToken(scene, scene.attacker)];
      const statuses = await burst(scene, scene.attacker, count, { tokens, headers });
      const alone = await rawRequest(neighbour.apiUrl, pathOf(scene), { headers, signal: scene.signal });
      await recover(scene);
      return [
        {
          sent: `${count} requests with the neighbour's API key`,
          received: counted(statuses),
          outcome: statuses.includes(429) ? 'held' : 'succeeded',
        },
        {
          sent: "a request with the neighbour's API key and no token",
          received: String(alone.status),
          outcome: alone.status === 401 ? 'held' : 'succeeded',
        },
      ];
    },
  },
  {
    name: 'limits-after-new-sign-in',
    tries: 'signs in anew once he is throttled, and goes on with the new token',
    expects: 'his limits stay used up',
    control: 'usage-plan',
    writes: true,
    turn: 'alone',
    async run(scene) {
      const { attacker } = scene;
      const [first, second] = [await freshToken(scene, attacker), await freshToken(scene, attacker)];
      const { shot } = await exhaust(scene, { tokens: [first] });
      const count = Math.ceil(attacker.throttle.burst * 1.5) + 5;
      const statuses = await burst(scene, attacker, count, { tokens: [second] });
      await recover(scene);
      return [
        shot,
        {
          sent: `${statuses.length} more with a token from a new sign-in`,
          received: counted(statuses),
          outcome: statuses.includes(429) ? 'held' : 'succeeded',
        },
      ];
    },
  },
];
