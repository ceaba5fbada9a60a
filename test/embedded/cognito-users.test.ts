import {
  AddCustomAttributesCommand,
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  AdminDeleteUserCommand,
  AdminDisableUserCommand,
  AdminGetUserCommand,
  AdminListGroupsForUserCommand,
  AdminSetUserPasswordCommand,
  AdminUpdateUserAttributesCommand,
  CreateGroupCommand,
  DeleteGroupCommand,
  DeleteUserPoolCommand,
  DescribeUserPoolClientCommand,
  DescribeUserPoolCommand,
  ListUserPoolsCommand,
  ListUsersCommand,
  ListUsersInGroupCommand,
  UpdateUserPoolCommand,
  VerifyUserAttributeCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CognitoFixture } from './cognito-fixture.ts';
import { resourceContext } from './resource-context.ts';

const cognito = new CognitoFixture();
const password = 'Correct-horse-1';

beforeAll(() => cognito.start());
afterAll(() => cognito.stop());

const create = async (
  UserPoolId: string,
  Username: string,
  attributes: Record<string, string> = {},
  more: object = {},
) =>
  (
    await cognito.admin.send(
      new AdminCreateUserCommand({
        UserPoolId,
        Username,
        UserAttributes: Object.entries(attributes).map(([Name, Value]) => ({ Name, Value })),
        MessageAction: 'SUPPRESS',
        ...more,
      }),
    )
  ).User;
const get = async (UserPoolId: string, Username: string) => {
  const { UserAttributes = [], ...user } = await cognito.admin.send(
    new AdminGetUserCommand({ UserPoolId, Username }),
  );
  return {
    ...user,
    attributes: Object.fromEntries(UserAttributes.map(({ Name = '', Value }) => [Name, Value])),
  };
};
const update = (UserPoolId: string, Username: string, attributes: Record<string, string>) =>
  cognito.admin.send(
    new AdminUpdateUserAttributesCommand({
      UserPoolId,
      Username,
      UserAttributes: Object.entries(attributes).map(([Name, Value]) => ({ Name, Value })),
    }),
  );

describe('attributes', () => {
  it('are held to the schema: known, well-formed, immutable where it says so', async () => {
    const pool = await cognito.pool({
      Schema: [
        { Name: 'plan', AttributeDataType: 'String', Mutable: false },
        {
          Name: 'seats',
          AttributeDataType: 'Number',
          NumberAttributeConstraints: { MinValue: '1', MaxValue: '9' },
        },
        { Name: 'code', AttributeDataType: 'String', StringAttributeConstraints: { MaxLength: '3' } },
      ],
    });
    await create(pool, 'ada', { 'custom:plan': 'pro', 'custom:seats': '3', email: 'ada@acme.example' });
    for (const attributes of [
      { 'custom:unknown': 'x' },
      { 'custom:seats': '10' },
      { 'custom:seats': 'many' },
      { 'custom:code': 'long' },
      { email: 'no address' },
      { phone_number: '12' },
      { sub: 'mine' },
    ]) {
      await expect(create(pool, 'bob', attributes), JSON.stringify(attributes)).rejects.toMatchObject({
        name: 'InvalidParameterException',
      });
      await expect(update(pool, 'ada', attributes)).rejects.toMatchObject({
        name: 'InvalidParameterException',
      });
    }
    await expect(update(pool, 'ada', { 'custom:plan': 'free' })).rejects.toThrow(
      'Attribute cannot be updated',
    );
    await update(pool, 'ada', { 'custom:seats': '4', email: '' });
    const { attributes } = await get(pool, 'ada');
    expect(attributes).toMatchObject({ 'custom:plan': 'pro', 'custom:seats': '4' });
    expect(attributes).not.toHaveProperty('email');

    const more = { Name: 'tenantId', AttributeDataType: 'String' as const };
    await cognito.admin.send(new AddCustomAttributesCommand({ UserPoolId: pool, CustomAttributes: [more] }));
    await update(pool, 'ada', { 'custom:tenantId': 't1' });
    await expect(
      cognito.admin.send(new AddCustomAttributesCommand({ UserPoolId: pool, CustomAttributes: [more] })),
    ).rejects.toMatchObject({ name: 'InvalidParameterException' });
  });

  it('a client without OAuth flows says that it has none', async () => {
    const UserPoolId = await cognito.pool();
    const { ClientId } = await cognito.client(UserPoolId);
    const described = new DescribeUserPoolClientCommand({ UserPoolId, ClientId });
    expect((await cognito.admin.send(described)).UserPoolClient).toMatchObject({
      AllowedOAuthFlowsUserPoolClient: false,
      EnableTokenRevocation: true,
    });
  });

  it('an address that changes is not verified any more, until its code says so', async () => {
    const pool = await cognito.pool({ UsernameAttributes: ['email'], AutoVerifiedAttributes: ['email'] });
    const { ClientId } = await cognito.client(pool);
    await create(pool, 'a@acme.example', { email_verified: 'true' });
    await create(pool, 'b@acme.example');
    await expect(update(pool, 'a@acme.example', { email: 'b@acme.example' })).rejects.toMatchObject({
      name: 'AliasExistsException',
    });
    await update(pool, 'a@acme.example', { email: 'c@acme.example' });
    await expect(get(pool, 'a@acme.example')).rejects.toMatchObject({ name: 'UserNotFoundException' });
    expect((await get(pool, 'c@acme.example')).attributes['email_verified']).toBe('false');
    await cognito.admin.send(
      new AdminSetUserPasswordCommand({
        UserPoolId: pool,
        Username: 'c@acme.example',
        Password: password,
        Permanent: true,
      }),
    );
    const { AuthenticationResult } = await cognito.signIn(ClientId, 'c@acme.example', password);
    await cognito.admin.send(
      new VerifyUserAttributeCommand({
        AccessToken: AuthenticationResult?.AccessToken,
        AttributeName: 'email',
        Code: cognito.mailed('c@acme.example'),
      }),
    );
    expect((await get(pool, 'c@acme.example')).attributes['email_verified']).toBe('true');
  });
});

