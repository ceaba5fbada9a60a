import { expect, it } from 'vitest';
import { securityOf } from '../../src/model/security.ts';
import type { Tier } from '../../src/model/tier.ts';

const tier = (rate: number): Tier => ({
  name: 'basic',
  model: 'pool',
  capacity: 'fargate',
  mfa: 'optional',
  throttle: { rate, burst: rate, quota: { limit: 1, period: 'day' } },
});

it("never takes a tenant that uses all of its tier's rate from one address for an attacker", () => {
  const limit = (rate: number): number | undefined =>
    securityOf({ encryption: 'aws-owned', waf: 'on' }, [tier(1), tier(rate)]).waf?.rateLimit;
  expect(limit(300)).toBe(180_000);
  expect(limit(0.5)).toBe(2000);
});

it('takes what is set, and has no limit without a web ACL', () => {
  expect(securityOf({ encryption: 'aws-owned', waf: 'on', rateLimit: 50 }, [tier(300)]).waf).toEqual({
    rateLimit: 50,
  });
  expect(securityOf({ encryption: 'aws-owned', waf: 'off' }, [tier(300)])).toEqual({
    encryption: 'aws-owned',
  });
});
