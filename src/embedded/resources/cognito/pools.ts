/** User pools: their settings, schema and addresses. */
import { randomInt } from 'node:crypto';
import type {
  CreateUserPoolRequest,
  GetUserPoolMfaConfigResponse,
  SchemaAttributeType,
  UpdateUserPoolRequest,
  UserPoolType,
} from '@aws-sdk/client-cognito-identity-provider';
import { poolPrefix } from '../../endpoint/aws-addresses.ts';
import { arn, type Cloud } from '../../platform.ts';
import { compareText } from '../pages.ts';
import type { Tags } from '../tags.ts';
import { invalidParameter, limitExceeded, notFound } from './errors.ts';
import { passwordPolicy } from './passwords.ts';
import { schemaFrom } from './schema.ts';

/** What UpdateUserPool sets, and what it does not mention goes back to its default. */
const changeable = [
  'Policies',
  'DeletionProtection',
  'LambdaConfig',
  'AutoVerifiedAttributes',
  'SmsVerificationMessage',
  'EmailVerificationMessage',
  'EmailVerificationSubject',
  'VerificationMessageTemplate',
  'SmsAuthenticationMessage',
  'UserAttributeUpdateSettings',
  'DeviceConfiguration',
  'EmailConfiguration',
  'SmsConfiguration',
  'AdminCreateUserConfig',
  'UserPoolAddOns',
  'AccountRecoverySetting',
  'UserPoolTier',
] as const satisfies readonly (keyof UpdateUserPoolRequest & keyof UserPoolType)[];
const fixed = ['AliasAttributes', 'UsernameAttributes', 'UsernameConfiguration'] as const;

export type PoolSettings = Pick<UserPoolType, (typeof changeable)[number] | (typeof fixed)[number]>;

export interface PoolRecord {
  /** `<region>_<9 characters>` */
  id: string;
  name: string;
  /** ISO 8601 */
  created: string;
  modified: string;
  settings: PoolSettings;
  schema: SchemaAttributeType[];
  mfa: Omit<GetUserPoolMfaConfigResponse, '$metadata'>;
  tags: Tags;
}

/** https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html: adjustable to 10,000. */
export const maxPools = 1000;
const idLetters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

export class Pools {
  private readonly cloud: Cloud;

  constructor(cloud: Cloud) {
    this.cloud = cloud;
  }

  private get collection() {
    return this.cloud.store.collection<PoolRecord>('cognito.pools');
  }

  arn(id: string): string {
    return arn(this.cloud, 'cognito-idp', `userpool/${id}`);
  }

  /** Where its tokens come from: the `iss` claim, and the address below which the keys are. */
  issuer(id: string): string {
    return `${this.cloud.endpoint}${poolPrefix}${id}`;
  }

  find(id: string): PoolRecord | undefined {
    return this.collection.get(id);
  }

  /** Throws AwsError ResourceNotFoundException. */
  get(id: string | undefined): PoolRecord {
    const pool = id === undefined ? undefined : this.collection.get(id);
    if (!pool) throw notFound(`User pool ${id} does not exist.`);
    return pool;
  }

  byArn(resource: string | undefined): PoolRecord {
    return this.get(resource?.split(':userpool/')[1] ?? resource);
  }

  all(): PoolRecord[] {
    return this.collection.values().sort((left, right) => compareText(left.id, right.id));
  }

  create(input: Omit<CreateUserPoolRequest, 'PoolName'> & { PoolName?: string | undefined }): PoolRecord {
    if (this.collection.keys().length >= maxPools) {
      throw limitExceeded(`You have reached your limit of ${maxPools} user pools.`);
    }
    if (!/^[\w\s+=,.@-]{1,128}$/.test(input.PoolName ?? '')) {
      throw invalidParameter(`User pool name ${JSON.stringify(input.PoolName)} is not valid.`);
    }
    if (input.AliasAttributes?.length && input.UsernameAttributes?.length) {
      throw invalidParameter(
        'Only one of the aliasAttributes or usernameAttributes can be set in a user pool.',
      );
    }
    const at = new Date(this.cloud.clock.now()).toISOString();
    const pool: PoolRecord = {
      id: this.newId(),
      name: input.PoolName ?? '',
      created: at,
      modified: at,
      settings: {
        ...settingsOf(input),
        AliasAttributes: input.AliasAttributes,
        UsernameAttributes: input.UsernameAttributes,
        UsernameConfiguration: input.UsernameConfiguration,
      },
      schema: schemaFrom(input.Schema),
      mfa: mfaOf(input.MfaConfiguration, input.SmsConfiguration !== undefined),
      tags: input.UserPoolTags ?? {},
    };
    this.collection.put(pool.id, pool);
    return pool;
  }

