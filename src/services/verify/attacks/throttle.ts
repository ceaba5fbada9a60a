/** Limits: nobody uses up another's, and nobody gets around his own. */
import { setTimeout as delay } from 'node:timers/promises';
import { APIGatewayClient, GetApiKeysCommand } from '@aws-sdk/client-api-gateway';
import type { OutsideAttack, Scene, Shot } from '../attack.ts';
import type { Subject } from '../estate.ts';
import { rawRequest } from '../request.ts';

const pathOf = ({ estate }: Scene): string => estate.context.config.services[0]?.path ?? '/';

/** Statuses of requests that are sent without waiting for a turn. */
async function burst(
  scene: Scene,
  subject: Subject,
  count: number,
  options: { headers?: readonly string[]; tokens?: readonly string[]; atOnce?: number } = {},
): Promise<number[]> {
  const { headers = [], tokens = [subject.user.idToken], atOnce = 32 } = options;
  const statuses: number[] = [];
  let sent = 0;
  const worker = async (): Promise<void> => {
    while (sent < count) {
      const token = tokens[sent++ % tokens.length];
      const reply = await rawRequest(subject.apiUrl, pathOf(scene), {
        headers: [...headers, 'authorization', `Bearer ${token}`],
        signal: scene.signal,
      });
      statuses.push(reply.status);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
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

/** More than the tenant's limits admit while the burst lasts. */
const tooMany = (scene: Scene): number => {
  const { throttle } = scene.attacker;
  return Math.min(throttle.burst * 2 + throttle.rate * 2 + 20, 1_000);
};

/** Uses up what the attacker may ask at once; whether that worked says whether he is limited at all. */
async function exhaust(scene: Scene, tokens?: readonly string[]): Promise<{ shot: Shot; limited: boolean }> {
  const count = tooMany(scene);
  const statuses = await burst(scene, scene.attacker, count, tokens ? { tokens } : {});
  const limited = statuses.includes(429);
  return {
    limited,
    shot: {
      sent: `${count} requests as fast as they go${tokens ? `, with the tokens of ${tokens.length} users in turn` : ''}`,
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
      const { neighbour } = scene;
      let bursting = true;
      const attack = exhaust(scene).finally(() => {
        bursting = false;
      });
      const statuses: number[] = [];
      // No more than the neighbour's own limits admit at once, spread over the whole burst.
      while (bursting && statuses.length < Math.max(neighbour.throttle.burst * 0.8, 1)) {
        statuses.push(...(await burst(scene, neighbour, 1)));
        await delay(20);
      }
      const { shot, limited } = await attack;
      await recover(scene);
      const disturbed = statuses.includes(429);
      return [
        shot,
        {
          sent: `${statuses.length} requests of the neighbour meanwhile`,
          received: counted(statuses),
          outcome: disturbed
            ? 'succeeded'
            : limited && statuses.every((status) => status === 200)
              ? 'held'
              : 'inconclusive',
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
      const { email, password } = attacker.user;
      const again = await estate.users.signIn(attacker.pool, email, password);
      const { shot } = await exhaust(scene, [attacker.user.idToken, attacker.admin.idToken, again.idToken]);
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
      const statuses = await burst(scene, scene.attacker, count, { headers });
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
      const { attacker, estate } = scene;
      const { email, password } = attacker.user;
      const { idToken } = await estate.users.signIn(attacker.pool, email, password);
      const { shot } = await exhaust(scene);
      const statuses = await burst(scene, attacker, Math.ceil(attacker.throttle.burst * 1.5) + 5, {
        tokens: [idToken],
      });
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
