/** What else a task's role could be good for: other user pools, other roles, the operator's calls. */
import { firstCell } from '../../../model/names.ts';
import { tenantAttributes } from '../../../model/tenant.ts';
import type { InsideAttack, Scene } from '../attack.ts';
import type { Subject } from '../estate.ts';
import type { Call, JsonCall } from '../inside/plan.ts';
import { taskFacts } from '../inside/run.ts';
import { assume, dynamodb, readsOn } from './raw-items.ts';

const cognito = (operation: string, body: object, sent: string): JsonCall => ({
  aws: 'cognito-idp',
  target: `AWSCognitoIdentityProviderService.${operation}`,
  body,
  sent,
});
const userOf = (subject: Subject) => ({
  UserPoolId: subject.pool.userPoolId,
  Username: subject.user.username,
});

/** Shows that the user service's role works on what it is for. */
const ownUser = (scene: Scene): Call => ({
  ...cognito('AdminGetUser', userOf(scene.attacker), 'AdminGetUser of a user of his own'),
  expect: 'allowed',
});

/** Roles of this environment: of every tenant's tasks, and the one that ECS starts them with. */
async function rolesOf(scene: Scene): Promise<string[]> {
  const { context, catalog } = scene.estate;
  const services = (['data', 'identity'] as const).flatMap((access) => catalog.of(access) ?? []);
  const facts = await Promise.all(
    [scene.attacker, ...scene.victims].flatMap((subject) =>
      services.map((service) => taskFacts(context, subject, service)),
    ),
  );
  const arns = facts.flatMap(({ taskRoleArn, executionRoleArn }) => [taskRoleArn, executionRoleArn]);
  return [...new Set(arns.filter((arn) => arn !== undefined))];
}

const operatorCalls = ({ estate, neighbour }: Scene): Call[] => [
  { aws: 'secretsmanager', target: 'secretsmanager.ListSecrets', body: {}, sent: 'ListSecrets' },
  { aws: 'apigateway', path: '/apikeys?includeValues=true', sent: 'GetApiKeys with their values' },
  { aws: 'ecs', target: 'AmazonEC2ContainerServiceV20141113.ListClusters', body: {}, sent: 'ListClusters' },
  { aws: 'iam', form: { Action: 'ListRoles', Version: '2010-05-08' }, sent: 'ListRoles' },
  { aws: 'ec2', form: { Action: 'DescribeInstances', Version: '2016-11-15' }, sent: 'DescribeInstances' },
  { aws: 'logs', target: 'Logs_20140328.DescribeLogGroups', body: {}, sent: 'DescribeLogGroups' },
  dynamodb('ListTables', {}, 'ListTables'),
  {
    aws: 'secretsmanager',
    target: 'secretsmanager.GetSecretValue',
    body: { SecretId: estate.session.shared.apiKeySecretArn },
    sent: 'GetSecretValue of the secret behind the API keys',
  },
  {
    aws: 'lambda',
    path: `/2015-03-31/functions/${estate.session.shared.gatekeeperArn?.split(':').at(-1)}/invocations`,
    body: { tenantId: neighbour.tenantId, cell: firstCell, key: true },
    sent: `Invoke of the gatekeeper, for ${neighbour.name}`,
  },
];

