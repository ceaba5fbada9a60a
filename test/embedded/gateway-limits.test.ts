import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { echo, GatewayFixture, token } from './gateway-fixture.ts';

let fixture: GatewayFixture;
let api: string;

beforeAll(async () => {
  fixture = await GatewayFixture.start();
  await fixture.tenant('basic', 1, echo('pool'));
  api = await fixture.api();
});
afterAll(() => fixture.close());

const ask = (key: { value: string }, target = '/orders') =>
  fixture.call(api, target, { headers: { authorization: token({ tenantPath: 'basic', key: key.value }) } });

/** How many of so many requests, one after the other, got which status. */
async function burst(key: { value: string }, count: number): Promise<Record<number, number>> {
  const seen: Record<number, number> = {};
  for (let index = 0; index < count; index++) {
    const { status } = await ask(key);
    seen[status] = (seen[status] ?? 0) + 1;
  }
  return seen;
}

/** With a rate this low no token comes back while a test runs. */
const slow = 0.001;

describe('usage plans', () => {
  it('throttle each key by itself', async () => {
    const plan = await fixture.plan(api, 'shared', slow, 5, 1000);
    const one = await fixture.key(plan, 'tenant-one');
    const two = await fixture.key(plan, 'tenant-two');
    expect(await burst(one, 8)).toEqual({ 200: 5, 429: 3 });
    const refused = await ask(one);
    expect(refused.json()).toEqual({ message: 'Too Many Requests' });
    expect(refused.headers).toMatchObject({
      'x-amzn-errortype': 'TooManyRequestsException',
      'access-control-allow-origin': '*',
    });
    expect(await burst(two, 5)).toEqual({ 200: 5 });
  });

  it('fill up again at their rate', async () => {
    const plan = await fixture.plan(api, 'refill', 0.1, 4, 1000);
    const key = await fixture.key(plan, 'tenant-refill');
    expect(await burst(key, 6)).toEqual({ 200: 4, 429: 2 });
    fixture.pass(60_000);
    // Six came back; the bucket holds four.
    expect(await burst(key, 5)).toEqual({ 200: 4, 429: 1 });
  });

  it('hold a quota a day, and tell what was used', async () => {
    const plan = await fixture.plan(api, 'quota', 1000, 1000, 3);
    const one = await fixture.key(plan, 'tenant-quota-one');
    const two = await fixture.key(plan, 'tenant-quota-two');
    expect(await burst(one, 5)).toEqual({ 200: 3, 429: 2 });
    expect((await ask(one)).json()).toEqual({ message: 'Limit Exceeded' });
    expect((await ask(two)).status).toBe(200);

    const today = new Date(fixture.cloud.clock.now()).toISOString().slice(0, 10);
    const { items } = await fixture.gateway.getUsage({ usagePlanId: plan, startDate: today, endDate: today });
    expect(items).toEqual({ [one.id]: [[3, 0]], [two.id]: [[1, 2]] });

    await fixture.gateway.updateUsage({
      usagePlanId: plan,
      keyId: one.id,
      patchOperations: [{ op: 'replace', path: '/remaining', value: '1' }],
    });
    expect(await burst(one, 2)).toEqual({ 200: 1, 429: 1 });

    fixture.pass(86_400_000);
    expect(await burst(one, 4)).toEqual({ 200: 3, 429: 1 });
  });

  it('change for every key at once', async () => {
    const plan = await fixture.plan(api, 'changing', slow, 1, 1000);
    const key = await fixture.key(plan, 'tenant-changing');
    expect(await burst(key, 2)).toEqual({ 200: 1, 429: 1 });
    const changed = await fixture.gateway.updateUsagePlan({
      usagePlanId: plan,
      patchOperations: [
        { op: 'replace', path: '/throttle/rateLimit', value: '500' },
        { op: 'replace', path: '/throttle/burstLimit', value: '3' },
        { op: 'replace', path: '/quota/limit', value: '7' },
        { op: 'replace', path: '/quota/period', value: 'WEEK' },
      ],
    });
    expect(changed).toMatchObject({
      throttle: { rateLimit: 500, burstLimit: 3 },
      quota: { limit: 7, period: 'WEEK' },
    });
    expect(await burst(key, 3)).toEqual({ 200: 3 });
  });

  it('hold at once for a key that was moved to another', async () => {
    const narrow = await fixture.plan(api, 'narrow', slow, 1, 1000);
    const wide = await fixture.plan(api, 'wide', 1000, 1000, 1000);
    const key = await fixture.key(narrow, 'tenant-moving');
    expect(await burst(key, 2)).toEqual({ 200: 1, 429: 1 });
    // On both for one stage: which limits would hold?
    await expect(
      fixture.gateway.createUsagePlanKey({ usagePlanId: wide, keyId: key.id, keyType: 'API_KEY' }),
    ).rejects.toMatchObject({ name: 'ConflictException' });
    await fixture.gateway.deleteUsagePlanKey({ usagePlanId: narrow, keyId: key.id });
    expect((await ask(key)).status).toBe(403);
    await fixture.gateway.createUsagePlanKey({ usagePlanId: wide, keyId: key.id, keyType: 'API_KEY' });
    expect(await burst(key, 5)).toEqual({ 200: 5 });
  });

  it('can have limits of their own for a method', async () => {
    const { id: plan = '' } = await fixture.gateway.createUsagePlan({
      name: 'by-method',
      apiStages: [
        { apiId: api, stage: 'prod', throttle: { '/orders/GET': { rateLimit: slow, burstLimit: 1 } } },
      ],
      throttle: { rateLimit: 1000, burstLimit: 1000 },
    });
    const key = await fixture.key(plan, 'tenant-by-method');
    expect(await burst(key, 2)).toEqual({ 200: 1, 429: 1 });
    expect((await ask(key, '/orders/1')).status).toBe(200);
  });
});

