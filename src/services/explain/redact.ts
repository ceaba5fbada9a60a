/** What a container logs may hold secrets; what looks like one is not shown, and no line goes on for ever. */

const longest = 400;

const secrets: readonly [RegExp, string][] = [
  // JSON Web Tokens (RFC 7519): two base64url objects and a signature.
  [/\beyJ[\w-]{8,}\.[\w-]+(\.[\w-]*)?/g, '***'],
  // Access key ids, as IAM forms them.
  [/\b(AKIA|ASIA)[A-Z0-9]{16}\b/g, '$1***'],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/gi, '$1 ***'],
  // User and password in a URL.
  [/(\/\/[^\s/:@]+:)[^\s/@]+@/g, '$1***@'],
  [
    /((?:password|passwd|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credential)s?\w*["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s,;}&]+)/gi,
    '$1***',
  ],
];

export const redact = (text: string): string => text.split('\n').map(redactLine).join('\n');

function redactLine(line: string): string {
  const shown = secrets.reduce((text, [secret, instead]) => text.replace(secret, instead), line);
  return shown.length <= longest ? shown : `${shown.slice(0, longest)}…`;
}
