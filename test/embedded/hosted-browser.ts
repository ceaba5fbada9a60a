/** As much of a browser as hosted sign-in needs: cookies by path, redirects followed on demand, forms filled in and posted. */
export interface Page {
  url: string;
  status: number;
  headers: Headers;
  text: string;
}

interface Cookie {
  name: string;
  value: string;
  path: string;
}

export class Browser {
  cookies: Cookie[] = [];

  /** One request, with what redirects inside the origin lead to; stops at an address of another origin or path than `within`. */
  async open(address: string, init: RequestInit = {}, within = '/_aws/'): Promise<Page> {
    let url = new URL(address);
    let request = init;
    for (let hops = 0; hops < 10; hops += 1) {
      const page = await this.fetch(url, request);
      const location = page.headers.get('location');
      if (location === null) return page;
      const next = new URL(location, url);
      if (next.origin !== url.origin || !next.pathname.startsWith(within)) return { ...page, url: next.href };
      url = next;
      request = {};
    }
    throw new Error(`${address} redirects for ever`);
  }

  /** One request; redirects are not followed. */
  async fetch(url: URL, init: RequestInit = {}): Promise<Page> {
    const cookie = this.cookies
      .filter(({ path }) => url.pathname.startsWith(path))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
    const headers = new Headers(init.headers);
    if (cookie) headers.set('cookie', cookie);
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) this.keep(line);
    return { url: url.href, status: response.status, headers: response.headers, text: await response.text() };
  }

  private keep(line: string): void {
    const [pair = '', ...attributes] = line.split('; ');
    const cut = pair.indexOf('=');
    const [name, value] = [pair.slice(0, cut), pair.slice(cut + 1)];
    const path = attributes.find((each) => each.startsWith('Path='))?.slice(5) ?? '/';
    this.cookies = this.cookies.filter((each) => each.name !== name || each.path !== path);
    if (!attributes.includes('Max-Age=0')) this.cookies.push({ name, value, path });
  }

  /** Posts the page's form with these fields over its own. */
  submit(page: Page, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Page> {
    const action = /<form method="post" action="([^"]*)"/.exec(page.text)?.[1];
    if (action === undefined) throw new Error(`there is no form on ${page.url}: ${page.text}`);
    const hidden = [...page.text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
    const body = new URLSearchParams({
      ...Object.fromEntries(hidden.map(([, name, value]) => [name, unescaped(value)])),
      ...fields,
    });
    return this.open(new URL(unescaped(action), page.url).href, { method: 'POST', body, headers });
  }

  /** The address that a link with this text leads to. */
  link(page: Page, text: string): string {
    const href = [...page.text.matchAll(/<a [^>]*href="([^"]*)"[^>]*>([^<]*)<\/a>/g)].find(
      ([, , label]) => label === text,
    )?.[1];
    if (href === undefined) throw new Error(`there is no link ${text} on ${page.url}`);
    return new URL(unescaped(href), page.url).href;
  }
}

const unescaped = (text = ''): string =>
  text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
