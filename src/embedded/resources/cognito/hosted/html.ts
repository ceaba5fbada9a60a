/** The pages' frame: plain HTML that needs no script, and headers that let nobody frame or fill it. */
import { createHash } from 'node:crypto';
import type { Reply } from './exchange.ts';

const style = `
:root { color-scheme: light dark; }
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; background: Canvas; color: CanvasText; }
main { box-sizing: border-box; max-width: 24rem; margin: 10vh auto; padding: 0 1.5rem 2rem; }
h1 { font-size: 1.4rem; font-weight: 600; }
label { display: block; margin-top: 1rem; }
input { box-sizing: border-box; width: 100%; padding: .6rem; font: inherit; border: 1px solid GrayText; border-radius: .3rem; }
button, .button { box-sizing: border-box; display: block; width: 100%; margin-top: 1.25rem; padding: .65rem; font: inherit;
  text-align: center; text-decoration: none; border: 1px solid #1d4f91; border-radius: .3rem; background: #1d4f91; color: #fff; cursor: pointer; }
.button { background: none; color: inherit; border-color: GrayText; }
button:focus-visible, .button:focus-visible, input:focus-visible { outline: 3px solid #6ea8fe; outline-offset: 2px; }
.problem { padding: .6rem .8rem; border-left: .3rem solid #b3261e; }
code { overflow-wrap: anywhere; }
.hint { font-size: .9rem; }
`;
const styleHash = createHash('sha256').update(style).digest('base64');

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text that was made into HTML: only this goes into a page as it is. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** HTML in which every value is escaped that is not HTML already. */
export function html(
  strings: TemplateStringsArray,
  ...values: readonly (string | Html | readonly Html[] | undefined)[]
): Html {
  const shown = values.map((value) => {
    if (value === undefined) return '';
    if (typeof value === 'string') return value.replace(/[&<>"']/g, (letter) => entities[letter] ?? letter);
    return value instanceof Html ? value.text : value.map(({ text }) => text).join('');
  });
  return new Html(strings.map((part, index) => part + (shown[index] ?? '')).join(''));
}

/**
 * `formTargets`: where forms may lead besides this domain, as browsers hold the redirect that follows a form to it too.
 */
export function page(
  status: number,
  title: string,
  content: Html,
  options: { formTargets?: readonly string[]; cookies?: readonly string[] } = {},
): Reply {
  const document = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${new Html(style)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${content}
</main>
</body>
</html>
`;
  const targets = ["'self'", ...(options.formTargets ?? [])].join(' ');
  return {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; form-action ${targets}; frame-ancestors 'none'; base-uri 'none'`,
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
    },
    cookies: options.cookies ?? [],
    body: document.text,
  };
}

/** An app's address as a source that a policy understands: its origin, or its scheme alone. */
export function policySource(address: string): string {
  const url = new URL(address);
  const http = url.protocol === 'http:' || url.protocol === 'https:';
  return http && !url.hostname.startsWith('[') ? url.origin : url.protocol;
}
