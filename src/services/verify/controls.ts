/** Everything that keeps tenants apart, by name: what it does, and where it lives. Attacks name the one that stops them. */
export const controls = {
  'authorizer-bearer': {
    does: 'takes a token only as the one bearer token of the Authorization header',
    in: 'src/templates/functions/authorizer/authorizer.ts',
  },
  'authorizer-signature': {
    does: "verifies tokens by RS256 and their issuer's published keys alone",
    in: 'src/templates/functions/authorizer/token.ts',
  },
  'authorizer-lifetime': {
    does: 'refuses tokens that have expired or are not valid yet',
    in: 'src/templates/functions/authorizer/token.ts',
  },
  'authorizer-audience': {
    does: "accepts only tokens of the application's own client",
    in: 'src/templates/functions/authorizer/token.ts',
  },
  'authorizer-token-use': {
    does: 'accepts ID tokens, and no other kind',
    in: 'src/templates/functions/authorizer/token.ts',
  },
  'authorizer-issuer': {
    does: 'trusts only the issuers that the registry knows',
    in: 'src/templates/functions/authorizer/authorizer.ts',
  },
  'authorizer-silo-issuer': {
    does: "lets a silo's issuer speak for that silo alone",
    in: 'src/templates/functions/authorizer/authorizer.ts',
  },
  'authorizer-pool-issuer': {
    does: "lets the pool's issuer speak for tenants of the pool alone",
    in: 'src/templates/functions/authorizer/authorizer.ts',
  },
  'authorizer-known-tenant': {
    does: 'refuses tokens of tenants that the registry does not know',
    in: 'src/templates/functions/authorizer/authorizer.ts',
  },
  'authorizer-tenant-status': {
    does: 'serves no tenant that is suspended or gone',
    in: 'src/templates/functions/authorizer/authorizer.ts',
  },
  'suspended-api-key': {
    does: "switches a suspended tenant's API key off, so that no decision which the gateway remembers serves it",
    in: 'src/services/tenants/suspension.ts',
  },
  'authorizer-live-user': {
    does: 'refuses tokens of users who were deleted, disabled or given another role since',
    in: 'src/templates/functions/authorizer/authorizer.ts',
  },
  'authorizer-federated-silo': {
    does: "takes the user pool for the tenant only where the pool is one tenant's own",
    in: 'src/model/federation.ts, in the authorizer and in each service',
  },
  'authorizer-federated-user': {
    does: "takes the user pool for the tenant only of a user whom the silo's identity provider sent",
    in: 'src/model/federation.ts, in the authorizer and in each service',
  },
  'federated-least-role': {
    does: 'gives a user of an identity provider the least role until an operator gives him another',
    in: 'src/model/federation.ts, in the authorizer and in each service',
  },
  'provider-mapping': {
    does: "takes of an identity provider's user nothing but name and address",
    in: 'src/services/users/provider-file.ts, src/model/federation.ts',
  },
  'api-authorization': {
    does: 'puts the authorizer before every method',
    in: 'the REST API of each cell (src/templates/shared-infra/openapi.ts)',
  },
  'api-key-required': {
    does: "holds every method to the tenant's API key, and so to its usage plan",
    in: 'the REST API of each cell (src/templates/shared-infra/openapi.ts)',
  },
  'api-tenant-header': {
    does: "sets the header tenantPath from the authorizer's answer, over whatever was sent",
    in: 'the REST API of each cell (src/templates/shared-infra/openapi.ts)',
  },
  'api-routes': {
    does: 'knows only the routes of the services',
    in: 'the REST API of each cell (src/templates/shared-infra/openapi.ts)',
  },
  'usage-plan': {
    does: "holds a tenant to its tier's limits",
    in: 'the usage plans of each cell (src/templates/shared-infra/cell.ts)',
  },
  'tenant-api-key': {
    does: 'gives each tenant a key, and so limits, of its own',
    in: 'src/templates/functions/authorizer/authorizer.ts',
  },
  'listener-rule-header': {
    does: 'sends a request to the services of the tenant that tenantPath names',
    in: 'the listener rules (src/templates/tenant/service-task.ts)',
  },
  'load-balancer-group': {
    does: 'lets only the VPC Link reach a load balancer',
    in: 'the security groups of each cell (src/templates/shared-infra/cell.ts)',
  },
  'task-group': {
    does: 'lets only the load balancer and services of the same tenant reach a task',
    in: 'the security groups of tenants (src/templates/tenant/tenant-services.ts)',
  },
  'service-token': {
    does: 'verifies the token again in each service, whoever sent the request on',
    in: 'src/templates/images/kit/identity.ts',
  },
  'service-tenant': {
    does: "refuses in a silo's services tokens of any other tenant",
    in: 'src/templates/images/kit/identity.ts',
  },
  'service-role': {
    does: "lets only a tenant's administrators manage its users, decided on each request",
    in: 'src/templates/images/user/index.ts',
  },
  'service-item-scope': {
    does: 'takes the tenant of an item from the verified token, never from the request',
    in: 'src/templates/images/kit/item-routes.ts',
  },
  'service-user-scope': {
    does: "shows and changes only users who are bound to the caller's tenant",
    in: 'src/templates/images/user/directory.ts',
  },
  'service-body-schema': {
    does: 'refuses fields and parameters that a route does not have',
    in: 'src/templates/images/kit/item-routes.ts, src/templates/images/user/index.ts',
  },
  'service-page-token': {
    does: 'refuses a nextToken that was made for another tenant',
    in: 'src/templates/images/kit/page-token.ts',
  },
  'tenant-role-leading-keys': {
    does: "admits items whose partition key is the session's tenant, and no other",
    in: "the pool's tenant role (src/templates/tenant/task-roles.ts)",
  },
  'tenant-role-null-guard': {
    does: 'refuses what names no partition key at all',
    in: "the pool's tenant role (src/templates/tenant/task-roles.ts)",
  },
  'tenant-role-actions': {
    does: 'has no action that reads past a partition key',
    in: "the pool's tenant role (src/templates/tenant/task-roles.ts)",
  },
  'tenant-role-tables': {
    does: "reaches the pool's tables, and no silo's",
    in: "the pool's tenant role (src/templates/tenant/task-roles.ts)",
  },
  'tenant-role-trust-tag': {
    does: 'gives no session without a tenant',
    in: "the tenant role's trust policy (src/templates/tenant/task-roles.ts)",
  },
  'tenant-role-trust-tag-keys': {
    does: 'gives no session with any tag but the tenant',
    in: "the tenant role's trust policy (src/templates/tenant/task-roles.ts)",
  },
  'tenant-role-trust-principal': {
    does: "gives sessions to the pool's data services alone",
    in: "the tenant role's trust policy (src/templates/tenant/task-roles.ts)",
  },
  'pool-task-role': {
    does: "reaches no table by itself, only by a tenant's session",
    in: "the pool's task role (src/templates/tenant/task-roles.ts)",
  },
  'silo-task-role-tables': {
    does: "reaches the silo's own tables, and no others",
    in: "a silo's task role (src/templates/tenant/task-roles.ts)",
  },
  'silo-task-role-actions': {
    does: 'has the item actions that services use, and no Scan',
    in: "a silo's task role (src/templates/tenant/task-roles.ts)",
  },
  'identity-role-pool': {
    does: "manages users of the tenant's own user pool, and of no other",
    in: "the user service's task role (src/templates/tenant/task-roles.ts)",
  },
  'identity-role-actions': {
    does: 'can set no password, list no whole pool and change no setting',
    in: "the user service's task role (src/templates/tenant/task-roles.ts)",
  },
  'task-roles-only': {
    does: 'gives tasks no other role, secret, key or operator call',
    in: 'the task roles (src/templates/tenant/task-roles.ts)',
  },
  'role-trust': {
    does: 'lets only ECS take the roles of tasks, and only Lambda the one of the authorizer',
    in: "the roles' trust policies (src/templates/tenant/trust.ts)",
  },
  'client-write-attributes': {
    does: 'lets users write their name and address, and nothing that binds them to a tenant',
    in: "the user pools' clients (src/templates/tenant/user-pool.ts)",
  },
  'tenant-id-immutable': {
    does: 'keeps a user in the tenant that he was made in, also against an administrator',
    in: "the user pools' schema (src/templates/tenant/user-pool.ts)",
  },
  'no-self-sign-up': {
    does: 'lets nobody in who was not invited',
    in: 'the user pools (src/templates/tenant/user-pool.ts)',
  },
  'verified-address': {
    does: 'keeps the address of a user until the new one is proved',
    in: 'the user pools (src/templates/tenant/user-pool.ts)',
  },
  'hidden-users': {
    does: 'answers for a user who does not exist as for one who does',
    in: "the user pools' clients (src/templates/tenant/user-pool.ts)",
  },
  'tenant-names': {
    does: 'gives a name to one tenant, and no name that could be taken for another',
    in: 'src/model/tenant.ts, the name locks of the registry (src/services/registry/registry.ts)',
  },
  'control-plane-token': {
    does: "lets in only whoever has a token of the operators' pool, for one of its own clients",
    in: "the control plane's API (src/templates/control-plane/http-api.ts)",
  },
  'control-plane-scopes': {
    does: "asks on each of the control plane's routes for the scope that it needs",
    in: "the control plane's API (src/templates/control-plane/http-api.ts)",
  },
  'control-plane-names': {
    does: 'registers a name and an id once, and no name that could be taken for another',
    in: 'src/templates/functions/control-plane/registrations.ts',
  },
  'tenant-config': {
    does: 'answers in public for a tenant of the pool as for a name that nobody has, and for a silo by its very name alone',
    in: 'src/templates/functions/control-plane/tenant-config.ts',
  },
} as const satisfies Record<string, { does: string; in: string }>;

export type ControlName = keyof typeof controls;
