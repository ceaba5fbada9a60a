/** What the user pools of tenants ask of whom, and where their users sign in. */
import { describe, expect, it } from 'vitest';
import type { Deployment } from '../../src/model/config.ts';
import type { MfaMode } from '../../src/model/tier.ts';
import { deployment, templates, tiers } from './synthesized.ts';

async function poolOf(changes: Partial<Deployment>, stack: string, hosted = true) {
  const { signIn, ...others } = deployment(changes);
  const template = (await templates({ ...others, ...(hosted && signIn && { signIn }) }))(stack);
  const [pool] = Object.values(template.findResources('AWS::Cognito::UserPool'));
  const [client] = Object.values(template.findResources('AWS::Cognito::UserPoolClient'));
  return {
    pool: pool?.['Properties'],
    client: client?.['Properties'],
    domains: Object.values(template.findResources('AWS::Cognito::UserPoolDomain')).map(
      ({ Properties }) => Properties,
    ),
  };
}

const withMfa = (mfa: MfaMode) => tiers().map((tier) => ({ ...tier, mfa }));

describe.each(['tenant-template-basic', 'tenant-premium'])('%s', (stack) => {
  it('asks for a second factor as its tier says', async () => {
    for (const [mfa, configuration, factors] of [
      ['off', 'OFF', undefined],
      ['required', 'ON', ['SOFTWARE_TOKEN_MFA']],
    ] as const) {
      const { pool } = await poolOf({ tiers: withMfa(mfa) }, stack);
      expect([pool.MfaConfiguration, pool.EnabledMfas]).toEqual([configuration, factors]);
    }
  });

  it('signs users in by the code flow alone, at a domain of its own, back to the addresses of the environment', async () => {
    const { client, domains } = await poolOf({}, stack);
    expect(client).toMatchObject({
      AllowedOAuthFlowsUserPoolClient: true,
      AllowedOAuthFlows: ['code'],
      AllowedOAuthScopes: ['openid', 'email', 'profile'],
      CallbackURLs: ['https://app.example/callback'],
      LogoutURLs: ['https://app.example/'],
      SupportedIdentityProviders: ['COGNITO'],
      GenerateSecret: false,
      PreventUserExistenceErrors: 'ENABLED',
    });
    // The stack's UUID: whatever a prefix or a tenant's id holds is no part of it.
    expect(JSON.stringify(domains)).toContain(
      '"sign-in-",{"Fn::Select":[2,{"Fn::Split":["/",{"Ref":"AWS::StackId"}]}]}',
    );
  });

  it('has no hosted sign-in where the environment has none', async () => {
    const { client, domains } = await poolOf({}, stack, false);
    expect(domains).toEqual([]);
    expect(client).not.toHaveProperty('AllowedOAuthFlows');
    expect(client.SupportedIdentityProviders).toEqual(['COGNITO']);
  });
});
