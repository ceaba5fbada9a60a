import type { StackEvent } from '@aws-sdk/client-cloudformation';
import { SaasError } from '../model/error.ts';
import type { ClientOptions } from './environment.ts';
import { causeOf } from './explain/causes.ts';
import { ExplainedError, type Link } from './explain/chain.ts';
import { redact } from './explain/redact.ts';
import { ServiceEvidence } from './explain/service-evidence.ts';

const explained = new Set(['stack_failed', 'deployment_failed']);

type FailureEvent = Pick<
  StackEvent,
  'ResourceType' | 'ResourceStatus' | 'ResourceStatusReason' | 'PhysicalResourceId'
>;

/**
 * Finds out why an ECS service of a stack failed. It must be asked when the event comes: the rollback that follows
 * deletes the tasks and their logs.
 */
export class FailureWatch {
  readonly #evidence: ServiceEvidence;
  readonly #found: Promise<Link[]>[] = [];
  readonly #flags: string;

  /** @param flags what commands that a hint names end with: ` --env prod` */
  constructor(options: ClientOptions, flags = '') {
    this.#evidence = new ServiceEvidence(options);
    this.#flags = flags;
  }

  /** To be given every event of the stack. */
  see(event: FailureEvent): void {
    const { ResourceType, ResourceStatus, PhysicalResourceId = '', ResourceStatusReason = '' } = event;
    if (ResourceType !== 'AWS::ECS::Service' || !ResourceStatus?.endsWith('_FAILED')) return;
    // A neighbour's failure cancels the others: those have no cause of their own.
    if (/cancelled/i.test(ResourceStatusReason) || !PhysicalResourceId.startsWith('arn:')) return;
    this.#found.push(this.#evidence.of(PhysicalResourceId).catch(() => []));
  }

  /** Throws the error again: with the likely cause in its message, and what was found in its detail. */
  async explain(error: unknown): Promise<never> {
    if (!(error instanceof SaasError) || !explained.has(error.code)) throw error;
    const evidence = [
      ...(error instanceof ExplainedError ? error.evidence : []),
      ...(await Promise.all(this.#found)).flat(),
    ];
    // CloudFormation and the toolkit may have put log lines into it.
    const known = redact(error.detail ?? '');
    const [, stack, resource] = /^stack "([^"]+)"(?: failed at (\S+))?/.exec(error.message) ?? [];
    const itself: Link = {
      kind: 'resource',
      name: resource ?? stack ?? '',
      status: 'failed',
      detail: `${error.message}\n${known}`,
      at: null,
    };
    const cause = causeOf([...evidence, itself]);
    throw new ExplainedError(
      error.code,
      cause ? `${error.message}; likely cause: ${cause.text}` : error.message,
      evidence,
      {
        detail: [
          known,
          ...evidence.flatMap(asLines).filter((line) => !known.includes(line.replace(/^\w+: /, ''))),
        ]
          .filter(Boolean)
          .join('\n'),
        hint: [
          ...(cause ? [...cause.fix, 'then run the same command again'] : [error.hint]),
          // A tenant's stack is explained with its tenant.
          ...(stack !== undefined && error.code === 'deployment_failed'
            ? [`all of it: saas-ecs explain ${stack}${this.#flags}`]
            : []),
        ]
          .filter(Boolean)
          .join('; '),
        cause: error,
      },
    );
  }
}

/** A link as an error's detail tells it, each line with its kind before it. */
function asLines({ kind, status, detail }: Link): string[] {
  const lines = (detail ?? '').split('\n').filter(Boolean);
  if (kind === 'log') return lines.map((line) => `log: ${line}`);
  const [first = '', ...rest] = lines;
  return [
    `${kind}: ${status === 'said by ECS' ? '' : `${status}: `}${first}`,
    ...rest.map((line) => `${kind}: ${line}`),
  ];
}
