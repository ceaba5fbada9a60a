import { CfnSecurityGroup, CfnSecurityGroupEgress, CfnSecurityGroupIngress } from 'aws-cdk-lib/aws-ec2';
import { CfnLogGroup } from 'aws-cdk-lib/aws-logs';
import { CfnHttpNamespace } from 'aws-cdk-lib/aws-servicediscovery';
import { Aws, type CfnResource } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { Deployment } from '../../model/config.ts';
import { pascal, serviceEnvironment } from '../../model/names.ts';
import type { Service } from '../../model/service.ts';
import { nginxPort } from '../images/rproxy/nginx-config.ts';
import { logRetentionDays } from '../shared-stack.ts';
import { toAws } from './outbound.ts';
import { proxyName, proxyTask } from './proxy.ts';
import { ServiceTask, serviceHost, type TaskPlace } from './service-task.ts';
import { Tables } from './tables.ts';
import { TaskRoles } from './task-roles.ts';
import { TenantUserPool, type TenantUserPoolProps } from './user-pool.ts';

export interface TenantServicesProps {
  users: TenantUserPoolProps;
  services: readonly Service[];
  routing: Deployment['routing'];
  /** Value of the header `tenantPath`. */
  tenantPath: string;
  /** Of a silo; absent in the pool. */
  tenantId?: string;
  tierName?: string;
  clusterName: string;
  capacityProvider?: string;
  vpcId: string;
  subnetIds: string[];
  executionRoleArn: string;
  /** Of a silo: the permissions boundary of its roles. */
  boundaryArn?: string;
  /** KMS key that tables and logs are under, if not AWS's. */
  keyArn?: string;
  listenerArn: string;
  loadBalancerSecurityGroupId: string;
  /** Image URI of a service or of `proxy`. */
  imageOf(name: string): string;
  /** Listener rule priority of a service (direct routing) or of `proxy`. */
  priorityOf(name: string): number;
}

const isBuiltin = (service: Service, image: string): boolean => service.image === `builtin:${image}`;
const isOwn = (service: Service): boolean => !service.image.startsWith('builtin:');

/** The application of one silo tenant, or of all tenants of the pool: users, tables, roles and the running services. */
export class TenantServices extends Construct {
  readonly users: TenantUserPool;
  readonly tables: Tables;
  // A scope of their own: a service may be called like something else that is here.
  readonly #running: Construct;
  readonly #tasks = new Map<string, ServiceTask>();

