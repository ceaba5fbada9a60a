import { CfnPolicy, CfnRole } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { tenantSessionTag } from '../../model/names.ts';
import type { Service } from '../../model/service.ts';
import { decryption } from '../encryption.ts';
import { tasksTrust } from './trust.ts';

/** What the built-in services do with items. */
const builtinItemActions = [
  'dynamodb:GetItem',
  'dynamodb:Query',
  'dynamodb:PutItem',
  'dynamodb:UpdateItem',
  'dynamodb:DeleteItem',
];
/** What any service may do with items. No Scan: it reads past the partition key, so past the tenant. */
export const itemActions = [
  ...builtinItemActions,
  'dynamodb:BatchGetItem',
  'dynamodb:BatchWriteItem',
  'dynamodb:ConditionCheckItem',
];

/** Of the built-in services it is known what they call; of an operator's own only what they may. */
const itemActionsOf = (services: readonly Service[]): readonly string[] =>
  services.some(({ access, image }) => access === 'data' && !image.startsWith('builtin:'))
    ? itemActions
    : builtinItemActions;

/** What the user service does with the users of its one pool. */
export const userActions = [
  'cognito-idp:AdminAddUserToGroup',
  'cognito-idp:AdminCreateUser',
  'cognito-idp:AdminDeleteUser',
  'cognito-idp:AdminGetUser',
  'cognito-idp:AdminUpdateUserAttributes',
  'cognito-idp:ListUsersInGroup',
];

const policy = (...statements: object[]): object => ({ Version: '2012-10-17', Statement: statements });
const allow = (
  action: readonly string[],
  resource: string | readonly string[],
  condition?: object,
): object => ({
  Effect: 'Allow',
  Action: action,
  Resource: resource,
  ...(condition && { Condition: condition }),
});

export interface TaskRolesProps {
  services: readonly Service[];
  tableArns: readonly string[];
  userPoolArn: string;
  /** Silo only: the permissions boundary of every role in a tenant's stack. */
  boundaryArn?: string;
  /** KMS key that the tables are under, if not DynamoDB's. */
  keyArn?: string;
  /** In the pool, tables are reached through the tenant role; in a silo by the task role itself. */
  shared: boolean;
}

/** Two task roles that differ by need, `data` and `identity`; a service that needs neither has none. */
export class TaskRoles extends Construct {
  readonly #boundaryArn: string | undefined;
  readonly #data: CfnRole | undefined;
  readonly #identity: CfnRole | undefined;
  /** Pool only: the role that a service takes on behalf of one tenant, by session tag. */
  readonly tenantRoleArn: string | undefined;
  /** Pool only: before it is there, a service can't take the tenant role. */
  ready: CfnPolicy | undefined;

  constructor(scope: Construct, id: string, props: TaskRolesProps) {
    super(scope, id);
    this.#boundaryArn = props.boundaryArn;
    const needs = (access: Service['access']) => props.services.some((service) => service.access === access);
    if (needs('data') && props.tableArns.length > 0) {
      this.#data = this.taskRole(
        'Data',
        ...(props.shared
          ? []
          : [allow(itemActionsOf(props.services), props.tableArns), ...decryption(props.keyArn, 'dynamodb')]),
      );
      if (props.shared) this.tenantRoleArn = this.tenantRole(this.#data, props).attrArn;
    }
    if (needs('identity')) this.#identity = this.taskRole('Identity', allow(userActions, props.userPoolArn));
  }

  of(access: Service['access']): string | undefined {
    if (access === 'data') return this.#data?.attrArn;
    return access === 'identity' ? this.#identity?.attrArn : undefined;
  }

  private taskRole(id: string, ...statements: object[]): CfnRole {
    return new CfnRole(this, id, {
      assumeRolePolicyDocument: tasksTrust(),
      ...(this.#boundaryArn !== undefined && { permissionsBoundary: this.#boundaryArn }),
      ...(statements.length > 0 && {
        policies: [{ policyName: 'task', policyDocument: policy(...statements) }],
      }),
    });
  }

  /**
   * Attribute-based access: the session tag `tenant` decides which items the role reaches. `Null: false` guards
   * `ForAllValues`, which holds when a request has no leading key at all.
   */
  private tenantRole(data: CfnRole, props: TaskRolesProps): CfnRole {
    const role = new CfnRole(this, 'Tenant', {
      description: 'Reaches the items of the one tenant that the session is tagged with',
      assumeRolePolicyDocument: policy({
        Effect: 'Allow',
        Principal: { AWS: data.attrArn },
        Action: ['sts:AssumeRole', 'sts:TagSession'],
        Condition: {
          StringLike: { [`aws:RequestTag/${tenantSessionTag}`]: '?*' },
          'ForAllValues:StringEquals': { 'aws:TagKeys': [tenantSessionTag] },
        },
      }),
      policies: [
        {
          policyName: 'items-of-the-tenant',
          policyDocument: policy(
            allow(itemActionsOf(props.services), props.tableArns, {
              'ForAllValues:StringEquals': {
                'dynamodb:LeadingKeys': [`\${aws:PrincipalTag/${tenantSessionTag}}`],
              },
              Null: { 'dynamodb:LeadingKeys': 'false' },
            }),
            ...decryption(props.keyArn, 'dynamodb'),
          ),
        },
      ],
    });
    // Apart from its role: the two roles name each other.
    this.ready = new CfnPolicy(this, 'AssumeTenant', {
      policyName: 'act-for-a-tenant',
      roles: [data.ref],
      policyDocument: policy(allow(['sts:AssumeRole', 'sts:TagSession'], role.attrArn)),
    });
    return role;
  }
}
