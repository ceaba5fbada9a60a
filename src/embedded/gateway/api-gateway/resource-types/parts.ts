import type { Cloud } from '../../../platform.ts';
import type { AccountSettings } from '../control/account.ts';
import type { ApiKeys } from '../control/api-keys.ts';
import type { Authorizers } from '../control/authorizers.ts';
import type { DefinitionParts } from '../control/definition-parts.ts';
import type { Resources } from '../control/resources.ts';
import type { RestApis } from '../control/rest-apis.ts';
import type { Stages } from '../control/stages.ts';
import type { UsagePlans } from '../control/usage-plans.ts';
import type { ApiGatewayState } from '../state.ts';

/** What the resource types are made of. */
export interface Parts {
  cloud: Cloud;
  state: ApiGatewayState;
  apis: RestApis;
  resources: Resources;
  authorizers: Authorizers;
  definitionParts: DefinitionParts;
  stages: Stages;
  keys: ApiKeys;
  plans: UsagePlans;
  account: AccountSettings;
}
