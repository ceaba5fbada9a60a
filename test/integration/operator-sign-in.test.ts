/** Operators as people: signed in by the hosted page, they may by the control plane's API what their role says, and only while it does. */
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ControlPlaneOutputs, scopes } from '../../src/model/control-plane.ts';
import { loadConfig } from '../../src/services/config/load.ts';
import { resolveEnvironment, type Target } from '../../src/services/environment.ts';
import { readSharedOutputs } from '../../src/services/shared-outputs.ts';
import { Browser } from '../embedded/hosted-browser.ts';
import { api, newProject, type Project } from './project.ts';

const administrator = 'ada@shop.example';
const support = 'sam@shop.example';
const callback = 'http://localhost';
let project: Project;
let target: Target;
let controlPlane: ControlPlaneOutputs;

beforeAll(async () => {
  project = await newProject('--tiers', 'basic', '--services', 'products');
  await project.json('deploy-shared');
  target = await resolveEnvironment(await loadConfig({ cwd: project.directory }));
  const { controlPlane: outputs } = await readSharedOutputs(target);
  if (!outputs) throw new Error('there is no control plane');
  controlPlane = outputs;
  for (const [email, role] of [
    [administrator, 'SystemAdmin'],
    [support, 'CustomerSupport'],
  ] as const)
    await project.json('users', 'add', '--operators', '--email', email, '--role', role);
}, 120_000);
afterAll(() => project.remove());

/** What a console does: the code flow with PKCE, by the page that asks for the invitation's password and a new one. */
async function signIn(email: string): Promise<string> {
  const { domain, userPoolId, userClientId: client_id } = controlPlane;
  const tokenUrl = target.tokenUrl(domain);
  const code_verifier = randomBytes(32).toString('base64url');
  const asked = new URLSearchParams({
    ...{ response_type: 'code', client_id, redirect_uri: callback, state: 'x' },
    scope: ['openid', ...Object.values(scopes)].join(' '),
    code_challenge: createHash('sha256').update(code_verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const browser = new Browser();
  const page = await browser.open(`${tokenUrl.replace('/token', '/authorize')}?${asked}`);
  const invited = await target.mailbox?.temporaryPassword(userPoolId, email);
  const next = await browser.submit(page, { username: email, password: invited ?? '' });
  const password = `${randomBytes(18).toString('base64url')}aA1!`;
  const end = await browser.submit(next, { password, repeated: password });
  const code = new URL(end.url).searchParams.get('code') ?? '';
  const answer = await fetch(tokenUrl, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id,
      redirect_uri: callback,
      code,
      code_verifier,
    }),
  });
  const { access_token } = (await answer.json()) as { access_token: string };
  return access_token;
}

const registration = (tenantName: string) => ({
  tenantData: { tenantName, email: `admin@${tenantName}.example`, tier: 'basic' },
  tenantRegistrationData: { registrationStatus: 'In progress' },
});
const status = async (token: string, method: string, where: string, body?: object): Promise<number> =>
  (await api(`${controlPlane.apiUrl}${where}`, { token, method, ...(body && { body }) })).status;

it('an administrator reads and registers; support reads alone', async () => {
  const [ada, sam] = [await signIn(administrator), await signIn(support)];
  expect(await status(ada, 'GET', '/tenants')).toBe(200);
  expect(await status(sam, 'GET', '/tenants')).toBe(200);
  expect(await status(sam, 'POST', '/tenant-registrations', registration('acorn'))).toBe(403);
  expect(await status(ada, 'POST', '/tenant-registrations', registration('acorn'))).toBe(201);

  // A token outlives neither the role nor the operator.
  await project.json('users', 'set-role', support, '--operators', '--role', 'SystemAdmin');
  expect(await status(sam, 'POST', '/tenant-registrations', registration('birch'))).toBe(201);
  await project.json('users', 'disable', administrator, '--operators');
  expect(await status(ada, 'GET', '/tenants')).toBe(401);
  await project.json('users', 'delete', administrator, '--operators', '--confirm', administrator);
  expect(await status(ada, 'GET', '/tenants')).toBe(401);
});