export const roleAttacks: readonly InsideAttack[] = [
  {
    name: 'raw-other-user-pools',
    tries: "with the user service's credentials reads and promotes users of other user pools",
    expects: 'AccessDenied',
    control: 'identity-role-pool',
    from: 'identity',
    writes: true,
    calls: (scene) => [
      ownUser(scene),
      ...scene.victims
        .filter(({ pool }) => pool.userPoolId !== scene.attacker.pool.userPoolId)
        .flatMap((victim) => [
          cognito('AdminGetUser', userOf(victim), `AdminGetUser of a user of ${victim.name}`),
          cognito(
            'AdminUpdateUserAttributes',
            { ...userOf(victim), UserAttributes: [{ Name: tenantAttributes.role, Value: 'TenantUser' }] },
            `AdminUpdateUserAttributes of a user of ${victim.name}`,
          ),
        ]),
    ],
  },
  {
    name: 'raw-user-pool-operations',
    tries: "with the user service's credentials sets a password, lists the whole pool and reads its settings",
    expects: 'AccessDenied',
    control: 'identity-role-actions',
    from: 'identity',
    writes: true,
    calls(scene) {
      const { UserPoolId } = userOf(scene.attacker);
      return [
        ownUser(scene),
        cognito(
          'AdminSetUserPassword',
          { ...userOf(scene.neighbour), UserPoolId, Password: 'Correct-Horse-7-Staple', Permanent: true },
          'AdminSetUserPassword',
        ),
        cognito('ListUsers', { UserPoolId }, 'ListUsers'),
        cognito('DescribeUserPool', { UserPoolId }, 'DescribeUserPool'),
        cognito(
          'AdminInitiateAuth',
          {
            UserPoolId,
            ClientId: scene.attacker.pool.clientId,
            AuthFlow: 'ADMIN_USER_PASSWORD_AUTH',
            AuthParameters: { USERNAME: 'x', PASSWORD: 'x' },
          },
          'AdminInitiateAuth',
        ),
      ];
    },
  },
  {
    name: 'raw-identity-provider',
    tries:
      "with the user service's credentials has his user pool trust an identity provider of his own, and its client write what binds users to a tenant",
    expects: 'AccessDenied',
    control: 'identity-role-actions',
    from: 'identity',
    writes: true,
    calls(scene) {
      const { userPoolId: UserPoolId, clientId: ClientId } = scene.attacker.pool;
      const ProviderName = 'verify-hostile';
      const ProviderDetails = {
        oidc_issuer: scene.attacker.pool.issuer,
        client_id: 'x',
        client_secret: 'x',
        authorize_scopes: 'openid',
        attributes_request_method: 'GET',
      };
      const AttributeMapping = { email: 'email', [tenantAttributes.role]: 'role' };
      return [
        ownUser(scene),
        cognito(
          'CreateIdentityProvider',
          { UserPoolId, ProviderName, ProviderType: 'OIDC', ProviderDetails, AttributeMapping },
          'CreateIdentityProvider with a mapping of custom:userRole',
        ),
        cognito(
          'UpdateIdentityProvider',
          { UserPoolId, ProviderName, AttributeMapping },
          'UpdateIdentityProvider with a mapping of custom:userRole',
        ),
        cognito(
          'UpdateUserPoolClient',
          { UserPoolId, ClientId, WriteAttributes: ['email', tenantAttributes.role] },
          'UpdateUserPoolClient that may write custom:userRole',
        ),
        cognito(
          'AdminLinkProviderForUser',
          {
            UserPoolId,
            DestinationUser: {
              ProviderName: 'Cognito',
              ProviderAttributeValue: scene.attacker.admin.username,
            },
            SourceUser: {
              ProviderName,
              ProviderAttributeName: 'Cognito_Subject',
              ProviderAttributeValue: 'x',
            },
          },
          'AdminLinkProviderForUser with the administrator',
        ),
      ];
    },
  },
  {
    name: 'raw-move-user',
    tries: "with the user service's credentials moves a user into the neighbour's tenant",
    expects: 'Cognito refuses: the attribute can not be changed',
    control: 'tenant-id-immutable',
    from: 'identity',
    writes: true,
    calls: (scene) => [
      ownUser(scene),
      cognito(
        'AdminUpdateUserAttributes',
        {
          ...userOf(scene.attacker),
          UserAttributes: [{ Name: tenantAttributes.tenantId, Value: scene.neighbour.tenantId }],
        },
        'AdminUpdateUserAttributes of custom:tenantId',
      ),
    ],
    // Not a policy but the schema refuses it.
    judge: (results) =>
      results.map(({ call, status, code = '', message = '' }) => ({
        sent: call.sent,
        received: `${status} ${code} ${message}`.trim(),
        outcome:
          call.expect === 'allowed'
            ? status === 200
              ? 'held'
              : 'inconclusive'
            : status === 200
              ? 'succeeded'
              : code === 'InvalidParameterException' || code === 'NotAuthorizedException'
                ? 'held'
                : 'inconclusive',
      })),
  },
  {
    name: 'raw-items-as-user-service',
    tries: "with the user service's credentials reads items",
    expects: 'AccessDenied',
    control: 'task-roles-only',
    needs: ['items'],
    from: 'identity',
    calls: (scene) => [ownUser(scene), ...readsOn(scene, [scene.attacker, scene.neighbour], {})],
  },
  {
    name: 'role-other-roles',
    tries: "takes the other roles of the environment with a data service's task",
    expects: 'AccessDenied',
    control: 'role-trust',
    from: 'data',
    async calls(scene) {
      return (await rolesOf(scene)).map((arn) =>
        assume(arn, {}, { sent: `AssumeRole of ${arn.split('/').at(-1)}` }),
      );
    },
  },
  {
    name: 'role-other-roles-as-user-service',
    tries: "takes the other roles of the environment with the user service's task",
    expects: 'AccessDenied',
    control: 'role-trust',
    from: 'identity',
    async calls(scene) {
      return (await rolesOf(scene)).map((arn) =>
        assume(arn, {}, { sent: `AssumeRole of ${arn.split('/').at(-1)}` }),
      );
    },
  },
  {
    name: 'role-operator-calls',
    tries:
      "with a data service's credentials reads secrets, API keys, clusters, roles and tables, and asks the gatekeeper",
    expects: 'AccessDenied',
    control: 'task-roles-only',
    from: 'data',
    calls: operatorCalls,
  },
  {
    name: 'role-operator-calls-as-user-service',
    tries:
      "with the user service's credentials reads secrets, API keys, clusters, roles and tables, and asks the gatekeeper",
    expects: 'AccessDenied',
    control: 'task-roles-only',
    from: 'identity',
    calls: operatorCalls,
  },
];
