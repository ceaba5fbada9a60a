/** Ways to a neighbour's data through the API: by its ids, in every place where one fits. */
import { createHash } from 'node:crypto';
import type { OutsideAttack, Scene, Shot } from '../attack.ts';
import { orderOf, productOf, send } from '../estate.ts';
import { judged } from '../judge.ts';

const need = <T>(value: T | undefined, what: string): T => {
  if (value !== undefined) return value;
  throw new Error(`there is no ${what}`);
};

async function ask(
  scene: Scene,
  sent: string,
  method: string,
  path: string,
  expected: { statuses: readonly number[]; never?: readonly string[] },
  body?: unknown,
): Promise<Shot> {
  const reply = await send(
    scene.attacker,
    path,
    { method, ...(body !== undefined && { body }) },
    scene.signal,
  );
  return judged(sent, reply, expected);
}

/** One method on an item of each victim. */
async function onItems(scene: Scene, method: string): Promise<Shot[]> {
  const { items, orders } = scene.estate.catalog;
  const shots: Shot[] = [];
  for (const victim of scene.victims)
    for (const service of new Set([items, orders])) {
      if (!service) continue;
      const id = victim.stored[service.name];
      if (id === undefined) continue;
      // A route that is not there is refused by the gateway, which says nothing about the item.
      if (!service.routes.some(({ path, methods }) => path !== '' && methods.includes(method))) continue;
      const order = service.image === 'builtin:order';
      const product = scene.attacker.stored[items?.name ?? ''] ?? 'none';
      const body = method !== 'PUT' ? undefined : order ? orderOf('x', product) : productOf('x');
      const sent = `${method} ${service.path}/{item of ${victim.name}}`;
      shots.push(
        await ask(
          scene,
          sent,
          method,
          `${service.path}/${id}`,
          { statuses: [404], never: victim.traces },
          body,
        ),
      );
    }
  return shots;
}

/** One method on a user of each victim, by his id and by his address. */
async function onUsers(scene: Scene, method: string, body?: unknown): Promise<Shot[]> {
  const path = scene.estate.catalog.users?.path ?? '/users';
  const shots: Shot[] = [];
  for (const victim of scene.victims)
    for (const [what, id] of Object.entries({ id: victim.user.username, address: victim.user.email })) {
      const sent = `${method} ${path}/{${what} of a user of ${victim.name}} as administrator`;
      const never = [victim.admin.email, victim.tenantId];
      shots.push(
        await ask(scene, sent, method, `${path}/${encodeURIComponent(id)}`, { statuses: [404], never }, body),
      );
    }
  return shots;
}

const itemAttack = (method: string, verb: string): OutsideAttack => ({
  name: `item-by-id-${method.toLowerCase()}`,
  stored: true,
  tries: `${verb} a neighbour's item by its id`,
  expects: '404, as for an id that nobody has',
  control: 'service-item-scope',
  needs: ['items'],
  ...(method !== 'GET' && { writes: true }),
  run: (scene) => onItems(scene, method),
});

const userAttack = (method: string, verb: string, body?: unknown): OutsideAttack => ({
  name: `user-by-id-${method.toLowerCase()}`,
  tries: `as administrator ${verb} a neighbour's user, by his id and by his address`,
  expects: '404, as for a user that nobody has',
  control: 'service-user-scope',
  needs: ['users'],
  ...(method !== 'GET' && { writes: true }),
  run: (scene) => onUsers(scene, method, body),
});

