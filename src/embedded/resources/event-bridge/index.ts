/** Amazon EventBridge: buses, rules with patterns and schedules, delivery to their targets. */
import { randomUUID } from 'node:crypto';
import {
  CreateEventBus$,
  type CreateEventBusCommandInput,
  DeleteEventBus$,
  type DeleteEventBusCommandInput,
  DeleteRule$,
  type DeleteRuleCommandInput,
  DescribeEventBus$,
  type DescribeEventBusCommandInput,
  DescribeRule$,
  type DescribeRuleCommandInput,
  DisableRule$,
  type DisableRuleCommandInput,
  EnableRule$,
  type EnableRuleCommandInput,
  ListEventBuses$,
  type ListEventBusesCommandInput,
  ListRuleNamesByTarget$,
  type ListRuleNamesByTargetCommandInput,
  ListRules$,
  type ListRulesCommandInput,
  ListTagsForResource$,
  type ListTagsForResourceCommandInput,
  ListTargetsByRule$,
  type ListTargetsByRuleCommandInput,
  PutEvents$,
  type PutEventsCommandInput,
  PutPermission$,
  type PutPermissionCommandInput,
  PutRule$,
  type PutRuleCommandInput,
  PutTargets$,
  type PutTargetsCommandInput,
  RemovePermission$,
  type RemovePermissionCommandInput,
  RemoveTargets$,
  type RemoveTargetsCommandInput,
  TagResource$,
  type TagResourceCommandInput,
  TestEventPattern$,
  type TestEventPatternCommandInput,
  UntagResource$,
  type UntagResourceCommandInput,
} from '@aws-sdk/client-eventbridge';
import { parseJson } from '../../../model/nesting.ts';
import {
  AwsError,
  type AwsService,
  type Cloud,
  type EventsApi,
  type Operation,
  operation,
} from '../../platform.ts';
import { pageOf } from '../pages.ts';
import { type Tags, tagList, tagsFrom } from '../tags.ts';
import { ApiDestinations } from './api-destinations.ts';
import { statementsOf } from './bus-policy.ts';
import { Connections } from './connections.ts';
import { Delivery } from './delivery.ts';
import { destinationOperations } from './destination-operations.ts';
import { apiDestinationType, connectionType } from './destination-types.ts';
import { compilePattern } from './pattern.ts';
import { putEvents } from './put-events.ts';
import { archiveType, busPolicyType, busType, ruleType } from './resource-types.ts';
import { type BusRecord, defaultBus, type RuleRecord, Rules } from './rules.ts';
import { Scheduler } from './scheduler.ts';

const badToken = 'ValidationException';

