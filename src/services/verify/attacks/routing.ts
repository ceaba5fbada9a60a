/** Ways to a neighbour's services by what a request says of itself. */
import { tenantPathHeader } from '../../../model/names.ts';
import type { OutsideAttack, Scene, Shot } from '../attack.ts';
import { type Subject, send } from '../estate.ts';
import { judged, told } from '../judge.ts';
import { rawBytes, rawRequest } from '../request.ts';

const itemsOf = ({ estate }: Scene) => {
  const { items } = estate.catalog;
  if (!items) throw new Error('the configuration has no built-in service with items');
  return items;
};

/** Reads the attacker's list with these headers: it must hold what is his, and nothing of anybody else's. */
async function ownList(
  scene: Scene,
  what: string,
  victim: Subject,
  headers: readonly string[],
): Promise<Shot> {
  const { attacker } = scene;
  const { path } = itemsOf(scene);
  const reply = await send(attacker, path, { headers }, scene.signal);
  const sent = `GET ${path} with ${what} for ${victim.name}`;
  const shot = judged(sent, reply, { statuses: [200, 400, 403, 404], never: victim.traces });
  const service = [401, 403].includes(reply.status) && reply.body.includes('"error"');
  // A service's own refusal says that the request went to the wrong tenant's.
  return service
    ? { sent, received: `${told(reply)}: another tenant's service answered`, outcome: 'succeeded' }
    : shot;
}

/** The same, with an item of the victim's by its id. */
async function itemOf(
  scene: Scene,
  what: string,
  victim: Subject,
  headers: readonly string[],
): Promise<Shot[]> {
  const service = itemsOf(scene);
  const id = victim.stored[service.name];
  if (id === undefined) return [];
  const reply = await send(scene.attacker, `${service.path}/${id}`, { headers }, scene.signal);
  return [
    judged(`GET ${service.path}/{item of ${victim.name}} with ${what}`, reply, {
      statuses: [404],
      never: victim.traces,
    }),
  ];
}

async function withHeaders(
  scene: Scene,
  what: string,
  headers: (victim: Subject) => readonly string[],
): Promise<Shot[]> {
  const shots: Shot[] = [];
  for (const victim of scene.victims) {
    shots.push(await ownList(scene, what, victim, headers(victim)));
    shots.push(...(await itemOf(scene, what, victim, headers(victim))));
  }
  return shots;
}

