/** API keys and usage plans: how a tenant's limits reach API Gateway. */
import {
  APIGatewayClient,
  CreateUsagePlanCommand,
  CreateUsagePlanKeyCommand,
  DeleteApiKeyCommand,
  DeleteUsagePlanKeyCommand,
  GetApiKeysCommand,
  type GetApiKeysCommandOutput,
  GetUsagePlanCommand,
  GetUsagePlanKeysCommand,
  type GetUsagePlanKeysCommandOutput,
  GetUsagePlansCommand,
  type GetUsagePlansCommandOutput,
  UpdateApiKeyCommand,
  UpdateUsagePlanCommand,
} from '@aws-sdk/client-api-gateway';
import { keyName } from '../model/gatekeeper.ts';
import type { Throttle } from '../model/tier.ts';
import type { ClientOptions } from './environment.ts';
import type { CellItem } from './registry/registry.ts';

const isNamed = (error: unknown, name: string): boolean => error instanceof Error && error.name === name;

export class UsagePlans {
  readonly #gateway: APIGatewayClient;
  constructor(options: ClientOptions) {
    this.#gateway = new APIGatewayClient(options);
  }

  async findKey(tenantId: string): Promise<string | undefined> {
    const { items = [] } = await this.#gateway.send(
      new GetApiKeysCommand({ nameQuery: keyName(tenantId), customerId: tenantId, limit: 25 }),
    );
    return items.find((key) => key.name === keyName(tenantId))?.id;
  }

  /** Every tenant's key with its tags, page by page; of all environments in the account and Region. */
  async *keys(): AsyncGenerator<{ id: string; tenantId: string; tags: Record<string, string> }> {
    let position: string | undefined;
    do {
      const page: GetApiKeysCommandOutput = await this.#gateway.send(
        new GetApiKeysCommand({ nameQuery: keyName(''), limit: 500, ...(position && { position }) }),
      );
      for (const { id = '', name = '', tags = {} } of page.items ?? [])
        if (name.startsWith(keyName(''))) yield { id, tenantId: name.slice(keyName('').length), tags };
      position = page.position;
    } while (position);
  }

  /** Ids of the keys that are on a plan; undefined when there is no such plan. */
  async keysOn(planId: string): Promise<Set<string> | undefined> {
    const ids = new Set<string>();
    let position: string | undefined;
    do {
      let page: GetUsagePlanKeysCommandOutput;
      try {
        page = await this.#gateway.send(
          new GetUsagePlanKeysCommand({ usagePlanId: planId, limit: 500, ...(position && { position }) }),
        );
      } catch (error) {
        if (isNamed(error, 'NotFoundException')) return undefined;
        throw error;
      }
      for (const { id = '' } of page.items ?? []) ids.add(id);
      position = page.position;
    } while (position);
    return ids;
  }

  /** Switches a key on or off; false when there is no such key. Every stage that the key is for refuses it while it is off. */
  async enableKey(keyId: string, enabled: boolean): Promise<boolean> {
    try {
      await this.#gateway.send(
        new UpdateApiKeyCommand({
          apiKey: keyId,
          patchOperations: [{ op: 'replace', path: '/enabled', value: String(enabled) }],
        }),
      );
      return true;
    } catch (error) {
      if (isNamed(error, 'NotFoundException')) return false;
      throw error;
    }
  }

  async deleteKey(keyId: string): Promise<void> {
    try {
      await this.#gateway.send(new DeleteApiKeyCommand({ apiKey: keyId }));
    } catch (error) {
      if (!isNamed(error, 'NotFoundException')) throw error;
    }
  }

  /** Idempotent: the key may be on the plan already. */
  async addKey(planId: string, keyId: string): Promise<void> {
    try {
      await this.#gateway.send(
        new CreateUsagePlanKeyCommand({ usagePlanId: planId, keyId, keyType: 'API_KEY' }),
      );
    } catch (error) {
      if (!isNamed(error, 'ConflictException')) throw error;
    }
  }

  async removeKey(planId: string, keyId: string): Promise<void> {
    try {
      await this.#gateway.send(new DeleteUsagePlanKeyCommand({ usagePlanId: planId, keyId }));
    } catch (error) {
      if (!isNamed(error, 'NotFoundException')) throw error;
    }
  }

  /** A plan for tenants whose limits were set by hand; on the stages of all cells. */
  async createPlan(
    name: string,
    throttle: Throttle,
    cells: readonly CellItem[],
    tags: Record<string, string>,
  ): Promise<string> {
    const { id } = await this.#gateway.send(
      new CreateUsagePlanCommand({
        name,
        apiStages: cells.map((cell) => ({ apiId: cell.restApiId, stage: cell.stage })),
        throttle: { rateLimit: throttle.rate, burstLimit: throttle.burst },
        quota: { limit: throttle.quota.limit, period: periodOf(throttle) },
        tags,
      }),
    );
    return id ?? '';
  }

  /** The id of the plan of that name. */
  async findPlan(name: string): Promise<string | undefined> {
    let position: string | undefined;
    do {
      const page: GetUsagePlansCommandOutput = await this.#gateway.send(
        new GetUsagePlansCommand({ limit: 500, ...(position && { position }) }),
      );
      const found = page.items?.find((plan) => plan.name === name);
      if (found) return found.id;
      position = page.position;
    } while (position);
    return undefined;
  }

  /** Makes a plan hold in a cell as well, which may have come after it. */
  async coverCell(planId: string, { restApiId, stage }: CellItem): Promise<void> {
    const { apiStages = [] } = await this.#gateway.send(new GetUsagePlanCommand({ usagePlanId: planId }));
    if (apiStages.some((known) => known.apiId === restApiId && known.stage === stage)) return;
    await this.#gateway.send(
      new UpdateUsagePlanCommand({
        usagePlanId: planId,
        patchOperations: [{ op: 'add', path: '/apiStages', value: `${restApiId}:${stage}` }],
      }),
    );
  }

  async planLimits(planId: string): Promise<Throttle | undefined> {
    const { throttle, quota } = await this.#gateway.send(new GetUsagePlanCommand({ usagePlanId: planId }));
    if (!throttle || !quota) return undefined;
    return {
      rate: throttle.rateLimit ?? 0,
      burst: throttle.burstLimit ?? 0,
      quota: {
        limit: quota.limit ?? 0,
        period: (quota.period ?? 'DAY').toLowerCase() as Throttle['quota']['period'],
      },
    };
  }

  /** Limited to one call in 20 seconds by API Gateway: for an operator's change of a tier, never for onboarding. */
  async updatePlan(planId: string, throttle: Throttle): Promise<void> {
    await this.#gateway.send(
      new UpdateUsagePlanCommand({
        usagePlanId: planId,
        patchOperations: [
          { op: 'replace', path: '/throttle/rateLimit', value: String(throttle.rate) },
          { op: 'replace', path: '/throttle/burstLimit', value: String(throttle.burst) },
          { op: 'replace', path: '/quota/limit', value: String(throttle.quota.limit) },
          { op: 'replace', path: '/quota/period', value: periodOf(throttle) },
        ],
      }),
    );
  }
}

const periodOf = (throttle: Throttle): 'DAY' | 'WEEK' | 'MONTH' =>
  throttle.quota.period.toUpperCase() as 'DAY' | 'WEEK' | 'MONTH';
