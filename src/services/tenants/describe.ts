import { DescribeServicesCommand, ECSClient, ListServicesCommand } from '@aws-sdk/client-ecs';
import { tenantOutputs, tenantStackName } from '../../model/names.ts';
import { operationReference } from '../../model/registry.ts';
import type { Tenant } from '../../model/tenant.ts';
import type { Context } from '../context.ts';
import type { ClientOptions } from '../environment.ts';
import type { TenantRecord } from '../registry/registry.ts';
import { openSession, type Session } from '../session.ts';
import { outputsOf, Stacks } from '../stacks.ts';
import { toTenant } from './view.ts';

export interface ServiceHealth {
  name: string;
  desired: number;
  running: number;
  /** Running as many tasks as desired, and no deployment failed. */
  healthy: boolean;
}

export type TenantDetails = Tenant & {
  resources: {
    stackName: string | null;
    userPoolId: string | null;
    clientId: string | null;
    /** Where its users sign in, for the application that sends them there; null without hosted sign-in. */
    signIn: { url: string; issuer: string; callbackUrls: string[] } | null;
    tables: string[];
    services: ServiceHealth[];
  };
  /** The operation under way, or the one that failed. */
  operation: { id: string; kind: string; startedAt: string; step: string | null; by: string } | null;
};

/** One tenant by id or name, with what serves it. */
export async function describeTenant(context: Context, reference: string): Promise<TenantDetails> {
  const session = await openSession(context);
  const record = await session.registry.findTenant(reference);
  const { operation } = record;
  return {
    ...toTenant(record, context.config, await session.registry.tiers()),
    resources:
      record.model === 'pool'
        ? await poolResources(context, session, record)
        : await siloResources(context, record),
    operation: operation
      ? {
          id: operationReference(record.tenantId, operation.id),
          kind: operation.kind,
          startedAt: operation.startedAt,
          step: operation.failure?.step ?? operation.done.at(-1) ?? null,
          by: `${operation.process.user}@${operation.process.host}`,
        }
      : null,
  };
}

type Resources = TenantDetails['resources'];
const none: Resources = {
  stackName: null,
  userPoolId: null,
  clientId: null,
  signIn: null,
  tables: [],
  services: [],
};

async function poolResources(
  context: Context,
  { shared }: Session,
  record: TenantRecord,
): Promise<Resources> {
  if (!shared.pool || record.status === 'offboarded') return none;
  const { userPoolId, clientId, clusterName, tables, signInDomain, issuer } = shared.pool;
  return {
    stackName: null,
    userPoolId,
    clientId,
    signIn: signInAt(context, signInDomain, issuer),
    tables: Object.values(tables),
    services: await serviceHealth(context.target.client, clusterName),
  };
}

async function siloResources(context: Context, record: TenantRecord): Promise<Resources> {
  const stackName = tenantStackName(context.target.prefix, record.tenantId);
  const stack = await new Stacks(context.target.client).describe(stackName);
  if (!stack) return none;
  const outputs = outputsOf(stack);
  const services = outputs[tenantOutputs.services];
  return {
    stackName,
    userPoolId: outputs[tenantOutputs.userPoolId] ?? null,
    clientId: outputs[tenantOutputs.clientId] ?? null,
    signIn: signInAt(context, outputs[tenantOutputs.signInDomain], outputs[tenantOutputs.issuer]),
    tables: Object.values(JSON.parse(outputs[tenantOutputs.tables] ?? '{}') as Record<string, string>),
    services: services
      ? await serviceHealth(
          context.target.client,
          outputs[tenantOutputs.clusterName] ?? '',
          JSON.parse(services) as Record<string, string>,
        )
      : [],
  };
}

function signInAt({ target }: Context, domain: string | undefined, issuer = ''): Resources['signIn'] {
  if (domain === undefined) return null;
  const { callbackUrls = [] } = target.environment.signIn ?? {};
  return { url: target.signInUrl(domain), issuer, callbackUrls: [...callbackUrls] };
}

/** DescribeServices takes ten at most. */
const describeAtOnce = 10;

async function serviceHealth(
  options: ClientOptions,
  cluster: string,
  names?: Record<string, string>,
): Promise<ServiceHealth[]> {
  const ecs = new ECSClient(options);
  const references = names
    ? Object.values(names)
    : ((await ecs.send(new ListServicesCommand({ cluster, maxResults: 100 }))).serviceArns ?? []);
  const labels = new Map(Object.entries(names ?? {}).map(([label, name]) => [name, label]));
  const health: ServiceHealth[] = [];
  for (let index = 0; index < references.length; index += describeAtOnce) {
    const { services = [] } = await ecs.send(
      new DescribeServicesCommand({ cluster, services: references.slice(index, index + describeAtOnce) }),
    );
    for (const service of services) {
      const name = service.serviceName ?? '';
      const desired = service.desiredCount ?? 0;
      const running = service.runningCount ?? 0;
      const failed = service.deployments?.some((deployment) => deployment.rolloutState === 'FAILED') ?? false;
      health.push({
        name: labels.get(name) ?? labels.get(service.serviceArn ?? '') ?? name,
        desired,
        running,
        healthy: running >= desired && !failed,
      });
    }
  }
  return health.sort((a, b) => a.name.localeCompare(b.name));
}
