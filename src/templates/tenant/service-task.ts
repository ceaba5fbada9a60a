import { CfnScalableTarget, CfnScalingPolicy } from 'aws-cdk-lib/aws-applicationautoscaling';
import { CfnService, CfnTaskDefinition } from 'aws-cdk-lib/aws-ecs';
import { CfnListenerRule, CfnTargetGroup } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { Aws, type CfnResource, Tags } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { tenantPathHeader } from '../../model/names.ts';
import { accept } from '../review.ts';

/** What all services of one tenant, or of the pool, have in common. */
export interface TaskPlace {
  clusterName: string;
  /** Of EC2 instances; Fargate when absent. */
  capacityProvider?: string;
  vpcId: string;
  subnetIds: string[];
  securityGroupId: string;
  executionRoleArn: string;
  logGroupName: string;
  /** Of Service Connect. */
  namespace: { name: string; arn: string };
  listenerArn: string;
  /** Value of the header `tenantPath` that selects these services. */
  tenantPath: string;
  tierName?: string;
}

export interface ServiceTaskProps {
  place: TaskPlace;
  name: string;
  image: string;
  port: number;
  cpu: number;
  memory: number;
  tasks: { min: number; max: number };
  environment: Readonly<Record<string, string>>;
  taskRoleArn?: string;
  /** A program in the image that ends with 0 when the service is well. Without it, the load balancer's check decides alone. */
  healthCommand?: readonly string[];
  readonlyRootFilesystem: boolean;
  /** Has a name in Service Connect, `<name>-api.<namespace>.sc`, by which others reach it. */
  discoverable: boolean;
  /** At the load balancer; without paths it takes all of the tenant's requests. */
  route?: { priority: number; paths: readonly string[] };
}

/** The host name by which the tasks of one namespace reach a service of it. */
export const serviceHost = (service: string, namespace: string): string => `${service}-api.${namespace}.sc`;

/** One service on ECS: its task, its scaling, and its way in from the load balancer. */
export class ServiceTask extends Construct {
  readonly service: CfnService;

  constructor(scope: Construct, id: string, props: ServiceTaskProps) {
    super(scope, id);
    const target = props.route ? this.target(props, props.route) : undefined;
    this.service = this.run(props, this.task(props), target?.group);
    if (target) this.service.addResourceDependency(target.rule);
    this.scale(props);
  }

  /** Service Connect tells a task only of names that exist when the task starts. */
  startAfter(other: ServiceTask): void {
    this.service.addResourceDependency(other.service);
  }

  private task(props: ServiceTaskProps): CfnTaskDefinition {
    const { place } = props;
    const task = new CfnTaskDefinition(this, 'Task', {
      requiresCompatibilities: [place.capacityProvider ? 'EC2' : 'FARGATE'],
      networkMode: 'awsvpc',
      runtimePlatform: { cpuArchitecture: 'ARM64', operatingSystemFamily: 'LINUX' },
      cpu: String(props.cpu),
      memory: String(props.memory),
      executionRoleArn: place.executionRoleArn,
      ...(props.taskRoleArn && { taskRoleArn: props.taskRoleArn }),
      containerDefinitions: [
        {
          name: props.name,
          image: props.image,
          essential: true,
          readonlyRootFilesystem: props.readonlyRootFilesystem,
          stopTimeout: 30,
          linuxParameters: { initProcessEnabled: true },
          portMappings: [
            { name: props.name, containerPort: props.port, protocol: 'tcp', appProtocol: 'http' },
          ],
          environment: Object.entries(props.environment).map(([name, value]) => ({ name, value })),
          logConfiguration: {
            logDriver: 'awslogs',
            options: {
              'awslogs-group': place.logGroupName,
              'awslogs-region': Aws.REGION,
              'awslogs-stream-prefix': props.name,
              // A service goes on when the log service is slow.
              mode: 'non-blocking',
            },
          },
          ...(props.healthCommand && {
            healthCheck: {
              command: ['CMD', ...props.healthCommand],
              interval: 10,
              timeout: 5,
              retries: 3,
              startPeriod: 15,
            },
          }),
        },
      ],
    });
    accept(task, {
      id: 'AwsSolutions-ECS2',
      reason:
        'They hold names and ids of what the stack made, no secret; credentials come from the task role',
    });
    return task;
  }

