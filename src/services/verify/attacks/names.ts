/** Names that somebody could take for another: Cyrillic and full-width letters, a joiner, an accent, blanks, case. */
export const confusable = (name: string): string[] =>
  [
    name.replace('o', '\u043e').replace('e', '\u0435').replace('p', '\u0440'),
    name.replace(/[a-z]/, (letter) => String.fromCodePoint(letter.charCodeAt(0) + 0xfee0)),
    `${name}\u200d`,
    `${name}\u0301`,
    ` ${name}`,
    `${name} `,
    `${name}\n`,
    name.toUpperCase(),
    `${name}.`,
    name.replace('-', '--'),
    `${name}/x`,
  ].filter((other) => other !== name);
