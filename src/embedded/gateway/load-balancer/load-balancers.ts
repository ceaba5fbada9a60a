/** Load balancers: create, describe, change, delete. */
import {
  CreateLoadBalancer$,
  type CreateLoadBalancerInput,
  type CreateLoadBalancerOutput,
  DeleteLoadBalancer$,
  type DeleteLoadBalancerInput,
  DescribeAccountLimits$,
  DescribeLoadBalancerAttributes$,
  type DescribeLoadBalancerAttributesInput,
  type DescribeLoadBalancerAttributesOutput,
  DescribeLoadBalancers$,
  type DescribeLoadBalancersInput,
  ModifyLoadBalancerAttributes$,
  type ModifyLoadBalancerAttributesInput,
  SetSecurityGroups$,
  type SetSecurityGroupsInput,
  type SetSecurityGroupsOutput,
  SetSubnets$,
  type SetSubnetsInput,
  type SetSubnetsOutput,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { AwsError, type Cloud, type Operation, operation } from '../../platform.ts';
import { attributeList, loadBalancerDefaults, mergeAttributes } from './attributes.ts';
import { pageOf } from './page.ts';
import { accountLimits, quotas, within } from './quotas.ts';
import { elbArn, type LoadBalancerRecord, type LoadBalancerState, newId, tagMap } from './state.ts';
import { placement } from './subnets.ts';

const invalid = (message: string): AwsError => new AwsError('ValidationError', message);

export interface LoadBalancers {
  create(input: CreateLoadBalancerInput): LoadBalancerRecord;
  setSecurityGroups(record: LoadBalancerRecord, groups: string[]): void;
  setSubnets(record: LoadBalancerRecord, subnets: string[]): void;
  modifyAttributes(
    record: LoadBalancerRecord,
    attributes: NonNullable<ModifyLoadBalancerAttributesInput['Attributes']>,
  ): void;
  delete(arn: string): void;
  readonly operations: readonly Operation[];
}

export function checkName(name: string, what: string): void {
  if (!/^[A-Za-z0-9-]{1,32}$/.test(name) || name.startsWith('-') || name.endsWith('-'))
    throw invalid(
      `The ${what} name '${name}' must have at most 32 alphanumeric characters or hyphens, and must not begin or end with a hyphen`,
    );
}

const subnetsOf = (input: Pick<CreateLoadBalancerInput, 'Subnets' | 'SubnetMappings'>): string[] =>
  input.Subnets ?? (input.SubnetMappings ?? []).flatMap(({ SubnetId }) => SubnetId ?? []);

export function createLoadBalancers(cloud: Cloud, state: LoadBalancerState): LoadBalancers {
  const put = (record: LoadBalancerRecord): void => {
    state.loadBalancers.put(record.arn, record);
    state.changed();
  };
  const same = (record: LoadBalancerRecord, input: CreateLoadBalancerInput): boolean =>
    record.description.Scheme === (input.Scheme ?? 'internet-facing') &&
    JSON.stringify(record.description.AvailabilityZones?.map(({ SubnetId }) => SubnetId)) ===
      JSON.stringify(subnetsOf(input)) &&
    JSON.stringify(record.description.SecurityGroups) === JSON.stringify(input.SecurityGroups ?? []);

  const loadBalancers: Omit<LoadBalancers, 'operations'> = {
    create(input) {
      const { Name = '', Type = 'application', Scheme = 'internet-facing' } = input;
      checkName(Name, 'load balancer');
      if (Name.startsWith('internal-')) throw invalid(`The name '${Name}' must not begin with 'internal-'`);
      if (Type !== 'application')
        throw invalid(`Load balancers of type '${Type}' are not available in the embedded cloud`);
      if (Scheme !== 'internal' && Scheme !== 'internet-facing')
        throw new AwsError('InvalidScheme', `The scheme '${String(Scheme)}' is not valid`);
      const existing = state.loadBalancers.values().find(({ name }) => name === Name);
      if (existing) {
        if (same(existing, input)) return existing;
        throw new AwsError(
          'DuplicateLoadBalancerName',
          `A load balancer with the same name '${Name}' exists, but with different settings`,
        );
      }
      const { zones, vpcId } = placement(cloud, subnetsOf(input));
      within(
        state.loadBalancers.keys().length + 1,
        quotas.loadBalancers,
        'TooManyLoadBalancers',
        `The maximum number of load balancers has been reached: ${quotas.loadBalancers}`,
      );
      const id = newId();
      const arn = elbArn(cloud, `loadbalancer/app/${Name}/${id}`);
      const record: LoadBalancerRecord = {
        arn,
        name: Name,
        attributes: { ...loadBalancerDefaults },
        tags: tagMap(input.Tags),
        description: {
          LoadBalancerArn: arn,
          LoadBalancerName: Name,
          DNSName: `${Scheme === 'internal' ? 'internal-' : ''}${Name}-${Number.parseInt(id.slice(0, 7), 16)}.${cloud.region}.elb.amazonaws.com`,
          CanonicalHostedZoneId: 'Z35SXDOTRQ7X7K',
          CreatedTime: new Date(cloud.clock.now()).toISOString(),
          Scheme,
          State: { Code: 'active' },
          Type: 'application',
          AvailabilityZones: zones,
          ...(vpcId !== undefined && { VpcId: vpcId }),
          SecurityGroups: input.SecurityGroups ?? [],
          IpAddressType: input.IpAddressType ?? 'ipv4',
        },
      };
      put(record);
      return record;
    },

    setSecurityGroups(record, groups) {
      put({ ...record, description: { ...record.description, SecurityGroups: groups } });
    },

    setSubnets(record, subnets) {
      const { zones } = placement(cloud, subnets);
      put({ ...record, description: { ...record.description, AvailabilityZones: zones } });
    },

    modifyAttributes(record, attributes) {
      put({ ...record, attributes: mergeAttributes(record.attributes, attributes, loadBalancerDefaults) });
    },

    delete(arn) {
      const record = state.loadBalancers.get(arn);
      if (!record) return;
      if (record.attributes['deletion_protection.enabled'] === 'true')
        throw new AwsError(
          'OperationNotPermitted',
          `Load balancer '${arn}' cannot be deleted because deletion protection is enabled`,
        );
      for (const listener of state.listenersOf(arn)) {
        for (const rule of state.rulesOf(listener.arn)) state.rules.delete(rule.arn);
        state.listeners.delete(listener.arn);
      }
      state.loadBalancers.delete(arn);
      state.changed();
    },
  };

  const describe = (input: DescribeLoadBalancersInput) => {
    const found = input.LoadBalancerArns
      ? input.LoadBalancerArns.map((arn) => state.loadBalancer(arn))
      : state.loadBalancers.values().filter(({ name }) => !input.Names || input.Names.includes(name));
    if (input.Names && found.length < input.Names.length)
      throw new AwsError('LoadBalancerNotFound', 'One or more load balancers not found');
    const page = pageOf(found, input, 400);
    return { LoadBalancers: page.items.map(({ description }) => description), NextMarker: page.next };
  };

  return {
    ...loadBalancers,
    operations: [
      operation(CreateLoadBalancer$, (input: CreateLoadBalancerInput) => ({
        LoadBalancers: [
          loadBalancers.create(input).description as unknown as NonNullable<
            CreateLoadBalancerOutput['LoadBalancers']
          >[number],
        ],
      })),
      operation(DescribeLoadBalancers$, describe),
      operation(DeleteLoadBalancer$, (input: DeleteLoadBalancerInput) => {
        loadBalancers.delete(input.LoadBalancerArn ?? '');
        return {};
      }),
      operation(
        DescribeLoadBalancerAttributes$,
        (input: DescribeLoadBalancerAttributesInput): DescribeLoadBalancerAttributesOutput => ({
          Attributes: attributeList(state.loadBalancer(input.LoadBalancerArn).attributes),
        }),
      ),
      operation(ModifyLoadBalancerAttributes$, (input: ModifyLoadBalancerAttributesInput) => {
        loadBalancers.modifyAttributes(state.loadBalancer(input.LoadBalancerArn), input.Attributes ?? []);
        return { Attributes: attributeList(state.loadBalancer(input.LoadBalancerArn).attributes) };
      }),
      operation(SetSecurityGroups$, (input: SetSecurityGroupsInput): SetSecurityGroupsOutput => {
        const groups = input.SecurityGroups ?? [];
        loadBalancers.setSecurityGroups(state.loadBalancer(input.LoadBalancerArn), groups);
        return { SecurityGroupIds: groups };
      }),
      operation(SetSubnets$, (input: SetSubnetsInput): SetSubnetsOutput => {
        loadBalancers.setSubnets(state.loadBalancer(input.LoadBalancerArn), subnetsOf(input));
        return { AvailabilityZones: state.loadBalancer(input.LoadBalancerArn).description.AvailabilityZones };
      }),
      operation(DescribeAccountLimits$, () => ({ Limits: accountLimits })),
    ],
  };
}
