/** Target groups and the registration of targets. */
import { isIPv4 } from 'node:net';
import {
  CreateTargetGroup$,
  type CreateTargetGroupInput,
  type CreateTargetGroupOutput,
  DeleteTargetGroup$,
  type DeleteTargetGroupInput,
  DeregisterTargets$,
  type DeregisterTargetsInput,
  DescribeTargetGroupAttributes$,
  type DescribeTargetGroupAttributesInput,
  DescribeTargetGroups$,
  type DescribeTargetGroupsInput,
  type DescribeTargetGroupsOutput,
  DescribeTargetHealth$,
  type DescribeTargetHealthInput,
  type DescribeTargetHealthOutput,
  ModifyTargetGroup$,
  ModifyTargetGroupAttributes$,
  type ModifyTargetGroupAttributesInput,
  type ModifyTargetGroupInput,
  type ModifyTargetGroupOutput,
  RegisterTargets$,
  type RegisterTargetsInput,
  type TargetDescription,
  type TargetGroup,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { AwsError, type Cloud, type Operation, operation } from '../../platform.ts';
import { attributeList, mergeAttributes, targetGroupDefaults } from './attributes.ts';
import { checkName } from './load-balancers.ts';
import { pageOf } from './page.ts';
import { quotas, within } from './quotas.ts';
import { elbArn, type LoadBalancerState, newId, type TargetGroupRecord, tagMap } from './state.ts';
import type { Targets } from './targets.ts';

const invalid = (message: string): AwsError => new AwsError('ValidationError', message);

export interface TargetGroups {
  create(input: CreateTargetGroupInput): TargetGroupRecord;
  modify(input: ModifyTargetGroupInput): TargetGroupRecord;
  modifyAttributes(
    record: TargetGroupRecord,
    attributes: NonNullable<ModifyTargetGroupAttributesInput['Attributes']>,
  ): TargetGroupRecord;
  register(arn: string, targets: readonly TargetDescription[]): void;
  deregister(arn: string, targets: readonly TargetDescription[]): void;
  /** Throws AwsError ResourceInUse while a listener or rule names the group. */
  delete(arn: string): void;
  describe(record: TargetGroupRecord): TargetGroup;
  /** Registers again what RegisterTargets had registered. */
  restore(): void;
  readonly operations: readonly Operation[];
}

function between(value: number | undefined, name: string, from: number, to: number): void {
  if (value !== undefined && !(Number.isInteger(value) && value >= from && value <= to))
    throw invalid(`${name} '${value}' must be in the range ${from}-${to}`);
}

function checkHealth(group: TargetGroup): void {
  between(group.HealthCheckIntervalSeconds, 'Health check interval', 5, 300);
  between(group.HealthCheckTimeoutSeconds, 'Health check timeout', 2, 120);
  between(group.HealthyThresholdCount, 'Healthy threshold count', 2, 10);
  between(group.UnhealthyThresholdCount, 'Unhealthy threshold count', 2, 10);
  if ((group.HealthCheckTimeoutSeconds ?? 0) >= (group.HealthCheckIntervalSeconds ?? 300))
    throw invalid(
      `Health check timeout '${group.HealthCheckTimeoutSeconds}' must be smaller than the interval '${group.HealthCheckIntervalSeconds}'`,
    );
  if (!/^\/[^\s?]*(\?\S*)?$/.test(group.HealthCheckPath ?? ''))
    throw invalid(`The health check path '${group.HealthCheckPath}' must begin with '/'`);
  if (!/^[2-4]\d\d(-[2-4]\d\d)?(,[2-4]\d\d(-[2-4]\d\d)?)*$/.test(group.Matcher?.HttpCode ?? ''))
    throw invalid(`Health check matcher HTTP code '${group.Matcher?.HttpCode}' must be within '200-499'`);
}

export function createTargetGroups(cloud: Cloud, state: LoadBalancerState, live: Targets): TargetGroups {
  const put = (record: TargetGroupRecord): TargetGroupRecord => {
    state.targetGroups.put(record.arn, record);
    state.changed();
    return record;
  };
  const describe = (record: TargetGroupRecord): TargetGroup => ({
    ...record.description,
    LoadBalancerArns: [...(state.uses().get(record.arn) ?? [])],
  });
  const idOf = (record: TargetGroupRecord, target: TargetDescription): string =>
    `${target.Id ?? ''}:${target.Port ?? record.description.Port ?? 80}`;

  const connect = (record: TargetGroupRecord, target: TargetDescription): void =>
    live.register(record.arn, {
      id: idOf(record, target),
      host: target.Id ?? '',
      port: target.Port ?? record.description.Port ?? 80,
    });

  const groups: Omit<TargetGroups, 'operations'> = {
    describe,

    create(input) {
      const { Name = '', Protocol, Port, TargetType = 'instance' } = input;
      checkName(Name, 'target group');
      if (TargetType === 'lambda' || TargetType === 'alb')
        throw invalid(`Target groups of type '${TargetType}' are not available in the embedded cloud`);
      if (Protocol !== 'HTTP')
        throw invalid(
          Protocol === undefined
            ? 'A protocol must be specified'
            : `The load balancers of the embedded cloud speak HTTP to their targets, not '${Protocol}'`,
        );
      if (Port === undefined) throw invalid('A port must be specified');
      between(Port, 'Port', 1, 65_535);
      if (!input.VpcId) throw invalid('A VPC ID must be specified');
      const description: TargetGroup = {
        TargetGroupName: Name,
        Protocol,
        Port,
        VpcId: input.VpcId,
        HealthCheckProtocol: input.HealthCheckProtocol ?? 'HTTP',
        HealthCheckPort: input.HealthCheckPort ?? 'traffic-port',
        HealthCheckEnabled: input.HealthCheckEnabled ?? true,
        HealthCheckIntervalSeconds: input.HealthCheckIntervalSeconds ?? 30,
        HealthCheckTimeoutSeconds: input.HealthCheckTimeoutSeconds ?? 5,
        HealthyThresholdCount: input.HealthyThresholdCount ?? 5,
        UnhealthyThresholdCount: input.UnhealthyThresholdCount ?? 2,
        HealthCheckPath: input.HealthCheckPath ?? '/',
        Matcher: input.Matcher ?? { HttpCode: '200' },
        TargetType,
        ProtocolVersion: input.ProtocolVersion ?? 'HTTP1',
        IpAddressType: input.IpAddressType ?? 'ipv4',
      };
      checkHealth(description);
      const existing = state.targetGroups.values().find(({ name }) => name === Name);
      if (existing) {
        const { TargetGroupArn: _arn, ...settings } = existing.description;
        if (JSON.stringify(settings) === JSON.stringify(description)) return existing;
        throw new AwsError(
          'DuplicateTargetGroupName',
          `A target group with the same name '${Name}' exists, but with different settings`,
        );
      }
      within(
        state.targetGroups.keys().length + 1,
        quotas.targetGroups,
        'TooManyTargetGroups',
        `The maximum number of target groups has been reached: ${quotas.targetGroups}`,
      );
      const arn = elbArn(cloud, `targetgroup/${Name}/${newId()}`);
      return put({
        arn,
        name: Name,
        attributes: { ...targetGroupDefaults },
        tags: tagMap(input.Tags),
        targets: [],
        description: { TargetGroupArn: arn, ...description },
      });
    },

    modify(input) {
      const record = state.targetGroup(input.TargetGroupArn);
      const { TargetGroupArn: _arn, ...given } = input;
      const changes = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
      const description: TargetGroup = { ...record.description, ...changes };
      checkHealth(description);
      return put({ ...record, description });
    },

    modifyAttributes: (record, attributes) =>
      put({ ...record, attributes: mergeAttributes(record.attributes, attributes, targetGroupDefaults) }),

    register(arn, targets) {
      const record = state.targetGroup(arn);
      for (const { Id = '' } of targets)
        if (!isIPv4(Id) || !Id.startsWith('127.'))
          throw new AwsError(
            'InvalidTarget',
            `The target '${Id}' is not valid: targets of the embedded cloud are addresses in 127.0.0.0/8`,
          );
      const known = new Set(record.targets.map((target) => idOf(record, target)));
      const added = targets.filter((target) => !known.has(idOf(record, target)));
      put({ ...record, targets: [...record.targets, ...added] });
      for (const target of added) connect(record, target);
    },

    deregister(arn, targets) {
      const record = state.targetGroup(arn);
      const meant = (id: string): boolean =>
        targets.some(({ Id = '', Port }) =>
          Port === undefined ? id === Id || id.startsWith(`${Id}:`) : id === `${Id}:${Port}`,
        );
      put({ ...record, targets: record.targets.filter((target) => !meant(idOf(record, target))) });
      for (const id of live.ids(arn)) {
        // As on AWS the call returns at once, and the target drains on.
        if (meant(id))
          live.deregister(arn, id).catch((error: unknown) => cloud.log(`elbv2: ${String(error)}`));
      }
    },

    delete(arn) {
      if (!state.targetGroups.has(arn)) return;
      if (state.uses().has(arn))
        throw new AwsError(
          'ResourceInUse',
          `Target group '${arn}' is currently in use by a listener or a rule`,
        );
      state.targetGroups.delete(arn);
      state.changed();
    },

    restore() {
      for (const record of state.targetGroups.values())
        for (const target of record.targets) connect(record, target);
    },
  };

  const describeAll = (input: DescribeTargetGroupsInput): DescribeTargetGroupsOutput => {
    let found: TargetGroupRecord[];
    if (input.TargetGroupArns) found = input.TargetGroupArns.map((arn) => state.targetGroup(arn));
    else if (input.LoadBalancerArn) {
      const used = state.targetGroupsOf(state.loadBalancer(input.LoadBalancerArn).arn);
      found = state.targetGroups.values().filter(({ arn }) => used.has(arn));
    } else {
      found = state.targetGroups.values().filter(({ name }) => !input.Names || input.Names.includes(name));
      if (input.Names && found.length < input.Names.length)
        throw new AwsError('TargetGroupNotFound', 'One or more target groups not found');
    }
    const page = pageOf(found, input, 400);
    const uses = state.uses();
    return {
      TargetGroups: page.items.map(({ arn, description }) => ({
        ...description,
        LoadBalancerArns: [...(uses.get(arn) ?? [])],
      })),
      NextMarker: page.next,
    };
  };

  const health = (input: DescribeTargetHealthInput): DescribeTargetHealthOutput => {
    const group = state.targetGroup(input.TargetGroupArn);
    const all = live.describe(group.arn);
    if (!input.Targets) return { TargetHealthDescriptions: all };
    return {
      TargetHealthDescriptions: input.Targets.map(
        (wanted) =>
          all.find(
            ({ Target }) =>
              Target?.Id === wanted.Id && (wanted.Port === undefined || Target?.Port === wanted.Port),
          ) ?? {
            Target: wanted,
            TargetHealth: {
              State: 'unused',
              Reason: 'Target.NotRegistered',
              Description: 'Target is not registered to the target group',
            },
          },
      ),
    };
  };

  return {
    ...groups,
    operations: [
      operation(
        CreateTargetGroup$,
        (input: CreateTargetGroupInput): CreateTargetGroupOutput => ({
          TargetGroups: [describe(groups.create(input))],
        }),
      ),
      operation(DescribeTargetGroups$, describeAll),
      operation(
        ModifyTargetGroup$,
        (input: ModifyTargetGroupInput): ModifyTargetGroupOutput => ({
          TargetGroups: [describe(groups.modify(input))],
        }),
      ),
      operation(DeleteTargetGroup$, (input: DeleteTargetGroupInput) => {
        groups.delete(input.TargetGroupArn ?? '');
        return {};
      }),
      operation(DescribeTargetGroupAttributes$, (input: DescribeTargetGroupAttributesInput) => ({
        Attributes: attributeList(state.targetGroup(input.TargetGroupArn).attributes),
      })),
      operation(ModifyTargetGroupAttributes$, (input: ModifyTargetGroupAttributesInput) => ({
        Attributes: attributeList(
          groups.modifyAttributes(state.targetGroup(input.TargetGroupArn), input.Attributes ?? []).attributes,
        ),
      })),
      operation(RegisterTargets$, (input: RegisterTargetsInput) => {
        groups.register(input.TargetGroupArn ?? '', input.Targets ?? []);
        return {};
      }),
      operation(DeregisterTargets$, (input: DeregisterTargetsInput) => {
        groups.deregister(input.TargetGroupArn ?? '', input.Targets ?? []);
        return {};
      }),
      operation(DescribeTargetHealth$, health),
    ],
  };
}
