/** Regular expressions that somebody else wrote: they match as ever, and can't hold anything up. */
import { describe, expect, it } from 'vitest';
import { foreignPattern, wholly } from '../../src/embedded/foreign-pattern.ts';

/** Backtracks through 2^40 ways before it fails. */
const hostile = '(a+)+b';
const victim = `${'a'.repeat(40)}c`;

describe('a pattern of somebody else', () => {
  it('matches as a regular expression does, anywhere or wholly, with its flags', () => {
    expect(foreignPattern('b+').matches('abbc')).toBe(true);
    expect(wholly('b+').matches('abbc')).toBe(false);
    expect(wholly('a|ab').matches('ab')).toBe(true);
    expect(wholly('a.b', 's').matches('a\nb')).toBe(true);
    expect(wholly('a.b').matches('a\nb')).toBe(false);
  });

  it('is refused where it is none', () => {
    expect(() => foreignPattern('(')).toThrow(SyntaxError);
  });

  it('is ended where its match would take for ever, and the next one is not', () => {
    const pattern = wholly(hostile);
    expect(pattern.matches(victim)).toBe(false);
    expect(pattern.matches('aab')).toBe(true);
  });

  it('is nothing but data where it runs', () => {
    for (const source of ['[', 'a/.test(text); process.exit(1); /b', '${process}'])
      try {
        expect(foreignPattern(source).matches('anything')).toBe(false);
      } catch (error) {
        expect(error).toBeInstanceOf(SyntaxError);
      }
  });
});
