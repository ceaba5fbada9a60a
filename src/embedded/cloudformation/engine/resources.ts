/** Drives one resource through its handler: create, update in place, replace, delete; records and events included. */
import type { ResourceStatus } from '@aws-sdk/client-cloudformation';
import type { Properties, ResourceContext, ResourceState } from '../../platform.ts';
import type { Incarnation, ResourceRecord, StackRecord } from '../stack/records.ts';
import type { StackRepository } from '../stack/repository.ts';
import type { ResumableResourceType, TypeRegistry } from '../types/registry.ts';
import { incarnationOf } from './incarnation.ts';
import type { Journal } from './journal.ts';
import { generatedName, randomSuffix } from './names.ts';

/** The process is ending: what is under way stays as recorded and goes on after a restart. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}

/** Longest generated name when the handler names no limit. */
const defaultNameLength = 255;

export interface Wanted {
  type: string;
  properties: Properties;
  needs: string[];
  deletionPolicy: string;
  updateReplacePolicy: string;
  metadata: unknown;
}

export class ResourceDriver {
  private readonly repository: StackRepository;
  private readonly journal: Journal;
  private readonly types: TypeRegistry;
  /** True once the process is ending. */
  readonly stopping: () => boolean;

  constructor(repository: StackRepository, journal: Journal, types: TypeRegistry, stopping: () => boolean) {
    this.repository = repository;
    this.journal = journal;
    this.types = types;
    this.stopping = stopping;
  }

  type(name: string): ResumableResourceType | undefined {
    return this.types.find(name);
  }

  /** A record for a resource that is to be made; nothing is done or stored yet. */
  record(stack: StackRecord, logicalId: string, wanted: Wanted): ResourceRecord {
    return {
      stackId: stack.id,
      logicalId,
      suffix: randomSuffix(),
      status: 'CREATE_IN_PROGRESS',
      at: 0,
      operationId: stack.operation?.id ?? '',
      change: 'created',
      ...wanted,
    };
  }

  /** Makes the physical resource of a record. Says whether that worked. */
  async create(
    stack: StackRecord,
    record: ResourceRecord,
    signal: AbortSignal,
    kind: 'CREATE' | 'UPDATE' = 'CREATE',
    reason?: string,
  ): Promise<boolean> {
    this.journal.resource(stack, record, `${kind}_IN_PROGRESS`, reason);
    return this.attempt(stack, record, signal, kind, async (handler) => {
      handler.validate?.(record.properties);
      // The name that it will get must be known after a crash, or what was made could not be found again.
      await this.repository.flushed();
      return handler.create(this.context(stack, record, signal), record.properties);
    });
  }

  /** Changes the physical resource of a record to the properties that the record now has. */
  async update(
    stack: StackRecord,
    record: ResourceRecord,
    previous: Properties,
    signal: AbortSignal,
    reason?: string,
  ): Promise<boolean> {
    this.journal.resource(stack, record, 'UPDATE_IN_PROGRESS', reason);
    const old = incarnationOf(record);
    const done = await this.attempt(stack, record, signal, 'UPDATE', async (handler) => {
      handler.validate?.(record.properties);
      if (!handler.update || record.physicalId === undefined)
        throw new Error(`${record.type} cannot be updated in place`);
      return handler.update(
        this.context(stack, record, signal),
        record.physicalId,
        record.properties,
        previous,
      );
    });
    // The handler itself may have made a new thing (custom resources do): the old one goes in the cleanup.
    if (done && old.physicalId !== record.physicalId) {
      record.discards = [...(record.discards ?? []), { ...old, properties: previous }];
      this.repository.saveResource(record);
    }
    return done;
  }

  /**
   * Goes on with a creation or replacement that the end of the process cut off, or tries one again that had failed.
   * A half-made resource is deleted, if it can be found, and made again under the same name.
   */
  async resume(stack: StackRecord, record: ResourceRecord, signal: AbortSignal): Promise<boolean> {
    const handler = this.types.find(record.type);
    const kind = record.status.startsWith('UPDATE') ? 'UPDATE' : 'CREATE';
    const interrupted = record.status.endsWith('_IN_PROGRESS');
    if (handler?.resume && interrupted && record.physicalId !== undefined) {
      const { resume } = handler;
      const physicalId = record.physicalId;
      return this.attempt(stack, record, signal, kind, () =>
        resume(this.context(stack, record, signal), physicalId, record.properties, record.properties),
      );
    }
    await this.discardQuietly(stack, record, signal);
    this.journal.resource(stack, record, `${kind}_IN_PROGRESS`);
    return this.attempt(stack, record, signal, kind, async (handler) => {
      try {
        return await handler.create(this.context(stack, record, signal), record.properties);
      } catch (error) {
        const name = interrupted ? this.leftoverName(record) : undefined;
        if (name === undefined || !handler.update || !saysItExists(error)) throw error;
        return handler.update(
          this.context(stack, record, signal),
          name,
          record.properties,
          record.properties,
        );
      }
    });
  }

  /**
   * The name that a template gave a resource whose creation was cut off between being done and being recorded. No
   * other stack's resource has it, so what is there under that name is taken for what this stack had made.
   */
  private leftoverName(record: ResourceRecord): string | undefined {
    const kind = record.type.slice(record.type.lastIndexOf(':') + 1);
    const name = record.properties['Name'] ?? record.properties[`${kind}Name`];
    if (typeof name !== 'string') return undefined;
    const owned = this.repository
      .resourcesByPhysicalId(name)
      .some((other) => other !== record && other.type === record.type);
    return owned ? undefined : name;
  }

