/** API Gateway's keys and usage plans: how a tenant's limits are made and changed. */
import * as apigateway from '@aws-sdk/client-api-gateway';

export const usagePlans = {
  'API Gateway': {
    Client: apigateway.APIGatewayClient,
    module: apigateway,
    steps: [
      [
        'CreateApiKey',
        {
          name: 'tenant-1',
          customerId: 't1',
          value: 'a-value-of-twenty-characters',
          enabled: true,
          tags: { app: 'shop' },
        },
        { save: (answer, saved) => Object.assign(saved, { key: answer.id }) },
      ],
      [
        'CreateApiKey',
        { name: 'tenant-2', value: 'a-value-of-twenty-characters', enabled: true },
        { as: 'API Gateway CreateApiKey, value taken' },
      ],
      [
        'CreateApiKey',
        { name: 'tenant-2', value: 'short' },
        { as: 'API Gateway CreateApiKey, value too short' },
      ],
      ['GetApiKeys', { nameQuery: 'tenant-1' }],
      ['GetApiKey', (saved) => ({ apiKey: saved.key, includeValue: true })],
      ['GetApiKey', { apiKey: 'none' }, { as: 'API Gateway GetApiKey unknown' }],
      [
        'UpdateApiKey',
        (saved) => ({
          apiKey: saved.key,
          patchOperations: [{ op: 'replace', path: '/enabled', value: 'false' }],
        }),
      ],
      [
        'CreateUsagePlan',
        { name: 'plan', throttle: { rateLimit: 10, burstLimit: 10 }, quota: { limit: 1000, period: 'DAY' } },
        { save: (answer, saved) => Object.assign(saved, { plan: answer.id }) },
      ],
      ['GetUsagePlan', (saved) => ({ usagePlanId: saved.plan })],
      ['GetUsagePlan', { usagePlanId: 'none' }, { as: 'API Gateway GetUsagePlan unknown' }],
      ['GetUsagePlans', { limit: 500 }],
      [
        'UpdateUsagePlan',
        (saved) => ({
          usagePlanId: saved.plan,
          patchOperations: [
            { op: 'replace', path: '/throttle/rateLimit', value: '20' },
            { op: 'replace', path: '/quota/period', value: 'WEEK' },
          ],
        }),
      ],
      [
        'UpdateUsagePlan',
        { usagePlanId: 'none', patchOperations: [] },
        { as: 'API Gateway UpdateUsagePlan unknown' },
      ],
      ['CreateUsagePlanKey', (saved) => ({ usagePlanId: saved.plan, keyId: saved.key, keyType: 'API_KEY' })],
      [
        'CreateUsagePlanKey',
        (saved) => ({ usagePlanId: saved.plan, keyId: 'none', keyType: 'API_KEY' }),
        { as: 'API Gateway CreateUsagePlanKey, no key' },
      ],
      [
        'CreateUsagePlanKey',
        (saved) => ({ usagePlanId: 'none', keyId: saved.key, keyType: 'API_KEY' }),
        { as: 'API Gateway CreateUsagePlanKey, no plan' },
      ],
      ['GetUsagePlanKeys', (saved) => ({ usagePlanId: saved.plan })],
      ['DeleteUsagePlanKey', (saved) => ({ usagePlanId: saved.plan, keyId: saved.key })],
      [
        'DeleteUsagePlanKey',
        (saved) => ({ usagePlanId: saved.plan, keyId: saved.key }),
        { as: 'API Gateway DeleteUsagePlanKey unknown' },
      ],
      ['DeleteApiKey', (saved) => ({ apiKey: saved.key })],
      ['DeleteApiKey', (saved) => ({ apiKey: saved.key }), { as: 'API Gateway DeleteApiKey unknown' }],
      ['DeleteUsagePlan', (saved) => ({ usagePlanId: saved.plan })],
      [
        'DeleteUsagePlan',
        (saved) => ({ usagePlanId: saved.plan }),
        { as: 'API Gateway DeleteUsagePlan unknown' },
      ],
      ['GetRestApi', { restApiId: 'none' }, { as: 'API Gateway GetRestApi unknown' }],
    ],
  },
};
