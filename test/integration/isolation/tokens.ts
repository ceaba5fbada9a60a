/** Tokens that were forged, changed, or issued for something else. */
import {
  AdminCreateUserCommand,
  CognitoIdentityProviderClient,
  CreateUserPoolClientCommand,
  CreateUserPoolCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { describe, expect, it } from 'vitest';
import { api } from '../project.ts';
import { type Estate, type Guest, type TenantName, tenantNames } from './estate.ts';
import { claimsOf, forgeries } from './forged-token.ts';
import { raw } from './raw-request.ts';

export function hostileTokens(estate: () => Estate): void {
  const guest = (name: TenantName): Guest => estate().guests[name];
  describe('a token', () => {
    /** 401 counts only from the gateway: a service's own check is a second line, and must not hide a missing first one. */
    const status = async (name: TenantName, token: string): Promise<number> => {
      const reply = await api(`${guest(name).apiUrl}/orders`, { token });
      if (reply.status === 401) expect(reply.body).toEqual({ message: 'Unauthorized' });
      return reply.status;
    };

    it.each(tenantNames)('of %s is worth nothing once it was tampered with', async (name) => {
      const { token } = guest(name);
      const pem = await estate().publicKeyPem(token);
      const victim = name === 'acorn' ? 'birch' : 'acorn';
      const claims = { 'custom:tenantId': guest(victim).tenantId, 'custom:userRole': 'TenantAdmin' };
      for (const [what, forged] of Object.entries(forgeries(token, claims, pem)))
        expect(await status(name, forged), what).toBe(401);
      for (const [what, forged] of Object.entries(forgeries(token, { exp: 4_000_000_000 }, pem)))
        expect(await status(name, forged), what).toBe(401);
      expect(await status(name, token)).toBe(200);
    });

    it('is only what came as one bearer token', async () => {
      const { apiUrl, token } = guest('acorn');
      for (const value of [
        token,
        `Basic ${token}`,
        `Bearer ${token} x`,
        `Bearer  ${token}`,
        'Bearer ',
        `Bearer ${token},`,
      ])
        expect((await raw(apiUrl, '/orders', { headers: ['authorization', value] })).status, value).toBe(401);
      for (const query of [`?token=${token}`, `?access_token=${token}`, `?Authorization=Bearer%20${token}`])
        expect((await raw(apiUrl, `/orders${query}`)).status).toBe(401);
    });

    it('must be an ID token', async () => {
      for (const name of ['acorn', 'dogwood'] as const) {
        const { idToken, accessToken } = await estate().signIn(guest(name), `tenantadmin@${name}.example`);
        expect(await status(name, idToken)).toBe(200);
        expect(await status(name, accessToken)).toBe(401);
      }
    });

    /** A user made by the operator's hand with claims that don't fit the pool he is in. */
    async function contradiction(pool: { userPoolId: string; clientId: string }, tenantId: string) {
      const cognito = new CognitoIdentityProviderClient(estate().client());
      const email = `stray-${tenantId}@stray.example`;
      const attributes = {
        email,
        email_verified: 'true',
        'custom:tenantId': tenantId,
        'custom:userRole': 'TenantAdmin',
      };
      await cognito.send(
        new AdminCreateUserCommand({
          UserPoolId: pool.userPoolId,
          Username: email,
          MessageAction: 'SUPPRESS',
          UserAttributes: Object.entries(attributes).map(([Name, Value]) => ({ Name, Value })),
        }),
      );
      return (await estate().signIn({ ...guest('acorn'), ...pool }, email)).idToken;
    }

    it("of a silo's issuer speaks for that silo alone", async () => {
      for (const victim of ['acorn', 'dogwood'] as const)
        expect(await status('cedar', await contradiction(guest('cedar'), guest(victim).tenantId))).toBe(401);
    });

    it("of the pool's issuer speaks for the pool's tenants alone, and for those that exist", async () => {
      for (const tenantId of [guest('cedar').tenantId, guest('dogwood').tenantId, 'nobody', 'basic', '*'])
        expect(await status('acorn', await contradiction(guest('acorn'), tenantId)), tenantId).toBe(401);
    });

    it('of another app client, or of a user pool that nobody registered, is refused', async () => {
      const cognito = new CognitoIdentityProviderClient(estate().client());
      const client = async (UserPoolId: string) => {
        const made = await cognito.send(
          new CreateUserPoolClientCommand({
            UserPoolId,
            ClientName: 'stray',
            ExplicitAuthFlows: ['ALLOW_USER_PASSWORD_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
          }),
        );
        return made.UserPoolClient?.ClientId ?? '';
      };
      for (const name of ['acorn', 'dogwood'] as const) {
        const other = { ...guest(name), clientId: await client(guest(name).userPoolId) };
        const { idToken } = await estate().signIn(other, `tenantadmin@${name}.example`);
        expect(claimsOf(idToken)['custom:tenantId']).toBe(guest(name).tenantId);
        expect(await status(name, idToken)).toBe(401);
      }
      const { UserPool } = await cognito.send(
        new CreateUserPoolCommand({
          PoolName: 'stray',
          UsernameAttributes: ['email'],
          Schema: ['tenantId', 'userRole'].map((Name) => ({ Name, AttributeDataType: 'String' as const })),
        }),
      );
      const stray = { userPoolId: UserPool?.Id ?? '', clientId: await client(UserPool?.Id ?? '') };
      for (const name of tenantNames)
        expect(await status(name, await contradiction(stray, guest(name).tenantId)), name).toBe(401);
    });
  });
}