describe('API keys', () => {
  it('are needed: none, an unknown one, a disabled one and one without a plan are 403', async () => {
    const plan = await fixture.plan(api, 'keys', 1000, 1000, 1000);
    const key = await fixture.key(plan, 'tenant-keyed');
    const without = await fixture.call(api, '/orders', {
      headers: { authorization: token({ tenantPath: 'basic' }), 'x-api-key': key.value },
    });
    // The key's source is the authorizer; the header counts for nothing.
    expect([without.status, without.json()]).toEqual([403, { message: 'Forbidden' }]);
    expect((await ask({ value: 'unknown-unknown-unknown' })).status).toBe(403);
    expect((await ask(key)).status).toBe(200);
    await fixture.gateway.updateApiKey({
      apiKey: key.id,
      patchOperations: [{ op: 'replace', path: '/enabled', value: 'false' }],
    });
    expect((await ask(key)).status).toBe(403);
    const { id } = await fixture.gateway.createApiKey({
      name: 'planless',
      value: 'planless-planless-planless',
      enabled: true,
    });
    expect(id).toMatch(/^[a-z0-9]{10}$/);
    expect((await ask({ value: 'planless-planless-planless' })).status).toBe(403);
  });

  it('come by header where the API says so', async () => {
    const document = JSON.parse(
      JSON.stringify(fixture.document()).replace(
        '"x-amazon-apigateway-api-key-source":"AUTHORIZER"',
        '"x-amazon-apigateway-api-key-source":"HEADER"',
      ),
    ) as Record<string, unknown>;
    const other = await fixture.api(document);
    const plan = await fixture.plan(other, 'by-header', 1000, 1000, 1000);
    const key = await fixture.key(plan, 'tenant-by-header');
    const authorization = token({ tenantPath: 'basic', key: key.value });
    expect((await fixture.call(other, '/orders', { headers: { authorization } })).status).toBe(403);
    const answer = await fixture.call(other, '/orders', {
      headers: { authorization, 'x-api-key': key.value },
    });
    expect(answer.status).toBe(200);
  });

  it('are found by name and customer, page by page', async () => {
    for (let index = 0; index < 30; index++)
      await fixture.gateway.createApiKey({
        name: `paged-${String(index).padStart(2, '0')}`,
        customerId: index % 2 === 0 ? 'even' : 'odd',
        value: `paged-value-of-many-${index}`,
      });
    const first = await fixture.gateway.getApiKeys({ nameQuery: 'paged-', limit: 20 });
    expect(first.items).toHaveLength(20);
    expect(first.items?.[0]).not.toHaveProperty('value');
    const second = await fixture.gateway.getApiKeys({
      nameQuery: 'paged-',
      limit: 20,
      position: first.position,
      includeValues: true,
    });
    expect(second.items).toHaveLength(10);
    expect(second.position).toBeUndefined();
    expect(second.items?.[0]?.value).toMatch(/^paged-value/);
    const even = await fixture.gateway.getApiKeys({ customerId: 'even' });
    expect(even.items).toHaveLength(15);
  });

  it('have 20 characters at least, and are not made twice', async () => {
    await expect(fixture.gateway.createApiKey({ value: 'short' })).rejects.toThrow('at least 20 characters');
    const value = 'the-same-value-twice-over';
    await fixture.gateway.createApiKey({ name: 'a', value });
    await expect(fixture.gateway.createApiKey({ name: 'b', value })).rejects.toMatchObject({
      name: 'ConflictException',
    });
  });
});

