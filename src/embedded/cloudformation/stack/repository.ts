/** The stacks, their resources, events, change sets and templates, in memory and in the store. */
import { createHash } from 'node:crypto';
import type { Store } from '../../store.ts';
import type { Template } from '../template/model.ts';
import { parseTemplate } from '../template/parse.ts';
import type { ChangeSetRecord, EventRecord, ResourceRecord, StackRecord } from './records.ts';

/** Deleted stacks are kept for reading by id, as on AWS: there for 90 days, here the newest so many. */
const deletedStacksKept = 200;
const parsedTemplatesKept = 32;

export class StackRepository {
  private readonly store: Store;
  private readonly parsed = new Map<string, Promise<Template>>();
  /** The stacks that are not deleted. */
  private readonly idByName = new Map<string, string>();
  private readonly resourcesByStack = new Map<string, Map<string, ResourceRecord>>();
  private readonly eventsByStack = new Map<string, EventRecord[]>();
  private closed = false;

  constructor(store: Store) {
    this.store = store;
    for (const stack of this.stacks.values())
      if (stack.deletedAt === undefined) this.idByName.set(stack.name, stack.id);
    for (const resource of this.resources.values())
      this.resourceMap(resource.stackId).set(resource.logicalId, resource);
    // Keys end in a number of fixed width: sorted, events are in order.
    for (const [key, event] of this.events.entries().sort(([a], [b]) => (a < b ? -1 : 1)))
      this.eventList(key.slice(0, key.lastIndexOf('#'))).push(event);
  }

  private get stacks() {
    return this.store.collection<StackRecord>('cloudformation/stacks');
  }
  private get resources() {
    return this.store.collection<ResourceRecord>('cloudformation/resources');
  }
  private get events() {
    return this.store.collection<EventRecord>('cloudformation/events');
  }
  private get changeSets() {
    return this.store.collection<ChangeSetRecord>('cloudformation/change-sets');
  }
  private get templates() {
    return this.store.collection<string>('cloudformation/templates');
  }

  /** From here on nothing is written: an operation cut off by the end of the process stays as it was. */
  close(): void {
    this.closed = true;
  }

  flushed(): Promise<void> {
    return this.store.flushed();
  }

  /** By id, deleted or not; by name, only while it exists. */
  find(nameOrId: string): StackRecord | undefined {
    return this.stacks.get(nameOrId) ?? this.stacks.get(this.idByName.get(nameOrId) ?? '');
  }

  /** Stacks in order of creation, the deleted ones included. */
  all(): StackRecord[] {
    return this.stacks.values().sort((a, b) => a.createdAt - b.createdAt);
  }

  existing(): StackRecord[] {
    return this.all().filter((stack) => stack.deletedAt === undefined);
  }

  save(stack: StackRecord): void {
    if (this.closed) return;
    this.stacks.put(stack.id, stack);
    if (stack.deletedAt === undefined) this.idByName.set(stack.name, stack.id);
    else if (this.idByName.get(stack.name) === stack.id) {
      this.idByName.delete(stack.name);
      this.forgetOldStacks();
    }
  }

  private forgetOldStacks(): void {
    const deleted = this.all()
      .filter((stack) => stack.deletedAt !== undefined)
      .sort((a, b) => (b.deletedAt ?? 0) - (a.deletedAt ?? 0));
    for (const stack of deleted.slice(deletedStacksKept)) this.forget(stack);
  }

  /** Removes every trace of a stack. */
  forget(stack: StackRecord): void {
    if (this.closed) return;
    for (const resource of this.resourcesOf(stack.id)) this.removeResource(resource);
    this.eventList(stack.id).forEach((_event, index) => {
      this.events.delete(eventKey(stack.id, index));
    });
    this.eventsByStack.delete(stack.id);
    this.resourcesByStack.delete(stack.id);
    for (const changeSet of this.changeSetsOf(stack.id)) this.changeSets.delete(changeSet.id);
    this.stacks.delete(stack.id);
    if (this.idByName.get(stack.name) === stack.id) this.idByName.delete(stack.name);
    this.dropTemplate(stack.template);
  }

