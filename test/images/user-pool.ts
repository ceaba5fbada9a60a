/**
 * A user pool as the user service sees it: the operations that the service calls, over the wire, with sign-in by e-mail
 * (so usernames are ids that Cognito makes) and Cognito's own refusals.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Attribute {
  Name: string;
  Value: string;
}

interface StoredUser {
  username: string;
  attributes: Map<string, string>;
  groups: Set<string>;
  created: number;
}

export interface UserPool {
  url: string;
  /** Operations called, oldest first. */
  calls: { operation: string; input: Record<string, unknown> }[];
  /** Makes a user past the service; gives his id. */
  add(email: string, tenantId: string, role?: string): string;
  attribute(id: string, name: string): string | undefined;
  has(id: string): boolean;
  /** The operations that fail, with Cognito's error. */
  failing: Map<string, string>;
  close(): Promise<void>;
}

class Refusal extends Error {}

export async function startUserPool(): Promise<UserPool> {
  const users = new Map<string, StoredUser>();
  const calls: UserPool['calls'] = [];
  const failing = new Map<string, string>();

  const byEmail = (email: string): StoredUser | undefined =>
    [...users.values()].find((user) => user.attributes.get('email') === email);
  const need = (name: unknown): StoredUser => {
    const user = users.get(String(name)) ?? byEmail(String(name));
    if (!user) throw new Refusal('UserNotFoundException');
    return user;
  };
  const shown = (user: StoredUser, attributes: 'Attributes' | 'UserAttributes') => ({
    Username: user.username,
    [attributes]: [...user.attributes].map(([Name, Value]) => ({ Name, Value })),
    UserStatus: 'FORCE_CHANGE_PASSWORD',
    Enabled: true,
    UserCreateDate: user.created,
    UserLastModifiedDate: user.created,
  });
  const create = (email: string, attributes: Attribute[]): StoredUser => {
    if (byEmail(email)) throw new Refusal('UsernameExistsException');
    const user: StoredUser = {
      username: randomUUID(),
      attributes: new Map(attributes.map(({ Name, Value }) => [Name, Value])),
      groups: new Set(),
      created: 1_760_000_000 + users.size,
    };
    user.attributes.set('sub', user.username);
    users.set(user.username, user);
    return user;
  };

  const operations: Record<string, (input: Record<string, unknown>) => object> = {
    AdminCreateUser: (input) => ({
      User: shown(create(String(input['Username']), input['UserAttributes'] as Attribute[]), 'Attributes'),
    }),
    AdminGetUser: (input) => shown(need(input['Username']), 'UserAttributes'),
    AdminDeleteUser: (input) => {
      users.delete(need(input['Username']).username);
      return {};
    },
    AdminAddUserToGroup: (input) => {
      need(input['Username']).groups.add(String(input['GroupName']));
      return {};
    },
    AdminUpdateUserAttributes: (input) => {
      const user = need(input['Username']);
      for (const { Name, Value } of input['UserAttributes'] as Attribute[]) {
        const other = Name === 'email' ? byEmail(Value) : undefined;
        if (other && other !== user) throw new Refusal('AliasExistsException');
        user.attributes.set(Name, Value);
      }
      return {};
    },
    ListUsersInGroup: (input) => {
      const members = [...users.values()].filter((user) => user.groups.has(String(input['GroupName'])));
      const from = Number(input['NextToken'] ?? 0);
      const to = from + Number(input['Limit']);
      return {
        Users: members.slice(from, to).map((user) => shown(user, 'Attributes')),
        ...(to < members.length && { NextToken: String(to) }),
      };
    },
  };

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const operation = String(request.headers['x-amz-target']).split('.')[1] ?? '';
      const input = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
      calls.push({ operation, input });
      const answer = (status: number, body: object): void => {
        response
          .writeHead(status, { 'content-type': 'application/x-amz-json-1.1' })
          .end(JSON.stringify(body));
      };
      try {
        const failure = failing.get(operation);
        if (failure) throw new Refusal(failure);
        answer(200, operations[operation]?.(input) ?? {});
      } catch (error) {
        answer(400, {
          __type: error instanceof Refusal ? error.message : 'InternalErrorException',
          message: 'refused',
        });
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    failing,
    add(email, tenantId, role = 'TenantUser') {
      const user = create(email, [
        { Name: 'email', Value: email },
        { Name: 'custom:tenantId', Value: tenantId },
        { Name: 'custom:userRole', Value: role },
      ]);
      user.groups.add(tenantId);
      return user.username;
    },
    attribute: (id, name) => users.get(id)?.attributes.get(name),
    has: (id) => users.has(id),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
