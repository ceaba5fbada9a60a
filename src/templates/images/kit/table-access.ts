import { poolCredentials, siloCredentials } from './credentials.ts';
import { createDynamoDbClient } from './dynamodb-client.ts';
import type { Settings } from './settings.ts';
import { createTenantTable, type TenantTable } from './tenant-table.ts';

/** The service's table: by the tenant role in the pool, by the task's own role in a silo. */
export function openTable({ region, table, tenantRoleArn }: Settings): TenantTable {
  if (!table) throw new Error('the service has no table');
  const credentials =
    tenantRoleArn === undefined ? siloCredentials(region) : poolCredentials(region, tenantRoleArn);
  return createTenantTable(createDynamoDbClient(region), credentials, table);
}
