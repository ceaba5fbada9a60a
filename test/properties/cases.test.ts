import { expect, test } from 'vitest';
import { shares } from './cases.ts';

test('the properties share 10,000 cases', () => {
  expect(Object.values(shares).reduce((sum: number, share) => sum + share, 0)).toBe(10_000);
});
