/** A project with tenants on every tier, a user of each role, items, and a service of ours that the attacker has taken over. */
import { createPublicKey } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  AdminSetUserPasswordCommand,
  CognitoIdentityProviderClient,
  InitiateAuthCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import type { Tenant } from '../../../src/model/tenant.ts';
import { type ApiReply, api, newProject, type Project } from '../project.ts';
import { claimsOf } from './forged-token.ts';

export const tenantNames = ['acorn', 'birch', 'cedar', 'dogwood'] as const;
export type TenantName = (typeof tenantNames)[number];
/** Each tenant with each other one. */
export const pairs = tenantNames.flatMap((one) =>
  tenantNames.flatMap((other) => (one === other ? [] : [[one, other] as const])),
);
const tierOf = { acorn: 'basic', birch: 'basic', cedar: 'advanced', dogwood: 'premium' } as const;

/** Keys of a session, or the operator's. */
export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

export interface Guest extends Tenant {
  name: TenantName;
  apiUrl: string;
  /** Of its administrator. */
  token: string;
  userPoolId: string;
  clientId: string;
  tables: string[];
  productId: string;
  orderId: string;
  /** Cognito's username of its administrator. */
  adminId: string;
}

/** What a container that was taken over can learn. */
export interface TakenOver {
  credentials: Credentials & { roleArn: string };
  environment: Record<string, string | undefined>;
}

export interface Estate {
  project: Project;
  endpoint: string;
  guests: Record<TenantName, Guest>;
  /** SDK clients' options; without credentials: the operator. */
  client(credentials?: Credentials): { endpoint: string; region: string; credentials: Credentials };
  /** What a container of the tenant's `data` or `identity` service sees. */
  takeOver(guest: Guest, access: 'data' | 'identity'): Promise<TakenOver>;
  /** Signs in by password through the public client, as an application would. */
  signIn(guest: Guest, email: string): Promise<{ idToken: string; accessToken: string }>;
  /** The public key that a pool's tokens verify with, as PEM. */
  publicKeyPem(token: string): Promise<string>;
}

/** Hands out what a container can learn about itself: its environment, and its role's credentials. */
const takenOver = `import { createServer } from 'node:http';
createServer(async (request, response) => {
  const { AWS_CONTAINER_CREDENTIALS_FULL_URI: uri, AWS_CONTAINER_AUTHORIZATION_TOKEN: authorization } = process.env;
  const answer = request.url === '/health' ? {} : await (await fetch(uri, { headers: { authorization } })).json();
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ role: answer, environment: process.env }));
}).listen(Number(process.env.PORT), process.env.HOST);
`;

const password = 'Correct-Horse-7-Staple';

export async function newEstate(): Promise<Estate> {
  const project = await newProject();
  try {
    return await fill(project);
  } catch (error) {
    await project.remove();
    throw error;
  }
}

