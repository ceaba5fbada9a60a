/**
 * Verification as an operator runs it: on all tiers nothing gets through, nothing of it is left behind, and tenants that
 * live come to no harm. That it notices what is missing is shown in test/mutations.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { APIGatewayClient, GetApiKeysCommand } from '@aws-sdk/client-api-gateway';
import {
  CognitoIdentityProviderClient,
  ListUserPoolsCommand,
  ListUsersCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tenant } from '../../src/model/tenant.ts';
import { attackClasses } from '../../src/services/verify/attack.ts';
import { controls } from '../../src/services/verify/controls.ts';
import type { Verification } from '../../src/services/verify/verify.ts';
import { api, newProject, type Project } from './project.ts';
import { at, start, startToDie } from './started.ts';

let project: Project;
let client: {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
};
beforeAll(async () => {
  project = await newProject();
  await project.json('deploy-shared');
  const { endpoint } = await project.json<{ endpoint: string }>('local', 'status');
  const credentials = { accessKeyId: 'operator', secretAccessKey: 'operator' };
  client = { endpoint, region: 'us-east-1', credentials };
});
afterAll(() => project?.remove());

const tenants = async (): Promise<string[]> =>
  (await project.json<{ tenants: Tenant[] }>('list-tenants')).tenants.map(({ name }) => name);

/** Everything that a verification makes and that could be left: tenants, users, pools, keys. */
async function leftBehind(): Promise<string[]> {
  const cognito = new CognitoIdentityProviderClient(client);
  const left = (await tenants()).filter((name) => name.startsWith('probe-'));
  const { UserPools = [] } = await cognito.send(new ListUserPoolsCommand({ MaxResults: 60 }));
  for (const { Id, Name = '' } of UserPools) {
    if (Name.includes('verify')) left.push(`user pool ${Name}`);
    const { Users = [] } = await cognito.send(new ListUsersCommand({ UserPoolId: Id }));
    const emails = Users.map(
      ({ Attributes }) => Attributes?.find((each) => each.Name === 'email')?.Value ?? '',
    );
    left.push(...emails.filter((email) => email.endsWith('.invalid')));
  }
  const { items = [] } = await new APIGatewayClient(client).send(new GetApiKeysCommand({ limit: 500 }));
  const known = (await project.json<{ tenants: Tenant[] }>('list-tenants')).tenants.map(
    ({ tenantId }) => tenantId,
  );
  left.push(
    ...items.filter(({ customerId = '' }) => !known.includes(customerId)).map(({ name }) => `key ${name}`),
  );
  return left;
}

const notHeld = ({ attacks }: Verification) =>
  attacks
    .filter(({ outcome }) => outcome !== 'held')
    .map(({ name, tier, evidence }) => ({
      name,
      tier,
      evidence: evidence.filter((shot) => shot.outcome !== 'held'),
    }));

