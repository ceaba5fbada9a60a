import { type UserRole, userRoles } from '../../../model/tenant.ts';
import { badRequest, conflict, notFound } from '../kit/http-error.ts';
import type { Caller } from '../kit/identity.ts';
import { type PageQuery, pageOf, pageQuerySchema, pageSchema, toPage } from '../kit/paging.ts';
import { runService } from '../kit/run.ts';
import { type Routes, requireAdmin } from '../kit/service.ts';
import { createDirectory, type User } from './directory.ts';

interface NewUser {
  userName: string;
  userEmail: string;
  userRole: UserRole;
}

interface ById {
  Params: { id: string };
}

const fields = {
  userName: { type: 'string', minLength: 1, maxLength: 128, pattern: '\\S' },
  userEmail: { type: 'string', maxLength: 254 },
  userRole: { type: 'string', enum: userRoles },
};
const text = { type: 'string' };
const user = {
  type: 'object',
  properties: {
    id: text,
    username: text,
    email: text,
    role: text,
    status: text,
    enabled: { type: 'boolean' },
    created: text,
    modified: text,
  },
};
const body = (required: readonly string[]) => ({
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  properties: fields,
  required,
});

/** Addresses are compared by Cognito as they are written, so they are written one way. */
function normalized(email: string): string {
  const address = email.trim().toLowerCase();
  if (/^[^\s@<>",;]+@[^\s@<>",;]+\.[^\s@<>",;.]+$/.test(address)) return address;
  throw badRequest('the request is not valid', [
    { field: 'userEmail', message: 'must be an e-mail address' },
  ]);
}

const isSelf = (caller: Caller, { id, email }: User): boolean =>
  id === caller.username || email === caller.username;

const routes: Routes = (api, settings) => {
  const directory = createDirectory(settings.region, settings.userPoolId ?? '');
  // Every route is for the tenant's administrators; decided for each request, from the verified token, before its body is looked at.
  api.addHook('onRequest', (request, _reply, next) => {
    requireAdmin(request);
    next();
  });

  api.get<{ Querystring: PageQuery }>(
    '/',
    { schema: { querystring: pageQuerySchema, response: { 200: pageSchema(user) } } },
    async (request) => {
      const { tenantId } = requireAdmin(request);
      const { users, last } = await directory.list(tenantId, pageOf(request, tenantId));
      return toPage(tenantId, users, last);
    },
  );

  api.post<{ Body: NewUser }>(
    '/',
    { schema: { body: body(['userName', 'userEmail', 'userRole']), response: { 201: user } } },
    async (request, reply) => {
      const { userName, userEmail, userRole } = request.body;
      const made = await directory.invite(requireAdmin(request), {
        userName: userName.trim(),
        userEmail: normalized(userEmail),
        userRole,
      });
      reply.code(201).header('location', `${api.prefix}/${encodeURIComponent(made.id)}`);
      return made;
    },
  );

  api.get<ById>('/:id', { schema: { response: { 200: user } } }, async (request) => {
    const found = await directory.get(requireAdmin(request).tenantId, request.params.id);
    if (found) return found;
    throw notFound('user', request.params.id);
  });

  api.put<ById & { Body: Partial<NewUser> }>(
    '/:id',
    { schema: { body: body([]), response: { 200: user } } },
    async (request) => {
      const caller = requireAdmin(request);
      const { userName, userEmail, userRole } = request.body;
      const current = await directory.get(caller.tenantId, request.params.id);
      if (!current) throw notFound('user', request.params.id);
      if (isSelf(caller, current) && userRole !== undefined && userRole !== current.role)
        throw conflict("an administrator can't change his own role");
      const updated = await directory.update(caller.tenantId, current.id, {
        userName: userName?.trim(),
        userEmail: userEmail === undefined ? undefined : normalized(userEmail),
        userRole,
      });
      if (updated) return updated;
      throw notFound('user', request.params.id);
    },
  );

  api.delete<ById>('/:id', async (request, reply) => {
    const caller = requireAdmin(request);
    const current = await directory.get(caller.tenantId, request.params.id);
    if (!current) throw notFound('user', request.params.id);
    if (isSelf(caller, current)) throw conflict("an administrator can't delete himself");
    await directory.remove(caller.tenantId, current.id);
    return reply.code(204).send();
  });
};

await runService('user', { path: '/users', userPool: true }, routes);
