/** Resource servers and their scopes. */
import {
  CreateResourceServer$,
  type CreateResourceServerCommandInput,
  DeleteResourceServer$,
  type DeleteResourceServerCommandInput,
  DescribeResourceServer$,
  type DescribeResourceServerCommandInput,
  ListResourceServers$,
  type ListResourceServersCommandInput,
  UpdateResourceServer$,
  type UpdateResourceServerCommandInput,
} from '@aws-sdk/client-cognito-identity-provider';
import type { Operation } from '../../../platform.ts';
import { compareText, pageOf } from '../../pages.ts';
import { notFound } from '../errors.ts';
import type { Parts } from '../parts.ts';
import {
  describeResourceServer,
  putResourceServer,
  type ResourceServerRecord,
  resourceServers,
} from '../resource-servers.ts';
import { onPool } from './making.ts';

export function resourceServerOperations(parts: Parts): Operation[] {
  const { cloud } = parts;
  const serverOf = (input: CreateResourceServerCommandInput): ResourceServerRecord => ({
    identifier: input.Identifier ?? '',
    name: input.Name ?? '',
    scopes: input.Scopes ?? [],
  });
  const serverIn = (poolId: string, identifier: string | undefined): ResourceServerRecord => {
    const server = resourceServers(cloud, poolId).get(identifier ?? '');
    if (!server) throw notFound(`Resource server ${identifier} does not exist.`);
    return server;
  };

  return [
    onPool(parts, CreateResourceServer$, (input: CreateResourceServerCommandInput, pool) => ({
      ResourceServer: describeResourceServer(
        pool.id,
        putResourceServer(cloud, pool.id, serverOf(input), false),
      ),
    })),
    onPool(parts, UpdateResourceServer$, (input: UpdateResourceServerCommandInput, pool) => ({
      ResourceServer: describeResourceServer(
        pool.id,
        putResourceServer(cloud, pool.id, serverOf(input), true),
      ),
    })),
    onPool(parts, DescribeResourceServer$, (input: DescribeResourceServerCommandInput, pool) => ({
      ResourceServer: describeResourceServer(pool.id, serverIn(pool.id, input.Identifier)),
    })),
    onPool(parts, DeleteResourceServer$, (input: DeleteResourceServerCommandInput, pool) => {
      resourceServers(cloud, pool.id).delete(serverIn(pool.id, input.Identifier).identifier);
      return {};
    }),
    onPool(parts, ListResourceServers$, (input: ListResourceServersCommandInput, pool) => {
      const all = resourceServers(cloud, pool.id)
        .values()
        .sort((left, right) => compareText(left.identifier, right.identifier));
      const page = pageOf(
        all,
        ({ identifier }) => identifier,
        input.MaxResults ?? 50,
        input.NextToken,
        'InvalidParameterException',
      );
      return {
        ResourceServers: page.items.map((server) => describeResourceServer(pool.id, server)),
        NextToken: page.next,
      };
    }),
  ];
}
