/** API keys and usage plans that operations made; those of stacks go with their stacks. */
import {
  APIGatewayClient,
  DeleteUsagePlanCommand,
  GetApiKeysCommand,
  GetUsagePlanCommand,
  GetUsagePlansCommand,
  UpdateUsagePlanCommand,
} from '@aws-sdk/client-api-gateway';
import type { ClientOptions } from '../../environment.ts';
import { UsagePlans } from '../../usage-plans.ts';
import type { Belonging, Kind } from './belongings.ts';
import { type Ownership, tagOf, tenantTag } from './ownership.ts';
import { everyPage } from './pages.ts';

export class ApiKeys implements Kind {
  readonly kind = 'API key';
  readonly #client: APIGatewayClient;
  readonly #plans: UsagePlans;

  constructor(options: ClientOptions) {
    this.#client = new APIGatewayClient(options);
    this.#plans = new UsagePlans(options);
  }

  async find({ has }: Ownership): Promise<Belonging[]> {
    const keys = await everyPage(async (next) => {
      const page = await this.#client.send(
        new GetApiKeysCommand({ limit: 500, ...(next && { position: next }) }),
      );
      return { items: page.items, next: page.position };
    });
    return keys
      .filter(({ tags }) => has(tags))
      .map(({ id = '', name = '', tags }) => {
        const tenantId = tagOf(tags, tenantTag);
        return { kind: this.kind, id, name, ...(tenantId !== undefined && { tenantId }) };
      });
  }

  remove({ id }: Pick<Belonging, 'id'>): Promise<void> {
    return this.#plans.deleteKey(id);
  }
}

export class StrayPlans implements Kind {
  readonly kind = 'usage plan';
  readonly #client: APIGatewayClient;

  constructor(options: ClientOptions) {
    // UpdateUsagePlan is limited to one call in 20 seconds ("Amazon API Gateway quotas").
    this.#client = new APIGatewayClient({ ...options, maxAttempts: 8 });
  }

  async find({ has }: Ownership): Promise<Belonging[]> {
    const plans = await everyPage(async (next) => {
      const page = await this.#client.send(
        new GetUsagePlansCommand({ limit: 500, ...(next && { position: next }) }),
      );
      return { items: page.items, next: page.position };
    });
    return plans
      .filter(({ tags }) => has(tags))
      .map(({ id = '', name = '' }) => ({ kind: this.kind, id, name }));
  }

  /** A plan goes only when it is on no stage. */
  async remove({ id }: Pick<Belonging, 'id'>): Promise<void> {
    try {
      const { apiStages = [] } = await this.#client.send(new GetUsagePlanCommand({ usagePlanId: id }));
      if (apiStages.length > 0)
        await this.#client.send(
          new UpdateUsagePlanCommand({
            usagePlanId: id,
            patchOperations: apiStages.map(({ apiId, stage }) => ({
              op: 'remove',
              path: '/apiStages',
              value: `${apiId}:${stage}`,
            })),
          }),
        );
      await this.#client.send(new DeleteUsagePlanCommand({ usagePlanId: id }));
    } catch (error) {
      if (!(error instanceof Error && error.name === 'NotFoundException')) throw error;
    }
  }
}