  constructor(scope: Construct, id: string, props: TenantServicesProps) {
    super(scope, id);
    const { services } = props;
    this.users = new TenantUserPool(this, 'Users', props.users);
    this.tables = new Tables(this, 'Tables', services, props.keyArn);
    const roles = new TaskRoles(this, 'Roles', {
      services,
      tableArns: this.tables.arns,
      userPoolArn: this.users.userPoolArn,
      shared: props.tenantId === undefined,
      ...(props.keyArn !== undefined && { keyArn: props.keyArn }),
      ...(props.boundaryArn !== undefined && { boundaryArn: props.boundaryArn }),
    });
    this.#running = new Construct(this, 'Services');
    const place = this.place(props);
    for (const service of services) this.#tasks.set(service.name, this.task(props, place, service, roles));
    if (props.routing === 'proxy') {
      const proxy = proxyTask(this.#running, place, props.imageOf(proxyName), props.priorityOf(proxyName));
      for (const task of this.#tasks.values()) proxy.startAfter(task);
    }
    this.order(services);
    if (roles.ready) this.startAfter(roles.ready);
  }

  /** Tasks start when this is there. */
  startAfter(resource: CfnResource): void {
    for (const task of this.#tasks.values()) task.service.addResourceDependency(resource);
  }

  /** Service name -> name of its ECS service. */
  get serviceNames(): Record<string, string> {
    return Object.fromEntries([...this.#tasks].map(([name, task]) => [name, task.service.attrName]));
  }

  private task(
    props: TenantServicesProps,
    place: TaskPlace,
    service: Service,
    roles: TaskRoles,
  ): ServiceTask {
    const taskRoleArn = roles.of(service.access);
    return new ServiceTask(this.#running, pascal(service.name), {
      place,
      name: service.name,
      image: props.imageOf(service.name),
      port: service.port,
      cpu: service.cpu,
      memory: service.memory,
      tasks: service.tasks,
      environment: this.environment(props, place, service, roles),
      ...(taskRoleArn && { taskRoleArn }),
      // The built-in images bring their check; of another's nothing is known but that it answers at /health.
      ...(!isOwn(service) && { healthCommand: ['/nodejs/bin/node', 'health.mjs'] }),
      readonlyRootFilesystem: !isOwn(service),
      discoverable: true,
      ...(props.routing === 'direct' && {
        route: {
          priority: props.priorityOf(service.name),
          paths: service.path === '/' ? ['/*'] : [service.path, `${service.path}/*`],
        },
      }),
    });
  }

  private environment(
    props: TenantServicesProps,
    place: TaskPlace,
    service: Service,
    roles: TaskRoles,
  ): Record<string, string> {
    const table = this.tables.names[service.name];
    const others = props.services.filter((other) => other !== service);
    return {
      ...service.environment,
      [serviceEnvironment.port]: String(service.port),
      [serviceEnvironment.path]: service.path,
      [serviceEnvironment.issuer]: this.users.issuer,
      [serviceEnvironment.clientId]: this.users.clientId,
      ...(props.tenantId !== undefined && { [serviceEnvironment.tenantId]: props.tenantId }),
      ...(table !== undefined &&
        service.table && {
          [serviceEnvironment.table]: table,
          [serviceEnvironment.sortKey]: service.table.sortKey,
        }),
      ...(service.access === 'data' &&
        roles.tenantRoleArn !== undefined && { [serviceEnvironment.tenantRoleArn]: roles.tenantRoleArn }),
      ...(service.access === 'identity' && { [serviceEnvironment.userPoolId]: this.users.userPoolId }),
      ...Object.fromEntries(
        others.map(({ name, port, path }) => [
          serviceEnvironment.serviceUrl(name),
          `http://${serviceHost(name, place.namespace.name)}:${port}${path}`,
        ]),
      ),
    };
  }

  private place(props: TenantServicesProps): TaskPlace {
    // A namespace's name is the account's, so it is the stack's; and all logs are where the execution role may write.
    const namespace = new CfnHttpNamespace(this, 'Namespace', { name: Aws.STACK_NAME });
    const logs = new CfnLogGroup(this, 'Logs', {
      logGroupName: `/saas-ecs/${Aws.STACK_NAME}`,
      retentionInDays: logRetentionDays,
    });
    return {
      clusterName: props.clusterName,
      ...(props.capacityProvider && { capacityProvider: props.capacityProvider }),
      vpcId: props.vpcId,
      subnetIds: props.subnetIds,
      securityGroupId: this.securityGroup(props).attrGroupId,
      executionRoleArn: props.executionRoleArn,
      logGroupName: logs.ref,
      namespace: { name: Aws.STACK_NAME, arn: namespace.attrArn },
      listenerArn: props.listenerArn,
      tenantPath: props.tenantPath,
      ...(props.tierName && { tierName: props.tierName }),
    };
  }

  /** Lets in the load balancer, and these tasks among themselves: never another tenant's. */
  private securityGroup(props: TenantServicesProps): CfnSecurityGroup {
    const ports = [...new Set(props.services.map((service) => service.port))];
    const anybody = props.services.some(isOwn);
    const group = new CfnSecurityGroup(this, 'SecurityGroup', {
      groupDescription: 'Tasks of one tenant, or of the pool',
      vpcId: props.vpcId,
      securityGroupIngress: (props.routing === 'proxy' ? [nginxPort] : ports).map((port) => ({
        ipProtocol: 'tcp',
        fromPort: port,
        toPort: port,
        sourceSecurityGroupId: props.loadBalancerSecurityGroupId,
        description: 'From the load balancer',
      })),
      // Whom an operator's own service calls is not known here: EC2's default lets it call anybody.
      ...(!anybody && { securityGroupEgress: [toAws] }),
    });
    for (const port of ports) {
      new CfnSecurityGroupIngress(this, `FromEachOther${port}`, {
        groupId: group.attrGroupId,
        ipProtocol: 'tcp',
        fromPort: port,
        toPort: port,
        sourceSecurityGroupId: group.attrGroupId,
        description: 'From services of the same tenant',
      });
      if (anybody) continue;
      new CfnSecurityGroupEgress(this, `ToEachOther${port}`, {
        groupId: group.attrGroupId,
        ipProtocol: 'tcp',
        fromPort: port,
        toPort: port,
        destinationSecurityGroupId: group.attrGroupId,
        description: 'To services of the same tenant',
      });
    }
    return group;
  }

  /** Who calls whom is known of the built-in services: orders ask products. Own services may call any of those. */
  private order(services: readonly Service[]): void {
    const before = (service: Service): readonly Service[] => {
      if (isOwn(service)) return services.filter((other) => !isOwn(other));
      return isBuiltin(service, 'order') ? services.filter((other) => isBuiltin(other, 'product')) : [];
    };
    for (const service of services) {
      for (const other of before(service)) {
        const task = this.#tasks.get(other.name);
        if (task) this.#tasks.get(service.name)?.startAfter(task);
      }
    }
  }
}