  resource(stackId: string, logicalId: string): ResourceRecord | undefined {
    return this.resourcesByStack.get(stackId)?.get(logicalId);
  }

  resourcesOf(stackId: string): ResourceRecord[] {
    return [...(this.resourcesByStack.get(stackId)?.values() ?? [])];
  }

  /** Every stack's resources of one physical id. */
  resourcesByPhysicalId(physicalId: string): ResourceRecord[] {
    return [...this.resourcesByStack.values()].flatMap((map) =>
      [...map.values()].filter((resource) => resource.physicalId === physicalId),
    );
  }

  saveResource(resource: ResourceRecord): void {
    if (this.closed) return;
    this.resourceMap(resource.stackId).set(resource.logicalId, resource);
    this.resources.put(`${resource.stackId}#${resource.logicalId}`, resource);
  }

  removeResource(resource: ResourceRecord): void {
    if (this.closed) return;
    this.resourcesByStack.get(resource.stackId)?.delete(resource.logicalId);
    this.resources.delete(`${resource.stackId}#${resource.logicalId}`);
  }

  /** Oldest first. */
  eventsOf(stackId: string): readonly EventRecord[] {
    return this.eventsByStack.get(stackId) ?? [];
  }

  addEvent(stackId: string, event: EventRecord): void {
    if (this.closed) return;
    const events = this.eventList(stackId);
    this.events.put(eventKey(stackId, events.length), event);
    events.push(event);
  }

  changeSet(id: string): ChangeSetRecord | undefined {
    return this.changeSets.get(id);
  }

  /** Oldest first. */
  changeSetsOf(stackId: string): ChangeSetRecord[] {
    return this.changeSets
      .values()
      .filter((changeSet) => changeSet.stackId === stackId)
      .sort((a, b) => a.createdAt - b.createdAt);
  }

  saveChangeSet(changeSet: ChangeSetRecord): void {
    if (!this.closed) this.changeSets.put(changeSet.id, changeSet);
  }

  removeChangeSet(changeSet: ChangeSetRecord): void {
    if (this.closed) return;
    this.changeSets.delete(changeSet.id);
    this.dropTemplate(changeSet.template);
  }

  /** Keeps a template's text under its digest; tenants of one release share one copy. */
  addTemplate(body: string): string {
    const digest = createHash('sha256').update(body).digest('hex');
    if (!this.closed && !this.templates.has(digest)) this.templates.put(digest, body);
    return digest;
  }

  templateBody(digest: string): string {
    return this.templates.get(digest) ?? '';
  }

  /** The parsed template behind a digest. */
  template(digest: string): Promise<Template> {
    const known = this.parsed.get(digest);
    const parsed = known ?? parseTemplate(this.templateBody(digest));
    this.parsed.delete(digest);
    this.parsed.set(digest, parsed);
    const oldest = this.parsed.keys().next();
    if (this.parsed.size > parsedTemplatesKept && !oldest.done) this.parsed.delete(oldest.value);
    return parsed;
  }

  /** Removes a template's text when nothing refers to it any more. */
  dropTemplate(digest: string): void {
    if (this.closed || digest === '') return;
    const used =
      this.stacks
        .values()
        .some((stack) => stack.template === digest || stack.operation?.previous?.template === digest) ||
      this.changeSets.values().some((changeSet) => changeSet.template === digest);
    if (!used) this.templates.delete(digest);
  }

  private resourceMap(stackId: string): Map<string, ResourceRecord> {
    return entry(this.resourcesByStack, stackId, () => new Map<string, ResourceRecord>());
  }

  private eventList(stackId: string): EventRecord[] {
    return entry(this.eventsByStack, stackId, () => []);
  }
}

const eventKey = (stackId: string, index: number): string => `${stackId}#${String(index).padStart(8, '0')}`;

function entry<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
