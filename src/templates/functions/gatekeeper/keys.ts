/** Tenants' API keys: derived from the control plane's secret, which nobody but this function and the authorizer reads. */
import { createHmac } from 'node:crypto';
import {
  type APIGatewayClient,
  CreateApiKeyCommand,
  CreateUsagePlanKeyCommand,
  GetApiKeysCommand,
} from '@aws-sdk/client-api-gateway';
import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { keyName, type TenantKey } from '../../../model/gatekeeper.ts';
import type { CellOutputs } from '../../../model/names.ts';
import { apiKeyMessage, type TenantItem } from '../../../model/registry.ts';
import { tierPlan } from '../../../model/tier.ts';

export interface KeyMaker {
  gateway: APIGatewayClient;
  secrets: SecretsManagerClient;
  secretArn: string;
  ownerTags: Record<string, string>;
}

const isConflict = (error: unknown): boolean => error instanceof Error && error.name === 'ConflictException';

/** The tenant's key, on the plan for limits of its own or on its tier's. Idempotent. Throws `tier_not_deployed`. */
export async function ensureKey(maker: KeyMaker, tenant: TenantItem, cell: CellOutputs): Promise<TenantKey> {
  const usagePlanId = tenant.usagePlanId ?? tierPlan(cell, tenant.tier);
  const apiKeyId = await keyOf(maker, tenant.tenantId);
  try {
    await maker.gateway.send(
      new CreateUsagePlanKeyCommand({ usagePlanId, keyId: apiKeyId, keyType: 'API_KEY' }),
    );
  } catch (error) {
    // It is on the plan already.
    if (!isConflict(error)) throw error;
  }
  return { apiKeyId, usagePlanId };
}

async function keyOf(
  { gateway, secrets, secretArn, ownerTags }: KeyMaker,
  tenantId: string,
): Promise<string> {
  const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: secretArn }));
  if (!SecretString) throw new Error('the secret of the API keys is empty');
  const name = keyName(tenantId);
  try {
    const { id } = await gateway.send(
      new CreateApiKeyCommand({
        name,
        customerId: tenantId,
        value: createHmac('sha256', SecretString).update(apiKeyMessage(tenantId)).digest('base64url'),
        enabled: true,
        tags: { ...ownerTags, 'saas-ecs:tenant': tenantId },
      }),
    );
    return id ?? '';
  } catch (error) {
    // The same value can't be created twice: an earlier run made it.
    if (!isConflict(error)) throw error;
    const { items = [] } = await gateway.send(
      new GetApiKeysCommand({ nameQuery: name, customerId: tenantId, limit: 25 }),
    );
    const id = items.find((key) => key.name === name)?.id;
    if (id === undefined) throw error;
    return id;
  }
}
