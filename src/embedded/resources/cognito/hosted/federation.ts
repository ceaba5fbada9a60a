/** Sign-in through an identity provider: the way there, and the way back to `/oauth2/idpresponse` or `/saml2/idpresponse`. */
import { randomUUID } from 'node:crypto';
import { AwsError } from '../../../platform.ts';
import { claimsOf, signInUrl } from '../federation/oidc.ts';
import { type ProviderRecord, providers } from '../federation/providers.ts';
import { federatedUser } from '../federation/users.ts';
import type { Parts } from '../parts.ts';
import { AppError, type AppRequest } from './app-request.ts';
import type { Codes } from './codes.ts';
import type { Browsers } from './cookies.ts';
import { domainUrl, type Exchange, PageError, type Reply, redirect } from './exchange.ts';
import { signedIn } from './finish.ts';

/** What travels to the provider and back, sealed, as `state` or `RelayState`. */
interface Journey {
  type: 'federation';
  id: string;
  pool: string;
  domain: string;
  provider: string;
  request: AppRequest;
  nonce: string;
  until: number;
  /** Of the browser that it began in. */
  browser: string;
}

const lifetimeMs = 5 * 60_000;
const oauthErrors = new Set(['access_denied', 'login_required', 'temporarily_unavailable', 'server_error']);

export class Federation {
  private readonly parts: Parts;
  private readonly codes: Codes;
  private readonly browsers: Browsers;
  /** Journeys that came back, until they would have ended. */
  private readonly used = new Map<string, number>();

  constructor(parts: Parts, codes: Codes, browsers: Browsers) {
    this.parts = parts;
    this.codes = codes;
    this.browsers = browsers;
  }

  async begin(exchange: Exchange, name: string, request: AppRequest): Promise<Reply> {
    const { cloud, sealer } = this.parts;
    const { secret, cookies } = this.browsers.formSecret(exchange);
    const journey: Journey = {
      type: 'federation',
      id: randomUUID(),
      pool: exchange.pool.id,
      domain: exchange.domain.domain,
      provider: name,
      request,
      nonce: randomUUID(),
      until: cloud.clock.now() + lifetimeMs,
      browser: this.browsers.fingerprint(secret),
    };
    const state = sealer.seal(journey).toString('base64url');
    const provider = this.provider(exchange, journey);
    const url = await this.attempt(journey, async () => {
      if (provider.type === 'OIDC') {
        const redirectUri = domainUrl(cloud, exchange.domain, 'oauth2/idpresponse');
        return signInUrl(cloud, provider, { redirectUri, state, nonce: journey.nonce });
      }
      if (provider.type === 'SAML') {
        const { samlSignInUrl } = await import('../federation/saml.ts');
        return samlSignInUrl(cloud, this.samlExchange(exchange, journey, provider), state);
      }
      throw new Error('the embedded cloud signs in through OpenID Connect and SAML providers only');
    });
    return redirect(url, cookies);
  }

  /** The browser comes back from an OpenID Connect provider. */
  async oidcResponse(exchange: Exchange): Promise<Reply> {
    const { query } = exchange;
    const journey = this.resume(exchange, query.get('state'));
    // Nobody may be made to end a sign-in that somebody else began.
    const { secret } = this.browsers.formSecret(exchange);
    if (this.browsers.fingerprint(secret) !== journey.browser) throw unknownJourney();
    const provider = this.provider(exchange, journey);
    const error = query.get('error');
    if (error !== null) {
      const code = oauthErrors.has(error) ? error : 'invalid_request';
      throw new AppError(journey.request, code, query.get('error_description')?.slice(0, 200) ?? error);
    }
    const claims = await this.attempt(journey, () => {
      if (provider.type !== 'OIDC') throw new Error('it is no OpenID Connect provider');
      return claimsOf(this.parts.cloud, provider, {
        code: query.get('code') ?? '',
        redirectUri: domainUrl(this.parts.cloud, exchange.domain, 'oauth2/idpresponse'),
        nonce: journey.nonce,
      });
    });
    return this.finish(exchange, journey, provider, claims);
  }

  /**
   * A page of a SAML provider posts its response. Browsers send no cookies with a form from elsewhere, so the response is held to
   * the request that it answers, which counts once.
   */
  async samlResponse(exchange: Exchange): Promise<Reply> {
    const journey = this.resume(exchange, exchange.form.get('RelayState'));
    const provider = this.provider(exchange, journey);
    const claims = await this.attempt(journey, async () => {
      if (provider.type !== 'SAML') throw new Error('it is no SAML provider');
      const { samlClaims } = await import('../federation/saml.ts');
      return samlClaims(
        this.parts.cloud,
        this.samlExchange(exchange, journey, provider),
        exchange.form.get('SAMLResponse') ?? '',
      );
    });
    return this.finish(exchange, journey, provider, claims);
  }

  private samlExchange(exchange: Exchange, { id }: Journey, provider: ProviderRecord) {
    return {
      pool: exchange.pool,
      provider,
      requestId: `_${id}`,
      consumerUrl: domainUrl(this.parts.cloud, exchange.domain, 'saml2/idpresponse'),
    };
  }

  /** What was sealed, once. Throws PageError: without it nobody knows which app to go back to. */
  private resume(exchange: Exchange, state: string | null): Journey {
    const now = this.parts.cloud.clock.now();
    const journey = this.parts.sealer.open<Journey>(Buffer.from(state ?? '', 'base64url'));
    if (
      journey?.type !== 'federation' ||
      journey.domain !== exchange.domain.domain ||
      journey.pool !== exchange.pool.id ||
      journey.until <= now ||
      this.used.has(journey.id)
    ) {
      throw unknownJourney();
    }
    for (const [id, until] of this.used) if (until <= now) this.used.delete(id);
    this.used.set(journey.id, journey.until);
    return journey;
  }

  private provider({ pool }: Exchange, { provider: name, request }: Journey): ProviderRecord {
    const provider = providers(this.parts.cloud, pool.id).get(name);
    if (!provider) throw new AppError(request, 'invalid_request', `there is no identity provider ${name}`);
    return provider;
  }

  /** Tells the app what went wrong at the provider, as Cognito does; the log has it too. */
  private async attempt<T>({ provider, request }: Journey, step: () => T | Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.parts.cloud.log(`cognito: identity provider ${provider}: ${message.slice(0, 300)}`);
      throw new AppError(
        request,
        'invalid_request',
        `Sign-in at ${provider} failed: ${message.slice(0, 200)}`,
      );
    }
  }

  private async finish(
    exchange: Exchange,
    { request }: Journey,
    provider: ProviderRecord,
    claims: Record<string, unknown> & { sub: string },
  ): Promise<Reply> {
    const { parts } = this;
    const client = parts.clients.find(exchange.pool.id, request.client);
    if (!client) throw new PageError('invalid_request: there is no such app client any more.');
    try {
      const user = federatedUser(parts, exchange.pool, client, provider, claims);
      return await signedIn(parts, this.codes, this.browsers, exchange, request, user);
    } catch (error) {
      if (error instanceof AwsError) throw new AppError(request, 'invalid_request', error.message);
      throw error;
    }
  }
}

const unknownJourney = () =>
  new PageError('invalid_request: this sign-in was not begun here, is over, or took too long (state).');