export const routingAttacks: readonly OutsideAttack[] = [
  {
    name: 'routes-to-own-services',
    tries: 'asks as himself, and looks whether another tenant answers',
    expects: 'he is served by his own services',
    control: 'listener-rule-header',
    needs: ['items'],
    async run(scene) {
      const { attacker } = scene;
      const service = itemsOf(scene);
      const shots: Shot[] = [];
      for (const caller of [attacker, ...scene.victims]) {
        const id = caller.stored[service.name];
        const path = id === undefined ? service.path : `${service.path}/${id}`;
        const reply = await send(caller, path, {}, scene.signal);
        const others = [attacker, ...scene.victims].filter((each) => each !== caller);
        const sent = `GET ${service.path}/{item of his own} as ${caller.name}`;
        const leaked = others.some(({ traces }) => traces.some((trace) => reply.body.includes(trace)));
        const misrouted = [401, 403, 404].includes(reply.status);
        shots.push({
          sent,
          received: `${told(reply)}${misrouted ? ': not one of his own services answered' : ''}`,
          outcome: leaked || misrouted ? 'succeeded' : reply.status === 200 ? 'held' : 'inconclusive',
        });
      }
      return shots;
    },
  },
  {
    name: 'header-tenant-path',
    tries: "sends the header by which the load balancer routes, with the neighbour's value",
    expects: 'the gateway overwrites it: he sees what is his',
    control: 'api-tenant-header',
    needs: ['items'],
    run: (scene) =>
      withHeaders(scene, 'the header tenantPath', ({ tenantPath }) => [tenantPathHeader, tenantPath]),
  },
  {
    name: 'header-tenant-path-spellings',
    tries: 'sends the routing header in other spellings, and twice',
    expects: 'he sees what is his',
    control: 'api-tenant-header',
    needs: ['items'],
    run: (scene) =>
      withHeaders(scene, 'tenantPath in other spellings', ({ tenantPath, tenantId }) =>
        ['tenantpath', 'TENANTPATH', 'tenant-path', 'tenant_path', 'X-Tenant-Path'].flatMap((name) => [
          ...[name, tenantPath],
          ...[name, tenantId],
        ]),
      ),
  },
  {
    name: 'header-look-alikes',
    tries: 'names the neighbour in every other header that could be believed',
    expects: 'he sees what is his',
    control: 'service-item-scope',
    needs: ['items'],
    run: (scene) =>
      withHeaders(scene, 'look-alike headers', ({ tenantId, tenantPath }) => [
        ...['x-tenant-id', tenantId, 'tenantId', tenantId, 'x-amzn-tenantpath', tenantPath],
        ...['x-forwarded-host', tenantId, 'x-original-url', itemsOf(scene).path, 'x-rewrite-url', '/'],
        ...['x-forwarded-for', '10.0.0.1', 'forwarded', `host=${tenantId}`],
      ]),
  },
  {
    name: 'header-hop-by-hop',
    tries: 'declares the routing header to be one that a proxy drops on its way',
    expects: 'he sees what is his',
    control: 'api-tenant-header',
    needs: ['items'],
    run: (scene) =>
      withHeaders(scene, 'connection: tenantPath', ({ tenantPath }) => [
        ...['connection', tenantPathHeader],
        ...[tenantPathHeader, tenantPath],
      ]),
  },
  {
    name: 'header-host',
    tries: "sends another Host, among them the neighbour's id",
    expects: '403 or 404, or what is his',
    control: 'api-routes',
    needs: ['items'],
    async run(scene) {
      const shots: Shot[] = [];
      for (const victim of scene.victims)
        for (const host of ['attacker.example', `${victim.tenantId}.localhost`]) {
          const reply = await send(
            scene.attacker,
            itemsOf(scene).path,
            { headers: ['host', host] },
            scene.signal,
          );
          shots.push(
            judged(`GET ${itemsOf(scene).path} with Host: ${host}`, reply, {
              statuses: [200, 400, 403, 404, 421],
              never: victim.traces,
            }),
          );
        }
      return shots;
    },
  },
  {
    name: 'path-tricks',
    tries:
      "spells the way to a neighbour's item so that gateway, load balancer and service read it differently",
    expects: 'each spelling answers 400, 403 or 404',
    control: 'api-routes',
    needs: ['items'],
    async run(scene) {
      const service = itemsOf(scene);
      const { path } = service;
      const name = path.slice(1);
      const shots: Shot[] = [];
      const { tenantId, traces, stored } = scene.neighbour;
      const id = stored[service.name] ?? 'x';
      const paths = [
        `/${path}`,
        `/${path}/${id}`,
        `${path}//${id}`,
        `${path}/./${id}`,
        `${path}/../${name}/${id}`,
        `${path}/%2e%2e/${name}/${id}`,
        `${path}/..%2f..%2f${name}%2f${id}`,
        `${path}/%2f${id}`,
        `/%${name.charCodeAt(0).toString(16)}${name.slice(1)}/${id}`,
        `/${name.charAt(0).toUpperCase()}${name.slice(1)}/${id}`,
        `${path.toUpperCase()}/${id}`,
        `${path}/${id}/`,
        `${path}/${id}%00`,
        `${path}/${id};tenantPath=${tenantId}`,
        `/${name};x/${id}`,
        `${path}/${id}?tenantPath=${tenantId}`,
        `${path}/${tenantId}%23${id}`,
        `/${tenantId}${path}`,
        `/${tenantId}${path}/${id}`,
        `${path}/..`,
        `${path}/.`,
        `/../prod${path}/${id}`,
        '/health',
        '/',
      ];
      for (const each of paths) {
        const reply = await send(scene.attacker, each, {}, scene.signal);
        shots.push(judged(`GET ${each}`, reply, { statuses: [400, 403, 404], never: traces }));
      }
      return shots;
    },
  },
  {
    name: 'method-tricks',
    tries: 'turns one method into another, and uses methods that no route has',
    expects: '403 or 404, and his item is still there',
    control: 'api-routes',
    needs: ['items'],
    writes: true,
    async run(scene) {
      const { attacker } = scene;
      const service = itemsOf(scene);
      const item = `${service.path}/${attacker.stored[service.name]}`;
      const headers = ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override'].flatMap((name) => [
        name,
        'DELETE',
      ]);
      const shots: Shot[] = [];
      const ask = async (method: string, path: string, statuses: readonly number[], body?: unknown) => {
        const reply = await send(
          attacker,
          path,
          { method, headers, ...(body !== undefined && { body }) },
          scene.signal,
        );
        shots.push(judged(`${method} ${path} with headers that ask for DELETE`, reply, { statuses }));
      };
      await ask('GET', item, [200]);
      await ask('POST', item, [403, 404, 405], {});
      for (const method of ['PATCH', 'PROPFIND', 'TRACE', 'LINK'])
        await ask(method, service.path, [400, 403, 404, 405, 501]);
      await ask('GET', item, [200]);
      return shots;
    },
  },
  {
    name: 'request-smuggling',
    tries: "hides a second request, with the neighbour's routing header, in the body of a first one",
    expects: 'each shape is refused or read as one request',
    control: 'api-tenant-header',
    needs: ['items'],
    async run(scene) {
      const { attacker, neighbour } = scene;
      const { path } = itemsOf(scene);
      const { host, pathname } = new URL(attacker.apiUrl);
      const at = `${pathname.replace(/\/$/, '')}${path}`;
      const hidden = [
        `GET ${at} HTTP/1.1`,
        `Host: ${host}`,
        `${tenantPathHeader}: ${neighbour.tenantPath}`,
        '',
        '',
      ].join('\r\n');
      const head = [
        `POST ${at} HTTP/1.1`,
        `Host: ${host}`,
        `Authorization: Bearer ${attacker.user.idToken}`,
        'Content-Type: application/json',
        'Connection: close',
      ];
      const chunked = `0\r\n\r\n${hidden}`;
      const shapes: Record<string, string[]> = {
        'Content-Length and Transfer-Encoding': [
          ...head,
          `Content-Length: ${chunked.length}`,
          'Transfer-Encoding: chunked',
          '',
          chunked,
        ],
        'two lengths': [...head, 'Content-Length: 0', `Content-Length: ${hidden.length}`, '', hidden],
        'a blank before the colon': [
          ...head,
          `Content-Length: ${chunked.length}`,
          'Transfer-Encoding : chunked',
          '',
          chunked,
        ],
        'an encoding that is none': [
          ...head,
          `Content-Length: ${chunked.length}`,
          'Transfer-Encoding: xchunked',
          '',
          chunked,
        ],
        'a folded header': [
          ...head,
          'X-Fold: a',
          ` ${tenantPathHeader}: ${neighbour.tenantPath}`,
          'Content-Length: 0',
          '',
          '',
        ],
        'a length that is signed': [...head, `Content-Length: +${hidden.length}`, '', hidden],
        'a bare line feed': [
          ...head,
          `X-Line: a\n${tenantPathHeader}: ${neighbour.tenantPath}`,
          'Content-Length: 0',
          '',
          '',
        ],
      };
      const shots: Shot[] = [];
      for (const [what, lines] of Object.entries(shapes)) {
        await attacker.turn(scene.signal);
        const answer = await rawBytes(attacker.apiUrl, lines, scene.signal);
        const statuses = [...answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map((match) => Number(match[1]));
        const leaked = neighbour.traces.some((trace) => answer.includes(trace));
        // An answer to the hidden request that is no refusal means that it was served.
        const served =
          leaked ||
          statuses.slice(1).some((status) => status < 400) ||
          statuses.some((status) => status === 201);
        shots.push({
          sent: `POST ${path} with ${what}, and a second request in its body`,
          received:
            statuses.length === 0 ? 'the connection was closed' : `answered ${statuses.join(', then ')}`,
          outcome: served
            ? 'succeeded'
            : statuses.some((status) => status >= 500 && status !== 501)
              ? 'inconclusive'
              : 'held',
        });
      }
      return shots;
    },
  },
  {
    name: 'other-cell-or-stage',
    tries: 'asks stages and versions of the API that were not published',
    expects: '403 or 404',
    control: 'api-routes',
    async run(scene) {
      const { attacker } = scene;
      const path = scene.estate.context.config.services[0]?.path ?? '/';
      const shots: Shot[] = [];
      for (const stage of ['dev', 'test', 'prod2', '$default', '']) {
        const url = attacker.apiUrl.replace(/[^/]*$/, stage);
        const headers = ['authorization', `Bearer ${attacker.user.idToken}`];
        const reply = await rawRequest(url, path, { headers, signal: scene.signal });
        shots.push(judged(`GET ${path} of the stage "${stage}"`, reply, { statuses: [403, 404] }));
      }
      return shots;
    },
  },
];
