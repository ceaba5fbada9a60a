import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Json } from './attribute-values.ts';
import { HttpError, notFound } from './http-error.ts';
import type { Caller } from './identity.ts';
import { newId } from './ids.ts';
import { type PageQuery, pageOf, pageQuerySchema, pageSchema, toPage } from './paging.ts';
import { callerOf } from './service.ts';
import type { Item, TenantTable } from './tenant-table.ts';

type Fields = { [name: string]: Json | undefined };

/** A kind of item that a tenant keeps in a table: how it is called, and what a caller may say about it. */
export interface ItemKind<Body> {
  /** e.g. `order` */
  what: string;
  /** The table's sort key, which is also the name of the id in answers. */
  idName: string;
  /** JSON schemas by field. */
  fields: Record<string, object>;
  required: readonly string[];
  /** The fields to store; optional ones that the body leaves out are undefined. */
  toFields(body: Body): Fields;
  /** Refuses a body that is well-formed and still wrong. */
  check?(body: Body, caller: Caller): Promise<void>;
}

interface ById {
  Params: { id: string };
}

/** The five routes of a kind of item: list, create, read, replace, delete. All of them see the caller's tenant only. */
export function itemRoutes<Body>(api: FastifyInstance, table: TenantTable, kind: ItemKind<Body>): void {
  const { what, idName } = kind;
  const body = {
    type: 'object',
    additionalProperties: false,
    properties: kind.fields,
    required: kind.required,
  };
  const item = {
    type: 'object',
    properties: {
      [idName]: { type: 'string' },
      tenantId: { type: 'string' },
      ...kind.fields,
      createdAt: { type: 'string' },
      updatedAt: { type: 'string' },
    },
  };

  api.get<{ Querystring: PageQuery }>(
    '/',
    { schema: { querystring: pageQuerySchema, response: { 200: pageSchema(item) } } },
    async (request) => {
      const { tenantId } = callerOf(request);
      const { items, last } = await table.list(tenantId, pageOf(request, tenantId));
      return toPage(tenantId, items, last);
    },
  );

  api.post('/', { schema: { body, response: { 201: item } } }, async (request, reply) => {
    const caller = callerOf(request);
    const wanted = request.body as Body;
    await kind.check?.(wanted, caller);
    const id = newId();
    const now = new Date().toISOString();
    const fields = { ...kind.toFields(wanted), createdAt: now, updatedAt: now };
    if (!(await table.create(caller.tenantId, id, fields)))
      throw new HttpError(500, 'internal_error', `the ${what} was not stored`);
    reply.code(201).header('location', `${api.prefix}/${id}`);
    return { ...fields, [idName]: id, tenantId: caller.tenantId };
  });

  api.get<ById>('/:id', { schema: { response: { 200: item } } }, async (request) =>
    found(await table.get(callerOf(request).tenantId, request.params.id), what, request),
  );

  api.put<ById>('/:id', { schema: { body, response: { 200: item } } }, async (request) => {
    const caller = callerOf(request);
    const wanted = request.body as Body;
    await kind.check?.(wanted, caller);
    const fields = { ...kind.toFields(wanted), updatedAt: new Date().toISOString() };
    return found(await table.update(caller.tenantId, request.params.id, fields), what, request);
  });

  api.delete<ById>('/:id', async (request, reply) => {
    const { tenantId } = callerOf(request);
    if (!(await table.remove(tenantId, request.params.id))) throw notFound(what, request.params.id);
    return reply.code(204).send();
  });
}

function found(item: Item | undefined, what: string, request: FastifyRequest<ById>): Item {
  if (item) return item;
  throw notFound(what, request.params.id);
}