describe('plans', () => {
  it('are refused for a stage that does not exist, and kept while they have stages', async () => {
    await expect(
      fixture.gateway.createUsagePlan({ name: 'x', apiStages: [{ apiId: api, stage: 'none' }] }),
    ).rejects.toThrow('Invalid API Stage');
    await expect(
      fixture.gateway.createUsagePlan({ name: 'x', quota: { limit: 1, offset: 3, period: 'DAY' } }),
    ).rejects.toThrow('offset must be zero in the DAY period');
    const plan = await fixture.plan(api, 'with-stage', 1, 1, 1);
    await expect(fixture.gateway.deleteUsagePlan({ usagePlanId: plan })).rejects.toMatchObject({
      name: 'BadRequestException',
    });
    await fixture.gateway.updateUsagePlan({
      usagePlanId: plan,
      patchOperations: [{ op: 'remove', path: '/apiStages', value: `${api}:prod` }],
    });
    await fixture.gateway.deleteUsagePlan({ usagePlanId: plan });
    await expect(fixture.gateway.getUsagePlan({ usagePlanId: plan })).rejects.toMatchObject({
      name: 'NotFoundException',
    });
  });

  it('take a key of ten at most', async () => {
    const { id: keyId = '' } = await fixture.gateway.createApiKey({
      value: 'a-key-with-many-plans-0000',
      enabled: true,
    });
    const add = async (index: number) => {
      const { id = '' } = await fixture.gateway.createUsagePlan({ name: `many-${index}` });
      return fixture.gateway.createUsagePlanKey({ usagePlanId: id, keyId, keyType: 'API_KEY' });
    };
    for (let index = 0; index < 10; index++) await add(index);
    await expect(add(10)).rejects.toMatchObject({ name: 'LimitExceededException' });
  });
});

describe('methods', () => {
  it('are throttled for all callers together by the stage', async () => {
    const other = await fixture.api();
    const plan = await fixture.plan(other, 'stage', 1000, 1000, 1000);
    const one = await fixture.key(plan, 'tenant-stage-one');
    const two = await fixture.key(plan, 'tenant-stage-two');
    await fixture.gateway.updateStage({
      restApiId: other,
      stageName: 'prod',
      patchOperations: [
        { op: 'replace', path: '/~1orders/GET/throttling/rateLimit', value: String(slow) },
        { op: 'replace', path: '/~1orders/GET/throttling/burstLimit', value: '2' },
      ],
    });
    const call = async (key: { value: string }, target: string) =>
      (
        await fixture.call(other, target, {
          headers: { authorization: token({ tenantPath: 'basic', key: key.value }) },
        })
      ).status;
    expect([await call(one, '/orders'), await call(two, '/orders'), await call(one, '/orders')]).toEqual([
      200, 200, 429,
    ]);
    expect(await call(one, '/orders/1')).toBe(200);
  });
});
