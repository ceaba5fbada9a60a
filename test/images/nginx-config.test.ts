import { describe, expect, it } from 'vitest';
import type { Service } from '../../src/model/service.ts';
import { nginxConfig } from '../../src/templates/images/rproxy/nginx-config.ts';

const service = (name: string, path: string, routes: Service['routes'], port = 3010): Service => ({
  name,
  path,
  image: 'builtin:order',
  port,
  cpu: 256,
  memory: 512,
  access: 'none',
  routes,
  tasks: { min: 1, max: 1 },
  environment: {},
});

const orders = service('orders', '/orders', [
  { path: '', methods: ['GET', 'POST'] },
  { path: '/{id}', methods: ['GET', 'DELETE'] },
]);
const reviews = service('product-reviews', '/shop/reviews', [{ path: '/{proxy+}', methods: ['ANY'] }], 8081);

/** The block after a line, up to the brace that closes it. */
const block = (config: string, head: string): string => {
  const from = config.indexOf(`${head} {`);
  expect(from, head).toBeGreaterThan(-1);
  return config.slice(from, config.indexOf('\n  }', from));
};

describe("the reverse proxy's configuration", () => {
  it('routes every service of the configuration, its own path and what is below', () => {
    const config = nginxConfig([orders, reviews]);
    expect(block(config, 'location = /orders')).toContain('proxy_pass http://orders;');
    expect(block(config, 'location ^~ /orders/')).toContain('proxy_pass http://orders;');
    expect(block(config, 'location ^~ /shop/reviews/')).toContain('proxy_pass http://product-reviews;');
    expect(block(config, 'location = /shop/reviews')).toContain('return 404;');
    expect(config).toContain('# upstream UPSTREAM_PRODUCT_REVIEWS product-reviews-api 8081');
    expect(config).toContain('server ${UPSTREAM_PRODUCT_REVIEWS};');
  });

  it("refuses methods that none of a service's routes has", () => {
    const config = nginxConfig([orders, reviews]);
    expect(block(config, 'location = /orders')).toContain('if ($request_method !~ ^(GET|POST)$)');
    expect(block(config, 'location ^~ /orders/')).toContain('if ($request_method !~ ^(GET|DELETE)$)');
    expect(block(config, 'location ^~ /shop/reviews/')).not.toContain('$request_method');
  });

  it('bounds what one client may take: times, sizes, connections', () => {
    const config = nginxConfig([orders]);
    for (const setting of [
      'client_header_timeout 10s;',
      'client_body_timeout 10s;',
      'send_timeout 10s;',
      'client_max_body_size 10m;',
      'limit_conn connections 200;',
    ])
      expect(config).toContain(setting);
  });

  it('takes no path that nginx would read as syntax', () => {
    expect(() => nginxConfig([service('bad', '/a; return 200', [])])).toThrow('"/a; return 200"');
  });
});
