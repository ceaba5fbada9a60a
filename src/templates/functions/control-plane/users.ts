/** `/users`: the operators who may use the control plane. */
import {
  AdminCreateUserCommand,
  AdminDeleteUserCommand,
  AdminGetUserCommand,
  AdminUpdateUserAttributesCommand,
  type AttributeType,
  type CognitoIdentityProviderClient,
  ListUsersCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { emailProblem } from '../../../model/tenant.ts';
import {
  answer,
  badRequest,
  bodyOf,
  type HttpAnswer,
  HttpError,
  type HttpEvent,
  limitOf,
  nextTokenOf,
  parameter,
  textOf,
} from './http.ts';

export interface UserRoutes {
  cognito: CognitoIdentityProviderClient;
  userPoolId: string;
}

const role = 'custom:userRole';

interface CognitoUser {
  Username?: string | undefined;
  Enabled?: boolean | undefined;
  UserStatus?: string | undefined;
  UserCreateDate?: Date | undefined;
  UserLastModifiedDate?: Date | undefined;
}

function view(user: CognitoUser, attributes: readonly AttributeType[] = []): object {
  const of = (name: string): string | undefined => attributes.find(({ Name }) => Name === name)?.Value;
  return {
    userName: user.Username,
    userRole: of(role),
    email: of('email'),
    status: user.UserStatus,
    enabled: user.Enabled,
    created: user.UserCreateDate,
    modified: user.UserLastModifiedDate,
  };
}

const isNamed = (error: unknown, name: string): boolean => error instanceof Error && error.name === name;

/** Cognito's "no such user" as a 404. */
async function ofUser<T>(userName: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (isNamed(error, 'UserNotFoundException')) throw new HttpError(404, `User ${userName} not found.`);
    throw error;
  }
}

function emailIn(body: Record<string, unknown>): string {
  const email = textOf(body, 'email');
  const problem = emailProblem(email);
  if (problem !== undefined) throw badRequest(`email: ${problem}`);
  return email;
}

export async function create({ cognito, userPoolId }: UserRoutes, event: HttpEvent): Promise<HttpAnswer> {
  const body = bodyOf(event);
  const userName = textOf(body, 'userName');
  const userRole = textOf(body, 'userRole');
  const email = emailIn(body);
  try {
    await cognito.send(
      new AdminCreateUserCommand({
        UserPoolId: userPoolId,
        Username: userName,
        DesiredDeliveryMediums: ['EMAIL'],
        UserAttributes: [
          { Name: 'email', Value: email },
          { Name: 'email_verified', Value: 'true' },
          { Name: role, Value: userRole },
        ],
      }),
    );
  } catch (error) {
    if (isNamed(error, 'UsernameExistsException')) throw new HttpError(409, `User ${userName} exists.`);
    throw error;
  }
  return answer(201, { data: { userName } });
}

export async function list({ cognito, userPoolId }: UserRoutes, event: HttpEvent): Promise<HttpAnswer> {
  const token = nextTokenOf(event);
  const { Users = [], PaginationToken } = await cognito.send(
    new ListUsersCommand({
      UserPoolId: userPoolId,
      Limit: limitOf(event, 60),
      ...(token !== undefined && { PaginationToken: token }),
    }),
  );
  return answer(200, { data: Users.map((user) => view(user, user.Attributes)), next_token: PaginationToken });
}

export async function get({ cognito, userPoolId }: UserRoutes, event: HttpEvent): Promise<HttpAnswer> {
  const userName = parameter(event, 'userId');
  const user = await ofUser(
    userName,
    cognito.send(new AdminGetUserCommand({ UserPoolId: userPoolId, Username: userName })),
  );
  return answer(200, { data: view(user, user.UserAttributes) });
}

export async function update({ cognito, userPoolId }: UserRoutes, event: HttpEvent): Promise<HttpAnswer> {
  const userName = parameter(event, 'userId');
  const body = bodyOf(event);
  const attributes: AttributeType[] = [
    ...(body['email'] === undefined
      ? []
      : [
          { Name: 'email', Value: emailIn(body) },
          { Name: 'email_verified', Value: 'true' },
        ]),
    ...(body['userRole'] === undefined ? [] : [{ Name: role, Value: textOf(body, 'userRole') }]),
  ];
  if (attributes.length === 0) throw badRequest('email or userRole is missing');
  await ofUser(
    userName,
    cognito.send(
      new AdminUpdateUserAttributesCommand({
        UserPoolId: userPoolId,
        Username: userName,
        UserAttributes: attributes,
      }),
    ),
  );
  return answer(200, { message: 'User updated' });
}

export async function remove({ cognito, userPoolId }: UserRoutes, event: HttpEvent): Promise<HttpAnswer> {
  const userName = parameter(event, 'userId');
  await ofUser(
    userName,
    cognito.send(new AdminDeleteUserCommand({ UserPoolId: userPoolId, Username: userName })),
  );
  return answer(200, { message: 'User deleted' });
}
