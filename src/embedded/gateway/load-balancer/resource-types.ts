/** AWS::ElasticLoadBalancingV2::*. The API's inputs have the same member names as CloudFormation's properties. */
import type {
  CreateListenerInput,
  CreateLoadBalancerInput,
  CreateRuleInput,
  CreateTargetGroupInput,
  TargetDescription,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import {
  AwsError,
  type Properties,
  type ResourceContext,
  type ResourceState,
  type ResourceType,
} from '../../platform.ts';
import { type Attribute, loadBalancerDefaults, targetGroupDefaults } from './attributes.ts';
import type { Listeners } from './listeners.ts';
import type { LoadBalancers } from './load-balancers.ts';
import type { Rules } from './rules.ts';
import { fullName, type LoadBalancerState, tagMap } from './state.ts';
import type { Tags } from './tags.ts';
import type { TargetGroups } from './target-groups.ts';

interface Parts {
  state: LoadBalancerState;
  loadBalancers: LoadBalancers;
  listeners: Listeners;
  rules: Rules;
  targetGroups: TargetGroups;
  tags: Tags;
}

type TagList = { Key?: string; Value?: string }[];
const tagsOf = (context: ResourceContext, properties: Properties): Record<string, string> => ({
  ...context.tags,
  ...tagMap(properties['Tags'] as TagList | undefined),
});
const tagList = (tags: Record<string, string>) =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

/** Names can't end in a hyphen, which a name that was cut short may do. */
const nameOf = (context: ResourceContext, properties: Properties): string =>
  (properties['Name'] as string | undefined) ?? context.physicalName(32).replace(/^-+|-+$/g, '');

/** The API hands back what has the same name and settings; a stack must not take over what another made. */
const alreadyExists = (name: string): AwsError => new AwsError('AlreadyExists', `${name} already exists`);

/** Without `Attributes` in the new properties, what the old ones set goes back to the default. */
const attributesOf = (
  value: unknown,
  previous: unknown,
  defaults: Readonly<Record<string, string>>,
): Attribute[] => {
  const given = (value ?? []) as Attribute[];
  const keys = new Set(given.map(({ Key }) => Key));
  const dropped = ((previous ?? []) as Attribute[]).filter(({ Key }) => !keys.has(Key));
  return [...dropped.map(({ Key = '' }) => ({ Key, Value: defaults[Key] ?? '' })), ...given];
};

export function resourceTypes(parts: Parts): Readonly<Record<string, ResourceType>> {
  return {
    'AWS::ElasticLoadBalancingV2::LoadBalancer': loadBalancerType(parts),
    'AWS::ElasticLoadBalancingV2::Listener': listenerType(parts),
    'AWS::ElasticLoadBalancingV2::ListenerRule': ruleType(parts),
    'AWS::ElasticLoadBalancingV2::TargetGroup': targetGroupType(parts),
  };
}

function loadBalancerType({ state, loadBalancers, tags }: Parts): ResourceType {
  const result = (arn: string): ResourceState => {
    const { name, description } = state.loadBalancer(arn);
    return {
      physicalId: arn,
      attributes: {
        LoadBalancerArn: arn,
        LoadBalancerName: name,
        LoadBalancerFullName: fullName(arn),
        DNSName: description.DNSName,
        CanonicalHostedZoneID: description.CanonicalHostedZoneId,
        SecurityGroups: description.SecurityGroups ?? [],
      },
    };
  };
  return {
    replaceOn: ['Name', 'Scheme', 'Type'],
    create(context, properties) {
      const Name = nameOf(context, properties);
      if (state.loadBalancers.values().some(({ name }) => name === Name)) throw alreadyExists(Name);
      const { arn } = loadBalancers.create({
        ...(properties as unknown as CreateLoadBalancerInput),
        Name,
        Tags: tagList(tagsOf(context, properties)),
      });
      context.initiated?.(arn);
      loadBalancers.modifyAttributes(
        state.loadBalancer(arn),
        attributesOf(properties['LoadBalancerAttributes'], undefined, loadBalancerDefaults),
      );
      return result(arn);
    },
    update(context, arn, properties, previous) {
      const input = properties as unknown as CreateLoadBalancerInput;
      const subnets = input.Subnets ?? input.SubnetMappings?.flatMap(({ SubnetId }) => SubnetId ?? []);
      if (subnets) loadBalancers.setSubnets(state.loadBalancer(arn), subnets);
      loadBalancers.setSecurityGroups(state.loadBalancer(arn), input.SecurityGroups ?? []);
      loadBalancers.modifyAttributes(
        state.loadBalancer(arn),
        attributesOf(
          properties['LoadBalancerAttributes'],
          previous['LoadBalancerAttributes'],
          loadBalancerDefaults,
        ),
      );
      tags.set(arn, tagsOf(context, properties));
      return result(arn);
    },
    delete: (_context, arn) => loadBalancers.delete(arn),
  };
}

function listenerType({ state, listeners }: Parts): ResourceType {
  const result = (arn: string): ResourceState => ({ physicalId: arn, attributes: { ListenerArn: arn } });
  return {
    replaceOn: ['LoadBalancerArn'],
    create(context, properties) {
      const input = properties as unknown as CreateListenerInput;
      const { arn } = listeners.create({ ...input, Tags: tagList(context.tags) });
      context.initiated?.(arn);
      const attributes = properties['ListenerAttributes'] as Attribute[] | undefined;
      if (attributes)
        listeners.modifyAttributes(
          state.listener(arn),
          attributes.map(({ Key, Value }) => ({ Key, Value })),
        );
      return result(arn);
    },
    update(_context, arn, properties) {
      listeners.modify({ ...(properties as unknown as CreateListenerInput), ListenerArn: arn });
      const attributes = properties['ListenerAttributes'] as Attribute[] | undefined;
      if (attributes) listeners.modifyAttributes(state.listener(arn), attributes);
      return result(arn);
    },
    delete: (_context, arn) => listeners.delete(arn),
  };
}

function ruleType({ state, rules }: Parts): ResourceType {
  const result = (arn: string): ResourceState => ({
    physicalId: arn,
    attributes: { RuleArn: arn, IsDefault: false },
  });
  return {
    replaceOn: ['ListenerArn'],
    create(context, properties) {
      const input = properties as unknown as CreateRuleInput;
      const { arn } = rules.create({ ...input, Tags: tagList(context.tags) });
      context.initiated?.(arn);
      return result(arn);
    },
    update(_context, arn, properties) {
      const input = properties as unknown as CreateRuleInput;
      if (input.Priority !== undefined && state.rule(arn).priority !== input.Priority)
        rules.setPriorities([{ RuleArn: arn, Priority: input.Priority }]);
      rules.modify({ ...input, RuleArn: arn });
      return result(arn);
    },
    delete: (_context, arn) => rules.delete(arn),
  };
}

function targetGroupType({ state, targetGroups, tags }: Parts): ResourceType {
  const result = (arn: string): ResourceState => {
    const record = state.targetGroup(arn);
    return {
      physicalId: arn,
      attributes: {
        TargetGroupArn: arn,
        TargetGroupName: record.name,
        TargetGroupFullName: arn.slice(arn.indexOf(':targetgroup/') + 1),
        LoadBalancerArns: targetGroups.describe(record).LoadBalancerArns ?? [],
      },
    };
  };
  return {
    replaceOn: ['Name', 'Port', 'Protocol', 'ProtocolVersion', 'TargetType', 'VpcId', 'IpAddressType'],
    create(context, properties) {
      const Name = nameOf(context, properties);
      if (state.targetGroups.values().some(({ name }) => name === Name)) throw alreadyExists(Name);
      const { arn } = targetGroups.create({
        ...(properties as unknown as CreateTargetGroupInput),
        Name,
        Tags: tagList(tagsOf(context, properties)),
      });
      context.initiated?.(arn);
      targetGroups.modifyAttributes(
        state.targetGroup(arn),
        attributesOf(properties['TargetGroupAttributes'], undefined, targetGroupDefaults),
      );
      const targets = properties['Targets'] as TargetDescription[] | undefined;
      if (targets) targetGroups.register(arn, targets);
      return result(arn);
    },
    update(context, arn, properties, previous) {
      const input = properties as unknown as CreateTargetGroupInput;
      targetGroups.modify({
        TargetGroupArn: arn,
        HealthCheckProtocol: input.HealthCheckProtocol,
        HealthCheckPort: input.HealthCheckPort,
        HealthCheckPath: input.HealthCheckPath,
        HealthCheckEnabled: input.HealthCheckEnabled,
        HealthCheckIntervalSeconds: input.HealthCheckIntervalSeconds,
        HealthCheckTimeoutSeconds: input.HealthCheckTimeoutSeconds,
        HealthyThresholdCount: input.HealthyThresholdCount,
        UnhealthyThresholdCount: input.UnhealthyThresholdCount,
        Matcher: input.Matcher,
      });
      targetGroups.modifyAttributes(
        state.targetGroup(arn),
        attributesOf(
          properties['TargetGroupAttributes'],
          previous['TargetGroupAttributes'],
          targetGroupDefaults,
        ),
      );
      const before = (previous['Targets'] ?? []) as TargetDescription[];
      const now = (properties['Targets'] ?? []) as TargetDescription[];
      const has = (list: TargetDescription[], target: TargetDescription): boolean =>
        list.some(({ Id, Port }) => Id === target.Id && Port === target.Port);
      const gone = before.filter((target) => !has(now, target));
      if (gone.length > 0) targetGroups.deregister(arn, gone);
      const added = now.filter((target) => !has(before, target));
      if (added.length > 0) targetGroups.register(arn, added);
      tags.set(arn, tagsOf(context, properties));
      return result(arn);
    },
    delete: (_context, arn) => targetGroups.delete(arn),
  };
}
