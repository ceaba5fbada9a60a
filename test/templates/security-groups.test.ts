/** Who can connect to whom, computed from the security groups of all templates: the paths of the architecture, and no others. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import type { Deployment } from '../../src/model/config.ts';
import {
  builtinServices,
  deployment,
  ownService,
  resources,
  scratch,
  templates,
  tiers,
} from './synthesized.ts';

/** What a security group stands for, by template and the beginning of its logical id. */
const places: readonly (readonly [stack: string, id: string, place: string])[] = [
  ['shared-infra-stack', 'NetworkVpcLink', 'VPC link'],
  ['shared-infra-stack', 'CellLoadBalancer', 'load balancer'],
  ['cell', 'CellLoadBalancer', "a further cell's load balancer"],
  ['tenant-template-basic', 'AppSecurityGroup', 'tasks of the pool'],
  ['tenant-advanced', 'AppSecurityGroup', "tasks of a tenant's in the shared cluster"],
  ['tenant-premium', 'AppSecurityGroup', "tasks of a tenant's in his own cluster"],
  ['tenant-template-advanced', 'CapacitySecurityGroup', 'instances of the shared cluster'],
  ['tenant-premium', 'CapacitySecurityGroup', "instances of a tenant's cluster"],
];

/** Groups that a template is told by a parameter, and whose they are. A silo may be in any cell. */
const parameters: Readonly<Record<string, readonly string[]>> = {
  VpcLinkSecurityGroupId: ['VPC link'],
  PoolLoadBalancerSecurityGroupId: ['load balancer'],
  LoadBalancerSecurityGroupId: ['load balancer', "a further cell's load balancer"],
};

interface Rule {
  direction: 'in' | 'out';
  at: string;
  /** Places, `the VPC`, or `anywhere`. */
  peers: readonly string[];
  protocol: string;
  from: number;
  to: number;
}

const vpc = '10.0.0.0/16';
type Properties = Record<string, unknown>;

function rulesOf(stack: string, template: Template): Rule[] {
  const placeOf = (id: string): string =>
    places.find(([of, prefix]) => of === stack && id.startsWith(prefix))?.[2] ??
    expect.fail(`${stack} has a security group that is nowhere in the architecture: ${id}`);
  const groupsOf = (group: unknown): readonly string[] => {
    const { Ref, 'Fn::GetAtt': attribute } = group as { Ref?: string; 'Fn::GetAtt'?: [string] };
    if (attribute) return [placeOf(attribute[0])];
    return (
      parameters[Ref ?? ''] ?? expect.fail(`${stack} names a security group by ${JSON.stringify(group)}`)
    );
  };
  const rule = (direction: 'in' | 'out', at: string, properties: Properties): Rule => {
    const group = properties[direction === 'in' ? 'SourceSecurityGroupId' : 'DestinationSecurityGroupId'];
    const cidr = properties['CidrIp'];
    const range = cidr === vpc ? ['the VPC'] : cidr === '0.0.0.0/0' ? ['anywhere'] : undefined;
    const peers = group
      ? groupsOf(group)
      : (range ?? expect.fail(`a rule names ${JSON.stringify(properties)}`));
    return {
      direction,
      at,
      peers,
      protocol: String(properties['IpProtocol']),
      from: Number(properties['FromPort'] ?? 0),
      to: Number(properties['ToPort'] ?? 65_535),
    };
  };
  const own = resources(template, 'AWS::EC2::SecurityGroup').flatMap(([id, { Properties }]) => {
    const at = placeOf(id);
    const { SecurityGroupIngress: ingress = [], SecurityGroupEgress: egress } = Properties;
    return [
      ...ingress.map((each: Properties) => rule('in', at, each)),
      // EC2 lets everything out of a group that says nothing of it.
      ...(egress ?? [{ IpProtocol: '-1', CidrIp: '0.0.0.0/0' }]).map((each: Properties) =>
        rule('out', at, each),
      ),
    ];
  });
  const apart = (['in', 'out'] as const).flatMap((direction) =>
    resources(template, `AWS::EC2::SecurityGroup${direction === 'in' ? 'Ingress' : 'Egress'}`).map(
      ([, { Properties }]) => rule(direction, groupsOf(Properties['GroupId'])[0] ?? '', Properties),
    ),
  );
  return [...own, ...apart];
}

