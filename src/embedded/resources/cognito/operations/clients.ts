/** App clients. */
import {
  CreateUserPoolClient$,
  type CreateUserPoolClientCommandInput,
  DeleteUserPoolClient$,
  type DeleteUserPoolClientCommandInput,
  DescribeUserPoolClient$,
  type DescribeUserPoolClientCommandInput,
  ListUserPoolClients$,
  type ListUserPoolClientsCommandInput,
  UpdateUserPoolClient$,
  type UpdateUserPoolClientCommandInput,
} from '@aws-sdk/client-cognito-identity-provider';
import type { Operation } from '../../../platform.ts';
import { pageOf } from '../../pages.ts';
import type { ClientRecord } from '../clients.ts';
import type { Parts } from '../parts.ts';
import { onPool } from './making.ts';

const describe = (client: ClientRecord) => ({
  UserPoolId: client.poolId,
  ClientName: client.name,
  ClientId: client.id,
  ClientSecret: client.secret,
  LastModifiedDate: client.modified,
  CreationDate: client.created,
  ...client.settings,
});

export function clientOperations(parts: Parts): Operation[] {
  const { clients } = parts;
  return [
    onPool(parts, CreateUserPoolClient$, (input: CreateUserPoolClientCommandInput, pool) => ({
      UserPoolClient: describe(clients.create(pool, input)),
    })),
    onPool(parts, DescribeUserPoolClient$, (input: DescribeUserPoolClientCommandInput, pool) => ({
      UserPoolClient: describe(clients.in(pool.id, input.ClientId)),
    })),
    onPool(parts, UpdateUserPoolClient$, (input: UpdateUserPoolClientCommandInput, pool) => ({
      UserPoolClient: describe(clients.update(pool, input)),
    })),
    onPool(parts, DeleteUserPoolClient$, (input: DeleteUserPoolClientCommandInput, pool) => {
      clients.remove(clients.in(pool.id, input.ClientId));
      return {};
    }),
    onPool(parts, ListUserPoolClients$, (input: ListUserPoolClientsCommandInput, pool) => {
      const page = pageOf(
        clients.of(pool.id),
        ({ id }) => id,
        input.MaxResults ?? 60,
        input.NextToken,
        'InvalidParameterException',
      );
      return {
        UserPoolClients: page.items.map(({ id, poolId, name }) => ({
          ClientId: id,
          UserPoolId: poolId,
          ClientName: name,
        })),
        NextToken: page.next,
      };
    }),
  ];
}
