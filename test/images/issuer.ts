/** An identity provider for tests: keys of its own, published over HTTP, and tokens as Cognito makes them. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, type JWTPayload, SignJWT } from 'jose';

export const clientId = 'client-1';

export interface TokenOptions {
  tenantId?: string;
  role?: string;
  username?: string;
  /** Claims that replace the usual ones; undefined leaves one out. */
  claims?: Record<string, unknown>;
  /** Seconds from now; negative: expired. */
  expiresIn?: number;
  audience?: string;
  issuer?: string;
  algorithm?: string;
  kid?: string;
  key?: KeyObject | Uint8Array;
}

export interface Issuer {
  url: string;
  /** How often the keys were asked for. */
  fetches(): number;
  /** The public key as PEM, for forgeries. */
  publicKeyPem: string;
  token(options?: TokenOptions): Promise<string>;
  close(): Promise<void>;
}

export async function startIssuer(): Promise<Issuer> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'key-1', alg: 'RS256', use: 'sig' }] };
  let fetches = 0;
  const server = createServer((request, response) => {
    const known = request.url?.endsWith('/.well-known/jwks.json');
    if (known) fetches++;
    response.writeHead(known ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(keys));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/pool`;
  return {
    url,
    fetches: () => fetches,
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    token(options = {}) {
      const now = Math.floor(Date.now() / 1000);
      const claims: JWTPayload = {
        sub: `sub-of-${options.username ?? 'somebody'}`,
        token_use: 'id',
        iss: options.issuer ?? url,
        aud: options.audience ?? clientId,
        iat: now,
        exp: now + (options.expiresIn ?? 600),
        'cognito:username': options.username ?? 'somebody',
        'custom:tenantId': options.tenantId ?? 'tenant-a',
        'custom:userRole': options.role ?? 'TenantAdmin',
        'custom:tenantTier': 'basic',
        'custom:tenantName': 'acme',
        email: 'somebody@acme.example',
        ...options.claims,
      };
      return new SignJWT(claims)
        .setProtectedHeader({ alg: options.algorithm ?? 'RS256', kid: options.kid ?? 'key-1' })
        .sign(options.key ?? privateKey);
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** A token of which the signature says nothing: `alg: none`. */
export function unsigned(token: string): string {
  const header = Buffer.from(JSON.stringify({ alg: 'none', kid: 'key-1' })).toString('base64url');
  return `${header}.${token.split('.')[1] ?? ''}.`;
}