const ports = ({ protocol, from, to }: Pick<Rule, 'protocol' | 'from' | 'to'>): string =>
  protocol === '-1' ? 'everything' : `${protocol} ${from === to ? from : `${from}-${to}`}`;

/** A connection needs a way out of where it begins and a way in where it ends. Out of the VPC only the way out is ours. */
function pathsOf(rules: readonly Rule[]): string[] {
  const paths = new Set<string>();
  for (const way of rules.filter(({ direction }) => direction === 'out')) {
    if (way.peers.includes('anywhere')) paths.add(`${way.at} -> anywhere: ${ports(way)}`);
    for (const entry of rules.filter(({ direction }) => direction === 'in')) {
      const open = (peers: readonly string[], other: string): boolean =>
        peers.includes('anywhere') || peers.includes('the VPC') || peers.includes(other);
      if (!open(way.peers, entry.at) || !open(entry.peers, way.at)) continue;
      const both = {
        protocol: entry.protocol,
        from: Math.max(way.from, entry.from),
        to: Math.min(way.to, entry.to),
      };
      if (way.protocol !== '-1' && entry.protocol !== '-1' && way.protocol !== entry.protocol) continue;
      if (both.from <= both.to) paths.add(`${way.at} -> ${entry.at}: ${ports(both)}`);
    }
  }
  return [...paths].sort();
}

async function rulesOfAll(of: Deployment): Promise<Rule[]> {
  const get = await templates(of);
  return [...new Set(places.map(([stack]) => stack))].flatMap((stack) => rulesOf(stack, get(stack)));
}

const advanced = "tasks of a tenant's in the shared cluster";
const premium = "tasks of a tenant's in his own cluster";
const entrance = ['VPC link -> load balancer: tcp 80', "VPC link -> a further cell's load balancer: tcp 80"];
const outbound = [
  ...places.map(([, , place]) => place).filter((place) => /^(tasks|instances)/.test(place)),
].map((place) => `${place} -> anywhere: tcp 443`);
/** From a service to another of the same tenant: only what runs together calls each other. */
const together = (port: number): string[] =>
  ['tasks of the pool', advanced, premium].map((place) => `${place} -> ${place}: tcp ${port}`);
const toSilos = (port: number): string[] =>
  ['load balancer', "a further cell's load balancer"].flatMap((from) =>
    [advanced, premium].map((place) => `${from} -> ${place}: tcp ${port}`),
  );
const toPool = (port: number): string => `load balancer -> tasks of the pool: tcp ${port}`;

const architecture: Readonly<Record<Deployment['routing'], readonly string[]>> = {
  direct: [...entrance, toPool(3010), ...toSilos(3010), ...together(3010), ...outbound],
  proxy: [...entrance, toPool(3010), ...toSilos(8080), ...together(3010), ...outbound],
};

describe.each(Object.entries(architecture))('with %s routing', (routing, expected) => {
  const rules = rulesOfAll(deployment({ routing: routing as Deployment['routing'], tiers: tiers('ec2') }));

  it('there are the paths of the architecture, and no others', async () => {
    expect(pathsOf(await rules)).toEqual([...expected].sort());
  });

  it('nothing is let in by address', async () => {
    const byAddress = (await rules).filter(
      ({ direction, peers }) => direction === 'in' && peers.some((peer) => /^(anywhere|the VPC)$/.test(peer)),
    );
    expect(byAddress).toEqual([]);
  });
});

it("an operator's own service is reached on its port alone, and may call whom it likes", async () => {
  const directory = scratch();
  writeFileSync(path.join(directory, 'Dockerfile'), 'FROM scratch\n');
  const own = ownService(directory);
  const services = [...builtinServices, own];
  const paths = pathsOf(await rulesOfAll(deployment({ services, tiers: tiers('ec2') })));
  const tasks = /^tasks .* -> anywhere/;
  const expected = [
    ...(architecture.direct.filter((each) => !tasks.test(each)) as string[]),
    ...[toPool(own.port), ...toSilos(own.port), ...together(own.port)],
    ...['tasks of the pool', advanced, premium].map((place) => `${place} -> anywhere: everything`),
  ];
  expect(paths).toEqual(expected.sort());
});