  update(input: UpdateUserPoolRequest): PoolRecord {
    const pool = this.get(input.UserPoolId);
    const { AliasAttributes, UsernameAttributes, UsernameConfiguration } = pool.settings;
    return this.save({
      ...pool,
      name: input.PoolName ?? pool.name,
      settings: { ...settingsOf(input), AliasAttributes, UsernameAttributes, UsernameConfiguration },
      mfa: { ...pool.mfa, MfaConfiguration: input.MfaConfiguration ?? 'OFF' },
      tags: input.UserPoolTags ?? pool.tags,
    });
  }

  save(pool: PoolRecord): PoolRecord {
    const saved = { ...pool, modified: new Date(this.cloud.clock.now()).toISOString() };
    this.collection.put(saved.id, saved);
    return saved;
  }

  /** Throws AwsError InvalidParameterException while deletion protection is active. */
  checkDeletable(pool: PoolRecord): void {
    if (pool.settings.DeletionProtection === 'ACTIVE') {
      throw invalidParameter(
        'The user pool cannot be deleted because deletion protection is activated. Deletion protection must be inactivated first.',
      );
    }
  }

  remove(id: string): void {
    this.collection.delete(id);
  }

  private newId(): string {
    for (;;) {
      const end = Array.from({ length: 9 }, () => idLetters[randomInt(idLetters.length)]).join('');
      const id = `${this.cloud.region}_${end}`;
      if (!this.collection.has(id)) return id;
    }
  }

  describe(pool: PoolRecord, users: number, domain: string | undefined): UserPoolType {
    return {
      Id: pool.id,
      Name: pool.name,
      ...pool.settings,
      Policies: {
        ...pool.settings.Policies,
        PasswordPolicy: passwordPolicy(pool.settings.Policies?.PasswordPolicy),
      },
      LambdaConfig: pool.settings.LambdaConfig ?? {},
      // The endpoint makes dates of the text.
      CreationDate: pool.created as unknown as Date,
      LastModifiedDate: pool.modified as unknown as Date,
      SchemaAttributes: pool.schema,
      MfaConfiguration: pool.mfa.MfaConfiguration ?? 'OFF',
      EstimatedNumberOfUsers: users,
      UserPoolTags: pool.tags,
      Arn: this.arn(pool.id),
      ...(domain !== undefined && (domain.includes('.') ? { CustomDomain: domain } : { Domain: domain })),
    };
  }
}

function settingsOf(input: Partial<CreateUserPoolRequest>): PoolSettings {
  const policy = input.Policies?.PasswordPolicy;
  const triggers = Object.entries(input.LambdaConfig ?? {}).filter(([, value]) => value !== undefined);
  if (triggers.length > 0) {
    throw invalidParameter(
      `The embedded cloud runs no Lambda triggers of user pools: ${triggers.map(([name]) => name).join(', ')}.`,
    );
  }
  const length = policy?.MinimumLength ?? 8;
  if (length < 6 || length > 99)
    throw invalidParameter('The minimum password length must be between 6 and 99.');
  return {
    ...Object.fromEntries(
      changeable.flatMap((name) => (input[name] === undefined ? [] : [[name, input[name]]])),
    ),
    DeletionProtection: input.DeletionProtection ?? 'INACTIVE',
    EmailConfiguration: input.EmailConfiguration ?? { EmailSendingAccount: 'COGNITO_DEFAULT' },
    AdminCreateUserConfig: {
      AllowAdminCreateUserOnly: false,
      UnusedAccountValidityDays: 7,
      ...input.AdminCreateUserConfig,
    },
    VerificationMessageTemplate: {
      DefaultEmailOption: 'CONFIRM_WITH_CODE',
      ...input.VerificationMessageTemplate,
    },
  };
}

function mfaOf(mode: PoolRecord['mfa']['MfaConfiguration'], text: boolean): PoolRecord['mfa'] {
  const on = mode === 'ON' || mode === 'OPTIONAL';
  // Without text messages only an authenticator app is left.
  return { MfaConfiguration: mode ?? 'OFF', SoftwareTokenMfaConfiguration: { Enabled: on && !text } };
}
