/** What a command makes of the gatekeeper's answers. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Gatekeeper } from '../../src/services/gatekeeper.ts';
import { createFunction, createGatekeeper } from './gatekeeper-fixture.ts';
import { type Fixture, startRegistry } from './registry-fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startRegistry();
});
afterAll(() => fixture.stop());

const guest = { tenantId: 'nobody', cell: 'cell-1' };
const { signal } = new AbortController();
const gatekeeper = (gatekeeperArn: string | undefined): Gatekeeper =>
  new Gatekeeper(fixture.options, { gatekeeperArn });
/** A function that does so. */
const doing = (name: string, body: string): Promise<string> =>
  createFunction(fixture.options, name, `export async function handler() { ${body} }`);

it('passes on what the gatekeeper itself refuses', async () => {
  const arn = await createGatekeeper(fixture, 'arn:aws:secretsmanager:us-east-1:000000000000:secret:keys');
  await expect(gatekeeper(arn).ensureKey(guest)).rejects.toMatchObject({
    code: 'tenant_gone',
    detail: 'the registry does not know it',
  });
});

it('hears of a key also where the tenant is not served', async () => {
  const key = { apiKeyId: 'key', usagePlanId: 'plan' };
  const failure = { code: 'not_served', message: 'no', detail: 'the API answered 502', hint: 'look' };
  const arn = await doing('half', `return ${JSON.stringify({ key, failure })};`);
  const heard: unknown[] = [];
  const asked = gatekeeper(arn).letIn(guest, 'issuer', { signal, onKey: (known) => heard.push(known) });
  await expect(asked).rejects.toMatchObject(failure);
  expect(heard).toEqual([key]);
});

it('says that the function failed, and how', async () => {
  const arn = await doing('failing', "throw new TypeError('out of luck');");
  const proof = { issuer: 'issuer', expected: 'refused' } as const;
  await expect(gatekeeper(arn).prove(guest, proof, signal)).rejects.toMatchObject({
    code: 'gatekeeper_failed',
    detail: 'TypeError: out of luck',
  });
});

it('takes no answer for a proof but one that says so', async () => {
  const silent = gatekeeper(await doing('silent', 'return null;'));
  const proof = { issuer: 'issuer', expected: 'served' } as const;
  for (const asked of [
    () => silent.ensureKey(guest),
    () => silent.prove(guest, proof, signal),
    () => silent.letIn(guest, 'issuer', { signal, onKey: () => {} }),
  ])
    await expect(asked()).rejects.toMatchObject({ code: 'gatekeeper_failed' });
});

it('says what to do where there is none', async () => {
  await expect(gatekeeper(undefined).ensureKey(guest)).rejects.toMatchObject({
    code: 'no_gatekeeper',
    hint: expect.stringContaining('deploy-shared'),
  });
});
