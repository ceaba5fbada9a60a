/** AWS::ApplicationAutoScaling::ScalableTarget and ::ScalingPolicy. */
import {
  type PutScalingPolicyRequest,
  PutScalingPolicyRequest$,
  type RegisterScalableTargetRequest,
  RegisterScalableTargetRequest$,
} from '@aws-sdk/client-application-auto-scaling';
import { AwsError, type Properties, type ResourceType } from '../../platform.ts';
import { inputFromProperties } from '../../resource-properties.ts';
import type { AutoScaling } from '../application-auto-scaling.ts';

const identity = ['ServiceNamespace', 'ResourceId', 'ScalableDimension'];

function unlessGone(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof AwsError) || error.code !== 'ObjectNotFoundException') throw error;
  }
}

/** Ref and the policy's ScalingTargetId: `resource|dimension|namespace`. */
export function scalableTargetType(scaling: AutoScaling): ResourceType {
  const read = ({ ScheduledActions, ...properties }: Properties): RegisterScalableTargetRequest => {
    if (Array.isArray(ScheduledActions) && ScheduledActions.length > 0)
      throw new AwsError('ValidationError', 'the embedded cloud has no scheduled scaling actions');
    return inputFromProperties(RegisterScalableTargetRequest$, properties);
  };
  const put = async (properties: Properties) => {
    const target = await scaling.register(read(properties));
    const physicalId = `${target.ResourceId}|${target.ScalableDimension}|${target.ServiceNamespace}`;
    return { physicalId, attributes: { Id: physicalId } };
  };
  return {
    replaceOn: identity,
    validate: (properties) => void read(properties),
    create: (_context, properties) => put(properties),
    update: (_context, _physicalId, properties) => put(properties),
    delete(_context, physicalId) {
      unlessGone(() => scaling.deregister(targetOf(physicalId)));
    },
  };
}

export function scalingPolicyType(scaling: AutoScaling): ResourceType {
  const read = ({ ScalingTargetId, ...properties }: Properties): PutScalingPolicyRequest =>
    inputFromProperties(PutScalingPolicyRequest$, {
      ...(typeof ScalingTargetId === 'string' && targetOf(ScalingTargetId)),
      ...properties,
    });
  const put = (properties: Properties) => {
    const policy = scaling.putPolicy(read(properties));
    return { physicalId: policy.PolicyARN ?? '', attributes: { Arn: policy.PolicyARN } };
  };
  return {
    replaceOn: [...identity, 'PolicyName', 'ScalingTargetId'],
    validate: (properties) => void read(properties),
    create: (_context, properties) => put(properties),
    update: (_context, _physicalId, properties) => put(properties),
    delete(_context, _physicalId, properties) {
      unlessGone(() => scaling.deletePolicy(read(properties)));
    },
  };
}

function targetOf(
  physicalId: string,
): Pick<RegisterScalableTargetRequest, 'ResourceId' | 'ScalableDimension' | 'ServiceNamespace'> {
  const [ResourceId, ScalableDimension, ServiceNamespace] = physicalId.split('|');
  return { ResourceId, ScalableDimension, ServiceNamespace } as ReturnType<typeof targetOf>;
}
