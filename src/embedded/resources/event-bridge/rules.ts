/** Event buses, their rules, and the rules' targets. */
import type { Target } from '@aws-sdk/client-eventbridge';
import { AwsError, arn, type Cloud } from '../../platform.ts';
import { compareText } from '../pages.ts';
import type { Tags } from '../tags.ts';
import { compilePattern } from './pattern.ts';
import { parseSchedule } from './schedule.ts';

export interface BusRecord {
  name: string;
  description?: string | undefined;
  /** Statements of its resource policy, by Sid. */
  policy: Record<string, Record<string, unknown>>;
  tags: Tags;
  /** ISO 8601 */
  created: string;
}

export interface RuleRecord {
  bus: string;
  name: string;
  pattern?: string | undefined;
  schedule?: string | undefined;
  state: 'ENABLED' | 'DISABLED';
  description?: string | undefined;
  roleArn?: string | undefined;
  targets: Target[];
  tags: Tags;
  /** Milliseconds; a rate counts from here. */
  since: number;
}

export const defaultBus = 'default';
export const maxBuses = 100;
const maxRules = 300;
const maxTargets = 5;
/** Services that EventBridge reaches by a role of the target's. */
const byRole = /^arn:[^:]+:(states|codebuild):/;

const invalid = (message: string): AwsError => new AwsError('ValidationException', message);
const notFound = (message: string): AwsError => new AwsError('ResourceNotFoundException', message);

export class Rules {
  private readonly cloud: Cloud;
  private readonly patterns = new Map<string, (event: unknown) => boolean>();
  /** Called when a rule was changed. */
  onChange: () => void = () => {};

  constructor(cloud: Cloud) {
    this.cloud = cloud;
  }

  private get buses() {
    return this.cloud.store.collection<BusRecord>('events.buses');
  }

  private get rules() {
    return this.cloud.store.collection<RuleRecord>('events.rules');
  }

  busArn(name: string): string {
    return arn(this.cloud, 'events', `event-bus/${name}`);
  }

  ruleArn({ bus, name }: Pick<RuleRecord, 'bus' | 'name'>): string {
    return arn(this.cloud, 'events', `rule/${bus === defaultBus ? '' : `${bus}/`}${name}`);
  }

  /** Of a bus's name or ARN; none means the default bus. */
  busName(reference: string | undefined): string {
    return (reference ?? defaultBus).split(':event-bus/').at(-1) ?? defaultBus;
  }

  allBuses(): BusRecord[] {
    const buses = this.buses.values();
    if (!this.buses.has(defaultBus)) buses.push(this.bus(undefined));
    return buses.sort((left, right) => compareText(left.name, right.name));
  }

  findBus(reference: string | undefined): BusRecord | undefined {
    const name = this.busName(reference);
    const bus = this.buses.get(name);
    // Every account has it.
    return (
      bus ??
      (name === defaultBus ? { name, policy: {}, tags: {}, created: new Date(0).toISOString() } : undefined)
    );
  }

  /** Throws AwsError ResourceNotFoundException. */
  bus(reference: string | undefined): BusRecord {
    const bus = this.findBus(reference);
    if (!bus) throw notFound(`Event bus ${this.busName(reference)} does not exist.`);
    return bus;
  }

  createBus(name: string, options: Partial<Pick<BusRecord, 'description' | 'tags'>> = {}): BusRecord {
    if (!/^[/.\-_A-Za-z0-9]{1,256}$/.test(name))
      throw invalid(`Event bus name ${JSON.stringify(name)} is not valid.`);
    if (this.findBus(name)) {
      throw new AwsError('ResourceAlreadyExistsException', `Event bus ${name} already exists.`);
    }
    if (this.buses.keys().length >= maxBuses) {
      throw new AwsError('LimitExceededException', `The account has its limit of ${maxBuses} event buses.`);
    }
    return this.saveBus({
      name,
      policy: {},
      tags: {},
      ...options,
      created: new Date(this.cloud.clock.now()).toISOString(),
    });
  }

  saveBus(bus: BusRecord): BusRecord {
    this.buses.put(bus.name, bus);
    return bus;
  }

  /** Succeeds when there is none. Throws AwsError ValidationException while it has rules. */
  deleteBus(reference: string): void {
    const name = this.busName(reference);
    if (name === defaultBus) throw invalid('Cannot delete event bus default.');
    if (this.of(name).length > 0) throw invalid(`Event bus ${name} cannot be deleted since it has rules.`);
    this.buses.delete(name);
  }

