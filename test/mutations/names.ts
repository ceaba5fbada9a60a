/** How to take away what keeps a tenant's name his. */
import { DeleteItemCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { registryKeys } from '../../src/model/registry.ts';
import { offboard } from '../../src/services/tenants/offboard.ts';
import type { Mutation } from './mutation.ts';

const pool = ['pool'] as const;

export const nameMutations: readonly Mutation[] = [
  {
    control: 'tenant-names',
    how: "registry: a name's lock is gone",
    models: pool,
    attacks: ['onboard-same-name'],
    async apply(world) {
      const { neighbour } = world.scene('pool');
      const dynamodb = new DynamoDBClient(world.context.target.client);
      const TableName = world.session.shared.registryTable;
      const { pk, sk } = registryKeys.name(neighbour.name);
      const Key = { pk: { S: pk }, sk: { S: sk } };
      await dynamodb.send(new DeleteItemCommand({ TableName, Key }));
      return async () => {
        const second = await world.session.registry.tenantIdOf(neighbour.name);
        if (second !== undefined && second !== neighbour.tenantId)
          await offboard(world.context, { tenant: second });
        await dynamodb.send(
          new PutItemCommand({ TableName, Item: { ...Key, tenantId: { S: neighbour.tenantId } } }),
        );
      };
    },
  },
];