  /** Deletes one physical thing. Says whether it is gone. */
  async remove(
    stack: StackRecord,
    record: ResourceRecord,
    incarnation: Incarnation,
    signal: AbortSignal,
  ): Promise<boolean> {
    const seen = { logicalId: record.logicalId, type: incarnation.type, ...physical(incarnation) };
    // The record shows the deletion only when it is the thing the record stands for.
    const show = (status: ResourceStatus, reason?: string): void => {
      if (incarnation === record) this.journal.resource(stack, record, status, reason);
      else this.journal.resourceEvent(stack, seen, status, reason);
    };
    if (incarnation.physicalId === undefined) {
      await this.discardQuietly(stack, record, signal, incarnation);
      if (incarnation === record) show('DELETE_COMPLETE');
      return true;
    }
    show('DELETE_IN_PROGRESS');
    try {
      const handler = this.types.find(incarnation.type);
      if (!handler) throw new Error(`the embedded cloud has no resource type ${incarnation.type}`);
      await handler.delete(
        this.context(stack, record, signal, incarnation),
        incarnation.physicalId,
        incarnation.properties,
      );
      if (this.stopping()) throw new Stopped();
      show('DELETE_COMPLETE');
      return true;
    } catch (error) {
      if (this.stopping()) throw new Stopped();
      show('DELETE_FAILED', reasonOf(error));
      return false;
    }
  }

  /** Leaves a physical thing alone and says so. */
  skip(stack: StackRecord, record: ResourceRecord, incarnation: Incarnation): void {
    this.journal.resourceEvent(
      stack,
      { logicalId: record.logicalId, type: incarnation.type, ...physical(incarnation) },
      'DELETE_SKIPPED',
    );
  }

  private async attempt(
    stack: StackRecord,
    record: ResourceRecord,
    signal: AbortSignal,
    kind: 'CREATE' | 'UPDATE',
    act: (handler: ResumableResourceType) => Promise<ResourceState> | ResourceState,
  ): Promise<boolean> {
    try {
      const handler = this.types.find(record.type);
      if (!handler) throw new Error(`the embedded cloud has no resource type ${record.type}`);
      const state = await act(handler);
      if (this.stopping()) throw new Stopped();
      record.physicalId = state.physicalId;
      record.attributes = state.attributes ?? {};
      this.journal.resource(stack, record, `${kind}_COMPLETE`);
      return true;
    } catch (error) {
      if (this.stopping()) throw new Stopped();
      const cancelled = `Resource ${kind === 'CREATE' ? 'creation' : 'update'} cancelled`;
      this.journal.resource(stack, record, `${kind}_FAILED`, signal.aborted ? cancelled : reasonOf(error));
      return false;
    }
  }

  /** Deletes what a creation without a recorded result may have left, by id or by the names it was given. */
  private async discardQuietly(
    stack: StackRecord,
    record: ResourceRecord,
    signal: AbortSignal,
    incarnation: Incarnation = record,
  ): Promise<void> {
    const handler = this.types.find(incarnation.type);
    const ids = incarnation.physicalId === undefined ? incarnation.generatedNames : [incarnation.physicalId];
    for (const id of ids ?? [])
      try {
        await handler?.delete(this.context(stack, record, signal, incarnation), id, incarnation.properties);
      } catch {
        // There may have been nothing to delete; whether there was shows when the name is taken.
      }
    if (this.stopping()) throw new Stopped();
    delete incarnation.physicalId;
  }

  private context(
    stack: StackRecord,
    record: ResourceRecord,
    signal: AbortSignal,
    incarnation: Incarnation = record,
  ): ResourceContext {
    return {
      stackId: stack.id,
      stackName: stack.name,
      logicalId: record.logicalId,
      tags: Object.fromEntries(stack.tags.map((tag) => [tag.Key ?? '', tag.Value ?? ''])),
      signal,
      express: stack.deploymentConfig?.Mode === 'EXPRESS',
      physicalName: (max = defaultNameLength) => {
        const name = generatedName(stack.name, record.logicalId, incarnation.suffix, max);
        if (!incarnation.generatedNames?.includes(name)) {
          incarnation.generatedNames = [...(incarnation.generatedNames ?? []), name];
          this.repository.saveResource(record);
        }
        return name;
      },
      initiated: (physicalId) => {
        incarnation.physicalId = physicalId;
        if (incarnation === record && record.status.endsWith('_IN_PROGRESS'))
          this.journal.resource(
            stack,
            record,
            record.status,
            record.status === 'CREATE_IN_PROGRESS' ? 'Resource creation Initiated' : undefined,
          );
      },
    };
  }
}

const physical = (incarnation: Incarnation): { physicalId?: string } =>
  incarnation.physicalId === undefined ? {} : { physicalId: incarnation.physicalId };

/** Services word it in as many ways as there are services. */
const saysItExists = (error: unknown): boolean =>
  error instanceof Error &&
  /already ?exist|AlreadyExist|ResourceInUse|Conflict|Duplicate/i.test(
    `${error.message} ${'code' in error ? String(error.code) : ''}`,
  );

/** What an event says of a failure: the message, and AWS's code where there is one. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code: unknown = 'code' in error ? error.code : undefined;
  return typeof code === 'string' && code !== 'ValidationError'
    ? `${error.message} (${code})`
    : error.message;
}
