/** What the load balancers' control plane keeps, and how its parts find each other. */
import { randomBytes } from 'node:crypto';
import type {
  Action,
  Listener,
  LoadBalancer,
  Rule,
  TargetDescription,
  TargetGroup,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { AwsError, arn, type Cloud } from '../../platform.ts';
import type { Collection } from '../../store.ts';

const collections = { loadBalancers: 'elbv2.load-balancers' } as const;

interface Described {
  attributes: Record<string, string>;
  tags: Record<string, string>;
}

export interface LoadBalancerRecord extends Described {
  arn: string;
  name: string;
  description: Omit<LoadBalancer, 'CreatedTime'> & { CreatedTime: string };
}

export interface ListenerRecord extends Described {
  arn: string;
  loadBalancerArn: string;
  port: number;
  description: Listener;
  /** The default rule has an ARN of its own. */
  defaultRuleArn: string;
}

export interface RuleRecord {
  arn: string;
  listenerArn: string;
  loadBalancerArn: string;
  priority: number;
  description: Pick<Rule, 'Conditions' | 'Actions'>;
  tags: Record<string, string>;
}

export interface TargetGroupRecord extends Described {
  arn: string;
  name: string;
  description: TargetGroup;
  /** Targets registered by RegisterTargets; those of ECS are registered anew at each start. */
  targets: TargetDescription[];
}

export interface LoadBalancerState {
  readonly loadBalancers: Collection<LoadBalancerRecord>;
  readonly listeners: Collection<ListenerRecord>;
  readonly rules: Collection<RuleRecord>;
  readonly targetGroups: Collection<TargetGroupRecord>;
  /** Throw AwsError LoadBalancerNotFound, ListenerNotFound, RuleNotFound, TargetGroupNotFound. */
  loadBalancer(arn: string | undefined): LoadBalancerRecord;
  listener(arn: string | undefined): ListenerRecord;
  rule(arn: string | undefined): RuleRecord;
  targetGroup(arn: string | undefined): TargetGroupRecord;
  listenersOf(loadBalancerArn: string): ListenerRecord[];
  /** Without the default rule, by priority. */
  rulesOf(listenerArn: string): RuleRecord[];
  /** Target groups that a load balancer's rules and default actions name. */
  targetGroupsOf(loadBalancerArn: string): Set<string>;
  /** Target group ARN -> ARNs of the load balancers that use it. */
  uses(): Map<string, Set<string>>;
  /** Tells the data plane that listeners, rules or target groups are other than they were. */
  changed(): void;
  onChange(listener: () => void): void;
}

export const targetGroupsOfActions = (actions: readonly Action[] | undefined): string[] =>
  (actions ?? []).flatMap(({ TargetGroupArn, ForwardConfig }) => [
    ...(TargetGroupArn ? [TargetGroupArn] : []),
    ...(ForwardConfig?.TargetGroups ?? []).flatMap((tuple) => tuple.TargetGroupArn ?? []),
  ]);

/** 16 hex digits, as at the end of every ARN here. */
export const newId = (): string => randomBytes(8).toString('hex');

/** `app/<name>/<id>` of a load balancer's ARN. */
export const fullName = (loadBalancerArn: string): string =>
  loadBalancerArn.slice(loadBalancerArn.indexOf(':loadbalancer/') + ':loadbalancer/'.length);

export const elbArn = (cloud: Cloud, resource: string): string =>
  arn(cloud, 'elasticloadbalancing', resource);

export const tagMap = (
  tags: readonly { Key?: string | undefined; Value?: string | undefined }[] | undefined,
) => Object.fromEntries((tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value]));

export function openState(cloud: Cloud): LoadBalancerState {
  const loadBalancers = cloud.store.collection<LoadBalancerRecord>(collections.loadBalancers);
  const listeners = cloud.store.collection<ListenerRecord>('elbv2.listeners');
  const rules = cloud.store.collection<RuleRecord>('elbv2.rules');
  const targetGroups = cloud.store.collection<TargetGroupRecord>('elbv2.target-groups');
  const changes: (() => void)[] = [];
  const find = <T>(collection: Collection<T>, key: string | undefined, code: string, what: string): T => {
    const record = collection.get(key ?? '');
    if (record === undefined) throw new AwsError(code, `One or more ${what} not found`);
    return record;
  };
  const listenersOf = (loadBalancerArn: string): ListenerRecord[] =>
    listeners.values().filter((listener) => listener.loadBalancerArn === loadBalancerArn);
  const uses = (): Map<string, Set<string>> => {
    const found = new Map<string, Set<string>>();
    const use = (actions: readonly Action[] | undefined, loadBalancerArn: string): void => {
      for (const group of targetGroupsOfActions(actions)) {
        const users = found.get(group);
        if (users) users.add(loadBalancerArn);
        else found.set(group, new Set([loadBalancerArn]));
      }
    };
    for (const listener of listeners.values())
      use(listener.description.DefaultActions, listener.loadBalancerArn);
    for (const rule of rules.values()) use(rule.description.Actions, rule.loadBalancerArn);
    return found;
  };
  return {
    loadBalancers,
    listeners,
    rules,
    targetGroups,
    loadBalancer: (key) => find(loadBalancers, key, 'LoadBalancerNotFound', 'load balancers'),
    listener: (key) => find(listeners, key, 'ListenerNotFound', 'listeners'),
    rule: (key) => find(rules, key, 'RuleNotFound', 'rules'),
    targetGroup: (key) => find(targetGroups, key, 'TargetGroupNotFound', 'target groups'),
    listenersOf,
    rulesOf: (listenerArn) =>
      rules
        .values()
        .filter((rule) => rule.listenerArn === listenerArn)
        .sort((a, b) => a.priority - b.priority),
    targetGroupsOf(loadBalancerArn) {
      const actions = [
        ...listenersOf(loadBalancerArn).map((listener) => listener.description.DefaultActions),
        ...rules
          .values()
          .filter((rule) => rule.loadBalancerArn === loadBalancerArn)
          .map((rule) => rule.description.Actions),
      ];
      return new Set(actions.flatMap(targetGroupsOfActions));
    },
    uses,
    changed() {
      for (const listener of changes) listener();
    },
    onChange(listener) {
      changes.push(listener);
    },
  };
}

/** Security groups of a load balancer; none when it does not exist. */
export const securityGroupsOf = (cloud: Pick<Cloud, 'store'>, loadBalancerArn: string): readonly string[] =>
  cloud.store.collection<LoadBalancerRecord>(collections.loadBalancers).get(loadBalancerArn)?.description
    .SecurityGroups ?? [];
