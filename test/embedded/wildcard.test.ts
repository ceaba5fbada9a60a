/** Wildcards match as the regular expression that they stand for would, and do not go back. */
import { describe, expect, it } from 'vitest';
import { wildcardPieces, wildcardTest } from '../../src/embedded/wildcard.ts';

const test = (pattern: string, ignoreCase = false) => wildcardTest(wildcardPieces(pattern), ignoreCase);

/** All texts of an alphabet up to a length. */
function texts(alphabet: string, length: number): string[] {
  if (length === 0) return [''];
  const shorter = texts(alphabet, length - 1);
  const longest = shorter.filter((text) => text.length === length - 1);
  return [...shorter, ...longest.flatMap((text) => [...alphabet].map((letter) => text + letter))];
}

describe('a wildcard', () => {
  it('matches what its regular expression matches', () => {
    const values = texts('ab', 5);
    for (const pattern of texts('ab*?', 4)) {
      const expression = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's');
      const matches = test(pattern);
      expect(values.filter(matches), pattern).toEqual(values.filter((value) => expression.test(value)));
    }
  });

  it('ignores case only where told', () => {
    expect(test('*.Example.com', true)('API.example.COM')).toBe(true);
    expect(test('/A*')('/a')).toBe(false);
  });

  it('ends on a long text that almost matches', () => {
    const text = 'a'.repeat(100_000);
    expect(test(`${'*a'.repeat(20)}*b`)(text)).toBe(false);
    expect(test(`${'*a?'.repeat(20)}*b`)(text)).toBe(false);
  });
});
