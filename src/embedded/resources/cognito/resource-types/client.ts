/** AWS::Cognito::UserPoolClient. Ref is the client's id. */
import type { CreateUserPoolClientRequest } from '@aws-sdk/client-cognito-identity-provider';
import type { ResourceType } from '../../../platform.ts';
import type { ClientRecord } from '../clients.ts';
import type { Parts } from '../parts.ts';
import { read } from './read.ts';

export function clientType(parts: Parts): ResourceType {
  const { clients, pools } = parts;
  const state = (client: ClientRecord) => ({
    physicalId: client.id,
    attributes: { ClientId: client.id, ClientSecret: client.secret, Name: client.name },
  });
  return {
    replaceOn: ['UserPoolId', 'GenerateSecret'],
    create(context, properties) {
      const { UserPoolId, ...given } = read<CreateUserPoolClientRequest>(properties);
      const ClientName = given.ClientName ?? context.physicalName(128);
      return state(clients.create(pools.get(UserPoolId), { ...given, ClientName }));
    },
    update(_context, id, properties) {
      const given = read<CreateUserPoolClientRequest>(properties);
      return state(clients.update(pools.get(given.UserPoolId), { ...given, ClientId: id }));
    },
    delete(_context, id, properties) {
      const client = clients.find(String(properties['UserPoolId']), id);
      if (client) clients.remove(client);
    },
  };
}