export function createEventBridge(cloud: Cloud): AwsService & EventsApi {
  const rules = new Rules(cloud);
  const connections = new Connections(cloud);
  const destinations = new ApiDestinations(cloud, connections);
  const delivery = new Delivery(cloud, rules, destinations);
  const scheduler = new Scheduler(cloud, rules, delivery);

  const nameOf = (schema: unknown): string => (schema as readonly string[])[2] ?? '';
  interface OfRule {
    EventBusName?: string | undefined;
    Name?: string | undefined;
    Rule?: string | undefined;
  }
  const onRule = <Input extends OfRule, Output>(
    schema: unknown,
    handler: (input: Input) => Output,
  ): Operation =>
    operation(schema, handler, {
      access: (input) => [
        {
          action: `events:${nameOf(schema)}`,
          resource: rules.ruleArn({
            bus: rules.busName(input.EventBusName),
            name: input.Name ?? input.Rule ?? '',
          }),
        },
      ],
    });
  const onBus = <Input extends { Name?: string | undefined; EventBusName?: string | undefined }, Output>(
    schema: unknown,
    handler: (input: Input) => Output,
  ): Operation =>
    operation(schema, handler, {
      access: ({ Name, EventBusName }) => [
        { action: `events:${nameOf(schema)}`, resource: rules.busArn(rules.busName(Name ?? EventBusName)) },
      ],
    });
  const onResource = <Input extends { ResourceARN: string | undefined }, Output>(
    schema: unknown,
    handler: (input: Input) => Output,
  ): Operation =>
    operation(schema, handler, {
      access: ({ ResourceARN = '*' }) => [{ action: `events:${nameOf(schema)}`, resource: ResourceARN }],
    });

  const describeBus = (bus: BusRecord) => ({
    Name: bus.name,
    Arn: rules.busArn(bus.name),
    Description: bus.description,
    Policy:
      Object.keys(bus.policy).length > 0
        ? JSON.stringify({ Version: '2012-10-17', Statement: Object.values(bus.policy) })
        : undefined,
    CreationTime: bus.created,
    LastModifiedTime: bus.created,
  });
  const describeRule = (rule: RuleRecord) => ({
    Name: rule.name,
    Arn: rules.ruleArn(rule),
    EventPattern: rule.pattern,
    State: rule.state,
    Description: rule.description,
    ScheduleExpression: rule.schedule,
    RoleArn: rule.roleArn,
    EventBusName: rule.bus,
  });
  /** Reads and changes the tags of a rule or bus by its ARN. */
  const tagsOf = (resource: string | undefined): { tags: Tags; save(tags: Tags): void } => {
    const [, kind, path = ''] = /:(rule|event-bus)\/(.+)$/.exec(resource ?? '') ?? [];
    if (kind === 'event-bus') {
      const bus = rules.bus(path);
      return { tags: bus.tags, save: (tags) => rules.saveBus({ ...bus, tags }) };
    }
    const [name = '', bus = defaultBus] = path.split('/').reverse();
    const rule = rules.get(bus, name);
    return { tags: rule.tags, save: (tags) => rules.save({ ...rule, tags }) };
  };

  const operations: Operation[] = [
    operation(PutEvents$, (input: PutEventsCommandInput) => putEvents(cloud, rules, delivery, input), {
      access: ({ Entries = [] }) =>
        [...new Set(Entries.map(({ EventBusName }) => rules.busName(EventBusName)))].map((bus) => ({
          action: 'events:PutEvents',
          resource: rules.busArn(bus),
        })),
    }),
    operation(TestEventPattern$, (input: TestEventPatternCommandInput) => {
      const test = compilePattern(input.EventPattern ?? '');
      let event: unknown;
      try {
        event = parseJson(input.Event ?? '');
      } catch {
        throw new AwsError('ValidationException', 'Parameter Event is not valid.');
      }
      return { Result: test(event) };
    }),
    onBus(CreateEventBus$, (input: CreateEventBusCommandInput) => {
      const { name } = rules.createBus(input.Name ?? '', {
        description: input.Description,
        tags: tagsFrom(input.Tags),
      });
      return { EventBusArn: rules.busArn(name), Description: input.Description };
    }),
    onBus(DeleteEventBus$, (input: DeleteEventBusCommandInput) => {
      rules.deleteBus(input.Name ?? '');
      return {};
    }),
    onBus(DescribeEventBus$, (input: DescribeEventBusCommandInput) => describeBus(rules.bus(input.Name))),
    operation(ListEventBuses$, (input: ListEventBusesCommandInput) => {
      const buses = rules.allBuses().filter(({ name }) => name.startsWith(input.NamePrefix ?? ''));
      const page = pageOf(buses, ({ name }) => name, input.Limit ?? 100, input.NextToken, badToken);
      return { EventBuses: page.items.map(describeBus), NextToken: page.next };
    }),
    onBus(PutPermission$, (input: PutPermissionCommandInput) => {
      const bus = rules.bus(input.EventBusName);
      const added = input.Policy
        ? statementsOf(input.Policy)
        : [
            {
              Sid: input.StatementId,
              Effect: 'Allow',
              Principal:
                input.Principal === '*'
                  ? '*'
                  : { AWS: `arn:${cloud.partition}:iam::${input.Principal}:root` },
              Action: input.Action,
              Resource: rules.busArn(bus.name),
            },
          ];
      const bySid = Object.fromEntries(
        added.map((statement, index) => [String(statement['Sid'] ?? index), statement]),
      );
      rules.saveBus({ ...bus, policy: input.Policy ? bySid : { ...bus.policy, ...bySid } });
      return {};
    }),
    onBus(RemovePermission$, (input: RemovePermissionCommandInput) => {
      const bus = rules.bus(input.EventBusName);
      const { [input.StatementId ?? '']: removed, ...policy } = bus.policy;
      if (!removed && !input.RemoveAllPermissions) {
        throw new AwsError('ResourceNotFoundException', `Statement ${input.StatementId} does not exist.`);
      }
      rules.saveBus({ ...bus, policy: input.RemoveAllPermissions ? {} : policy });
      return {};
    }),
    onRule(PutRule$, (input: PutRuleCommandInput) => {
      const rule = rules.put({
        bus: rules.busName(input.EventBusName),
        name: input.Name ?? '',
        pattern: input.EventPattern,
        schedule: input.ScheduleExpression,
        state: input.State === 'DISABLED' ? 'DISABLED' : 'ENABLED',
        description: input.Description,
        roleArn: input.RoleArn,
        tags: input.Tags && tagsFrom(input.Tags),
      });
      return { RuleArn: rules.ruleArn(rule) };
    }),
    onRule(DescribeRule$, (input: DescribeRuleCommandInput) => ({
      ...describeRule(rules.get(input.EventBusName, input.Name)),
      CreatedBy: cloud.account,
    })),
    operation(ListRules$, (input: ListRulesCommandInput) => {
      const found = rules
        .of(rules.bus(input.EventBusName).name)
        .filter(({ name }) => name.startsWith(input.NamePrefix ?? ''));
      const page = pageOf(found, ({ name }) => name, input.Limit ?? 100, input.NextToken, badToken);
      return { Rules: page.items.map(describeRule), NextToken: page.next };
    }),
    onRule(EnableRule$, (input: EnableRuleCommandInput) => {
      rules.save({ ...rules.get(input.EventBusName, input.Name), state: 'ENABLED' });
      return {};
    }),
    onRule(DisableRule$, (input: DisableRuleCommandInput) => {
      rules.save({ ...rules.get(input.EventBusName, input.Name), state: 'DISABLED' });
      return {};
    }),
    onRule(DeleteRule$, (input: DeleteRuleCommandInput) => {
      const rule = rules.find(rules.busName(input.EventBusName), input.Name ?? '');
      if (rule && rule.targets.length > 0) {
        throw new AwsError('ValidationException', "Rule can't be deleted since it has targets.");
      }
      if (rule) rules.remove(rule);
      return {};
    }),
    onRule(PutTargets$, (input: PutTargetsCommandInput) => {
      rules.putTargets(rules.get(input.EventBusName, input.Rule), input.Targets ?? []);
      return { FailedEntryCount: 0, FailedEntries: [] };
    }),
    onRule(RemoveTargets$, (input: RemoveTargetsCommandInput) => {
      const rule = rules.get(input.EventBusName, input.Rule);
      rules.save({ ...rule, targets: rule.targets.filter(({ Id = '' }) => !input.Ids?.includes(Id)) });
      return { FailedEntryCount: 0, FailedEntries: [] };
    }),
    onRule(ListTargetsByRule$, (input: ListTargetsByRuleCommandInput) => ({
      Targets: rules.get(input.EventBusName, input.Rule).targets,
    })),
    operation(ListRuleNamesByTarget$, (input: ListRuleNamesByTargetCommandInput) => ({
      RuleNames: rules
        .of(rules.bus(input.EventBusName).name)
        .filter(({ targets }) => targets.some(({ Arn }) => Arn === input.TargetArn))
        .map(({ name }) => name),
    })),
    onResource(TagResource$, (input: TagResourceCommandInput) => {
      const { tags, save } = tagsOf(input.ResourceARN);
      save({ ...tags, ...tagsFrom(input.Tags) });
      return {};
    }),
    onResource(UntagResource$, (input: UntagResourceCommandInput) => {
      const { tags, save } = tagsOf(input.ResourceARN);
      save(Object.fromEntries(Object.entries(tags).filter(([key]) => !input.TagKeys?.includes(key))));
      return {};
    }),
    onResource(ListTagsForResource$, (input: ListTagsForResourceCommandInput) => ({
      Tags: tagList(tagsOf(input.ResourceARN).tags),
    })),
  ];

  return {
    signingName: 'events',
    protocol: 'json-1.1',
    operations: [...operations, ...destinationOperations(cloud, connections, destinations)],
    emit: ({ source, detailType, resources, detail }) =>
      delivery.accept(defaultBus, {
        version: '0',
        id: randomUUID(),
        'detail-type': detailType,
        source,
        account: cloud.account,
        time: new Date(cloud.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'),
        region: cloud.region,
        resources: [...resources],
        detail,
      }),
    resourceTypes: {
      'AWS::Events::Rule': ruleType(rules),
      'AWS::Events::EventBus': busType(rules),
      'AWS::Events::EventBusPolicy': busPolicyType(rules),
      'AWS::Events::Archive': archiveType(cloud),
      'AWS::Events::Connection': connectionType(connections),
      'AWS::Events::ApiDestination': apiDestinationType(destinations),
    },
    start() {
      scheduler.start();
      delivery.resume();
      return Promise.resolve();
    },
    async stop() {
      scheduler.stop();
      await delivery.stop();
    },
  };
}
