/** AWS::Events::Connection and ::ApiDestination. Ref is the name. */
import type { CreateConnectionAuthRequestParameters } from '@aws-sdk/client-eventbridge';
import { AwsError, type Properties, type ResourceType } from '../../platform.ts';
import type { ApiDestinationInput, ApiDestinationRecord, ApiDestinations } from './api-destinations.ts';
import type { ConnectionInput, ConnectionRecord, Connections } from './connections.ts';

const withoutId = (arn: string): string => arn.replace(/\/[^/]+$/, '');
const text = (value: unknown): string | undefined => (value === undefined ? undefined : String(value));
/** A thing that is gone already is deleted, too. */
const gone = (remove: () => void): void => {
  try {
    remove();
  } catch (error) {
    if (!(error instanceof AwsError && error.code === 'ResourceNotFoundException')) throw error;
  }
};

export function connectionType(connections: Connections): ResourceType {
  const state = ({ name, arn, secretArn }: ConnectionRecord) => ({
    physicalId: name,
    attributes: { Arn: arn, ArnForPolicy: withoutId(arn), SecretArn: secretArn },
  });
  const given = (name: string, properties: Properties): ConnectionInput => ({
    name,
    description: text(properties['Description']),
    type: properties['AuthorizationType'] as ConnectionInput['type'],
    auth: properties['AuthParameters'] as CreateConnectionAuthRequestParameters | undefined,
  });
  return {
    replaceOn: ['Name'],
    create: (context, properties) =>
      state(connections.create(given(text(properties['Name']) ?? context.physicalName(64), properties))),
    update: (_context, name, properties) => state(connections.update(given(name, properties))),
    delete: (_context, name) => gone(() => connections.remove(name)),
  };
}

export function apiDestinationType(destinations: ApiDestinations): ResourceType {
  const state = ({ name, arn }: ApiDestinationRecord) => ({
    physicalId: name,
    attributes: { Arn: arn, ArnForPolicy: withoutId(arn) },
  });
  const given = (name: string, properties: Properties): ApiDestinationInput => ({
    name,
    description: text(properties['Description']),
    connectionArn: String(properties['ConnectionArn']),
    endpoint: String(properties['InvocationEndpoint']),
    method: String(properties['HttpMethod']) as ApiDestinationRecord['method'],
    ...(properties['InvocationRateLimitPerSecond'] !== undefined && {
      rate: Number(properties['InvocationRateLimitPerSecond']),
    }),
  });
  return {
    replaceOn: ['Name'],
    create: (context, properties) =>
      state(destinations.create(given(text(properties['Name']) ?? context.physicalName(64), properties))),
    update: (_context, name, properties) => state(destinations.update(given(name, properties))),
    delete: (_context, name) => gone(() => destinations.remove(name)),
  };
}
