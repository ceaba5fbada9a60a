/** Where an operator works, and the ARNs of what is there: by name where CloudFormation gives one that is known before. */
import {
  anyTenantId,
  cellStackName,
  stackNameInRole,
  stackNames,
  tenantStackName,
  withPrefix,
} from '../../model/names.ts';

export interface Place {
  app: string;
  environment: string;
  prefix: string | undefined;
  account: string;
  region: string;
}

/** One or more ARNs. */
export type Resources = (place: Place) => string[];

/** `cn-north-1` -> `aws-cn` */
export function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}

const regional =
  (service: string, ...resources: ((place: Place) => string)[]): Resources =>
  (place) =>
    resources.map(
      (resource) =>
        `arn:${partitionOf(place.region)}:${service}:${place.region}:${place.account}:${resource(place)}`,
    );

const role =
  (name: (place: Place) => string): Resources =>
  (place) => [`arn:${partitionOf(place.region)}:iam::${place.account}:role/${name(place)}`];

const stack =
  (name: string) =>
  ({ prefix }: Place): string =>
    withPrefix(prefix, name);
const tenant = ({ prefix }: Place): string => tenantStackName(prefix, anyTenantId);
/** The pool's and the silos'. */
const tenants = stack('tenant-');
const cells = ({ prefix }: Place): string => cellStackName(prefix, 'cell-*');
const controlPlane = stack(stackNames.controlPlane);

/** Qualifier of the CDK's bootstrap stack; its default. */
export const bootstrapQualifier = 'hnb659fds';

export const on = {
  anything: (() => ['*']) as Resources,
  sharedParameters: regional('ssm', ({ app, environment }) => `parameter/saas-ecs/${app}/${environment}/*`),
  bootstrapParameter: regional('ssm', () => `parameter/cdk-bootstrap/${bootstrapQualifier}/version`),
  bootstrapRoles: role(({ account, region }) => `cdk-${bootstrapQualifier}-*-role-${account}-${region}`),
  registry: regional('dynamodb', (place) => `table/${controlPlane(place)}-Registry*`),
  registryIndex: regional('dynamodb', (place) => `table/${controlPlane(place)}-Registry*/index/*`),
  artifacts: ((place) => [
    `arn:${partitionOf(place.region)}:s3:::${controlPlane(place).toLowerCase()}-artifacts*/releases/*`,
  ]) as Resources,
  secrets: regional('secretsmanager', () => 'secret:*'),
  keys: regional('kms', () => 'key/*'),
  certificates: regional('acm', () => 'certificate/*'),
  sharedStacks: regional(
    'cloudformation',
    ...Object.values(stackNames).map((name) => (place: Place) => `stack/${stack(name)(place)}/*`),
  ),
  tenantStacks: regional('cloudformation', (place) => `stack/${tenant(place)}/*`),
  tenantStackRole: role(
    (place) => `${stack(stackNames.sharedInfra)(place).slice(0, stackNameInRole)}-TenantStacksRole*`,
  ),
  cellStacks: regional('cloudformation', (place) => `stack/${cells(place)}/*`),
  cellStackRole: role(
    (place) => `${stack(stackNames.sharedInfra)(place).slice(0, stackNameInRole)}-CellStacksRole*`,
  ),
  /** Where the CDK puts the images of every app in the account. */
  assetImages: regional(
    'ecr',
    ({ account, region }) => `repository/cdk-${bootstrapQualifier}-container-assets-${account}-${region}`,
  ),
  /** Of every app: who else runs an image is written there. */
  everyParameter: regional('ssm', () => 'parameter/saas-ecs/*'),
  everyLog: regional('logs', () => 'log-group:*'),
  artifactsBucket: ((place) => [
    `arn:${partitionOf(place.region)}:s3:::${controlPlane(place).toLowerCase()}-artifacts*`,
  ]) as Resources,
  siloTables: regional('dynamodb', (place) => `table/${tenant(place)}-*`),
  /** The pool's, too: its stack is called `tenant-template-basic`. */
  tenantTables: regional('dynamodb', (place) => `table/${tenants(place)}*`),
  controlPlaneBus: regional('events', (place) => `event-bus/${controlPlane(place)}`),
  gatekeeper: regional(
    'lambda',
    (place) => `function:${controlPlane(place).slice(0, stackNameInRole)}*-Gatekeeper*`,
  ),
  userPools: regional('cognito-idp', () => 'userpool/*'),
  apiKeys: ((place) => gateway(place, '/apikeys')) as Resources,
  apiKey: ((place) => gateway(place, '/apikeys/*')) as Resources,
  usagePlans: ((place) => gateway(place, '/usageplans')) as Resources,
  usagePlan: ((place) => gateway(place, '/usageplans/*')) as Resources,
  usagePlanKeys: ((place) => gateway(place, '/usageplans/*/keys')) as Resources,
  usagePlanKey: ((place) => gateway(place, '/usageplans/*/keys/*')) as Resources,
  gatewayTags: ((place) => gateway(place, '/tags/*')) as Resources,
  clusters: regional('ecs', (place) => `cluster/${tenants(place)}*`),
  services: regional('ecs', (place) => `service/${tenants(place)}*`),
  tasks: regional('ecs', (place) => `task/${tenants(place)}*`),
  taskDefinitions: regional('ecs', (place) => `task-definition/${tenants(place)}*`),
  /** Roles of tenants' tasks; the one by which ECS starts tasks is shared. */
  taskRoles: ((place) => [
    ...role((within) => `${tenants(within).slice(0, stackNameInRole)}*`)(place),
    ...role((within) => `${stack(stackNames.sharedInfra)(within).slice(0, stackNameInRole)}-ExecutionRole*`)(
      place,
    ),
  ]) as Resources,
  listenerRules: regional('elasticloadbalancing', () => 'listener-rule/app/*'),
  logs: regional('logs', (place) => `log-group:/saas-ecs/${tenants(place)}*`),
};

/** API Gateway's ARNs name no account. */
const gateway = ({ region }: Place, path: string): string[] => [
  `arn:${partitionOf(region)}:apigateway:${region}::${path}`,
];

/** Conditions; what carries the environment's tags got them from its stack. */
export const where = {
  owned: ({ app, environment }: Place): object => ({
    StringEquals: {
      'aws:ResourceTag/saas-ecs:app': app,
      'aws:ResourceTag/saas-ecs:environment': environment,
    },
  }),
  /** A key of the environment's, and only on the way through a service. */
  ownedThrough:
    (...services: string[]) =>
    ({ app, environment, region }: Place): object => ({
      StringEquals: {
        'aws:ResourceTag/saas-ecs:app': app,
        'aws:ResourceTag/saas-ecs:environment': environment,
        'kms:ViaService': services.map((service) => `${service}.${region}.amazonaws.com`),
      },
    }),
  passedToCloudFormation: (): object => ({
    StringEquals: { 'iam:PassedToService': 'cloudformation.amazonaws.com' },
  }),
  passedToTasks: (): object => ({
    StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' },
  }),
  /** Of what is made with the environment's tags. */
  madeOwned: ({ app, environment }: Place): object => ({
    StringEquals: {
      'aws:RequestTag/saas-ecs:app': app,
      'aws:RequestTag/saas-ecs:environment': environment,
    },
  }),
  /** Else an operator could have the role make whatever a template of his own says. */
  releasedTemplate: (place: Place): object => ({
    StringLike: {
      'cloudformation:TemplateUrl': `*/${controlPlane(place).toLowerCase()}-artifacts*/releases/*`,
    },
  }),
};
