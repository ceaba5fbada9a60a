/** Every change of a stack's or resource's status goes through here: the record, its event, and the store. */
import { randomUUID } from 'node:crypto';
import type { ResourceStatus, StackStatus } from '@aws-sdk/client-cloudformation';
import type { Clock } from '../../platform.ts';
import type { EventRecord, ResourceRecord, StackRecord } from '../stack/records.ts';
import type { StackRepository } from '../stack/repository.ts';

export class Journal {
  private readonly repository: StackRepository;
  private readonly clock: Clock;

  constructor(repository: StackRepository, clock: Clock) {
    this.repository = repository;
    this.clock = clock;
  }

  stack(stack: StackRecord, status: StackStatus, reason?: string): void {
    stack.status = status;
    if (reason === undefined) delete stack.reason;
    else stack.reason = reason;
    this.repository.save(stack);
    this.event(stack, {
      logicalId: stack.name,
      physicalId: stack.id,
      type: 'AWS::CloudFormation::Stack',
      status,
      ...(reason === undefined ? {} : { reason }),
    });
  }

  resource(stack: StackRecord, resource: ResourceRecord, status: ResourceStatus, reason?: string): void {
    resource.status = status;
    resource.at = this.clock.now();
    if (reason === undefined) delete resource.reason;
    else resource.reason = reason;
    this.repository.saveResource(resource);
    this.resourceEvent(stack, resource, status, reason);
  }

  /** An event about a physical thing that the resource's record no longer, or not yet, stands for. */
  resourceEvent(
    stack: StackRecord,
    resource: Pick<ResourceRecord, 'logicalId' | 'type' | 'physicalId'>,
    status: ResourceStatus,
    reason?: string,
  ): void {
    this.event(stack, {
      logicalId: resource.logicalId,
      ...(resource.physicalId === undefined ? {} : { physicalId: resource.physicalId }),
      type: resource.type,
      status,
      ...(reason === undefined ? {} : { reason }),
    });
  }

  private event(stack: StackRecord, event: Omit<EventRecord, 'id' | 'at' | 'operationId' | 'token'>): void {
    const operation = stack.operation;
    // Watchers sort by time: no two events of a stack have the same.
    const last = this.repository.eventsOf(stack.id).at(-1)?.at ?? 0;
    this.repository.addEvent(stack.id, {
      id: randomUUID(),
      at: Math.max(this.clock.now(), last + 1),
      ...(operation ? { operationId: operation.id } : {}),
      ...(operation?.token === undefined ? {} : { token: operation.token }),
      ...event,
    });
  }
}
