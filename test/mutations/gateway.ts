/** How to take away what API Gateway demands: authorizer and key, routes and mappings, limits. */
import { UsagePlans } from '../../src/services/usage-plans.ts';
import type { Mutation } from './mutation.ts';

const authorizer = 'functions/authorizer/authorizer.ts';
const pool = ['pool'] as const;

export const gatewayMutations: readonly Mutation[] = [
  {
    control: 'tenant-api-key',
    how: 'authorizer: one key for all tenants',
    models: pool,
    apply: (world) =>
      world.authorizer([
        authorizer,
        'apiKeyMessage(tenantId)',
        `apiKeyMessage(${JSON.stringify(world.scene('pool').attacker.tenantId)})`,
      ]),
  },
  {
    control: 'api-authorization',
    how: 'REST API: one method without the authorizer',
    apply: (world) =>
      world.api(({ paths }) => {
        const [operations] = Object.values(paths);
        for (const operation of Object.values(operations ?? {})) delete operation.security;
      }),
  },
  {
    control: 'api-key-required',
    how: 'REST API: methods that need no key',
    models: pool,
    apply: (world) =>
      world.api(({ paths }) => {
        for (const operations of Object.values(paths))
          for (const { security } of Object.values(operations))
            for (const scheme of security ?? []) delete scheme['api_key'];
      }),
  },
  {
    control: 'api-tenant-header',
    how: 'REST API: tenantPath taken from the request',
    apply: (world) =>
      world.api(({ paths }) => {
        for (const operations of Object.values(paths))
          for (const operation of Object.values(operations)) {
            const { requestParameters } = operation['x-amazon-apigateway-integration'] ?? {};
            if (requestParameters?.['integration.request.header.tenantPath'] === undefined) continue;
            requestParameters['integration.request.header.tenantPath'] = 'method.request.header.tenantPath';
            operation.parameters = [
              ...(operation.parameters ?? []),
              { name: 'tenantPath', in: 'header', required: false, schema: { type: 'string' } },
            ];
          }
      }),
  },
  {
    control: 'api-routes',
    how: "REST API: a route that is no service's",
    attacks: ['operator-routes', 'path-tricks'],
    models: pool,
    apply: (world) =>
      world.api(({ paths }) => {
        paths['/tenants'] = {
          get: {
            responses: { 200: { description: '' } },
            'x-amazon-apigateway-integration': {
              type: 'mock',
              requestTemplates: { 'application/json': '{"statusCode":200}' },
              responses: { default: { statusCode: '200' } },
            },
          },
        };
      }),
  },
  {
    control: 'usage-plan',
    how: 'usage plan: limits that nobody reaches',
    models: pool,
    async apply(world) {
      const plans = new UsagePlans(world.context.target.client);
      const { attacker } = world.scene('pool');
      const id = world.session.shared.cell.usagePlans[attacker.tier] ?? '';
      const before = await plans.planLimits(id);
      const quota = { limit: 1_000_000, period: 'day' } as const;
      await plans.updatePlan(id, { rate: 9_000, burst: 4_500, quota });
      return async () => before && plans.updatePlan(id, before);
    },
  },
];
