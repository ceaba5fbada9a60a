/**
 * The browser's side of hosted sign-in: who is signed in to a domain (for one hour, as with Cognito), and a secret that a form
 * must come with, so that no other page can post it. Cookies are bound to the domain's path, and scripts can't read them.
 */
import { randomUUID, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../../platform.ts';
import type { Sealer } from '../seal.ts';
import { type Exchange, PageError, pagePath } from './exchange.ts';

const sessionMs = 3_600_000;
const names = { session: 'cognito', form: 'XSRF-TOKEN' } as const;

export interface BrowserSession {
  type: 'browser';
  id: string;
  domain: string;
  pool: string;
  sub: string;
  /** Milliseconds. */
  signedIn: number;
  until: number;
}

export class Browsers {
  private readonly clock: Clock;
  private readonly sealer: Sealer;
  /** Sessions that were signed out of, until they would have ended. */
  private readonly ended = new Map<string, number>();

  constructor(clock: Clock, sealer: Sealer) {
    this.clock = clock;
    this.sealer = sealer;
  }

  /** Who is signed in to this domain in this browser; undefined when nobody is. */
  session(exchange: Exchange): BrowserSession | undefined {
    const sealed = cookiesOf(exchange)[names.session];
    const content = this.sealer.open<BrowserSession>(Buffer.from(sealed ?? '', 'base64url'));
    if (content?.type !== 'browser' || content.domain !== exchange.domain.domain) return undefined;
    if (content.pool !== exchange.pool.id || content.until <= this.clock.now()) return undefined;
    return this.ended.has(content.id) ? undefined : content;
  }

  /** The cookie of a new session. */
  begin(exchange: Exchange, sub: string): { cookie: string; session: BrowserSession } {
    const now = this.clock.now();
    const session: BrowserSession = {
      type: 'browser',
      id: randomUUID(),
      domain: exchange.domain.domain,
      pool: exchange.pool.id,
      sub,
      signedIn: now,
      until: now + sessionMs,
    };
    const value = this.sealer.seal(session).toString('base64url');
    return { cookie: setCookie(exchange, names.session, value, sessionMs / 1000), session };
  }

  /** Signs out: the cookie that takes the session away, also from a copy of it. */
  end(exchange: Exchange): string {
    const now = this.clock.now();
    for (const [id, until] of this.ended) if (until <= now) this.ended.delete(id);
    const session = this.session(exchange);
    if (session) this.ended.set(session.id, session.until);
    return setCookie(exchange, names.session, '', 0);
  }

  /** The secret of this browser's forms, and the cookie to be set where it is new. */
  formSecret(exchange: Exchange): { secret: string; cookies: string[] } {
    const known = cookiesOf(exchange)[names.form];
    if (known !== undefined && known.length <= 64) return { secret: known, cookies: [] };
    const secret = randomUUID();
    return { secret, cookies: [setCookie(exchange, names.form, secret)] };
  }

  /** Throws PageError for a form that was not posted by a page of this domain. */
  checkForm(exchange: Exchange): void {
    const { origin, host } = exchange.request.headers;
    const expected = Buffer.from(cookiesOf(exchange)[names.form] ?? '');
    const given = Buffer.from(exchange.form.get('_csrf') ?? '');
    const same = expected.length > 0 && expected.length === given.length && timingSafeEqual(expected, given);
    if (!same || (origin !== undefined && origin !== `http://${host}`)) {
      throw new PageError('This form did not come from the sign-in page. Please go back and try again.', 403);
    }
  }

  /** A fingerprint of the browser: what it began elsewhere must end in it. */
  fingerprint(secret: string): string {
    return this.sealer.fingerprint(`browser/${secret}`);
  }
}

function cookiesOf({ request }: Exchange): Record<string, string> {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => {
    const cut = pair.indexOf('=');
    return [pair.slice(0, cut).trim(), pair.slice(cut + 1).trim()] as const;
  });
  return Object.fromEntries(pairs);
}

/** Without `Secure`, as pages on this machine come by http. */
function setCookie(exchange: Exchange, name: string, value: string, seconds?: number): string {
  const age = seconds === undefined ? '' : `; Max-Age=${seconds}`;
  return `${name}=${value}; Path=${pagePath(exchange)}${age}; HttpOnly; SameSite=Lax`;
}