describe('names', () => {
  it('are addresses where the pool says so, one account each, found by sub too', async () => {
    const pool = await cognito.pool({
      UsernameAttributes: ['email'],
      UsernameConfiguration: { CaseSensitive: false },
    });
    const user = await create(pool, 'Ada@Acme.example');
    expect((await get(pool, 'ada@acme.EXAMPLE')).Username).toBe(user?.Username);
    expect((await get(pool, user?.Username ?? '')).attributes['email']).toBe('Ada@Acme.example');
    await expect(create(pool, 'ada@acme.example')).rejects.toMatchObject({ name: 'UsernameExistsException' });
    await expect(create(pool, 'ada')).rejects.toMatchObject({ name: 'InvalidParameterException' });
  });

  it('are what was given elsewhere; an alias counts once verified', async () => {
    const pool = await cognito.pool({ AliasAttributes: ['email'] });
    await create(pool, 'ada', { email: 'x@acme.example', email_verified: 'true' });
    await create(pool, 'bob', { email: 'x@acme.example' });
    expect((await get(pool, 'x@acme.example')).Username).toBe('ada');
    await expect(
      create(pool, 'eve', { email: 'x@acme.example', email_verified: 'true' }),
    ).rejects.toMatchObject({
      name: 'AliasExistsException',
    });
    await expect(create(pool, 'ada')).rejects.toMatchObject({ name: 'UsernameExistsException' });
    await expect(get(pool, 'ADA')).rejects.toMatchObject({ name: 'UserNotFoundException' });
  });
});

