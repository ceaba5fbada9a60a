/**
 * Application Auto Scaling for ECS services: targets and their limits are kept and enforced, policies are kept only. No metric
 * drives a scaling here: a service's count changes when its limits or somebody change it.
 */
import { randomUUID } from 'node:crypto';
import {
  DeleteScalingPolicy$,
  type DeleteScalingPolicyRequest,
  DeregisterScalableTarget$,
  type DeregisterScalableTargetRequest,
  DescribeScalableTargets$,
  type DescribeScalableTargetsRequest,
  DescribeScalingActivities$,
  DescribeScalingPolicies$,
  type DescribeScalingPoliciesRequest,
  PutScalingPolicy$,
  type PutScalingPolicyRequest,
  RegisterScalableTarget$,
  type RegisterScalableTargetRequest,
  type ScalableTarget,
  type ScalingPolicy,
} from '@aws-sdk/client-application-auto-scaling';
import type { DescribeServicesResponse } from '@aws-sdk/client-ecs';
import { AwsError, type AwsService, arn, type Call, type Cloud, operation } from '../platform.ts';
import { scalableTargetType, scalingPolicyType } from './application-auto-scaling/resource-types.ts';

export interface AutoScaling {
  register(input: RegisterScalableTargetRequest): Promise<ScalableTarget>;
  deregister(input: DeregisterScalableTargetRequest): void;
  putPolicy(input: PutScalingPolicyRequest): ScalingPolicy;
  deletePolicy(input: DeleteScalingPolicyRequest): void;
}

const invalid = (message: string): AwsError => new AwsError('ValidationException', message);

