/** What a configuration uses of an account, by quota. */
import type { Config } from '../../model/config.ts';
import type { ControlPlaneKind } from '../../model/control-plane.ts';
import type { Tier } from '../../model/tier.ts';
import { slotsPerCell } from '../cells/placement.ts';

/** Numbers of things that AWS limits by account and Region. */
export interface Needs {
  stacks: number;
  roles: number;
  tables: number;
  userPools: number;
  namespaces: number;
  apiKeys: number;
  usagePlans: number;
  restApis: number;
  vpcLinks: number;
  loadBalancers: number;
  /** Target groups of one load balancer: a tenant's are never spread over two. */
  targetGroupsPerCell: number;
  /** vCPUs of Fargate tasks, each service at its minimum. */
  fargateVcpus: number;
}

/** The stacks that all tenants share, and the CDK's own. */
const sharedStacks = 5;
const bootstrapRoles = 5;
/** Of the lifecycle jobs: the job's, the state machines', a rule's each. */
const jobRoles = 4;
const gatekeeperRoles = 1;
/** What the control planes bring; the operators' user pool comes with both. */
const controlPlaneNeeds = {
  builtin: { roles: 1, tables: 0 },
  sbt: { roles: 7, tables: 2 },
} satisfies Record<ControlPlaneKind, object>;

/**
 * Shared infrastructure, plus so many tenants of each tier. The numbers are those of the templates; a test holds them
 * against what is synthesized. Usage plans of tenants with limits of their own are not foreseen.
 */
export function needsOf(
  config: Config,
  tenants: Readonly<Record<string, number>>,
  controlPlane: ControlPlaneKind,
): Needs {
  const { tiers, services, routing } = config;
  const pool = tiers.some(({ model }) => model === 'pool');
  const silos = tiers.filter(({ model }) => model !== 'pool');
  const count = ({ name }: Tier): number => tenants[name] ?? 0;
  const inSilos = silos.reduce((sum, tier) => sum + count(tier), 0);
  const all = tiers.reduce((sum, tier) => sum + count(tier), 0);
  const sumOver = (amount: (tier: Tier) => number): number =>
    silos.reduce((sum, tier) => sum + count(tier) * amount(tier), 0);

  const tables = services.filter(({ table }) => table !== undefined).length;
  const taskRoles = new Set(services.map(({ access }) => access).filter((access) => access !== 'none')).size;
  const taskCpus = services.reduce((sum, { cpu, tasks }) => sum + cpu * tasks.min, 0) / 1024;
  const proxyCpus = routing === 'proxy' ? 0.25 : 0;
  const siloGroups = routing === 'proxy' ? 1 : services.length;
  const poolGroups = pool ? services.length : 0;
  const cells = cellsFor(poolGroups, inSilos, siloGroups);
  const onEc2 = silos.some(({ capacity }) => capacity === 'ec2');

  return {
    stacks: sharedStacks + 1 + inSilos + Math.max(0, cells - 1),
    roles:
      bootstrapRoles +
      4 +
      jobRoles +
      gatekeeperRoles +
      controlPlaneNeeds[controlPlane].roles +
      // Those that CloudFormation takes for tenants' stacks and further cells.
      (silos.length > 0 ? 2 : 0) +
      (onEc2 ? 1 : 0) +
      (pool ? taskRoles + 1 : 0) +
      silos.filter(({ model, capacity }) => model === 'shared-cluster' && capacity === 'ec2').length +
      sumOver(
        ({ model, capacity }) => taskRoles + (model === 'dedicated-cluster' && capacity === 'ec2' ? 1 : 0),
      ),
    // The registry is a table as well.
    tables: 1 + controlPlaneNeeds[controlPlane].tables + (pool ? tables : 0) + inSilos * tables,
    // The operators' is one as well.
    userPools: 1 + (pool ? 1 : 0) + inSilos,
    namespaces: (pool ? 1 : 0) + inSilos,
    apiKeys: all,
    usagePlans: tiers.length,
    restApis: cells,
    vpcLinks: 1,
    loadBalancers: cells,
    targetGroupsPerCell: Math.max(poolGroups, siloGroups),
    fargateVcpus:
      (pool ? taskCpus : 0) + sumOver(({ capacity }) => (capacity === 'fargate' ? taskCpus + proxyCpus : 0)),
  };
}

/** Cells that hold the pool and so many silos, each whole in one. */
function cellsFor(poolGroups: number, silos: number, siloGroups: number): number {
  if (siloGroups > slotsPerCell) return Number.POSITIVE_INFINITY;
  const beside = Math.floor((slotsPerCell - poolGroups) / siloGroups);
  return 1 + Math.ceil(Math.max(0, silos - beside) / Math.floor(slotsPerCell / siloGroups));
}
