import { CfnTable } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { pascal } from '../../model/names.ts';
import type { Service } from '../../model/service.ts';
import { keep } from '../keep.ts';

/** Partition key of every table of the application, in the pool and in silos alike, so that a tenant can move. */
export const partitionKey = 'tenantId';

/** A table's encryption by that key; without one it is by a key of DynamoDB's. */
export const underKey = (
  keyArn: string | undefined,
): { sseSpecification?: CfnTable.SSESpecificationProperty } =>
  keyArn === undefined
    ? {}
    : { sseSpecification: { sseEnabled: true, sseType: 'KMS', kmsMasterKeyId: keyArn } };

/** One table for each service that has one. They outlive their stack: only an offboarding deletes what tenants stored. */
export class Tables extends Construct {
  readonly #tables = new Map<string, CfnTable>();
  readonly #keyArn: string | undefined;

  constructor(scope: Construct, id: string, services: readonly Service[], keyArn?: string) {
    super(scope, id);
    this.#keyArn = keyArn;
    for (const { name, table } of services) {
      if (table) this.#tables.set(name, this.table(name, table.sortKey));
    }
  }

  get arns(): string[] {
    return [...this.#tables.values()].map((table) => table.attrArn);
  }

  /** Service name -> table name. */
  get names(): Record<string, string> {
    return Object.fromEntries([...this.#tables].map(([service, table]) => [service, table.ref]));
  }

  private table(service: string, sortKey: string): CfnTable {
    const table = new CfnTable(this, pascal(service), {
      attributeDefinitions: [partitionKey, sortKey].map((attributeName) => ({
        attributeName,
        attributeType: 'S',
      })),
      keySchema: [
        { attributeName: partitionKey, keyType: 'HASH' },
        { attributeName: sortKey, keyType: 'RANGE' },
      ],
      billingMode: 'PAY_PER_REQUEST',
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      ...underKey(this.#keyArn),
    });
    keep(table);
    return table;
  }
}
