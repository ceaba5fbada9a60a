import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

/** A provider that signs everybody in at once, and may be told to answer wrongly. */
export class OpenIdProvider {
  private readonly server: Server = createServer((request, response) => {
    this.answer(request, response).catch(() => response.writeHead(500).end());
  });
  private keys!: KeyPair;
  private nonce = '';
  issuer = '';
  /** Of whoever signs in. */
  claims: Record<string, unknown> = {};
  /** What the userInfo endpoint says instead. */
  info: Record<string, unknown> | undefined;
  /** What the ID token says instead. */
  idClaims: JWTPayload = {};
  /** Makes the ID token in another way. */
  forge: ((claims: JWTPayload) => Promise<string>) | undefined;
  /** What the authorization endpoint answers with instead of a code. */
  error: string | undefined;
  /** The last form that came to the token endpoint. */
  asked: URLSearchParams | undefined;

  async start(): Promise<void> {
    this.keys = await generateKeyPair('RS256');
    await new Promise<void>((resolve) => {
      this.server.listen(0, '127.0.0.1', resolve);
    });
    this.issuer = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  behave(claims: Record<string, unknown>): void {
    this.claims = claims;
    this.info = undefined;
    this.idClaims = {};
    this.forge = undefined;
    this.error = undefined;
  }

  sign(claims: JWTPayload, keys = this.keys): Promise<string> {
    return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'key' }).sign(keys.privateKey);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.issuer);
    const json = (body: object) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    switch (url.pathname) {
      case '/.well-known/openid-configuration':
        json({
          issuer: this.issuer,
          authorization_endpoint: `${this.issuer}/authorize`,
          token_endpoint: `${this.issuer}/token`,
          userinfo_endpoint: `${this.issuer}/userinfo`,
          jwks_uri: `${this.issuer}/keys`,
        });
        return;
      case '/authorize': {
        this.nonce = url.searchParams.get('nonce') ?? '';
        const back = new URL(url.searchParams.get('redirect_uri') ?? '');
        back.searchParams.set('state', url.searchParams.get('state') ?? '');
        if (this.error === undefined) back.searchParams.set('code', 'a-code');
        else back.searchParams.set('error', this.error);
        response.writeHead(302, { location: back.href }).end();
        return;
      }
      case '/token': {
        const chunks: Buffer[] = [];
        for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
        this.asked = new URLSearchParams(Buffer.concat(chunks).toString());
        const seconds = Math.floor(Date.now() / 1000);
        const claims = {
          iss: this.issuer,
          aud: this.asked.get('client_id') ?? '',
          iat: seconds,
          exp: seconds + 3600,
          nonce: this.nonce,
          sub: String(this.claims['sub']),
          ...this.idClaims,
        };
        json({ access_token: 'opaque', id_token: await (this.forge ?? this.sign.bind(this))(claims) });
        return;
      }
      case '/userinfo':
        json(this.info ?? this.claims);
        return;
      case '/keys':
        json({ keys: [{ ...(await exportJWK(this.keys.publicKey)), kid: 'key', alg: 'RS256' }] });
        return;
      default:
        response.writeHead(404).end();
    }
  }
}
