/** AWS::Events: Rule, EventBus and EventBusPolicy; Archive is kept in name only. */
import type { Target } from '@aws-sdk/client-eventbridge';
import { AwsError, arn, type Cloud, type Properties, type ResourceType } from '../../platform.ts';
import { stackTags } from '../tags.ts';
import { compilePattern } from './pattern.ts';
import { defaultBus, type RuleRecord, type Rules } from './rules.ts';
import { parseSchedule } from './schedule.ts';

interface RuleProperties {
  Name?: string;
  EventBusName?: string;
  EventPattern?: unknown;
  ScheduleExpression?: string;
  State?: string;
  Description?: string;
  RoleArn?: string;
  Targets?: Target[];
  Tags?: unknown;
}

const read = (properties: Properties): RuleProperties => properties as unknown as RuleProperties;
const patternOf = (pattern: unknown): string | undefined =>
  pattern === undefined ? undefined : typeof pattern === 'string' ? pattern : JSON.stringify(pattern);

export function ruleType(rules: Rules): ResourceType {
  const state = (rule: RuleRecord) => ({
    physicalId: rule.bus === defaultBus ? rule.name : `${rule.bus}|${rule.name}`,
    attributes: { Arn: rules.ruleArn(rule), RuleName: rule.name },
  });
  const put = (name: string, properties: Properties, tags: Readonly<Record<string, string>>) => {
    const given = read(properties);
    const rule = rules.put({
      bus: rules.busName(given.EventBusName),
      name,
      pattern: patternOf(given.EventPattern),
      schedule: given.ScheduleExpression,
      state: given.State === 'DISABLED' ? 'DISABLED' : 'ENABLED',
      description: given.Description,
      roleArn: given.RoleArn,
      tags: stackTags(tags, given.Tags),
    });
    return state(rules.putTargets({ ...rule, targets: [] }, given.Targets ?? []));
  };
  return {
    replaceOn: ['Name', 'EventBusName'],
    validate(properties) {
      const { EventPattern, ScheduleExpression } = read(properties);
      const pattern = patternOf(EventPattern);
      if (pattern !== undefined) compilePattern(pattern);
      if (ScheduleExpression !== undefined) parseSchedule(ScheduleExpression, 0);
    },
    create(context, properties) {
      const { Name, EventBusName } = read(properties);
      const name = Name ?? context.physicalName(64);
      if (rules.find(rules.busName(EventBusName), name)) {
        throw new AwsError('AlreadyExists', `Rule ${name} already exists.`);
      }
      try {
        return put(name, properties, context.tags);
      } catch (error) {
        // Its targets were refused.
        const rule = rules.find(rules.busName(EventBusName), name);
        if (rule) rules.remove(rule);
        throw error;
      }
    },
    update: (context, id, properties) => put(id.split('|').at(-1) ?? id, properties, context.tags),
    delete(_context, id) {
      const [name = '', bus = defaultBus] = id.split('|').reverse();
      const rule = rules.find(bus, name);
      if (rule) rules.remove(rule);
    },
  };
}

export function busType(rules: Rules): ResourceType {
  const state = (name: string) => ({
    physicalId: name,
    attributes: { Arn: rules.busArn(name), Name: name, Policy: '' },
  });
  return {
    replaceOn: ['Name'],
    create(context, properties) {
      const { name } = rules.createBus(String(properties['Name']), {
        description: properties['Description'] as string | undefined,
        tags: stackTags(context.tags, properties['Tags']),
      });
      return state(name);
    },
    update(context, name, properties) {
      rules.saveBus({
        ...rules.bus(name),
        description: properties['Description'] as string | undefined,
        tags: stackTags(context.tags, properties['Tags']),
      });
      return state(name);
    },
    delete: (_context, name) => rules.deleteBus(name),
  };
}

export function busPolicyType(rules: Rules): ResourceType {
  const put = (properties: Properties) => {
    const bus = rules.bus(properties['EventBusName'] as string | undefined);
    const sid = String(properties['StatementId']);
    const statement = (properties['Statement'] as Record<string, unknown> | undefined) ?? {
      Effect: 'Allow',
      Principal: properties['Principal'],
      Action: properties['Action'],
      Resource: rules.busArn(bus.name),
    };
    rules.saveBus({ ...bus, policy: { ...bus.policy, [sid]: { ...statement, Sid: sid } } });
    return { physicalId: sid };
  };
  return {
    // One account: nobody else asks to put events here.
    presence: 'inert',
    replaceOn: ['EventBusName', 'StatementId'],
    create: (_context, properties) => put(properties),
    update: (_context, _sid, properties) => put(properties),
    delete(_context, sid, properties) {
      const bus = rules.findBus(properties['EventBusName'] as string | undefined);
      if (!bus) return;
      const { [sid]: _removed, ...policy } = bus.policy;
      rules.saveBus({ ...bus, policy });
    },
  };
}

/** Kept by name; does nothing. */
export function archiveType(cloud: Cloud): ResourceType {
  const state = (name: string) => ({
    physicalId: name,
    attributes: { Arn: arn(cloud, 'events', `archive/${name}`) },
  });
  return {
    presence: 'inert',
    replaceOn: ['ArchiveName'],
    create: (context, properties) => state(String(properties['ArchiveName'] ?? context.physicalName(48))),
    update: (_context, name) => state(name),
    delete: () => {},
  };
}
