/** Security groups with their rules, from the groups' own properties and from rules that are resources themselves. */
import type { Cloud } from '../../platform.ts';
import { type InertResource, inertOfType } from '../inert/state.ts';

export interface SecurityGroupRule {
  id: string;
  direction: 'ingress' | 'egress';
  /** `tcp`, `udp`, `icmp`, or `-1` for all. */
  protocol: string;
  /** -1 for all. */
  fromPort: number;
  toPort: number;
  cidr?: string;
  groupId?: string;
  description?: string;
}

export interface SecurityGroup {
  groupId: string;
  name: string;
  description: string;
  vpcId: string;
  rules: SecurityGroupRule[];
  tags: Readonly<Record<string, string>>;
}

const allTraffic = { protocol: '-1', fromPort: -1, toPort: -1 } as const;

/** Every security group, each VPC's default one included. */
export function securityGroups(cloud: Pick<Cloud, 'store'>): SecurityGroup[] {
  const groups = inertOfType(cloud.store, 'AWS::EC2::SecurityGroup').map(fromResource);
  for (const vpc of inertOfType(cloud.store, 'AWS::EC2::VPC')) {
    const groupId = String(vpc.attributes['DefaultSecurityGroup']);
    groups.push({
      groupId,
      name: 'default',
      description: 'default VPC security group',
      vpcId: vpc.physicalId,
      rules: [
        { id: `${groupId}-ingress`, direction: 'ingress', ...allTraffic, groupId },
        { id: `${groupId}-egress`, direction: 'egress', ...allTraffic, cidr: '0.0.0.0/0' },
      ],
      tags: {},
    });
  }
  const byId = new Map(groups.map((group) => [group.groupId, group]));
  for (const direction of ['ingress', 'egress'] as const) {
    const type = direction === 'ingress' ? 'AWS::EC2::SecurityGroupIngress' : 'AWS::EC2::SecurityGroupEgress';
    for (const resource of inertOfType(cloud.store, type))
      byId
        .get(String(resource.properties['GroupId']))
        ?.rules.push(rule(direction, resource.physicalId, resource.properties));
  }
  return groups;
}

function fromResource(resource: InertResource): SecurityGroup {
  const { properties, physicalId } = resource;
  const listed = (direction: 'ingress' | 'egress', name: string): SecurityGroupRule[] | undefined => {
    const rules = properties[name];
    return Array.isArray(rules)
      ? (rules as Record<string, unknown>[]).map((entry, index) =>
          rule(direction, `${physicalId}-${direction}-${index}`, entry),
        )
      : undefined;
  };
  return {
    groupId: physicalId,
    name: String(properties['GroupName'] ?? resource.logicalId),
    description: String(properties['GroupDescription']),
    vpcId: String(properties['VpcId'] ?? ''),
    rules: [
      ...(listed('ingress', 'SecurityGroupIngress') ?? []),
      // A group without egress rules of its own lets everything out, as EC2's default is.
      ...(listed('egress', 'SecurityGroupEgress') ?? [
        { id: `${physicalId}-egress`, direction: 'egress' as const, ...allTraffic, cidr: '0.0.0.0/0' },
      ]),
    ],
    tags: resource.tags,
  };
}

function rule(
  direction: 'ingress' | 'egress',
  id: string,
  properties: Readonly<Record<string, unknown>>,
): SecurityGroupRule {
  const text = (name: string): string | undefined =>
    properties[name] === undefined ? undefined : String(properties[name]);
  const result: SecurityGroupRule = {
    id,
    direction,
    protocol: text('IpProtocol') ?? '-1',
    fromPort: Number(properties['FromPort'] ?? -1),
    toPort: Number(properties['ToPort'] ?? -1),
  };
  const cidr = text('CidrIp') ?? text('CidrIpv6');
  const groupId = text('SourceSecurityGroupId') ?? text('DestinationSecurityGroupId');
  const description = text('Description');
  if (cidr !== undefined) result.cidr = cidr;
  if (groupId !== undefined) result.groupId = groupId;
  if (description !== undefined) result.description = description;
  return result;
}

/**
 * Whether a TCP connection is let through: out of one of `from`'s groups and into one of `to`'s, on `port`. A rule
 * for an address range counts when it covers the whole VPC: single addresses mean nothing on this machine.
 */
export function allows(
  cloud: Pick<Cloud, 'store'>,
  from: readonly string[],
  to: readonly string[],
  port: number,
): boolean {
  const groups = securityGroups(cloud);
  const blocks = new Map(
    inertOfType(cloud.store, 'AWS::EC2::VPC').map((vpc) => [
      vpc.physicalId,
      String(vpc.attributes['CidrBlock']),
    ]),
  );
  const admits = (
    ids: readonly string[],
    direction: 'ingress' | 'egress',
    peers: readonly string[],
  ): boolean =>
    groups
      .filter((group) => ids.includes(group.groupId))
      .some((group) =>
        group.rules.some(
          (entry) =>
            entry.direction === direction &&
            (entry.protocol === '-1' || entry.protocol === 'tcp' || entry.protocol === '6') &&
            (entry.protocol === '-1' ||
              entry.fromPort < 0 ||
              (entry.fromPort <= port && port <= entry.toPort)) &&
            ((entry.groupId !== undefined && peers.includes(entry.groupId)) ||
              (entry.cidr !== undefined && covers(entry.cidr, blocks.get(group.vpcId)))),
        ),
      );
  return admits(from, 'egress', to) && admits(to, 'ingress', from);
}

/** Whether an IPv4 block holds all of another. */
function covers(cidr: string, block: string | undefined): boolean {
  const outer = parse(cidr);
  const inner = block === undefined ? undefined : parse(block);
  if (!outer) return false;
  if (!inner) return outer.bits === 0;
  if (outer.bits > inner.bits) return false;
  const size = 2 ** (32 - outer.bits);
  return Math.floor(outer.address / size) === Math.floor(inner.address / size);
}

function parse(cidr: string): { address: number; bits: number } | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(cidr);
  if (!match) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, bits = 0] = match.slice(1).map(Number);
  return { address: ((a * 256 + b) * 256 + c) * 256 + d, bits };
}