describe('lists', () => {
  it('page through users and members, and filter', async () => {
    const pool = await cognito.pool({ UsernameAttributes: ['email'] });
    await cognito.admin.send(new CreateGroupCommand({ UserPoolId: pool, GroupName: 'even' }));
    const names = Array.from(
      { length: 25 },
      (_, index) => `user${String(index).padStart(2, '0')}@acme.example`,
    );
    for (const [index, name] of names.entries()) {
      await create(pool, name);
      if (index % 2 === 0) {
        await cognito.admin.send(
          new AdminAddUserToGroupCommand({ UserPoolId: pool, Username: name, GroupName: 'even' }),
        );
      }
    }
    const emails = (
      users: { Attributes?: { Name?: string | undefined; Value?: string | undefined }[] | undefined }[] = [],
    ) => users.map(({ Attributes }) => Attributes?.find(({ Name }) => Name === 'email')?.Value ?? '');
    const list = async (Filter?: string) => {
      const found: string[] = [];
      let PaginationToken: string | undefined;
      do {
        const page = await cognito.admin.send(
          new ListUsersCommand({ UserPoolId: pool, Limit: 10, Filter, PaginationToken }),
        );
        found.push(...emails(page.Users));
        PaginationToken = page.PaginationToken;
      } while (PaginationToken !== undefined);
      return found.sort();
    };
    expect(await list()).toEqual(names);
    expect(await list('email ^= "user1"')).toEqual(names.slice(10, 20));
    expect(await list('email = "user07@acme.example"')).toEqual([names[7]]);
    const { Username = '' } = await get(pool, names[7] ?? '');
    expect(await list(`sub = "${Username}"`)).toEqual([names[7]]);
    expect(await list(`username = "${Username}"`)).toEqual([names[7]]);
    await cognito.admin.send(new AdminDisableUserCommand({ UserPoolId: pool, Username: names[3] }));
    expect(await list('status = "Disabled"')).toEqual([names[3]]);
    expect(await list('cognito:user_status = "FORCE_CHANGE_PASSWORD"')).toEqual(names);
    for (const filter of ['custom:tenantId = "t1"', 'email = nothing', 'email != "x"']) {
      await expect(list(filter), filter).rejects.toMatchObject({ name: 'InvalidParameterException' });
    }

    const members: string[] = [];
    let NextToken: string | undefined;
    do {
      const page = await cognito.admin.send(
        new ListUsersInGroupCommand({ UserPoolId: pool, GroupName: 'even', Limit: 5, NextToken }),
      );
      members.push(...emails(page.Users));
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    expect(members.sort()).toEqual(names.filter((_name, index) => index % 2 === 0));

    await cognito.admin.send(new AdminDeleteUserCommand({ UserPoolId: pool, Username: names[0] }));
    await cognito.admin.send(new DeleteGroupCommand({ UserPoolId: pool, GroupName: 'even' }));
    const { Groups } = await cognito.admin.send(
      new AdminListGroupsForUserCommand({ UserPoolId: pool, Username: names[2] }),
    );
    expect(Groups).toEqual([]);
    expect(await list()).toEqual(names.slice(1));
  });
});

describe('a pool', () => {
  it('is not deleted while it is protected, and takes all with it when it is', async () => {
    const pool = await cognito.pool({ PoolName: 'guarded', DeletionProtection: 'ACTIVE' });
    await create(pool, 'ada');
    const remove = () => cognito.admin.send(new DeleteUserPoolCommand({ UserPoolId: pool }));
    await expect(remove()).rejects.toMatchObject({ name: 'InvalidParameterException' });
    await cognito.admin.send(new UpdateUserPoolCommand({ UserPoolId: pool, DeletionProtection: 'INACTIVE' }));
    await remove();
    await expect(get(pool, 'ada')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    const { UserPools } = await cognito.admin.send(new ListUserPoolsCommand({ MaxResults: 60 }));
    expect(UserPools?.map(({ Id }) => Id)).not.toContain(pool);
  });

  it('comes from a template, keeps its schema, and stays the same issuer over a restart', async () => {
    const service = () =>
      cognito.cloud.services.find((each) => each.signingName === 'cognito-idp')?.resourceTypes;
    const properties = {
      UsernameAttributes: ['email'],
      Schema: [{ Name: 'tenantId', AttributeDataType: 'String', Mutable: true }],
      Policies: { PasswordPolicy: { MinimumLength: 10 } },
    };
    const pool = await service()?.['AWS::Cognito::UserPool']?.create(
      resourceContext('pool', { app: 'x' }),
      properties,
    );
    const id = pool?.physicalId ?? '';
    expect(pool?.attributes).toMatchObject({
      Arn: `arn:aws:cognito-idp:us-east-1:000000000000:userpool/${id}`,
      ProviderURL: `${cognito.cloud.endpoint}/_aws/cognito/${id}`,
      ProviderName: `${cognito.cloud.endpoint}/_aws/cognito/${id}`.replace('http://', ''),
    });
    const client = await service()?.['AWS::Cognito::UserPoolClient']?.create(resourceContext('client'), {
      UserPoolId: id,
      ExplicitAuthFlows: ['ALLOW_USER_PASSWORD_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
      WriteAttributes: ['email'],
    });
    await service()?.['AWS::Cognito::UserPoolGroup']?.create(resourceContext('group'), {
      UserPoolId: id,
      GroupName: 't1',
    });
    await service()?.['AWS::Cognito::UserPoolUser']?.create(resourceContext('user'), {
      UserPoolId: id,
      Username: 'ada@acme.example',
      UserAttributes: [{ Name: 'custom:tenantId', Value: 't1' }],
      DesiredDeliveryMediums: ['EMAIL'],
    });
    const member = { UserPoolId: id, Username: 'ada@acme.example', GroupName: 't1' };
    await service()?.['AWS::Cognito::UserPoolUserToGroupAttachment']?.create(
      resourceContext('member'),
      member,
    );
    const changed = {
      ...properties,
      Schema: [...properties.Schema, { Name: 'more', AttributeDataType: 'String' }],
    };
    const types = service();
    await types?.['AWS::Cognito::UserPool']?.update?.(resourceContext('pool'), id, changed, properties);
    const { UserPool } = await cognito.admin.send(new DescribeUserPoolCommand({ UserPoolId: id }));
    expect(UserPool?.SchemaAttributes?.map(({ Name }) => Name)).toEqual(
      expect.arrayContaining(['sub', 'custom:tenantId', 'custom:more']),
    );
    expect(UserPool?.EstimatedNumberOfUsers).toBe(1);

    const ClientId = client?.physicalId ?? '';
    const challenge = await cognito.signIn(ClientId, 'ada@acme.example', cognito.mailed('ada@acme.example'));
    // Sessions outlive the process as well.
    await cognito.restart();
    const { AuthenticationResult } = await cognito.answerNewPassword(
      ClientId,
      challenge.Session,
      'ada@acme.example',
      'longenough',
    );
    const jwks = async () =>
      (await fetch(`${cognito.cloud.endpoint}/_aws/cognito/${id}/.well-known/jwks.json`)).json();
    const before = await jwks();
    await cognito.restart();
    expect(await jwks()).toEqual(before);
    await cognito.refresh(ClientId, AuthenticationResult?.RefreshToken ?? '');
    await cognito.signIn(ClientId, 'ada@acme.example', 'longenough');
    const user = await get(id, 'ada@acme.example');
    expect(user.UserStatus).toBe('CONFIRMED');
    const { Users } = await cognito.admin.send(
      new ListUsersInGroupCommand({ UserPoolId: id, GroupName: 't1' }),
    );
    expect(Users?.map(({ Username }) => Username)).toEqual([user.Username]);
    expect(cognito.cloud.cognito.outbox().map(({ to }) => to)).toContain('ada@acme.example');

    const restarted = service();
    await restarted?.['AWS::Cognito::UserPool']?.delete(resourceContext('pool'), id, changed);
    await restarted?.['AWS::Cognito::UserPoolClient']?.delete(resourceContext('client'), ClientId, {
      UserPoolId: id,
    });
    await restarted?.['AWS::Cognito::UserPoolUserToGroupAttachment']?.delete(
      resourceContext('member'),
      'x',
      member,
    );
  });

  it('finds one of 20,000 users as fast as one of ten', async () => {
    const pool = await cognito.pool();
    const { createParts } = await import('../../src/embedded/resources/cognito/parts.ts');
    const { newUser } = await import('../../src/embedded/resources/cognito/accounts.ts');
    // A view of its own on an empty pool, so that no password need be hashed 20,000 times.
    const parts = createParts(cognito.cloud);
    const record = parts.pools.get(pool);
    const users = parts.users(record);
    const fill = (from: number, to: number) => {
      for (let index = from; index < to; index += 1) {
        users.save(
          newUser(parts, record, `user${index}`, [{ Name: 'email', Value: `u${index}@acme.example` }]),
        );
      }
    };
    const { listUsers } = await import('../../src/embedded/resources/cognito/operations/list-users.ts');
    const time = () => {
      const start = performance.now();
      for (let round = 0; round < 500; round += 1) {
        listUsers(parts, record, { Filter: 'email = "u5@acme.example"' });
        listUsers(parts, record, { Limit: 10 });
        users.find('user5');
      }
      return performance.now() - start;
    };
    fill(0, 10);
    time();
    const small = time();
    fill(10, 20_000);
    expect(time()).toBeLessThan(small * 10 + 50);
  });
});
