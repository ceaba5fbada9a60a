import { CfnAutoScalingGroup } from 'aws-cdk-lib/aws-autoscaling';
import { CfnLaunchTemplate, CfnSecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { CfnCapacityProvider, CfnClusterCapacityProviderAssociations } from 'aws-cdk-lib/aws-ecs';
import { CfnInstanceProfile, CfnRole } from 'aws-cdk-lib/aws-iam';
import { ArnFormat, Aws, Fn, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { accept } from '../review.ts';
import { toAws } from './outbound.ts';

/** Graviton, for the images are ARM64's: what m5.large is (2 vCPU, 8 GiB) for a seventh less. */
const instanceType = 'm7g.large';
/** Amazon Linux 2023, ECS-optimized. EC2 looks the parameter up at every launch, so that new instances are up to date. */
const imageId = 'resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended/image_id';

const onCluster = [
  'ecs:RegisterContainerInstance',
  'ecs:DeregisterContainerInstance',
  'ecs:SubmitAttachmentStateChanges',
  'ecs:SubmitContainerStateChange',
  'ecs:SubmitTaskStateChange',
];
const onInstance = ['ecs:Poll', 'ecs:StartTelemetrySession', 'ecs:UpdateContainerInstancesState'];
/** What the ECS agent does on an instance, apart from finding its endpoint. */
export const containerInstanceActions = [...onCluster, ...onInstance];

export interface Ec2CapacityProps {
  clusterName: string;
  vpcId: string;
  subnetIds: string[];
  /** Of its role, in a tenant's stack. */
  boundaryArn?: string;
}

/** EC2 instances that a cluster's tasks run on: an Auto Scaling group that follows the tasks. */
export class Ec2Capacity extends Construct {
  readonly capacityProvider: string;
  /** Services that name the capacity provider must wait for it. */
  readonly association: CfnClusterCapacityProviderAssociations;

  constructor(scope: Construct, id: string, props: Ec2CapacityProps) {
    super(scope, id);
    const template = this.launchTemplate(props);
    const group = new CfnAutoScalingGroup(this, 'Instances', {
      vpcZoneIdentifier: props.subnetIds,
      launchTemplate: { launchTemplateId: template.ref, version: template.attrLatestVersionNumber },
      minSize: '1',
      desiredCapacity: '2',
      maxSize: '10',
      tags: [{ key: 'AmazonECSManaged', value: 'true', propagateAtLaunch: true }],
    });
    accept(group, {
      id: 'AwsSolutions-AS3',
      reason:
        'Instances come and go with the tasks; ECS reports on those, and nobody would read mail about each instance',
    });
    const provider = new CfnCapacityProvider(this, 'CapacityProvider', {
      // Not a generated name: that begins with the stack's, and names may not begin with "aws", "ecs" or "fargate".
      name: `saas-${Aws.STACK_NAME}`,
      autoScalingGroupProvider: {
        autoScalingGroupArn: group.ref,
        managedScaling: { status: 'ENABLED', targetCapacity: 85 },
        managedDraining: 'ENABLED',
        // Protected instances would keep the group, and so the stack, from being deleted; draining does the rest.
        managedTerminationProtection: 'DISABLED',
      },
    });
    this.association = new CfnClusterCapacityProviderAssociations(this, 'Association', {
      cluster: props.clusterName,
      capacityProviders: [provider.ref],
      defaultCapacityProviderStrategy: [{ capacityProvider: provider.ref, weight: 1 }],
    });
    this.capacityProvider = provider.ref;
  }

  private launchTemplate(props: Ec2CapacityProps): CfnLaunchTemplate {
    const securityGroup = new CfnSecurityGroup(this, 'SecurityGroup', {
      groupDescription: 'Container instances: nothing comes in, tasks have interfaces of their own',
      vpcId: props.vpcId,
      securityGroupEgress: [toAws],
    });
    const profile = new CfnInstanceProfile(this, 'Profile', { roles: [this.instanceRole(props).ref] });
    return new CfnLaunchTemplate(this, 'Template', {
      launchTemplateData: {
        imageId,
        instanceType,
        iamInstanceProfile: { arn: profile.attrArn },
        securityGroupIds: [securityGroup.attrGroupId],
        metadataOptions: { httpTokens: 'required', httpPutResponseHopLimit: 1 },
        monitoring: { enabled: true },
        blockDeviceMappings: [
          {
            deviceName: '/dev/xvda',
            ebs: { encrypted: true, volumeSize: 30, volumeType: 'gp3', deleteOnTermination: true },
          },
        ],
        userData: Fn.base64(
          [
            '#!/bin/bash',
            "cat >> /etc/ecs/ecs.config <<'END'",
            `ECS_CLUSTER=${props.clusterName}`,
            // A task has its own role and must not borrow the instance's.
            'ECS_AWSVPC_BLOCK_IMDS=true',
            'ECS_ENABLE_SPOT_INSTANCE_DRAINING=true',
            'END',
          ].join('\n'),
        ),
      },
    });
  }

  private instanceRole({ clusterName, boundaryArn }: Ec2CapacityProps): CfnRole {
    const stack = Stack.of(this);
    const ecsArn = (resource: string, resourceName: string) =>
      stack.formatArn({ service: 'ecs', resource, resourceName, arnFormat: ArnFormat.SLASH_RESOURCE_NAME });
    const cluster = ecsArn('cluster', clusterName);
    const role = new CfnRole(this, 'Role', {
      ...(boundaryArn !== undefined && { permissionsBoundary: boundaryArn }),
      assumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Principal: { Service: `ec2.${Aws.URL_SUFFIX}` }, Action: 'sts:AssumeRole' },
        ],
      },
      policies: [
        {
          policyName: 'container-instance',
          policyDocument: {
            Version: '2012-10-17',
            Statement: [
              { Effect: 'Allow', Action: 'ecs:DiscoverPollEndpoint', Resource: '*' },
              {
                Effect: 'Allow',
                Action: onCluster,
                Resource: cluster,
              },
              {
                Effect: 'Allow',
                Action: onInstance,
                Resource: ecsArn('container-instance', `${clusterName}/*`),
                Condition: { ArnEquals: { 'ecs:cluster': cluster } },
              },
            ],
          },
        },
      ],
    });
    accept(role, {
      id: 'AwsSolutions-IAM5',
      reason:
        "ecs:DiscoverPollEndpoint knows no resource; the others reach this cluster's instances, whose ids come later",
    });
    return role;
  }
}