  all(): RuleRecord[] {
    return this.rules.values();
  }

  of(bus: string): RuleRecord[] {
    return this.all()
      .filter((rule) => rule.bus === bus)
      .sort((left, right) => compareText(left.name, right.name));
  }

  find(bus: string, name: string): RuleRecord | undefined {
    return this.rules.get(keyOf({ bus, name }));
  }

  /** Throws AwsError ResourceNotFoundException. */
  get(busReference: string | undefined, name: string | undefined): RuleRecord {
    const bus = this.busName(busReference);
    const rule = this.find(bus, name ?? '');
    if (!rule) throw notFound(`Rule ${name} does not exist on EventBus ${bus}.`);
    return rule;
  }

  /** Creates a rule, or replaces all but its targets and tags. */
  put(rule: Omit<RuleRecord, 'targets' | 'since' | 'tags'> & { tags?: Tags | undefined }): RuleRecord {
    const { name } = rule;
    const bus = this.bus(rule.bus).name;
    if (!/^[.\-_A-Za-z0-9]{1,64}$/.test(name))
      throw invalid(`Rule name ${JSON.stringify(name)} is not valid.`);
    if (rule.pattern === undefined && rule.schedule === undefined) {
      throw invalid('Parameter(s) EventPattern or ScheduleExpression must be specified.');
    }
    const now = this.cloud.clock.now();
    if (rule.pattern !== undefined) compilePattern(rule.pattern);
    if (rule.schedule !== undefined) {
      parseSchedule(rule.schedule, now);
      if (bus !== defaultBus) throw invalid('ScheduleExpression is supported only on the default event bus.');
    }
    const known = this.find(bus, name);
    if (!known && this.of(bus).length >= maxRules) {
      throw new AwsError('LimitExceededException', `The event bus has its limit of ${maxRules} rules.`);
    }
    return this.save({
      ...rule,
      bus,
      targets: known?.targets ?? [],
      tags: rule.tags ?? known?.tags ?? {},
      since: known?.schedule === rule.schedule ? (known?.since ?? now) : now,
    });
  }

  save(rule: RuleRecord): RuleRecord {
    this.rules.put(keyOf(rule), rule);
    this.patterns.delete(keyOf(rule));
    this.onChange();
    return rule;
  }

  /** Replaces targets by id. */
  putTargets(rule: RuleRecord, targets: readonly Target[]): RuleRecord {
    const ids = new Set(targets.map(({ Id }) => Id));
    const all = [...rule.targets.filter(({ Id }) => !ids.has(Id)), ...targets];
    if (all.length > maxTargets) {
      throw new AwsError('LimitExceededException', `A rule has at most ${maxTargets} targets.`);
    }
    for (const target of targets) {
      const inputs = [target.Input, target.InputPath, target.InputTransformer].filter(
        (each) => each !== undefined,
      );
      if (inputs.length > 1) {
        throw invalid(
          `Only one of Input, InputPath, or InputTransformer must be provided for target ${target.Id}.`,
        );
      }
      if (!target.Arn?.startsWith('arn:')) {
        throw invalid(`Parameter ${target.Arn} is not valid. Reason: Provided Arn is not in correct format.`);
      }
      if (byRole.test(target.Arn) && !target.RoleArn)
        throw invalid(`RoleArn is required for target ${target.Arn}.`);
    }
    return this.save({ ...rule, targets: all });
  }

  remove(rule: RuleRecord): void {
    this.rules.delete(keyOf(rule));
    this.patterns.delete(keyOf(rule));
    this.onChange();
  }

  /** The enabled rules of a bus that an event is for. */
  matching(bus: string, event: unknown): RuleRecord[] {
    return this.of(bus).filter((rule) => {
      if (rule.state !== 'ENABLED' || rule.pattern === undefined) return false;
      let test = this.patterns.get(keyOf(rule));
      if (!test) {
        test = compilePattern(rule.pattern);
        this.patterns.set(keyOf(rule), test);
      }
      return test(event);
    });
  }
}

const keyOf = ({ bus, name }: Pick<RuleRecord, 'bus' | 'name'>): string => `${bus}|${name}`;
