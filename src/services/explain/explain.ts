import type { Stack } from '@aws-sdk/client-cloudformation';
import { ExitCode, SaasError } from '../../model/error.ts';
import { stackNames, tenantStackName, withPrefix } from '../../model/names.ts';
import { knownFailure } from '../aws-errors.ts';
import type { Context } from '../context.ts';
import { type Operation, standing } from '../lease.ts';
import type { Registry, TenantRecord } from '../registry/registry.ts';
import { openSession } from '../session.ts';
import { Stacks } from '../stacks.ts';
import { environmentFlag } from '../stopped.ts';
import { causeOf } from './causes.ts';
import { type Cause, isoOf, type Link } from './chain.ts';
import { redact } from './redact.ts';
import { ServiceEvidence } from './service-evidence.ts';

export interface Explanation {
  subject: {
    kind: 'tenant' | 'stack';
    name: string;
    tenantId: string | null;
    /** Of the tenant, or of the stack in CloudFormation's words. */
    status: string;
    /** Nothing failed, nothing is under way, and what should run runs. */
    healthy: boolean;
  };
  chain: Link[];
  /** Null when it is healthy, or when the chain shows no cause that is known. */
  cause: Pick<Cause, 'code' | 'text'> | null;
  fix: string[];
}

const isCode = (error: unknown, code: string): boolean => error instanceof SaasError && error.code === code;

/**
 * Why a tenant or a stack is as it is, by the name or id of either; a tenant comes first. Changes nothing. Throws
 * `not_found`, and `not_deployed` when there is neither a registry to look a tenant up in nor such a stack.
 */
export async function explain(context: Context, reference: string): Promise<Explanation> {
  const stacks = new Stacks(context.target.client);
  let undeployed: unknown;
  const session = await openSession(context).catch((error: unknown) => {
    if (!isCode(error, 'not_deployed')) throw error;
    undeployed = error;
    return undefined;
  });
  const tenant = await session?.registry.findTenant(reference).catch((error: unknown) => {
    if (!isCode(error, 'tenant_not_found')) throw error;
    return undefined;
  });
  if (session && tenant) return explainTenant(context, session.registry, tenant);
  const stack =
    (await stacks.describe(reference)) ??
    (await stacks.describe(withPrefix(context.target.prefix, reference)));
  if (stack) return explainStack(context, stack);
  if (undeployed !== undefined) throw undeployed;
  throw new SaasError('not_found', `neither a tenant nor a stack has the name "${reference}"`, {
    hint: 'see the tenants with: saas-ecs list-tenants',
    exitCode: ExitCode.notFound,
  });
}

async function explainTenant(
  context: Context,
  registry: Registry,
  tenant: TenantRecord,
): Promise<Explanation> {
  const { target } = context;
  const { operation, status, name } = tenant;
  const state = operation && stateOf(operation, context.now());
  const chain = [
    operation && state ? linkOf(operation, state) : await lastOperation(registry, tenant),
  ].filter((link) => link !== undefined);
  let isServed = true;
  if (status !== 'offboarded') {
    const stackName =
      tenant.model === 'pool'
        ? withPrefix(target.prefix, stackNames.pool)
        : tenantStackName(target.prefix, tenant.tenantId);
    const stack = await new Stacks(target.client).describe(stackName);
    const found = stack ? await looked(context, stack) : { links: [], isHealthy: false };
    isServed = found.isHealthy;
    // What was found when it failed tells more than what its rollback left.
    const kept = operation?.failure?.evidence ?? [];
    const isKept = kept.length > 0;
    chain.push(
      ...found.links.filter(({ kind }) => !isKept || kind === 'stack' || kind === 'resource'),
      ...kept,
    );
  }
  const healthy = !operation && isServed && status !== 'failed';
  const again = `then run again: ${resumeOf(context, tenant)}`;
  const cause = healthy ? undefined : causeOfTenant(context, tenant, state, chain);
  return {
    subject: { kind: 'tenant', name, tenantId: tenant.tenantId, status, healthy },
    chain,
    cause: cause ? { code: cause.code, text: cause.text } : null,
    fix: healthy ? [] : [...(cause?.fix ?? adviceOf(operation)), ...(state === 'failed' ? [again] : [])],
  };
}

function causeOfTenant(
  context: Context,
  tenant: TenantRecord,
  state: OperationState | undefined,
  chain: readonly Link[],
): Cause | undefined {
  const { operation, name } = tenant;
  if (operation && state === 'under way')
    return {
      code: 'under_way',
      text: `an operation (${operation.kind}) is under way`,
      fix: [`wait for it, and watch it with: saas-ecs describe-tenant ${name}${environmentFlag(context)}`],
    };
  if (operation && state === 'interrupted')
    return {
      code: 'interrupted',
      text: `the run of ${operation.kind} ended before it was done`,
      fix: [`go on with it: ${resumeOf(context, tenant)}`],
    };
  const { code = '' } = operation?.failure ?? {};
  const known = knownFailure(code);
  // What AWS said to a call tells more by its code than by its text, unless it names what it denied.
  const shown = causeOf(chain);
  if (shown || !known) return shown;
  return { code, text: known.message, fix: [known.hint] };
}