export const dataAttacks: readonly OutsideAttack[] = [
  itemAttack('GET', 'reads'),
  itemAttack('PUT', 'overwrites'),
  itemAttack('DELETE', 'deletes'),
  userAttack('GET', 'reads'),
  userAttack('PUT', 'renames', { userName: 'taken' }),
  userAttack('DELETE', 'deletes'),
  {
    name: 'list-without-neighbours',
    tries: 'lists everything that there is',
    expects: 'nothing of another tenant in any list',
    control: 'service-item-scope',
    needs: ['items'],
    async run(scene) {
      const { items, orders, users } = scene.estate.catalog;
      const shots: Shot[] = [];
      for (const service of new Set([items, orders, users]))
        if (service)
          for (const victim of scene.victims)
            shots.push(
              await ask(
                scene,
                `GET ${service.path}, looking for ${victim.name}`,
                'GET',
                `${service.path}?limit=100`,
                { statuses: [200], never: victim.traces },
              ),
            );
      return shots;
    },
  },
  {
    name: 'id-in-body',
    tries: "names the neighbour's tenant in the body of what he stores",
    expects: '400: no route has such a field',
    control: 'service-body-schema',
    needs: ['items'],
    writes: true,
    async run(scene) {
      const items = need(scene.estate.catalog.items, 'service with items');
      const shots: Shot[] = [];
      for (const victim of scene.victims) {
        const body = items.image === 'builtin:order' ? orderOf('x', 'none') : productOf('x');
        shots.push(
          await ask(
            scene,
            `POST ${items.path} with the tenantId of ${victim.name}`,
            'POST',
            items.path,
            { statuses: [400] },
            { ...body, tenantId: victim.tenantId },
          ),
        );
      }
      return shots;
    },
  },
  {
    name: 'id-in-user-body',
    tries: "invites a user whom he binds to the neighbour's tenant",
    expects: '400: no route has such a field',
    control: 'service-body-schema',
    needs: ['users'],
    writes: true,
    async run(scene) {
      const users = need(scene.estate.catalog.users, 'user service');
      const { attacker } = scene;
      const user = {
        userName: 'x',
        userEmail: `verify-body@${attacker.tenantId}.invalid`,
        userRole: 'TenantUser',
      };
      const shots: Shot[] = [];
      for (const victim of scene.victims)
        for (const field of ['tenantId', 'tenantName', 'custom:tenantId'])
          shots.push(
            await ask(
              scene,
              `POST ${users.path} with ${field} of ${victim.name}`,
              'POST',
              users.path,
              { statuses: [400] },
              { ...user, [field]: victim.tenantId },
            ),
          );
      return shots;
    },
  },
  {
    name: 'id-in-query',
    tries: "asks for the neighbour's tenant in the query string",
    expects: '400: no route has such a parameter',
    control: 'service-body-schema',
    needs: ['items'],
    async run(scene) {
      const items = need(scene.estate.catalog.items, 'service with items');
      const shots: Shot[] = [];
      for (const victim of scene.victims)
        for (const name of ['tenantId', 'tenantPath', 'custom:tenantId'])
          shots.push(
            await ask(
              scene,
              `GET ${items.path}?${name}={id of ${victim.name}}`,
              'GET',
              `${items.path}?${encodeURIComponent(name)}=${victim.tenantId}`,
              { statuses: [400], never: victim.traces },
            ),
          );
      return shots;
    },
  },
  {
    name: 'product-of-neighbour',
    tries: 'orders a product that only the neighbour has',
    expects: '400: there is no such product',
    control: 'service-item-scope',
    needs: ['items', 'orders'],
    writes: true,
    async run(scene) {
      const { items, orders } = scene.estate.catalog;
      if (items === orders)
        return [{ sent: 'nothing: there are no products', received: '-', outcome: 'held' }];
      const path = need(orders, 'order service').path;
      const shots: Shot[] = [];
      for (const victim of scene.victims)
        shots.push(
          await ask(
            scene,
            `POST ${path} of a product of ${victim.name}`,
            'POST',
            path,
            { statuses: [400] },
            orderOf('x', victim.stored[items?.name ?? ''] ?? 'x'),
          ),
        );
      return shots;
    },
  },
  {
    name: 'page-token-of-neighbour',
    stored: true,
    tries: "goes on in a list where the neighbour's page ended, by the neighbour's nextToken",
    expects: '400: the token was not made for him',
    control: 'service-page-token',
    needs: ['items'],
    async run(scene) {
      const { path } = need(scene.estate.catalog.items, 'service with items');
      const shots: Shot[] = [];
      for (const victim of scene.victims) {
        const page = await send(victim, `${path}?limit=1`, {}, scene.signal);
        const { nextToken } = JSON.parse(page.body) as { nextToken: string | null };
        if (nextToken === null) throw new Error(`${victim.name} has nothing stored, so no page ends`);
        shots.push(
          await ask(
            scene,
            `GET ${path}?nextToken={of ${victim.name}}`,
            'GET',
            `${path}?nextToken=${encodeURIComponent(nextToken)}`,
            { statuses: [400], never: victim.traces },
          ),
        );
      }
      return shots;
    },
  },
  {
    name: 'page-token-forged',
    stored: true,
    tries: "makes a nextToken of his own that begins at the neighbour's item",
    expects: 'he sees what is his: a position is no permission',
    control: 'service-item-scope',
    needs: ['items'],
    async run(scene) {
      const items = need(scene.estate.catalog.items, 'service with items');
      const { attacker } = scene;
      const shots: Shot[] = [];
      for (const victim of scene.victims) {
        const id = victim.stored[items.name];
        if (id === undefined) continue;
        // How the service binds a token to its tenant; it holds no secret, so it must not be what protects.
        const seal = createHash('sha256').update(`page-token/v1\n${attacker.tenantId}\n${id}`).digest();
        const forged = Buffer.concat([seal.subarray(0, 12), Buffer.from(id)]).toString('base64url');
        shots.push(
          await ask(
            scene,
            `GET ${items.path}?nextToken={forged, at an item of ${victim.name}}`,
            'GET',
            `${items.path}?nextToken=${forged}`,
            { statuses: [200, 400], never: victim.traces },
          ),
        );
      }
      return shots;
    },
  },
];
