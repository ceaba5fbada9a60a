/** Ways around the gateway: from a task of the attacker's to load balancers and to other tenants' tasks. */
import { DescribeSecurityGroupsCommand, EC2Client, type IpPermission } from '@aws-sdk/client-ec2';
import { DescribeServicesCommand, ECSClient } from '@aws-sdk/client-ecs';
import {
  DescribeLoadBalancersCommand,
  ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { parameterPath, type SharedParameter, tenantPathHeader } from '../../../model/names.ts';
import type { Attack, Scene, Shot } from '../attack.ts';
import type { Subject } from '../estate.ts';
import { forger } from '../forged-token.ts';
import type { Call } from '../inside/plan.ts';
import { doorsOf } from '../inside/run.ts';
import { addressOf } from '../users.ts';

/** All tasks of a victim that listen for requests, with the path of their service. */
async function doors(scene: Scene, victim: Subject): Promise<{ url: string; path: string; name: string }[]> {
  const { context } = scene.estate;
  const found = await Promise.all(
    context.config.services.map(async (service) =>
      (await doorsOf(context, victim, service)).map((url) => ({
        url,
        path: service.path,
        name: service.name,
      })),
    ),
  );
  return found.flat();
}

/** Requests straight to every task of the victims that has other tenants' services than the attacker's. */
async function knock(
  scene: Scene,
  what: string,
  headers: (victim: Subject) => Promise<Record<string, string>> | Record<string, string>,
  refusedBy: readonly number[] = [401, 403],
): Promise<Call[]> {
  const calls: Call[] = [];
  for (const victim of scene.victims) {
    // In the pool the neighbour's services are the attacker's own as well: they tell tenants apart by token alone.
    if (victim.model === 'pool' && scene.attacker.model === 'pool') continue;
    const sent = await headers(victim);
    for (const { url, path, name } of await doors(scene, victim))
      calls.push({
        sent: `GET a task of ${name} of ${victim.name} directly, ${what}`,
        url: `${url}${path}`,
        headers: { [tenantPathHeader]: victim.tenantPath, ...sent },
        refusedBy,
        never: victim.traces,
      });
  }
  return calls;
}

interface Rule {
  group: string;
  what: string;
  permissions: readonly IpPermission[];
}

/** Rules of a group as text, those of `known` groups by their name. */
const spelled = ({ permissions }: Rule, known: Readonly<Record<string, string>>): string[] =>
  permissions
    .flatMap(
      ({
        IpProtocol,
        FromPort,
        ToPort,
        IpRanges = [],
        Ipv6Ranges = [],
        UserIdGroupPairs = [],
        PrefixListIds = [],
      }) => {
        const ports = FromPort === ToPort ? String(FromPort) : `${FromPort}-${ToPort}`;
        return [
          ...IpRanges.map(({ CidrIp }) => CidrIp),
          ...Ipv6Ranges.map(({ CidrIpv6 }) => CidrIpv6),
          ...UserIdGroupPairs.map(({ GroupId = '' }) => known[GroupId] ?? GroupId),
          ...PrefixListIds.map(({ PrefixListId }) => PrefixListId),
        ].map((peer) => `${IpProtocol} ${ports} from ${peer}`);
      },
    )
    .sort();

/** What a shared stack has written down. */
async function sharedValue(scene: Scene, name: SharedParameter): Promise<string> {
  const { target } = scene.estate.context;
  const Name = parameterPath(target.app, target.environment.name, name);
  const { Parameter } = await new SSMClient(target.client).send(new GetParameterCommand({ Name }));
  return Parameter?.Value ?? '';
}

async function ingressOf(scene: Scene, groups: readonly string[]): Promise<Map<string, IpPermission[]>> {
  const ec2 = new EC2Client(scene.estate.context.target.client);
  const { SecurityGroups = [] } = await ec2.send(
    new DescribeSecurityGroupsCommand({ GroupIds: [...groups] }),
  );
  return new Map(SecurityGroups.map(({ GroupId = '', IpPermissions = [] }) => [GroupId, IpPermissions]));
}

/** Every way in that is not among the expected ones is a path that should not exist. */
function onlyPaths(
  rule: Rule,
  known: Readonly<Record<string, string>>,
  allowed: (path: string) => boolean,
): Shot {
  const paths = spelled(rule, known);
  const strange = paths.filter((path) => !allowed(path));
  return {
    sent: `DescribeSecurityGroups of ${rule.what} (${rule.group})`,
    received:
      strange.length > 0
        ? `it lets in: ${strange.join(', ')}`
        : `it lets in only: ${paths.join(', ') || 'nobody'}`,
    outcome: strange.length > 0 ? 'succeeded' : 'held',
  };
}

export const networkAttacks: readonly Attack[] = [
  {
    name: 'task-direct-without-token',
    tries: "connects from a task of his own to a neighbour's tasks, past gateway and load balancer",
    expects: 'no connection, or 401 from the service',
    control: 'service-token',
    from: 'data',
    async calls(scene) {
      const silos = await knock(scene, 'without a token', () => ({}), [401]);
      if (scene.attacker.model !== 'pool') return silos;
      const own = await doors(scene, scene.neighbour);
      return [
        ...silos,
        ...own.map(({ url, path, name }) => ({
          sent: `GET a task of ${name} directly, without a token`,
          url: `${url}${path}`,
          headers: { [tenantPathHeader]: scene.neighbour.tenantPath },
          refusedBy: [401],
          never: scene.neighbour.traces,
        })),
      ];
    },
  },
  {
    name: 'task-direct-with-own-token',
    tries: "connects to a neighbour's tasks with a genuine token of his own tenant",
    expects: 'no connection, or 401 or 403 from the service',
    control: 'service-token',
    from: 'data',
    models: ['shared-cluster', 'dedicated-cluster'],
    calls: (scene) =>
      knock(scene, 'with a token of his own tenant', () => ({
        authorization: `Bearer ${scene.attacker.user.idToken}`,
      })),
  },
  {
    name: 'task-direct-with-forged-token',
    tries: "connects to a neighbour's tasks with a token that he signed himself in the neighbour's name",
    expects: 'no connection, or 401 from the service',
    control: 'service-token',
    from: 'data',
    async calls(scene) {
      const forged = (victim: Subject) => ({
        authorization: `Bearer ${forger(victim.user.idToken, { sub: 'attacker' }).selfSigned()}`,
      });
      const { neighbour, attacker } = scene;
      const one = scene.victims.find((victim) => victim.model !== 'pool') ?? neighbour;
      const target = attacker.model === 'pool' ? one : neighbour;
      const [door] = await doors(scene, target);
      if (!door) throw new Error(`${target.name} has no task with an address`);
      return [
        {
          sent: `GET a task of ${door.name} of ${target.name} directly, with a forged token`,
          url: `${door.url}${door.path}`,
          headers: forged(target),
          refusedBy: [401],
          never: target.traces,
        },
      ];
    },
  },
  {
    name: 'task-direct-with-strayed-claim',
    tries: "connects to a silo's tasks with a token of that silo's own issuer that names another tenant",
    expects: 'no connection, or 403 from the service',
    control: 'service-tenant',
    from: 'data',
    models: ['shared-cluster', 'dedicated-cluster'],
    writes: true,
    async calls(scene) {
      const { neighbour, attacker, estate } = scene;
      const email = addressOf('strayed', attacker.tenantId);
      const { idToken } = await estate.users.make(neighbour.pool, {
        email,
        tenantId: attacker.tenantId,
        role: 'TenantAdmin',
      });
      const { items } = estate.catalog;
      const found =
        (await doors(scene, neighbour)).find(({ name }) => name === items?.name) ??
        (await doors(scene, neighbour))[0];
      if (!found) throw new Error(`${neighbour.name} has no task with an address`);
      return [
        {
          sent: `GET a task of ${found.name} of ${neighbour.name} directly, as its issuer's user of another tenant`,
          url: `${found.url}${found.path}`,
          headers: { authorization: `Bearer ${idToken}` },
          refusedBy: [401, 403],
          never: neighbour.traces,
        },
      ];
    },
  },
  {
    name: 'load-balancer-direct',
    tries: "connects from a task of his own to the load balancer, with the neighbour's routing header",
    expects: 'no connection',
    control: 'load-balancer-group',
    from: 'data',
    async calls(scene) {
      const { client } = scene.estate.context.target;
      const cells = await scene.estate.session.registry.cells();
      const { LoadBalancers = [] } = await new ElasticLoadBalancingV2Client(client).send(
        new DescribeLoadBalancersCommand({
          LoadBalancerArns: cells.map(({ loadBalancerArn }) => loadBalancerArn),
        }),
      );
      return LoadBalancers.map(({ DNSName }) => ({
        sent: `GET http://${DNSName}/ with tenantPath: ${scene.neighbour.tenantPath}`,
        url: `http://${DNSName}${scene.estate.context.config.services[0]?.path ?? '/'}`,
        headers: { [tenantPathHeader]: scene.neighbour.tenantPath },
        // Whatever answers, there was a way in.
        refusedBy: [],
        never: scene.neighbour.traces,
      }));
    },
  },
  {
    name: 'load-balancer-ways-in',
    tries: 'looks for a rule that lets anybody but the VPC Link connect to a load balancer',
    expects: 'the VPC Link on port 80 is the one way in',
    control: 'load-balancer-group',
    async run(scene) {
      const cells = await scene.estate.session.registry.cells();
      const known = { [await sharedValue(scene, 'vpcLinkSecurityGroupId')]: 'the VPC Link' };
      const groups = await ingressOf(
        scene,
        cells.map((cell) => cell.loadBalancerSecurityGroupId),
      );
      return cells.map(({ name, loadBalancerSecurityGroupId: group }) =>
        onlyPaths(
          { group, what: `the load balancer of ${name}`, permissions: groups.get(group) ?? [] },
          known,
          (path) => path === 'tcp 80 from the VPC Link',
        ),
      );
    },
  },
  {
    name: 'task-ways-in',
    tries:
      "looks for a rule that lets anybody but its load balancer and its own services connect to a tenant's tasks",
    expects: "the load balancer and the tenant's own services are the only ways in",
    control: 'task-group',
    async run(scene) {
      const { context, session } = scene.estate;
      const ecs = new ECSClient(context.target.client);
      const cells = await session.registry.cells();
      const balancers = Object.fromEntries(
        cells.map((cell) => [cell.loadBalancerSecurityGroupId, 'the load balancer']),
      );
      const shots: Shot[] = [];
      for (const subject of [scene.attacker, ...scene.victims]) {
        const { services = [] } = await ecs.send(
          new DescribeServicesCommand({
            cluster: subject.cluster,
            services: Object.values(subject.services).slice(0, 10),
          }),
        );
        const groups = [
          ...new Set(
            services.flatMap(
              ({ networkConfiguration }) => networkConfiguration?.awsvpcConfiguration?.securityGroups ?? [],
            ),
          ),
        ];
        const ingress = await ingressOf(scene, groups);
        for (const group of groups)
          shots.push(
            onlyPaths(
              { group, what: `the tasks of ${subject.name}`, permissions: ingress.get(group) ?? [] },
              { ...balancers, [group]: 'itself' },
              (path) => /^tcp \d+ from (the load balancer|itself)$/.test(path),
            ),
          );
      }
      return shots;
    },
  },
];
