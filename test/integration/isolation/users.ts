/** Users who reach for more than their role: through the API, and through Cognito's public operations. */
import {
  CognitoIdentityProviderClient,
  DeleteUserAttributesCommand,
  SignUpCommand,
  UpdateUserAttributesCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { describe, expect, it } from 'vitest';
import { api } from '../project.ts';
import { type Estate, type Guest, type TenantName, tenantNames } from './estate.ts';
import { claimsOf } from './forged-token.ts';

export function hostileUsers(estate: () => Estate): void {
  const guest = (name: TenantName): Guest => estate().guests[name];
  describe('a user who wants to be more than a user', () => {
    it.each(tenantNames)(
      'is refused every way to the users of %s, also right after a permitted call',
      async (name) => {
        const { apiUrl, adminId } = guest(name);
        const { idToken: token } = await estate().signIn(guest(name), `tenantuser@${name}.example`);
        const body = { userName: 'x', userEmail: `x@${name}.example`, userRole: 'TenantAdmin' };
        const self = String(claimsOf(token)['cognito:username']);
        const attempts = [
          ['GET', '/users', undefined],
          ['POST', '/users', body],
          ['GET', `/users/${adminId}`, undefined],
          ['PUT', `/users/${self}`, { userRole: 'TenantAdmin' }],
          ['PUT', `/users/${adminId}`, { userRole: 'TenantUser' }],
          ['DELETE', `/users/${adminId}`, undefined],
        ] as const;
        for (const [method, path, content] of attempts) {
          expect((await api(`${apiUrl}/orders`, { token })).status).toBe(200);
          const reply = await api(`${apiUrl}${path}`, { token, method, ...(content && { body: content }) });
          expect(reply.status, `${method} ${path}`).toBe(403);
          expect(JSON.stringify(reply.body)).not.toContain('@');
        }
        const together = await Promise.all(
          Array.from({ length: 12 }, (_, index) =>
            api(`${apiUrl}/${index % 2 ? 'users' : 'orders'}`, { token }),
          ),
        );
        expect(together.map(({ status }) => status)).toEqual(
          together.map((_, index) => (index % 2 ? 403 : 200)),
        );
      },
    );

    it.each(tenantNames)("can't change what binds him to %s by Cognito's public operations", async (name) => {
      const { clientId } = guest(name);
      const email = `tenantuser@${name}.example`;
      const { accessToken: AccessToken, idToken } = await estate().signIn(guest(name), email);
      const client = new CognitoIdentityProviderClient(estate().client());
      const other = name === 'acorn' ? 'birch' : 'acorn';
      const changes = {
        'custom:userRole': 'TenantAdmin',
        'custom:tenantId': guest(other).tenantId,
        'custom:tenantTier': 'premium',
        'custom:tenantName': other,
        'cognito:groups': guest(other).tenantId,
        email_verified: 'true',
        sub: guest(other).adminId,
      };
      for (const [Name, Value] of Object.entries(changes)) {
        const change = new UpdateUserAttributesCommand({ AccessToken, UserAttributes: [{ Name, Value }] });
        await expect(client.send(change), Name).rejects.toThrow(
          /NotAuthorized|InvalidParameter|not authorized|Attribute|permi/i,
        );
        const removal = new DeleteUserAttributesCommand({ AccessToken, UserAttributeNames: [Name] });
        await expect(client.send(removal), Name).rejects.toThrow();
      }
      // A change that is allowed brings no other along.
      await client.send(
        new UpdateUserAttributesCommand({
          AccessToken,
          UserAttributes: [{ Name: 'name', Value: 'New name' }],
        }),
      );
      const mixed = Object.entries({ name: 'x', 'custom:userRole': 'TenantAdmin' });
      await expect(
        client.send(
          new UpdateUserAttributesCommand({
            AccessToken,
            UserAttributes: mixed.map(([Name, Value]) => ({ Name, Value })),
          }),
        ),
      ).rejects.toThrow();
      const bound = (token: string) =>
        Object.entries(claimsOf(token)).filter(([claim]) => /^(custom:|cognito:|sub$|email$)/.test(claim));
      const after = await estate().signIn(guest(name), email);
      expect(bound(after.idToken)).toEqual(bound(idToken));

      const signUp = new SignUpCommand({
        ClientId: clientId,
        Username: `intruder@${name}.example`,
        Password: 'Correct-Horse-7-Staple',
        UserAttributes: [{ Name: 'custom:tenantId', Value: guest(name).tenantId }],
      });
      await expect(client.send(signUp)).rejects.toThrow();
    });

    it('keeps the address that he has until he has proved the new one', async () => {
      const client = new CognitoIdentityProviderClient(estate().client());
      const { accessToken: AccessToken } = await estate().signIn(guest('acorn'), 'tenantuser@acorn.example');
      const to = (Value: string) =>
        client.send(
          new UpdateUserAttributesCommand({ AccessToken, UserAttributes: [{ Name: 'email', Value }] }),
        );
      await to('new@acorn.example');
      const { idToken } = await estate().signIn(guest('acorn'), 'tenantuser@acorn.example');
      expect(claimsOf(idToken)).toMatchObject({ email: 'tenantuser@acorn.example' });
      await expect(to('admin@birch.example')).rejects.toThrow();
    });

    it("as an administrator can't draw another tenant's user into his own, nor take his address", async () => {
      const { apiUrl, token } = guest('acorn');
      const userEmail = 'tenantuser@birch.example';
      const body = { userName: 'x', userEmail, userRole: 'TenantAdmin' };
      expect((await api(`${apiUrl}/users`, { token, method: 'POST', body })).status).toBe(409);
      const list = (await api(`${apiUrl}/users`, { token })).body['items'] as { id: string; email: string }[];
      const own = list.find(({ email }) => email === 'tenantuser@acorn.example');
      const move = await api(`${apiUrl}/users/${own?.id}`, { token, method: 'PUT', body: { userEmail } });
      expect(move.status).toBe(409);
      const { idToken } = await estate().signIn(guest('birch'), userEmail);
      expect(claimsOf(idToken)).toMatchObject({ 'custom:tenantId': guest('birch').tenantId });
    });
  });
}
