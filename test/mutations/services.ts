/** How to take away what each service looks at by itself. */
import type { Mutation } from './mutation.ts';
import type { Edit } from './world.ts';

const identity = 'images/kit/identity.ts';
const silo = ['dedicated-cluster'] as const;
const pool = ['pool'] as const;

/** A service that reads the token and verifies nothing. */
const believing: Edit[] = [
  [identity, 'await jwtVerify(token, issuerKeys(), {', 'await believed(token, {'],
  [
    identity,
    'function callerOf(',
    `async function believed(token: string, _expected: object) {
  const payload = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as JWTPayload;
  return { payload };
}
function callerOf(`,
  ],
];

export const serviceMutations: readonly Mutation[] = [
  {
    control: 'service-token',
    how: 'order service: reads tokens without verifying them',
    models: silo,
    attacks: ['task-direct-with-forged-token'],
    apply: (world) => world.service(world.scene('dedicated-cluster').neighbour, 'order', ...believing),
  },
  {
    control: 'service-tenant',
    how: "product service: takes its issuer's tokens for any tenant",
    models: silo,
    apply: (world) =>
      world.service(world.scene('dedicated-cluster').neighbour, 'product', [
        identity,
        'if (options.tenantId !== undefined && caller.tenantId !== options.tenantId)',
        'if (options.tenantId === "")',
      ]),
  },
  {
    control: 'service-role',
    how: 'user service: asks no role',
    models: silo,
    attacks: ['user-on-admin-routes-read', 'user-after-permitted-call', 'user-method-override'],
    apply: (world) =>
      world.service(world.scene('dedicated-cluster').attacker, 'user', [
        'images/kit/service.ts',
        "if (caller.role !== 'TenantAdmin') throw forbidden('only a TenantAdmin may do this');",
        'void forbidden;',
      ]),
  },
  {
    control: 'service-item-scope',
    how: 'product service: believes a header about the tenant',
    models: pool,
    attacks: ['header-look-alikes', 'list-without-neighbours'],
    apply: (world) =>
      world.service(world.scene('pool').attacker, 'product', [
        'images/kit/service.ts',
        'if (request.caller) return request.caller;',
        "if (request.caller) return { ...request.caller, tenantId: String(request.headers['x-tenant-id'] ?? request.caller.tenantId) };",
      ]),
  },
  {
    control: 'service-user-scope',
    how: 'user service: shows any user of the pool by his id',
    models: pool,
    attacks: ['user-by-id-get'],
    apply: (world) =>
      world.service(world.scene('pool').attacker, 'user', [
        'images/user/directory.ts',
        'return user.tenantId === tenantId ? user.shown : undefined;',
        'return user.shown;',
      ]),
  },
  {
    control: 'service-body-schema',
    how: 'product service: takes fields that it does not have',
    models: pool,
    attacks: ['id-in-body'],
    apply: (world) =>
      world.service(world.scene('pool').attacker, 'product', [
        'images/kit/item-routes.ts',
        'additionalProperties: false,',
        '',
      ]),
  },
  {
    control: 'service-page-token',
    how: "product service: takes anybody's nextToken",
    models: pool,
    apply: (world) =>
      world.service(world.scene('pool').attacker, 'product', [
        'images/kit/page-token.ts',
        'timingSafeEqual(bytes.subarray(0, 12), seal(tenantId, position));',
        'timingSafeEqual(seal(tenantId, position), seal(tenantId, position));',
      ]),
  },
];
