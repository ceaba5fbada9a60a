/** Cognito's types in CloudFormation. Their properties are the API's, but for a few names. */
import type { ResourceType } from '../../../platform.ts';
import type { Parts } from '../parts.ts';
import { clientType } from './client.ts';
import { domainType } from './domain.ts';
import { poolType } from './pool.ts';
import { providerType } from './provider.ts';
import { resourceServerType } from './resource-server.ts';
import { groupType, membershipType, userType } from './users.ts';

export const resourceTypes = (parts: Parts): Record<string, ResourceType> => ({
  'AWS::Cognito::UserPool': poolType(parts),
  'AWS::Cognito::UserPoolClient': clientType(parts),
  'AWS::Cognito::UserPoolGroup': groupType(parts),
  'AWS::Cognito::UserPoolDomain': domainType(parts),
  'AWS::Cognito::UserPoolResourceServer': resourceServerType(parts),
  'AWS::Cognito::UserPoolIdentityProvider': providerType(parts),
  'AWS::Cognito::UserPoolUser': userType(parts),
  'AWS::Cognito::UserPoolUserToGroupAttachment': membershipType(parts),
});
