/** Operations on connections and API destinations. */
import {
  CreateApiDestination$,
  type CreateApiDestinationCommandInput,
  CreateConnection$,
  type CreateConnectionAuthRequestParameters,
  type CreateConnectionCommandInput,
  DeauthorizeConnection$,
  type DeauthorizeConnectionCommandInput,
  DeleteApiDestination$,
  DeleteConnection$,
  DescribeApiDestination$,
  DescribeConnection$,
  ListApiDestinations$,
  type ListApiDestinationsCommandInput,
  ListConnections$,
  type ListConnectionsCommandInput,
  UpdateApiDestination$,
  type UpdateApiDestinationCommandInput,
  UpdateConnection$,
  type UpdateConnectionCommandInput,
} from '@aws-sdk/client-eventbridge';
import { arn, type Cloud, type Operation, operation } from '../../platform.ts';
import { compareText, pageOf } from '../pages.ts';
import type { ApiDestinationInput, ApiDestinationRecord, ApiDestinations } from './api-destinations.ts';
import type { ConnectionRecord, Connections } from './connections.ts';

const badToken = 'ValidationException';

export function destinationOperations(
  cloud: Cloud,
  connections: Connections,
  destinations: ApiDestinations,
): Operation[] {
  const on = <Input extends { Name?: string | undefined }, Output>(
    kind: 'connection' | 'api-destination',
    schema: unknown,
    handler: (input: Input) => Output,
  ): Operation =>
    operation(schema, handler, {
      access: ({ Name = '' }) => [
        {
          action: `events:${(schema as readonly string[])[2]}`,
          resource: arn(cloud, 'events', `${kind}/${Name}`),
        },
      ],
    });
  const connectionOutput = (connection: ConnectionRecord) => ({
    ConnectionArn: connection.arn,
    ConnectionState: connection.state,
    CreationTime: connection.created,
    LastModifiedTime: connection.modified,
    LastAuthorizedTime: connection.state === 'AUTHORIZED' ? connection.modified : undefined,
  });
  const destinationOutput = (destination: ApiDestinationRecord) => ({
    ApiDestinationArn: destination.arn,
    ApiDestinationState:
      connections.get(destination.connectionArn).state === 'AUTHORIZED' ? 'ACTIVE' : 'INACTIVE',
    CreationTime: destination.created,
    LastModifiedTime: destination.modified,
  });
  const destinationDescription = (destination: ApiDestinationRecord) => ({
    ...destinationOutput(destination),
    Name: destination.name,
    Description: destination.description,
    ConnectionArn: destination.connectionArn,
    InvocationEndpoint: destination.endpoint,
    HttpMethod: destination.method,
    InvocationRateLimitPerSecond: destination.rate,
  });
  const destinationInput = (
    input: CreateApiDestinationCommandInput | UpdateApiDestinationCommandInput,
  ): ApiDestinationInput => ({
    name: input.Name ?? '',
    description: input.Description,
    ...(input.ConnectionArn !== undefined && { connectionArn: input.ConnectionArn }),
    ...(input.InvocationEndpoint !== undefined && { endpoint: input.InvocationEndpoint }),
    ...(input.HttpMethod !== undefined && { method: input.HttpMethod }),
    ...(input.InvocationRateLimitPerSecond !== undefined && { rate: input.InvocationRateLimitPerSecond }),
  });
  const byName = <T extends { name: string }>(items: readonly T[], prefix: string | undefined): T[] =>
    items
      .filter(({ name }) => name.startsWith(prefix ?? ''))
      .sort((left, right) => compareText(left.name, right.name));

  return [
    on('connection', CreateConnection$, (input: CreateConnectionCommandInput) =>
      connectionOutput(
        connections.create({
          name: input.Name ?? '',
          description: input.Description,
          type: input.AuthorizationType,
          auth: input.AuthParameters,
        }),
      ),
    ),
    on('connection', UpdateConnection$, (input: UpdateConnectionCommandInput) =>
      connectionOutput(
        connections.update({
          name: input.Name ?? '',
          description: input.Description,
          type: input.AuthorizationType,
          auth: input.AuthParameters as CreateConnectionAuthRequestParameters | undefined,
        }),
      ),
    ),
    on('connection', DescribeConnection$, (input: DeauthorizeConnectionCommandInput) => {
      const connection = connections.get(input.Name);
      return {
        ...connectionOutput(connection),
        Name: connection.name,
        Description: connection.description,
        AuthorizationType: connection.type,
        SecretArn: connection.secretArn,
        AuthParameters: withoutSecrets(connections.authOf(connection)),
      };
    }),
    on('connection', DeleteConnection$, (input: DeauthorizeConnectionCommandInput) => ({
      ...connectionOutput(connections.remove(input.Name ?? '')),
      ConnectionState: 'DELETING',
    })),
    on('connection', DeauthorizeConnection$, (input: DeauthorizeConnectionCommandInput) =>
      connectionOutput(connections.deauthorize(input.Name)),
    ),
    operation(ListConnections$, (input: ListConnectionsCommandInput) => {
      const found = byName(connections.all(), input.NamePrefix).filter(
        ({ state }) => input.ConnectionState === undefined || state === input.ConnectionState,
      );
      const page = pageOf(found, ({ name }) => name, input.Limit ?? 100, input.NextToken, badToken);
      return {
        Connections: page.items.map((connection) => ({
          ...connectionOutput(connection),
          Name: connection.name,
          AuthorizationType: connection.type,
        })),
        NextToken: page.next,
      };
    }),
    on('api-destination', CreateApiDestination$, (input: CreateApiDestinationCommandInput) =>
      destinationOutput(destinations.create(destinationInput(input))),
    ),
    on('api-destination', UpdateApiDestination$, (input: UpdateApiDestinationCommandInput) =>
      destinationOutput(destinations.update(destinationInput(input))),
    ),
    on('api-destination', DescribeApiDestination$, (input: DeauthorizeConnectionCommandInput) =>
      destinationDescription(destinations.get(input.Name)),
    ),
    on('api-destination', DeleteApiDestination$, (input: DeauthorizeConnectionCommandInput) => {
      destinations.remove(input.Name ?? '');
      return {};
    }),
    operation(ListApiDestinations$, (input: ListApiDestinationsCommandInput) => {
      const found = byName(destinations.all(), input.NamePrefix).filter(
        ({ connectionArn }) => input.ConnectionArn === undefined || connectionArn === input.ConnectionArn,
      );
      const page = pageOf(found, ({ name }) => name, input.Limit ?? 100, input.NextToken, badToken);
      return { ApiDestinations: page.items.map(destinationDescription), NextToken: page.next };
    }),
  ];
}

/** What DescribeConnection shows: keys, passwords and values that are marked as secret are left out, at any depth. */
function withoutSecrets(auth: CreateConnectionAuthRequestParameters): unknown {
  const secrets = new Set(['ApiKeyValue', 'Password', 'ClientSecret']);
  return JSON.parse(
    JSON.stringify(auth, function (this: { IsValueSecret?: boolean }, name: string, value: unknown) {
      return secrets.has(name) || (name === 'Value' && this.IsValueSecret) ? undefined : value;
    }),
  ) as unknown;
}