async function fill(project: Project): Promise<Estate> {
  const directory = path.join(project.directory, 'taken-over');
  await mkdir(directory);
  await writeFile(
    path.join(directory, 'Dockerfile'),
    'FROM node:22-slim\nWORKDIR /app\nCOPY index.mjs .\nUSER node\nCMD ["node", "index.mjs"]\n',
  );
  await writeFile(path.join(directory, 'index.mjs'), takenOver);
  const file = path.join(project.directory, 'saas-ecs.yaml');
  const own = [
    '  - { name: taken-data, path: /taken-data, image: ./taken-over, table: { sortKey: id } }',
    '  - { name: taken-identity, path: /taken-identity, image: ./taken-over, access: identity }',
  ];
  const config = await readFile(file, 'utf8');
  await writeFile(file, config.replace('\nrouting:', `${own.join('\n')}\n\nrouting:`));
  await project.json('deploy-shared');
  for (const tier of ['basic', 'advanced', 'premium'])
    await project.json(
      'throttle',
      '--tier',
      tier,
      ...'--rate 1000 --burst 1000 --quota 1000000/day'.split(' '),
    );

  const { endpoint } = await project.json<{ endpoint: string }>('local', 'status');
  const client: Estate['client'] = (credentials) => ({
    endpoint,
    region: 'us-east-1',
    credentials: credentials ?? { accessKeyId: 'operator', secretAccessKey: 'operator' },
  });
  const cognito = new CognitoIdentityProviderClient(client());
  const guests: Partial<Record<TenantName, Guest>> = {};
  for (const name of tenantNames) guests[name] = await settle(project, name);

  return {
    project,
    endpoint,
    guests: guests as Record<TenantName, Guest>,
    client,
    async takeOver({ apiUrl, token }, access) {
      const reply = await api(`${apiUrl}/taken-${access}`, { token });
      const { role, environment } = reply.body as {
        role: Record<string, string>;
        environment: TakenOver['environment'];
      };
      return {
        credentials: {
          accessKeyId: role['AccessKeyId'] ?? '',
          secretAccessKey: role['SecretAccessKey'] ?? '',
          sessionToken: role['Token'] ?? '',
          roleArn: role['RoleArn'] ?? '',
        },
        environment,
      };
    },
    async signIn({ userPoolId, clientId }, email) {
      await cognito.send(
        new AdminSetUserPasswordCommand({
          UserPoolId: userPoolId,
          Username: email,
          Password: password,
          Permanent: true,
        }),
      );
      const { AuthenticationResult: result } = await cognito.send(
        new InitiateAuthCommand({
          ClientId: clientId,
          AuthFlow: 'USER_PASSWORD_AUTH',
          AuthParameters: { USERNAME: email, PASSWORD: password },
        }),
      );
      return { idToken: result?.IdToken ?? '', accessToken: result?.AccessToken ?? '' };
    },
    async publicKeyPem(token) {
      const { keys } = (await (await fetch(`${claimsOf(token)['iss']}/.well-known/jwks.json`)).json()) as {
        keys: object[];
      };
      const key = createPublicKey({ key: keys[0] as never, format: 'jwk' });
      return key.export({ type: 'spki', format: 'pem' }).toString();
    },
  };
}

async function settle(project: Project, name: TenantName): Promise<Guest> {
  const email = `admin@${name}.example`;
  const tenant = await project.json<Tenant>(
    ...['onboard', '--tier', tierOf[name], '--name', name, '--email', email],
  );
  const { resources } = await project.json<{
    resources: { userPoolId: string; clientId: string; tables: string[] };
  }>('describe-tenant', name);
  const { token } = await project.json<{ token: string }>('token', '--tenant', name);
  const made = (reply: ApiReply): string => {
    if (reply.status !== 201) throw new Error(`${reply.status} ${JSON.stringify(reply.body)}`);
    return reply.headers.get('location')?.split('/').at(-1) ?? '';
  };
  const at = { token, method: 'POST' };
  const product = { name: `Lamp of ${name}`, price: 19.5, sku: 'L-1', category: 'light' };
  const productId = made(await api(`${tenant.apiUrl}/products`, { ...at, body: product }));
  const order = { orderName: `of ${name}`, orderProducts: [{ productId, price: 19.5, quantity: 1 }] };
  const orderId = made(await api(`${tenant.apiUrl}/orders`, { ...at, body: order }));
  for (const userRole of ['TenantUser', 'TenantAdmin']) {
    const user = {
      userName: `${userRole} of ${name}`,
      userEmail: `${userRole}@${name}.example`.toLowerCase(),
      userRole,
    };
    made(await api(`${tenant.apiUrl}/users`, { ...at, body: user }));
  }
  return {
    ...tenant,
    apiUrl: tenant.apiUrl ?? '',
    name,
    token,
    userPoolId: resources.userPoolId,
    clientId: resources.clientId,
    tables: resources.tables,
    productId,
    orderId,
    adminId: String(claimsOf(token)['cognito:username']),
  };
}