describe('verify', () => {
  it('that was killed leaves probes, which the next run removes; what was stopped leaves none', async () => {
    const killed = await startToDie(project, ['verify', '--suite', 'auth'], 'step-done', 'probes');
    expect(killed.signal).toBe('SIGKILL');
    expect((await tenants()).filter((name) => name.startsWith('probe-'))).toHaveLength(6);
    const stopped = await start(
      project,
      ['verify', '--suite', 'auth'],
      at('step-started', 'attacks', 'SIGTERM'),
    );
    expect(stopped.code, stopped.stderr).toBe(143);
    expect(stopped.last.error?.code).toBe('interrupted');
    expect(await leftBehind()).toEqual([]);
  }, 180_000);

  it('holds on all tiers, says what was tried and what stopped it, and leaves nothing', async () => {
    const report = path.join(project.directory, 'report.html');
    const ran = await project.cli('verify', '--report', 'report.html', '--json');
    const verification = ran.json().data as Verification;
    expect(notHeld(verification)).toEqual([]);
    expect(ran.code).toBe(0);

    const { summary, attacks } = verification;
    expect(summary).toMatchObject({
      attacks: attacks.length,
      held: attacks.length,
      succeeded: 0,
      inconclusive: 0,
    });
    expect(new Set(attacks.map(({ name }) => name)).size).toBeGreaterThanOrEqual(60);
    expect(new Set(attacks.map(({ tier }) => tier))).toEqual(new Set(['basic', 'advanced', 'premium']));
    expect(new Set(attacks.map((attack) => attack.class))).toEqual(new Set(Object.keys(attackClasses)));
    // No control is there that nothing is tried against.
    expect(new Set(attacks.map(({ control }) => control))).toEqual(new Set(Object.keys(controls)));
    expect(verification.by).toMatch(/^arn:aws:/);

    const html = await readFile(report, 'utf8');
    for (const { name } of attacks) expect(html).toContain(name);
    // It needs nothing from elsewhere, and holds no token, key or password.
    expect(html).not.toMatch(/<script|<link|<img|src=|href=|url\(|@import/i);
    for (const text of [html, ran.stdout]) expect(text).not.toMatch(/eyJ[\w-]{20}|aA1!|AKIA|ASIA/);
    expect(await leftBehind()).toEqual([]);
  }, 240_000);

  it('proves the isolation of a tenant with its onboarding', async () => {
    for (const [name, tier] of [
      ['acorn', 'basic'],
      ['cedar', 'advanced'],
    ] as const) {
      const ran = await project.cli(
        ...[
          'onboard',
          '--tier',
          tier,
          '--name',
          name,
          '--email',
          `admin@${name}.example`,
          '--verify',
          '--json',
        ],
      );
      const { verification, ...tenant } = ran.json().data as Tenant & { verification: Verification };
      expect(notHeld(verification)).toEqual([]);
      expect(ran.code).toBe(0);
      expect(tenant).toMatchObject({ name, status: 'active' });
      expect(verification.suites).toEqual(['isolation']);
      expect(new Set(verification.attacks.map((attack) => attack.tenant))).toContain(name);
      const { token } = await project.json<{ token: string }>('token', '--tenant', name);
      for (const list of ['orders', 'products'])
        expect((await api(`${tenant.apiUrl}/${list}`, { token })).body).toMatchObject({ items: [] });
    }
    expect(await leftBehind()).toEqual([]);
  }, 180_000);

  it('between tenants that live only reads, and says what it leaves out', async () => {
    const belongings = async (): Promise<unknown[]> => {
      const all: unknown[] = [];
      for (const name of ['acorn', 'cedar']) {
        const { apiUrl } = await project.json<Tenant>('describe-tenant', name);
        const { token } = await project.json<{ token: string }>('token', '--tenant', name);
        for (const list of ['orders', 'products', 'users'])
          all.push((await api(`${apiUrl}/${list}`, { token })).body);
      }
      return all;
    };
    const { apiUrl } = await project.json<Tenant>('describe-tenant', 'acorn');
    const { token } = await project.json<{ token: string }>('token', '--tenant', 'acorn');
    const product = { name: 'Lamp', price: 19.5, sku: 'L-1', category: 'light' };
    expect((await api(`${apiUrl}/products`, { token, method: 'POST', body: product })).status).toBe(201);
    const before = await belongings();
    const ran = await project.cli('verify', '--tenants', 'acorn,cedar', '--json');
    const verification = ran.json().data as Verification;
    expect(notHeld(verification)).toEqual([]);
    expect(ran.code).toBe(0);
    expect(verification.attacks.length).toBeGreaterThan(60);
    expect(new Set(verification.skipped.map(({ why }) => why))).toContain(
      'it would change tenants that live',
    );
    expect(await belongings()).toEqual(before);
    expect(await leftBehind()).toEqual([]);
  }, 120_000);

  it('refuses what it can not compare', async () => {
    expect((await project.cli('verify', '--tenants', 'acorn')).code).toBe(2);
    expect((await project.cli('verify', '--tenants', 'acorn,acorn')).code).toBe(2);
    expect((await project.cli('verify', '--tenants', 'acorn,nobody')).code).toBe(4);
    const none = await project.cli('verify', '--tenants', 'acorn,cedar', '--suite', 'throttle', '--json');
    expect(none.code).toBe(1);
    expect(none.json().error).toMatchObject({ code: 'attack_inconclusive', message: 'no attack was made' });
  });
});

describe('a quota', () => {
  it('is used up for good, also by a cloud that was stopped and started in between', async () => {
    const { apiUrl } = await project.json<Tenant>('describe-tenant', 'acorn');
    const { token } = await project.json<{ token: string }>('token', '--tenant', 'acorn');
    const ask = () => api(`${apiUrl}/orders`, { token });
    // Limits that nobody had: what is used up on a plan stays used up, also when this test is tried again.
    const burst = String(1000 + Math.floor(Math.random() * 900));
    await project.json(
      'throttle',
      '--tenant',
      'acorn',
      '--rate',
      '1000',
      '--burst',
      burst,
      '--quota',
      '5/day',
    );
    for (let sent = 1; sent <= 3; sent++) expect((await ask()).status).toBe(200);
    await project.json('local', 'stop');
    await project.json('local', 'start');
    for (let sent = 4; sent <= 5; sent++) expect((await ask()).status).toBe(200);
    for (let sent = 6; sent <= 8; sent++)
      expect(await ask()).toMatchObject({ status: 429, body: { message: 'Limit Exceeded' } });
    await project.json('throttle', '--tenant', 'acorn', '--reset');
    expect((await ask()).status).toBe(200);
  });
});
