import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { clientId, type Issuer, startIssuer } from './issuer.ts';
import { bundle, client, type RunningImage, removeBundles, startImage } from './running-image.ts';
import { startUserPool, type UserPool } from './user-pool.ts';

let issuer: Issuer;
let pool: UserPool;
let service: RunningImage;

beforeAll(async () => {
  issuer = await startIssuer();
  pool = await startUserPool();
  service = await startImage(await bundle('images', 'user'), {
    ISSUER: issuer.url,
    CLIENT_ID: clientId,
    USER_POOL_ID: 'us-east-1_pool',
    AWS_ENDPOINT_URL: pool.url,
    AWS_ACCESS_KEY_ID: 'task',
    AWS_SECRET_ACCESS_KEY: 'task',
  });
});
afterAll(async () => {
  await service?.stop();
  await pool?.close();
  await issuer?.close();
  removeBundles();
});
beforeEach(() => {
  pool.failing.clear();
  pool.calls.length = 0;
});

const as = async (tenantId: string, role = 'TenantAdmin', username = `admin-of-${tenantId}`) =>
  client(service.url, await issuer.token({ tenantId, role, username }));
const jane = (userEmail: string) => ({ userName: 'Jane', userEmail, userRole: 'TenantUser' });

describe("a tenant's administrator", () => {
  it('invites, finds, changes and deletes users', async () => {
    const call = await as('tenant-a');
    const made = await call('POST', '/users', jane(' Jane@Acme.Example '));
    expect(made.status).toBe(201);
    const id = String(made.body['id']);
    expect(made.headers.get('location')).toBe(`/users/${id}`);
    expect(made.body).toMatchObject({
      username: 'Jane',
      email: 'jane@acme.example',
      role: 'TenantUser',
      status: 'FORCE_CHANGE_PASSWORD',
      enabled: true,
      created: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      modified: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
    expect(pool.calls[0]).toMatchObject({
      operation: 'AdminCreateUser',
      input: { DesiredDeliveryMediums: ['EMAIL'] },
    });
    expect(pool.calls[0]?.input['MessageAction']).toBeUndefined();

    expect((await call('GET', `/users/${id}`)).body).toEqual(made.body);
    const changed = await call('PUT', `/users/${id}`, { userRole: 'TenantAdmin', userName: 'Jane D.' });
    expect(changed.body).toMatchObject({
      id,
      role: 'TenantAdmin',
      username: 'Jane D.',
      email: 'jane@acme.example',
    });
    expect((await call('DELETE', `/users/${id}`)).status).toBe(204);
    expect((await call('GET', `/users/${id}`)).status).toBe(404);
    expect((await call('PUT', `/users/${id}`, { userName: 'x' })).status).toBe(404);
    expect((await call('DELETE', `/users/${id}`)).status).toBe(404);
  });

  it('lists them page by page', async () => {
    const ids = ['a', 'b', 'c'].map((name) => pool.add(`${name}@pages.example`, 'tenant-pages'));
    const call = await as('tenant-pages');
    const first = await call('GET', '/users?limit=2');
    const second = await call('GET', `/users?limit=2&nextToken=${String(first.body['nextToken'])}`);
    expect([...(first.body.items ?? []), ...(second.body.items ?? [])].map((user) => user['id'])).toEqual(
      ids,
    );
    expect(second.body['nextToken']).toBeNull();
    const strayed = await (await as('tenant-a'))(
      'GET',
      `/users?nextToken=${String(first.body['nextToken'])}`,
    );
    expect(strayed.status).toBe(400);
  });

  it("reaches nobody of another tenant, by id or by address, and can't make anybody another's", async () => {
    const victim = pool.add('victim@b.example', 'tenant-b');
    const call = await as('tenant-a');
    for (const id of [victim, 'victim@b.example']) {
      expect((await call('GET', `/users/${id}`)).status).toBe(404);
      expect((await call('PUT', `/users/${id}`, { userRole: 'TenantAdmin' })).status).toBe(404);
      expect((await call('DELETE', `/users/${id}`)).status).toBe(404);
    }
    expect(pool.attribute(victim, 'custom:userRole')).toBe('TenantUser');
    const answer = await call('POST', '/users', { ...jane('new@a.example'), tenantId: 'tenant-b' });
    expect(answer.body.error?.['details']).toEqual([{ field: 'tenantId', message: 'is not known' }]);
    const made = await call('POST', '/users', jane('new@a.example'), { tenantPath: 'tenant-b' });
    expect(pool.attribute(String(made.body['id']), 'custom:tenantId')).toBe('tenant-a');
  });

  it('is told when an address is taken, and not by whom', async () => {
    pool.add('taken@b.example', 'tenant-b');
    const mine = pool.add('mine@a.example', 'tenant-a');
    const call = await as('tenant-a');
    expect((await call('POST', '/users', jane('TAKEN@b.example'))).status).toBe(409);
    expect((await call('PUT', `/users/${mine}`, { userEmail: 'taken@b.example' })).status).toBe(409);
  });

  it('keeps his own account and role', async () => {
    const own = pool.add('self@a.example', 'tenant-a', 'TenantAdmin');
    const call = await as('tenant-a', 'TenantAdmin', own);
    expect((await call('DELETE', `/users/${own}`)).status).toBe(409);
    expect((await call('PUT', `/users/${own}`, { userRole: 'TenantUser' })).status).toBe(409);
    expect((await call('PUT', `/users/${own}`, { userName: 'Me' })).status).toBe(200);
    expect(pool.has(own)).toBe(true);
  });

  it('gets clear refusals', async () => {
    const call = await as('tenant-a');
    const answer = await call('POST', '/users', {
      userName: ' ',
      userEmail: 'x@y.example',
      userRole: 'SystemAdmin',
    });
    expect(answer.body.error?.['details']).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ field: 'userName' }),
        { field: 'userRole', message: 'must be one of TenantAdmin, TenantUser' },
      ]),
    );
    expect((await call('POST', '/users', jane('nobody'))).body.error?.['details']).toEqual([
      { field: 'userEmail', message: 'must be an e-mail address' },
    ]);
    expect((await call('PUT', '/users/x', {})).status).toBe(400);
  });
});

