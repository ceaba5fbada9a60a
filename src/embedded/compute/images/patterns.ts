/** Go's file patterns, as COPY and .dockerignore use them. */

/** Matches whole relative paths: `*` and `?` stay within a segment, `**` crosses them. */
export function globPattern(pattern: string): RegExp {
  let source = '';
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern.charAt(index);
    if (character === '*') {
      if (pattern.startsWith('**/', index)) {
        source += '(?:.*/)?';
        index += 2;
      } else if (pattern.startsWith('**', index)) {
        source += '.*';
        index++;
      } else source += '[^/]*';
    } else if (character === '?') source += '[^/]';
    else if (character === '[') {
      const end = pattern.indexOf(']', index + 1);
      if (end < 0) source += '\\[';
      else {
        source += `[${pattern.slice(index + 1, end).replace(/\\/g, '\\\\')}]`;
        index = end;
      }
    } else source += character.replace(/[.+^${}()|\\]/g, '\\$&');
  }
  return new RegExp(`^${source}$`);
}

export const isPattern = (text: string): boolean => /[*?[]/.test(text);

/** Whether .dockerignore takes a path (relative, with slashes) out of the build context. The last matching rule wins. */
export function ignoreRules(text: string): (relative: string) => boolean {
  const rules = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line && !line.startsWith('#'))
    .map((line) => {
      const exception = line.startsWith('!');
      const cleaned = (exception ? line.slice(1) : line)
        .trim()
        .replace(/^\.?\/+/, '')
        .replace(/\/+$/, '');
      return { exception, pattern: globPattern(cleaned) };
    });
  return (relative) => {
    let ignored = false;
    const segments = relative.split('/');
    const prefixes = segments.map((_, index) => segments.slice(0, index + 1).join('/'));
    for (const rule of rules) {
      // A rule that takes a directory takes what is in it.
      if (prefixes.some((prefix) => rule.pattern.test(prefix))) ignored = !rule.exception;
    }
    return ignored;
  };
}
