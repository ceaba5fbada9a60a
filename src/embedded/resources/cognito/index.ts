/** Amazon Cognito user pools, with hosted sign-in and federation. Lambda triggers, devices and passkeys are not here. */
import type { AwsService, Cloud, CognitoApi } from '../../platform.ts';
import { domainRoute } from './hosted/route.ts';
import { clientOperations } from './operations/clients.ts';
import { domainOperations } from './operations/domains.ts';
import { groupOperations } from './operations/groups.ts';
import { linkOperations } from './operations/links.ts';
import { poolOperations } from './operations/pools.ts';
import { providerOperations } from './operations/providers.ts';
import { resourceServerOperations } from './operations/resource-servers.ts';
import { selfServiceOperations } from './operations/self-service.ts';
import { signInOperations } from './operations/sign-in.ts';
import { userOperations } from './operations/users.ts';
import { createParts } from './parts.ts';
import { resourceTypes } from './resource-types/index.ts';
import { routes } from './routes.ts';
import { Sessions } from './sessions.ts';
import { SignIn } from './sign-in.ts';

export function createCognito(cloud: Cloud): AwsService & CognitoApi {
  const parts = createParts(cloud);
  const sessions = new Sessions(cloud.clock, parts.sealer);
  const signIn = new SignIn(parts, sessions);
  return {
    signingName: 'cognito-idp',
    protocol: 'json-1.1',
    operations: [
      ...poolOperations(parts),
      ...clientOperations(parts),
      ...domainOperations(parts),
      ...resourceServerOperations(parts),
      ...providerOperations(parts),
      ...linkOperations(parts),
      ...groupOperations(parts),
      ...userOperations(parts),
      ...signInOperations(parts, signIn),
      ...selfServiceOperations(parts, sessions),
    ],
    resourceTypes: resourceTypes(parts),
    routes: [...routes(parts), domainRoute(parts, sessions, signIn)],
    outbox: () => parts.outbox.all(),
    stop: () => parts.keys.stop(),
  };
}
