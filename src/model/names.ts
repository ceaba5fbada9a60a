/** The names by which stacks, parameters and processes find each other. One place, so that they can't drift apart. */

export const stackNames = {
  sharedInfra: 'shared-infra-stack',
  controlPlane: 'controlplane-stack',
  coreAppPlane: 'coreappplane-stack',
  pool: 'tenant-template-basic',
  sharedCluster: 'tenant-template-advanced',
} as const;

export const withPrefix = (prefix: string | undefined, name: string): string =>
  prefix ? `${prefix}-${name}` : name;
/** Tags of everything that an environment owns; the only things that cleaning up may touch. */
export const ownerTags = (app: string, environment: string): Record<string, string> => ({
  'saas-ecs:app': app,
  'saas-ecs:environment': environment,
});
export const tenantStackName = (prefix: string | undefined, tenantId: string): string =>
  withPrefix(prefix, `tenant-${tenantId}`);
/** The first cell is part of the shared infrastructure; each further one is a stack of its own. */
export const firstCell = 'cell-1';
export const cellName = (n: number): string => `cell-${n}`;
/** Inverse of {@link cellName}. */
export const cellNumber = (cell: string): number => Number(cell.slice('cell-'.length));
export const cellStackName = (prefix: string | undefined, cell: string): string => withPrefix(prefix, cell);
/** Parameter of the further cells' template. */
export const cellNameParameter = 'CellName';
/** In an IAM pattern: ten characters, as every tenant's id has. */
export const anyTenantId = '??????????';
/** CloudFormation keeps at least as many characters of a stack's name where it makes a role's or a function's name of it. */
export const stackNameInRole = 24;

/** SSM parameters that the shared stacks write, below {@link parameterPath}; tenant templates and the CLI read them. */
export const sharedParameters = {
  registryTable: 'registry-table',
  artifactsBucket: 'artifacts-bucket',
  /** Secrets Manager ARN of the secret that tenants' API keys are derived from. */
  apiKeySecret: 'api-key-secret',
  /** ARN of the gatekeeper function. */
  gatekeeper: 'gatekeeper',
  /** KMS key of the environment, where keys are its own. */
  environmentKeyArn: 'environment-key-arn',
  vpcId: 'vpc-id',
  /** StringList. */
  privateSubnetIds: 'private-subnet-ids',
  executionRoleArn: 'execution-role-arn',
  /** The role that CloudFormation takes for tenants' stacks, and the boundary of the roles in them. Where there are silo tiers. */
  tenantStackRoleArn: 'tenant-stack-role-arn',
  cellStackRoleArn: 'cell-stack-role-arn',
  tenantBoundaryArn: 'tenant-boundary-arn',
  sharedClusterName: 'shared-cluster-name',
  sharedClusterCapacityProvider: 'shared-cluster-capacity-provider',
  /** Of the first cell, where the pool is. */
  poolListenerArn: 'pool-listener-arn',
  poolLoadBalancerSecurityGroupId: 'pool-load-balancer-security-group-id',
  /** What a further cell shares with the first. */
  vpcLinkId: 'vpc-link-id',
  vpcLinkSecurityGroupId: 'vpc-link-security-group-id',
  authorizerArn: 'authorizer-arn',
  /** Of the web ACL in front of every cell's API, where the environment has one. */
  webAclArn: 'web-acl-arn',
  /** JSON: {@link PoolOutputs}. */
  pool: 'pool',
  /** JSON: ControlPlaneOutputs of control-plane.ts. */
  controlPlane: 'control-plane',
  controlPlaneBus: 'control-plane-bus',
  /** Id of the operators' user pool. */
  operatorPool: 'operator-pool',
} as const;
export type SharedParameter = keyof typeof sharedParameters;

export const parameterPath = (app: string, environment: string, name: SharedParameter): string =>
  `/saas-ecs/${app}/${environment}/${sharedParameters[name]}`;

