/** An onboarding that was asked for an identity provider, and was cut short before it had one. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { onboard } from '../../src/services/tenants/onboard.ts';
import { unfinishedRequest } from '../../src/services/tenants/reservation.ts';
import type { ProviderDefinition } from '../../src/services/users/provider-file.ts';
import { listProviders } from '../../src/services/users/tenant-providers.ts';
import { type Environment, startEnvironment } from './environment-fixture.ts';
import type { OperatorContext } from './registry-fixture.ts';

let environment: Environment;
beforeEach(async () => {
  environment = await startEnvironment();
});
afterEach(() => environment.stop());

const request = { tier: 'premium', name: 'cedar', email: 'admin@cedar.example' };
const provider = (scopes = 'openid'): ProviderDefinition => ({
  name: 'okta',
  type: 'OIDC',
  details: {
    oidc_issuer: 'https://okta.example',
    client_id: 'cedar',
    client_secret: 'the-secret-of-cedar',
    authorize_scopes: scopes,
    attributes_request_method: 'GET',
  },
  mapping: { email: 'email' },
  domains: [],
});
const operation = async () => (await environment.registry.findTenant('cedar')).operation;

it('does not forget it: goes on with the file alone, which is written down nowhere', async () => {
  // Cognito refuses a provider without the scope openid.
  await expect(
    onboard(environment.operator(), { ...request, provider: provider('email') }),
  ).rejects.toThrow();
  expect(await operation()).toMatchObject({
    data: { provider: 'okta' },
    failure: { step: 'identity-provider' },
  });
  const resumed = await unfinishedRequest(environment.operator(), 'cedar');
  await expect(onboard(environment.operator(), resumed)).rejects.toMatchObject({
    code: 'provider_file_needed',
    hint: expect.stringContaining('saas-ecs onboard --resume cedar --idp FILE'),
  });
  expect(JSON.stringify(await environment.registry.findTenant('cedar'))).not.toContain('the-secret');

  const onboarded = await onboard(environment.operator(), { ...resumed, provider: provider() });
  expect(onboarded).toMatchObject({ status: 'active' });
  const { providers } = await listProviders(environment.operator(), 'cedar');
  expect(providers.map(({ name, scopes }) => [name, scopes])).toEqual([['okta', ['openid']]]);
});

it('needs it no more once the provider is there', async () => {
  const stopped = new AbortController();
  const operator: OperatorContext = {
    ...environment.operator({ signal: stopped.signal }),
    watch(event) {
      if (event.type === 'step-done' && event.step === 'identity-provider') stopped.abort();
    },
  };
  await expect(onboard(operator, { ...request, provider: provider() })).rejects.toMatchObject({
    code: 'interrupted',
  });
  const resumed = await unfinishedRequest(environment.operator(), 'cedar');
  expect((await onboard(environment.operator(), resumed)).steps).toContainEqual({
    name: 'identity-provider',
    status: 'skipped',
    durationMs: 0,
  });
});