const adviceOf = (operation: Operation | undefined): string[] => {
  const { hint } = operation?.failure ?? {};
  return hint === undefined ? [] : [hint];
};

/** The command that goes on with a tenant's operation. */
function resumeOf(context: Context, { operation, name, tier, adminEmail }: TenantRecord): string {
  const flag = environmentFlag(context);
  switch (operation?.kind) {
    case 'onboard':
      return `saas-ecs onboard --tier ${tier} --name ${name} --email ${adminEmail}${flag}`;
    case 'offboard':
      return `saas-ecs offboard ${name} --confirm ${name}${flag}`;
    default:
      return `the same ${operation?.kind ?? ''} command`.replace('  ', ' ');
  }
}

async function explainStack(context: Context, stack: Stack): Promise<Explanation> {
  const { links, isHealthy } = await looked(context, stack);
  const cause = isHealthy ? undefined : causeOf(links);
  const { StackName: name = '', StackStatus: status = '', Tags = [] } = stack;
  const isBusy = status.endsWith('_IN_PROGRESS');
  const shared = new Set<string>(
    Object.values(stackNames).map((own) => withPrefix(context.target.prefix, own)),
  );
  return {
    subject: {
      kind: 'stack',
      name,
      tenantId: Tags.find(({ Key }) => Key === 'saas-ecs:tenant')?.Value ?? null,
      status,
      healthy: isHealthy,
    },
    chain: links,
    cause: cause ? { code: cause.code, text: cause.text } : null,
    fix: isHealthy
      ? []
      : [
          ...(cause?.fix ?? []),
          ...(isBusy ? ['wait until CloudFormation is done'] : []),
          ...(shared.has(name)
            ? [`then deploy again: saas-ecs deploy-shared${environmentFlag(context)}`]
            : []),
        ],
  };
}

/** A stack, what failed first in it, and its services. */
async function looked(context: Context, stack: Stack): Promise<{ links: Link[]; isHealthy: boolean }> {
  const { client } = context.target;
  const stacks = new Stacks(client);
  const evidence = new ServiceEvidence(client);
  const { StackId: id = '', StackName: name = '', StackStatus: status = '' } = stack;
  const links: Link[] = [
    {
      kind: 'stack',
      name,
      status,
      detail: stack.StackStatusReason ?? null,
      at: isoOf(stack.LastUpdatedTime ?? stack.CreationTime),
    },
  ];
  // A finished update may have left a failure behind it that the stack went back from.
  const isComplete = /^(CREATE|UPDATE|IMPORT)_COMPLETE$/.test(status);
  const failed = isComplete ? undefined : await stacks.firstFailure(id);
  if (failed)
    links.push({
      kind: 'resource',
      name: `${failed.LogicalResourceId} (${failed.ResourceType})`,
      status: failed.ResourceStatus ?? '',
      detail: failed.ResourceStatusReason === undefined ? null : redact(failed.ResourceStatusReason),
      at: isoOf(failed.Timestamp),
    });
  const services = (await stacks.resources(id)).filter(
    ({ ResourceType, ResourceStatus, PhysicalResourceId }) =>
      ResourceType === 'AWS::ECS::Service' &&
      PhysicalResourceId?.startsWith('arn:') &&
      ResourceStatus !== 'DELETE_COMPLETE',
  );
  const found: Link[] = [];
  // A cluster that is gone has no services.
  for (const { PhysicalResourceId: arn = '' } of services)
    found.push(...(await evidence.of(arn).catch(() => [])));
  const isRunning = found.every(({ kind, status: how }) => kind !== 'service' || how === 'healthy');
  return { links: [...links, ...found], isHealthy: isComplete && isRunning };
}

type OperationState = 'failed' | 'under way' | 'interrupted';

function stateOf(operation: Operation, now: Date): OperationState {
  if (operation.failure) return 'failed';
  return standing(operation, now) === 'free' ? 'interrupted' : 'under way';
}

function linkOf(operation: Operation, state: OperationState): Link {
  const { kind, failure, startedAt, done } = operation;
  const { user, host } = operation.process;
  const where = failure
    ? `at the step "${failure.step}": ${redact(failure.reason)}`
    : `after: ${done.join(', ') || 'nothing yet'}`;
  return {
    kind: 'operation',
    name: kind,
    status: state,
    detail: `${where}\nby ${user} on ${host}, since ${startedAt}`,
    at: failure?.at ?? startedAt,
  };
}

async function lastOperation(registry: Registry, { tenantId }: TenantRecord): Promise<Link | undefined> {
  const last = (await registry.operations(tenantId)).at(-1);
  if (!last) return undefined;
  return {
    kind: 'operation',
    name: last.kind,
    status: 'done',
    detail: `by ${last.process.user} on ${last.process.host}`,
    at: last.endedAt,
  };
}