describe('the user service', () => {
  it('serves administrators only', async () => {
    const other = pool.add('other@a.example', 'tenant-a');
    const call = await as('tenant-a', 'TenantUser');
    const answers = await Promise.all([
      call('GET', '/users'),
      call('POST', '/users', { anything: 1 }),
      call('GET', `/users/${other}`),
      call('PUT', `/users/${other}`, { userRole: 'TenantAdmin' }),
      call('DELETE', `/users/${other}`),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403]);
    expect(pool.calls).toEqual([]);
  });

  it('leaves no user behind whom no list would show', async () => {
    pool.failing.set('AdminAddUserToGroup', 'ResourceNotFoundException');
    const answer = await (await as('tenant-a'))('POST', '/users', jane('half@a.example'));
    expect(answer.status).toBe(500);
    expect(answer.body).toEqual({
      error: { code: 'internal_error', message: 'something went wrong on our side' },
    });
    pool.failing.clear();
    expect((await (await as('tenant-a'))('POST', '/users', jane('half@a.example'))).status).toBe(201);
  });

  it('says that it is busy when Cognito is, without its words', async () => {
    pool.failing.set('ListUsersInGroup', 'TooManyRequestsException');
    const answer = await (await as('tenant-a'))('GET', '/users');
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('2');
    expect(JSON.stringify(answer.body)).not.toMatch(/Cognito|Exception|refused/);
  });

  it('writes no address and no name to its log', () => {
    expect(service.output()).not.toMatch(/@|jane|Bearer/i);
  });
});