  private run(
    props: ServiceTaskProps,
    task: CfnTaskDefinition,
    group: CfnTargetGroup | undefined,
  ): CfnService {
    const { place } = props;
    const service = new CfnService(this, 'Service', {
      cluster: place.clusterName,
      taskDefinition: task.ref,
      // No desired count: a deployment would take a scaled-out service back to it. It begins with one task, and the scaling target's minimum follows.
      ...(place.capacityProvider
        ? {
            capacityProviderStrategy: [{ capacityProvider: place.capacityProvider, weight: 1 }],
            placementStrategies: [
              { type: 'spread', field: 'attribute:ecs.availability-zone' },
              { type: 'binpack', field: 'memory' },
            ],
          }
        : { launchType: 'FARGATE' }),
      deploymentConfiguration: {
        minimumHealthyPercent: 100,
        maximumPercent: 200,
        deploymentCircuitBreaker: { enable: true, rollback: true },
      },
      networkConfiguration: {
        awsvpcConfiguration: {
          subnets: place.subnetIds,
          securityGroups: [place.securityGroupId],
          assignPublicIp: 'DISABLED',
        },
      },
      serviceConnectConfiguration: {
        enabled: true,
        namespace: place.namespace.arn,
        ...(props.discoverable && {
          services: [
            {
              portName: props.name,
              discoveryName: `${props.name}-api`,
              clientAliases: [{ port: props.port, dnsName: serviceHost(props.name, place.namespace.name) }],
            },
          ],
        }),
      },
      ...(group && {
        healthCheckGracePeriodSeconds: 60,
        loadBalancers: [{ containerName: props.name, containerPort: props.port, targetGroupArn: group.ref }],
      }),
      enableEcsManagedTags: true,
      propagateTags: 'SERVICE',
    });
    if (place.tierName) Tags.of(service).add('saas-ecs:tier', place.tierName);
    return service;
  }

  private target(
    { place, port }: ServiceTaskProps,
    route: { priority: number; paths: readonly string[] },
  ): { group: CfnTargetGroup; rule: CfnListenerRule } {
    const attribute = (key: string, value: string) => ({ key, value });
    const group = new CfnTargetGroup(this, 'TargetGroup', {
      vpcId: place.vpcId,
      targetType: 'ip',
      protocol: 'HTTP',
      port,
      healthCheckPath: '/health',
      healthCheckIntervalSeconds: 10,
      healthCheckTimeoutSeconds: 5,
      healthyThresholdCount: 2,
      unhealthyThresholdCount: 3,
      targetGroupAttributes: [
        // Requests end within API Gateway's 29 s.
        attribute('deregistration_delay.timeout_seconds', '30'),
        attribute('load_balancing.algorithm.type', 'least_outstanding_requests'),
      ],
    });
    const rule = new CfnListenerRule(this, 'Rule', {
      listenerArn: place.listenerArn,
      priority: route.priority,
      conditions: [
        {
          field: 'http-header',
          httpHeaderConfig: { httpHeaderName: tenantPathHeader, values: [place.tenantPath] },
        },
        ...(route.paths.length > 0
          ? [{ field: 'path-pattern', pathPatternConfig: { values: [...route.paths] } }]
          : []),
      ],
      actions: [{ type: 'forward', targetGroupArn: group.ref }],
    });
    return { group, rule };
  }

  private scale({ place, tasks }: ServiceTaskProps): CfnResource {
    const target = new CfnScalableTarget(this, 'Scaling', {
      serviceNamespace: 'ecs',
      scalableDimension: 'ecs:service:DesiredCount',
      resourceId: `service/${place.clusterName}/${this.service.attrName}`,
      minCapacity: tasks.min,
      maxCapacity: tasks.max,
    });
    return new CfnScalingPolicy(this, 'ScalingByCpu', {
      policyName: `${Aws.STACK_NAME}-${this.node.id}`,
      policyType: 'TargetTrackingScaling',
      scalingTargetId: target.ref,
      targetTrackingScalingPolicyConfiguration: {
        predefinedMetricSpecification: { predefinedMetricType: 'ECSServiceAverageCPUUtilization' },
        targetValue: 60,
        scaleInCooldown: 300,
        scaleOutCooldown: 60,
      },
    });
  }
}
