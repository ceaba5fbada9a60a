/** What the registry says of a tenant, its cell, and the issuer of its tokens: the only things that the gatekeeper goes by. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import { SaasError } from '../../../model/error.ts';
import type { CellOutputs } from '../../../model/names.ts';
import {
  type IssuerItem,
  type Key,
  registryKeys,
  type TenantItem,
  type TierItem,
  userPoolIdOf,
} from '../../../model/registry.ts';
import type { UserPool } from '../../../model/sign-in.ts';

export class Registry {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;
  constructor(client: DynamoDBClient, table: string) {
    this.#client = DynamoDBDocumentClient.from(client);
    this.#table = table;
  }

  async #get<T>(key: Key): Promise<T | undefined> {
    const { Item } = await this.#client.send(
      new GetCommand({ TableName: this.#table, Key: { ...key }, ConsistentRead: true }),
    );
    return Item as T | undefined;
  }

  /** Throws `tenant_gone` for one that is on its way out, or was never there. */
  async tenant(tenantId: string): Promise<TenantItem> {
    const tenant = await this.#get<TenantItem>(registryKeys.tenant(tenantId));
    if (tenant && tenant.status !== 'offboarding' && tenant.status !== 'offboarded') return tenant;
    throw new SaasError('tenant_gone', `there is no tenant "${tenantId}" to let in`, {
      detail: tenant ? `it is ${tenant.status}` : 'the registry does not know it',
    });
  }

  /** Throws `cell_unknown`. */
  async cell(name: string): Promise<CellOutputs> {
    const cell = await this.#get<CellOutputs>(registryKeys.cell(name));
    if (cell) return cell;
    throw new SaasError('cell_unknown', `the registry knows no cell "${name}"`, {
      hint: 'record the cells again: saas-ecs deploy-shared',
    });
  }

  /** The tier's live limits, where they are not the configuration's. */
  tier(name: string): Promise<TierItem | undefined> {
    return this.#get<TierItem>(registryKeys.tier(name));
  }

  /** The user pool behind an issuer that is trusted for this tenant's tokens. Throws `issuer_unknown`. */
  async userPool(issuer: string, { tenantId, model }: TenantItem): Promise<UserPool> {
    const item = await this.#get<IssuerItem>(registryKeys.issuer(issuer));
    const whose = model === 'pool' ? undefined : tenantId;
    if (item && item.tenantId === whose) return { userPoolId: userPoolIdOf(issuer), clientId: item.clientId };
    throw new SaasError('issuer_unknown', `the registry trusts no such issuer for the tenant "${tenantId}"`, {
      detail: issuer,
      hint: 'have it written again: saas-ecs reconcile --dry-run',
    });
  }
}