/** JSON value of the SSM parameter `cell/<name>`, one a cell, written by the stack that holds the cell. */
export interface CellOutputs {
  /** `cell-1`, `cell-2`, … */
  name: string;
  restApiId: string;
  stage: string;
  listenerArn: string;
  loadBalancerArn: string;
  loadBalancerSecurityGroupId: string;
  /** Tier name -> usage plan id on this cell's stage. */
  usagePlans: Record<string, string>;
}
export const cellParameterPath = (app: string, environment: string, cell: string): string =>
  `/saas-ecs/${app}/${environment}/cell/${cell}`;

/** JSON value of the SSM parameter `pool`: what onboarding a pool tenant needs to know. */
export interface PoolOutputs {
  userPoolId: string;
  clientId: string;
  /** GetAtt UserPool.ProviderURL */
  issuer: string;
  /** Prefix of the domain of hosted sign-in. */
  signInDomain?: string;
  clusterName: string;
  /** Service name -> table name. */
  tables: Record<string, string>;
  /** Service name -> ECS service name. */
  services?: Record<string, string>;
}

/** JSON value of the SSM parameter `images`: service name (and `proxy`) -> image URI. */
export const imagesParameterPath = (app: string, environment: string): string =>
  `/saas-ecs/${app}/${environment}/images`;

/** Parameters of a silo tenant's template; the template's SSM-typed parameters have defaults and are not passed. */
export const tenantParameters = {
  tenantId: 'TenantId',
  tierName: 'TierName',
  listenerArn: 'ListenerArn',
  loadBalancerSecurityGroupId: 'LoadBalancerSecurityGroupId',
  /** Image URI of a service; also of `proxy` where routing is proxy. */
  image: (service: string): string => `Image${pascal(service)}`,
  /** Listener rule priority of a service (direct routing) or of `proxy`. */
  rulePriority: (service: string): string => `RulePriority${pascal(service)}`,
} as const;

/** Outputs of a silo tenant's template. */
export const tenantOutputs = {
  userPoolId: 'UserPoolId',
  clientId: 'UserPoolClientId',
  issuer: 'Issuer',
  /** Prefix of the user pool's domain; absent where the environment has no hosted sign-in. */
  signInDomain: 'SignInDomain',
  clusterName: 'ClusterName',
  /** JSON: service name -> table name. */
  tables: 'Tables',
  /** JSON: service name -> ECS service name. */
  services: 'Services',
  /** ARN of the tenant's own KMS key, where keys are the environment's own. */
  encryptionKey: 'EncryptionKey',
} as const;

/** `order-items` -> `OrderItems`; for CloudFormation logical and parameter names. */
export function pascal(name: string): string {
  return name
    .split(/[^a-zA-Z0-9]+/)
    .filter(Boolean)
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('');
}

/** Environment variables that the templates give a service's container, and the services' kit reads. */
export const serviceEnvironment = {
  port: 'PORT',
  /** The service's path prefix at the API, e.g. `/orders`; a built-in service has its own default. */
  path: 'SERVICE_PATH',
  /** Table name, for `access: data`. */
  table: 'TABLE_NAME',
  /** Name of the table's sort key. */
  sortKey: 'TABLE_SORT_KEY',
  issuer: 'ISSUER',
  clientId: 'CLIENT_ID',
  /** Set in a silo only: the one tenant that this service serves. */
  tenantId: 'TENANT_ID',
  /** Set in the pool only: the role to assume with the session tag `tenant`. */
  tenantRoleArn: 'TENANT_ROLE_ARN',
  /** For `access: identity`. */
  userPoolId: 'USER_POOL_ID',
  /** URL of another service by Service Connect: `<NAME>_URL`, e.g. PRODUCTS_URL=http://products-api.<namespace>.sc:3010/products. */
  serviceUrl: (service: string): string => `${service.toUpperCase().replace(/[^A-Z0-9]/g, '_')}_URL`,
} as const;

/** Environment variables of the authorizer function. */
export const authorizerEnvironment = {
  registryTable: 'REGISTRY_TABLE',
  apiKeySecretArn: 'API_KEY_SECRET_ARN',
} as const;

/** Header by which the load balancer finds a tenant's services. The gateway sets it, over whatever a caller sends. */
export const tenantPathHeader = 'tenantPath';

/** The session tag that carries the tenant's id when a pool service assumes the tenant role. */
export const tenantSessionTag = 'tenant';
