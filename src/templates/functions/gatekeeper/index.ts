/** The gatekeeper: one function, asked by commands and by lifecycle jobs. */
import { APIGatewayClient } from '@aws-sdk/client-api-gateway';
import { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { addressesOf } from '../../../model/addresses.ts';
import { SaasError } from '../../../model/error.ts';
import {
  type GatekeeperAnswer,
  type GatekeeperRequest,
  gatekeeperEnvironment,
} from '../../../model/gatekeeper.ts';
import { ensureKey, type KeyMaker } from './keys.ts';
import { prove } from './proof.ts';
import { Registry } from './registry.ts';

const required = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
};

const registry = new Registry(new DynamoDBClient({}), required(gatekeeperEnvironment.registryTable));
const maker: KeyMaker = {
  gateway: new APIGatewayClient({}),
  secrets: new SecretsManagerClient({}),
  secretArn: required(gatekeeperEnvironment.apiKeySecretArn),
  ownerTags: JSON.parse(required(gatekeeperEnvironment.ownerTags)) as Record<string, string>,
};
const cognito = new CognitoIdentityProviderClient({});
const probedPath = required(gatekeeperEnvironment.probedPath);
const addresses = addressesOf(required('AWS_REGION'), process.env['AWS_ENDPOINT_URL']);

/** How long it asks for the answer that is expected; the function's own time is twice that. */
const withinMs = 60_000;

export async function handler({
  tenantId,
  cell: name,
  key,
  proof,
}: GatekeeperRequest): Promise<GatekeeperAnswer> {
  const answer: GatekeeperAnswer = {};
  try {
    const tenant = await registry.tenant(tenantId);
    const cell = await registry.cell(tenant.cell ?? name);
    if (key) {
      const [made, tier] = await Promise.all([ensureKey(maker, tenant, cell), registry.tier(tenant.tier)]);
      answer.key = { ...made, ...(tier && { tier }) };
    }
    if (proof) {
      const pool = await registry.userPool(proof.issuer, tenant);
      const url = `${addresses.apiUrl(cell.restApiId, cell.stage)}${probedPath}`;
      await prove({ cognito, pool, tenant, url, expected: proof.expected, withinMs });
      answer.proved = true;
    }
  } catch (error) {
    // What AWS refuses is the function's own fault: Lambda logs it.
    if (!(error instanceof SaasError)) throw error;
    const { code, message, detail, hint } = error;
    answer.failure = {
      code,
      message,
      ...(detail !== undefined && { detail }),
      ...(hint !== undefined && { hint }),
    };
  }
  const { failure } = answer;
  console.log(
    JSON.stringify({
      ...{ level: 'info', msg: 'asked', tenantId, key: key === true },
      ...(proof && { expected: proof.expected }),
      ...(failure && { failure: failure.code }),
    }),
  );
  return answer;
}