export function createApplicationAutoScaling(cloud: Cloud): AwsService {
  const targets = cloud.store.collection<ScalableTarget>('scalable-targets');
  const policies = cloud.store.collection<ScalingPolicy>('scaling-policies');
  const keyOf = (
    input: Pick<RegisterScalableTargetRequest, 'ServiceNamespace' | 'ResourceId' | 'ScalableDimension'>,
  ) => `${input.ServiceNamespace}|${input.ResourceId}|${input.ScalableDimension}`;

  const ecs = async (name: string, input: unknown): Promise<unknown> => {
    const found = cloud.services
      .find((service) => service.signingName === 'ecs')
      ?.operations.find(({ schema }) => (schema as readonly unknown[])[2] === name);
    if (!found) throw new Error(`ECS has no ${name}`);
    const call: Call = {
      operation: name,
      requestId: randomUUID(),
      principal: cloud.sts.principalOf('application-autoscaling', undefined),
    };
    return found.handler(input as never, call);
  };

  /** A service below its least or above its most capacity is brought to it, as registering a target does on AWS. */
  const enforce = async (target: ScalableTarget): Promise<void> => {
    if (target.ServiceNamespace !== 'ecs') return;
    const [, cluster, service] = (target.ResourceId ?? '').split('/');
    const { services } = (await ecs('DescribeServices', {
      cluster,
      services: [service],
    })) as DescribeServicesResponse;
    const [found] = services ?? [];
    if (found?.status !== 'ACTIVE') throw invalid(`ECS service doesn't exist: ${target.ResourceId}`);
    const desired = found.desiredCount ?? 0;
    const wanted = Math.max(target.MinCapacity ?? 0, Math.min(target.MaxCapacity ?? desired, desired));
    if (wanted !== desired) await ecs('UpdateService', { cluster, service, desiredCount: wanted });
  };

  const missing = (what: string, input: { ResourceId: string | undefined }): AwsError =>
    new AwsError(
      'ObjectNotFoundException',
      `No ${what} found for service namespace: ecs, resource ID: ${input.ResourceId}`,
    );

  const scaling: AutoScaling = {
    async register(input) {
      const key = keyOf(input);
      const known = targets.get(key);
      if (input.ServiceNamespace === 'ecs' && input.ScalableDimension !== 'ecs:service:DesiredCount')
        throw invalid(`Unsupported scalable dimension: ${input.ScalableDimension}`);
      const MinCapacity = input.MinCapacity ?? known?.MinCapacity;
      const MaxCapacity = input.MaxCapacity ?? known?.MaxCapacity;
      if (MinCapacity === undefined || MaxCapacity === undefined)
        throw invalid('MinCapacity and MaxCapacity are required to register a new scalable target');
      if (MinCapacity < 0 || MaxCapacity < MinCapacity)
        throw invalid(`MinCapacity ${MinCapacity} must be at least 0 and at most MaxCapacity ${MaxCapacity}`);
      const target: ScalableTarget = {
        ServiceNamespace: input.ServiceNamespace,
        ResourceId: input.ResourceId,
        ScalableDimension: input.ScalableDimension,
        MinCapacity,
        MaxCapacity,
        RoleARN:
          input.RoleARN ??
          known?.RoleARN ??
          `arn:${cloud.partition}:iam::${cloud.account}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService`,
        CreationTime: known?.CreationTime ?? new Date(),
        SuspendedState: input.SuspendedState ?? known?.SuspendedState,
        ScalableTargetARN:
          known?.ScalableTargetARN ??
          arn(cloud, 'application-autoscaling', `scalable-target/${randomUUID()}`),
      };
      await enforce(target);
      targets.put(key, target);
      return target;
    },
    deregister(input) {
      if (!targets.delete(keyOf(input))) throw missing('scalable target', input);
      for (const [key, policy] of policies.entries()) {
        if (policy.ResourceId === input.ResourceId) policies.delete(key);
      }
    },
    putPolicy(input) {
      if (!targets.has(keyOf(input))) throw missing('scalable target', input);
      const key = `${keyOf(input)}|${input.PolicyName}`;
      const known = policies.get(key);
      const policy: ScalingPolicy = {
        PolicyARN:
          known?.PolicyARN ??
          arn(
            cloud,
            'autoscaling',
            `scalingPolicy:${randomUUID()}:resource/${input.ServiceNamespace}/${input.ResourceId}:policyName/${input.PolicyName}`,
          ),
        PolicyName: input.PolicyName,
        ServiceNamespace: input.ServiceNamespace,
        ResourceId: input.ResourceId,
        ScalableDimension: input.ScalableDimension,
        PolicyType: input.PolicyType ?? known?.PolicyType ?? 'StepScaling',
        StepScalingPolicyConfiguration: input.StepScalingPolicyConfiguration,
        TargetTrackingScalingPolicyConfiguration: input.TargetTrackingScalingPolicyConfiguration,
        Alarms: [],
        CreationTime: known?.CreationTime ?? new Date(),
      };
      policies.put(key, policy);
      return policy;
    },
    deletePolicy(input) {
      if (!policies.delete(`${keyOf(input)}|${input.PolicyName}`)) throw missing('scaling policy', input);
    },
  };

  return {
    signingName: 'application-autoscaling',
    protocol: 'json-1.1',
    operations: [
      operation(RegisterScalableTarget$, async (input: RegisterScalableTargetRequest) => ({
        ScalableTargetARN: (await scaling.register(input)).ScalableTargetARN,
      })),
      operation(DeregisterScalableTarget$, (input: DeregisterScalableTargetRequest) => {
        scaling.deregister(input);
        return {};
      }),
      operation(DescribeScalableTargets$, (input: DescribeScalableTargetsRequest) => ({
        ScalableTargets: targets
          .values()
          .filter(
            (target) =>
              target.ServiceNamespace === input.ServiceNamespace &&
              (!input.ResourceIds || input.ResourceIds.includes(target.ResourceId ?? '')) &&
              (!input.ScalableDimension || target.ScalableDimension === input.ScalableDimension),
          ),
      })),
      operation(PutScalingPolicy$, (input: PutScalingPolicyRequest) => {
        const { PolicyARN, Alarms } = scaling.putPolicy(input);
        return { PolicyARN, Alarms };
      }),
      operation(DeleteScalingPolicy$, (input: DeleteScalingPolicyRequest) => {
        scaling.deletePolicy(input);
        return {};
      }),
      operation(DescribeScalingPolicies$, (input: DescribeScalingPoliciesRequest) => ({
        ScalingPolicies: policies
          .values()
          .filter(
            (policy) =>
              policy.ServiceNamespace === input.ServiceNamespace &&
              (!input.ResourceId || policy.ResourceId === input.ResourceId) &&
              (!input.PolicyNames || input.PolicyNames.includes(policy.PolicyName ?? '')),
          ),
      })),
      operation(DescribeScalingActivities$, () => ({ ScalingActivities: [] })),
    ],
    resourceTypes: {
      'AWS::ApplicationAutoScaling::ScalableTarget': scalableTargetType(scaling),
      'AWS::ApplicationAutoScaling::ScalingPolicy': scalingPolicyType(scaling),
    },
  };
}
