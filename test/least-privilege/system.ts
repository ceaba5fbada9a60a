/**
 * A whole system, used as its users and operators do, while the embedded cloud records what its roles call. Nobody
 * attacks it here: what an attack calls is nothing that the code needs.
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  CloudFormationClient,
  paginateListStackResources,
  paginateListStacks,
} from '@aws-sdk/client-cloudformation';
import {
  CognitoIdentityProviderClient,
  DescribeUserPoolClientCommand,
  UpdateUserPoolClientCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import {
  ListExecutionsCommand,
  ListStateMachinesCommand,
  SFNClient,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { expect, vi } from 'vitest';
import { type ControlPlaneKind, type ControlPlaneOutputs, scopes } from '../../src/model/control-plane.ts';
import { parameterPath } from '../../src/model/names.ts';
import type { Tenant } from '../../src/model/tenant.ts';
import { type ApiReply, api, newProject, type Project } from '../integration/project.ts';

type Json = Record<string, string>;
type Served = Tenant & { apiUrl: string };

/** Where CloudFormation made a role: `shared-infra-stack` and `ExecutionRole`. */
export interface RoleOrigin {
  stack: string;
  logicalId: string;
}

export class System {
  readonly #project: Project;
  readonly #kind: ControlPlaneKind;
  #client = {
    endpoint: '',
    region: 'us-east-1',
    credentials: { accessKeyId: 'operator', secretAccessKey: 'operator' },
  };
  #outputs!: ControlPlaneOutputs;
  #token = '';

  private constructor(project: Project, kind: ControlPlaneKind) {
    this.#project = project;
    this.#kind = kind;
  }

  /** Deploys one, with instances for tenants on premium, and limits that a fast machine doesn't reach. */
  static async deploy(kind: ControlPlaneKind): Promise<System> {
    const project = await newProject();
    const system = new System(project, kind);
    const file = path.join(project.directory, 'saas-ecs.yaml');
    const text = await readFile(file, 'utf8');
    await writeFile(
      file,
      text
        .replace('target: embedded', `target: embedded\n    controlPlane: ${kind}`)
        .replaceAll(/^( +)model: dedicated-cluster$/gm, '$&\n$1capacity: ec2')
        .replaceAll(/^( +)(rate|burst): \d+$/gm, '$1$2: 300'),
    );
    // A function's code has ten seconds to load, which a busy machine may not give Python's the first time.
    const first = await project.cli('deploy-shared', '--json');
    if (first.code !== 0) await project.json('deploy-shared');
    const { endpoint } = await project.json<{ endpoint: string }>('local', 'status');
    system.#client = { ...system.#client, endpoint };
    const name = parameterPath('shop', 'local', 'controlPlane');
    const { Parameter } = await new SSMClient(system.#client).send(new GetParameterCommand({ Name: name }));
    system.#outputs = JSON.parse(Parameter?.Value ?? '') as ControlPlaneOutputs;
    ({ token: system.#token } = await project.json<{ token: string }>('token', '--control-plane'));
    return system;
  }

  /** A tenant's whole life: registered and provisioned by a job, used on every route, and taken out by a job. */
  async lifeOfTenant(tier: string): Promise<void> {
    const name = `life-${tier}`;
    const { registration, tenant: registered } = await this.register(name, tier);
    await this.registrationAt(registration, 'Complete');
    const tenant = await this.#project.json<Served>('describe-tenant', name);
    const { token } = await this.#project.json<{ token: string }>('token', '--tenant', name);
    await this.useProducts(tenant, token);
    await this.useUsers(tenant, token);
    await this.readControlPlane(registration, registered, name);
    await this.done('DELETE', `/tenant-registrations/${registration}`);
    await this.registrationAt(registration, 'Deleted');
  }

  private async useProducts({ apiUrl }: Served, token: string): Promise<void> {
    const ask = asking(apiUrl, token);
    const made = await ask(201, '/products', 'POST', {
      name: 'Lamp',
      price: 9,
      sku: 'L-1',
      category: 'light',
    });
    const product = `/products/${String(made.body['productId'])}`;
    await ask(200, '/products');
    await ask(200, product);
    await ask(200, product, 'PUT', { name: 'Lantern', price: 9, sku: 'L-1', category: 'light' });
    const orderProducts = [{ productId: made.body['productId'], price: 9, quantity: 1 }];
    const ordered = await ask(201, '/orders', 'POST', { orderName: 'first', orderProducts });
    const order = `/orders/${String(ordered.body['orderId'])}`;
    await ask(200, '/orders');
    await ask(200, order);
    await ask(204, order, 'DELETE');
    await ask(204, product, 'DELETE');
    // Something is left for the offboarding to export and delete.
    await ask(201, '/products', 'POST', { name: 'Lamp', price: 9, sku: 'L-1', category: 'light' });
  }

  private async useUsers({ apiUrl, name }: Served, token: string): Promise<void> {
    const ask = asking(apiUrl, token);
    const user = { userName: 'Bo', userEmail: `bo@${name}.example`, userRole: 'TenantUser' };
    const { body } = await ask(201, '/users', 'POST', user);
    const one = `/users/${String(body['id'])}`;
    await ask(200, '/users');
    await ask(200, one);
    await ask(200, one, 'PUT', { userName: 'Bo B.' });
    await ask(204, one, 'DELETE');
  }

  private async readControlPlane(registration: string, tenant: string, name: string): Promise<void> {
    for (const route of ['/tenants', `/tenants/${tenant}`, '/tenant-registrations'])
      await this.done('GET', route);
    await this.done('PATCH', `/tenant-registrations/${registration}`, {
      tenantRegistrationData: { note: 'paid' },
    });
    // The toolkit's tells a tenant by its id, too.
    const byId = this.#kind === 'sbt' ? [`/tenant-config?tenantId=${tenant}`] : [];
    for (const route of [`/tenant-config/${name}`, `/tenant-config?tenantName=${name}`, ...byId])
      expect(await api(this.#outputs.apiUrl + route)).toMatchObject({ status: 200 });
  }

  /** A job that fails, and one that is stopped before it has begun. */
  async lifeOfJobs(): Promise<void> {
    const { registration: wrong } = await this.register('wrong', 'no-such-tier');
    await this.registrationAt(wrong, 'Failed');
    await this.done('DELETE', `/tenant-registrations/${wrong}`);
    await this.registrationAt(wrong, 'Deleted');

    const { registration: running } = await this.register('stopped', 'basic');
    const machines = new SFNClient(this.#client);
    await vi.waitFor(async () => {
      const { stateMachines = [] } = await machines.send(new ListStateMachinesCommand({}));
      const all = await Promise.all(
        stateMachines.map(({ stateMachineArn }) =>
          machines.send(new ListExecutionsCommand({ stateMachineArn, statusFilter: 'RUNNING' })),
        ),
      );
      const [execution] = all.flatMap(({ executions = [] }) => executions);
      if (!execution) throw new Error('no job runs');
      await machines.send(new StopExecutionCommand({ executionArn: execution.executionArn }));
    });
    await this.done('DELETE', `/tenant-registrations/${running}`);
    await this.registrationAt(running, 'Deleted');
  }

  /** Operators by the control plane's routes, with a token that the machine client is given for it. */
  async lifeOfOperators(): Promise<void> {
    const token = await this.operatorToken();
    const ask = async (method: string, route: string, body?: object): Promise<void> => {
      const reply = await api(this.#outputs.apiUrl + route, { method, token, ...(body && { body }) });
      expect(reply.status, `${method} ${route}: ${JSON.stringify(reply.body)}`).toBeLessThan(300);
    };
    await ask('POST', '/users', { userName: 'jo', userRole: 'CustomerSupport', email: 'jo@shop.example' });
    await ask('GET', '/users');
    await ask('GET', '/users/jo');
    await ask('PUT', '/users/jo', { userRole: 'SystemAdmin', email: 'jo.doe@shop.example' });
    await ask('DELETE', '/users/jo');
  }

  private async operatorToken(): Promise<string> {
    const { userPoolId: UserPoolId, machineClientId: ClientId, domain } = this.#outputs;
    const cognito = new CognitoIdentityProviderClient(this.#client);
    const { UserPoolClient } = await cognito.send(
      new DescribeUserPoolClientCommand({ UserPoolId, ClientId }),
    );
    await cognito.send(
      new UpdateUserPoolClientCommand({
        UserPoolId,
        ClientId,
        AllowedOAuthFlowsUserPoolClient: true,
        AllowedOAuthFlows: ['client_credentials'],
        AllowedOAuthScopes: Object.values(scopes),
      }),
    );
    const basic = Buffer.from(`${ClientId}:${UserPoolClient?.ClientSecret}`).toString('base64');
    const response = await fetch(`${this.#client.endpoint}/_aws/cognito-domain/${domain}/oauth2/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${basic}` },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        scope: `${scopes.userRead} ${scopes.userWrite}`,
      }),
    });
    return ((await response.json()) as { access_token: string }).access_token;
  }

  /** Name of a role -> where it came from, for all that stacks made, those that are gone among them. */
  async origins(): Promise<Map<string, RoleOrigin>> {
    const client = new CloudFormationClient(this.#client);
    const origins = new Map<string, RoleOrigin>();
    for await (const { StackSummaries = [] } of paginateListStacks({ client }, {}))
      for (const { StackId, StackName = '' } of StackSummaries)
        for await (const page of paginateListStackResources({ client }, { StackName: StackId }))
          for (const {
            ResourceType,
            PhysicalResourceId,
            LogicalResourceId = '',
          } of page.StackResourceSummaries ?? [])
            if (ResourceType === 'AWS::IAM::Role' && PhysicalResourceId)
              origins.set(PhysicalResourceId, { stack: StackName, logicalId: LogicalResourceId });
    return origins;
  }

  /** Takes it down as an operator would: what functions do at the end of a stack is theirs, too. */
  async destroy(): Promise<void> {
    await this.#project.json('destroy-shared', '--confirm', 'shop');
  }

  remove(): Promise<void> {
    return this.#project.remove();
  }

  private async done(method: string, route: string, body?: object): Promise<Json> {
    const reply = await api(this.#outputs.apiUrl + route, {
      method,
      token: this.#token,
      ...(body && { body }),
    });
    expect(reply.status, `${this.#kind}: ${method} ${route}: ${JSON.stringify(reply.body)}`).toBeLessThan(
      300,
    );
    return reply.body['data'] as Json;
  }

  private async register(
    tenantName: string,
    tier: string,
  ): Promise<{ registration: string; tenant: string }> {
    const { tenantRegistrationId = '', tenantId = '' } = await this.done('POST', '/tenant-registrations', {
      tenantData: { tenantName, tier, email: `admin@${tenantName}.example` },
      tenantRegistrationData: { registrationStatus: 'In progress' },
    });
    return { registration: tenantRegistrationId, tenant: tenantId };
  }

  private registrationAt(id: string, status: string): Promise<void> {
    return vi.waitFor(
      async () => {
        const data = await this.done('GET', `/tenant-registrations/${id}`);
        expect(data, JSON.stringify(data)).toMatchObject({ registrationStatus: status });
      },
      { timeout: 110_000, interval: 200 },
    );
  }
}

const asking =
  (apiUrl: string, token: string) =>
  async (status: number, route: string, method = 'GET', body?: object): Promise<ApiReply> => {
    const reply = await api(apiUrl + route, { token, method, ...(body && { body }) });
    expect(reply.status, `${method} ${route}: ${JSON.stringify(reply.body)}`).toBe(status);
    return reply;
  };
