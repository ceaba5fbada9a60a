import { describe, expect, it } from 'vitest';
import { SaasError } from '../../src/model/error.ts';
import { parseConfig } from '../../src/services/config/load.ts';
import { defaultServices, defaultTiers, projectText } from '../../src/services/config/write.ts';

const parse = (text: string) => parseConfig(text, '/project/saas-ecs.yaml');

function mistakes(text: string): string[] {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof SaasError) return (error.detail ?? '').split('\n');
    throw error;
  }
  return [];
}

describe('saas-ecs.yaml', () => {
  it('is accepted as init writes it, with the defaults filled in', () => {
    const config = parse(
      projectText({ app: 'shop', tiers: defaultTiers, services: defaultServices, routing: 'direct' }),
    );
    expect(config.tiers.map((tier) => [tier.name, tier.model, tier.throttle.quota])).toEqual([
      ['basic', 'pool', { limit: 1000, period: 'day' }],
      ['advanced', 'shared-cluster', { limit: 2000, period: 'day' }],
      ['premium', 'dedicated-cluster', { limit: 6000, period: 'day' }],
    ]);
    expect(config.services.map((service) => [service.name, service.access, service.port])).toEqual([
      ['orders', 'data', 3010],
      ['products', 'data', 3010],
      ['users', 'identity', 3010],
    ]);
    expect(config.tiers.map(({ mfa }) => mfa)).toEqual(['optional', 'optional', 'optional']);
    expect(config.environments).toEqual([
      {
        name: 'local',
        target: 'embedded',
        controlPlane: 'builtin',
        signIn: {
          callbackUrls: ['http://localhost:8080/callback'],
          logoutUrls: ['http://localhost:8080/'],
        },
        security: { encryption: 'aws-owned', waf: 'off' },
      },
    ]);
  });

  it('shows every mistake at once, each with its line, the wrong value and what was probably meant', () => {
    const text = `app: Shop
environments:
  local: { target: embeded }
tiers:
  basic:
    model: pol
    throttle: { rate: 10, burst: -1, quota: 1000/dya }
    capasity: ec2
services:
  - { name: orders, path: /orders, image: "builtin:ordr", table: { sortKey: orderId } }
routng: direct
`;
    const found = mistakes(text);
    expect(found).toEqual([
      expect.stringMatching(/^saas-ecs\.yaml:1: app: "Shop"/),
      expect.stringMatching(
        /^saas-ecs\.yaml:3: environments\.local: target "embeded" .* did you mean "embedded"\?/,
      ),
      expect.stringMatching(
        /^saas-ecs\.yaml:6: tiers\.basic\.model: "pol" is not one of .* did you mean "pool"\?/,
      ),
      expect.stringMatching(/^saas-ecs\.yaml:7: tiers\.basic\.throttle\.burst: -1/),
      expect.stringMatching(/^saas-ecs\.yaml:7: tiers\.basic\.throttle\.quota: "1000\/dya": .*1000\/day/),
      expect.stringMatching(/^saas-ecs\.yaml:8: .*"capasity"; did you mean "capacity"\?/),
      expect.stringMatching(/^saas-ecs\.yaml:11: unknown setting "routng"; did you mean "routing"\?/),
    ]);
  });

  it('finds what no schema says: names used twice, images that are not there', () => {
    const config = projectText({
      app: 'shop',
      tiers: defaultTiers,
      services: defaultServices,
      routing: 'direct',
    });
    const own =
      '  - { name: orders, path: /reviews, image: ./reviews }\n  - { name: ratings, path: /ratings, image: "builtin:ordr" }\n';
    expect(mistakes(config.replace('\nrouting:', `${own}\nrouting:`))).toEqual([
      expect.stringMatching(/name: "orders" is used in line \d+ already/),
      expect.stringMatching(/image: "\.\/reviews" has no Dockerfile/),
      expect.stringMatching(/no built-in image "ordr"; did you mean "order"\?/),
    ]);
  });

  it('has the tiers of the pool agree on the second factor, and any other tier decide for itself', () => {
    const text = (basic: string, second: string): string => `app: shop
environments: { local: { target: embedded } }
tiers:
  basic: { model: pool, mfa: ${basic}, throttle: { rate: 1, burst: 1, quota: 1/day } }
  standard: { model: pool, mfa: ${second}, throttle: { rate: 2, burst: 2, quota: 2/day } }
  premium: { model: dedicated-cluster, mfa: required, throttle: { rate: 2, burst: 2, quota: 2/day } }
services: [{ name: orders, path: /orders, image: "builtin:order", table: { sortKey: orderId } }]
`;
    expect(mistakes(text('required', 'off'))).toEqual([
      'saas-ecs.yaml:5: tiers.standard.mfa: "off", but "basic" has "required"; tiers of the pool have their user pool in common, so they must agree',
    ]);
    expect(mistakes(text('of', 'of'))[0]).toMatch(
      /:4: tiers\.basic\.mfa: "of" is not one of off, optional, required; did you mean "off"\?/,
    );
    expect(parse(text('off', 'off')).tiers.map(({ mfa }) => mfa)).toEqual(['off', 'off', 'required']);
  });

  it('takes only addresses of its own that nobody on the way can read, or this very machine', () => {
    const text = (url: string): string => `app: shop
environments:
  prod: { target: aws, account: "123456789012", region: us-east-1, signIn: { callbackUrls: ["${url}"] } }
tiers: { basic: { model: pool, throttle: { rate: 1, burst: 1, quota: 1/day } } }
services: [{ name: orders, path: /orders, image: "builtin:order", table: { sortKey: orderId } }]
`;
    for (const url of [
      'http://app.example/callback',
      'https://app.example/#here',
      'https://*.app.example/',
      'http://localhost.evil.example/',
      'javascript:alert(1)',
      '/callback',
    ])
      expect(mistakes(text(url)), url).toEqual([
        expect.stringMatching(/^saas-ecs\.yaml:3: environments\.prod\.signIn\.callbackUrls\.0: /),
      ]);
    expect(parse(text('https://app.example/callback')).environments[0]?.signIn).toEqual({
      callbackUrls: ['https://app.example/callback'],
      logoutUrls: [],
    });
  });

  it('has a web ACL on AWS unless told otherwise, and finds security settings that come to nothing', () => {
    const config = projectText({
      app: 'shop',
      aws: { name: 'prod', account: '123456789012', region: 'us-east-1' },
      tiers: defaultTiers,
      services: defaultServices,
      routing: 'direct',
    });
    const [, prod] = parse(config).environments;
    expect(prod?.security).toEqual({ encryption: 'aws-owned', waf: 'on' });
    const arn = 'arn:aws:acm:eu-west-1:123456789012:certificate/1';
    const security = (text: string): string[] =>
      mistakes(config.replace(/( +)region: us-east-1/, `$&\n$1security: { ${text} }`));
    expect(
      security(`waf: off, rateLimit: 100, tls: { certificateArn: "${arn}", serverName: in.acme.example }`),
    ).toEqual([
      expect.stringMatching(/prod\.security\.rateLimit: 100 limits nothing while waf is off/),
      expect.stringMatching(
        /prod\.security\.tls\.certificateArn: the certificate is in 123456789012 eu-west-1;/,
      ),
    ]);
    expect(security('encyption: customer-managed, waf: onn, rateLimit: 9')).toEqual([
      expect.stringMatching(/security\.waf: "onn" is not one of on, off; did you mean "on"\?/),
      expect.stringMatching(/security\.rateLimit: 9: .*10/),
      expect.stringMatching(/security: unknown setting "encyption"; did you mean "encryption"\?/),
    ]);
  });

  it('tells where YAML itself is broken', () => {
    expect(mistakes('app: shop\n  tiers: [\n')[0]).toMatch(/^saas-ecs\.yaml:\d+: /);
  });
});
