/** Inert types of the services that the embedded cloud does not run. */
import { createHash } from 'node:crypto';
import {
  arnOf,
  hex,
  type InertDefinition,
  type Made,
  type Making,
  nameFrom,
  once,
  property,
  self,
  uuid,
} from './definition.ts';

/** Ids like CloudFront's and Route 53's: a letter and upper-case letters and digits. */
const capitals = (prefix: string, length: number) => (): string =>
  prefix +
  BigInt(`0x${hex(24)}`)
    .toString(36)
    .toUpperCase()
    .slice(0, length)
    .padEnd(length, '0');

const generated = ({ context }: Making): string => context.physicalName(64);
const lastModified = once('LastModifiedTime', ({ cloud }) => new Date(cloud.clock.now()).toISOString());

/** Services whose Ref is an ARN that ends in the resource's name. */
const namedArn =
  (service: string, resource: string, property: string) =>
  (making: Making): string => {
    const { partition, region, account } = making.cloud;
    return `arn:${partition}:${service}:${region}:${account}:${resource}${nameFrom(property, 80)(making)}`;
  };
const lastPart =
  (separator: string) =>
  ({ physicalId }: Made): string =>
    physicalId.slice(physicalId.lastIndexOf(separator) + 1);

const webAclPart =
  (index: number) =>
  ({ physicalId }: Made): string =>
    physicalId.split('|')[index] ?? '';
const wafScope = ({ physicalId }: Made): string =>
  webAclPart(2)({ physicalId } as Made) === 'CLOUDFRONT' ? 'global' : 'regional';
const wafId = (making: Making): string =>
  `${nameFrom('Name')(making)}|${uuid()}|${String(making.properties['Scope'])}`;
const wafArn = (kind: string) =>
  arnOf('wafv2', (made) => `${wafScope(made)}/${kind}/${webAclPart(0)(made)}/${webAclPart(1)(made)}`);

export const managedTypes: Readonly<Record<string, InertDefinition>> = {
  'AWS::AutoScaling::AutoScalingGroup': {
    id: nameFrom('AutoScalingGroupName'),
    attributes: {
      AutoScalingGroupARN: once(
        'AutoScalingGroupARN',
        arnOf(
          'autoscaling',
          ({ physicalId }) => `autoScalingGroup:${uuid()}:autoScalingGroupName/${physicalId}`,
        ),
      ),
    },
  },
  'AWS::AutoScaling::LaunchConfiguration': { id: nameFrom('LaunchConfigurationName') },
  'AWS::AutoScaling::LifecycleHook': { id: nameFrom('LifecycleHookName') },
  'AWS::AutoScaling::ScalingPolicy': {
    id: (making) => {
      const { partition, region, account } = making.cloud;
      return `arn:${partition}:autoscaling:${region}:${account}:scalingPolicy:${uuid()}:autoScalingGroupName/${String(making.properties['AutoScalingGroupName'])}:policyName/${generated(making)}`;
    },
    attributes: { Arn: self, PolicyName: lastPart('/') },
  },
  'AWS::AutoScaling::ScheduledAction': { id: generated, attributes: { ScheduledActionName: self } },
  'AWS::AutoScaling::WarmPool': { id: ({ properties }) => String(properties['AutoScalingGroupName']) },

  'AWS::SNS::Topic': {
    id: namedArn('sns', '', 'TopicName'),
    attributes: { TopicArn: self, TopicName: lastPart(':') },
  },
  'AWS::SNS::TopicPolicy': { id: generated },
  'AWS::SNS::Subscription': {
    id: ({ properties }) => `${String(properties['TopicArn'])}:${uuid()}`,
    attributes: { Arn: self },
  },
  'AWS::SQS::Queue': {
    id: (making) =>
      `https://sqs.${making.cloud.region}.amazonaws.com/${making.cloud.account}/${nameFrom('QueueName', 80)(making)}`,
    attributes: {
      QueueUrl: self,
      QueueName: lastPart('/'),
      Arn: arnOf('sqs', lastPart('/')),
    },
  },
  'AWS::SQS::QueuePolicy': { id: generated },

  'AWS::CloudFront::Distribution': {
    id: capitals('E', 13),
    attributes: { DomainName: ({ physicalId }) => `d${physicalId.slice(1).toLowerCase()}.cloudfront.net` },
  },
  'AWS::CloudFront::OriginAccessControl': { id: capitals('E', 13) },
  'AWS::CloudFront::CloudFrontOriginAccessIdentity': {
    id: capitals('E', 13),
    attributes: {
      S3CanonicalUserId: ({ physicalId }) =>
        createHash('sha384').update(physicalId).digest('hex').slice(0, 96),
    },
  },
  'AWS::CloudFront::Function': {
    id: (making) =>
      `arn:${making.cloud.partition}:cloudfront::${making.cloud.account}:function/${nameFrom('Name', 64)(making)}`,
    attributes: {
      FunctionARN: self,
      'FunctionMetadata.FunctionARN': self,
      Stage: ({ properties }) => (properties['AutoPublish'] === true ? 'LIVE' : 'DEVELOPMENT'),
    },
  },
  'AWS::CloudFront::ResponseHeadersPolicy': { id: uuid, attributes: { LastModifiedTime: lastModified } },
  'AWS::CloudFront::CachePolicy': { id: uuid, attributes: { LastModifiedTime: lastModified } },
  'AWS::CloudFront::OriginRequestPolicy': { id: uuid, attributes: { LastModifiedTime: lastModified } },

  'AWS::WAFv2::IPSet': { id: wafId, attributes: { Id: webAclPart(1), Arn: wafArn('ipset') } },

  'AWS::CloudWatch::Alarm': {
    id: nameFrom('AlarmName', 255),
    attributes: { Arn: arnOf('cloudwatch', ({ physicalId }) => `alarm:${physicalId}`) },
  },
  'AWS::CloudWatch::CompositeAlarm': {
    id: nameFrom('AlarmName', 255),
    attributes: { Arn: arnOf('cloudwatch', ({ physicalId }) => `alarm:${physicalId}`) },
  },
  'AWS::CloudWatch::Dashboard': { id: nameFrom('DashboardName', 255) },
  'AWS::CloudTrail::Trail': {
    id: nameFrom('TrailName'),
    attributes: {
      Arn: arnOf('cloudtrail', ({ physicalId }) => `trail/${physicalId}`),
      SnsTopicArn: property('SnsTopicName', ''),
    },
  },

  'AWS::Route53::HostedZone': {
    id: capitals('Z', 20),
    attributes: {
      NameServers: () => [1, 2, 3, 4].map((n) => `ns-${n}.embedded.invalid`),
    },
  },
  'AWS::Route53::RecordSet': { id: ({ properties }) => String(properties['Name']) },
  'AWS::Route53::RecordSetGroup': { id: generated },
  'AWS::Route53::HealthCheck': { id: uuid, attributes: { HealthCheckId: self } },
  'AWS::CertificateManager::Certificate': {
    id: ({ cloud }) => `arn:${cloud.partition}:acm:${cloud.region}:${cloud.account}:certificate/${uuid()}`,
    attributes: { CertificateArn: self },
  },
  'AWS::Budgets::Budget': { id: generated },
  'AWS::Scheduler::ScheduleGroup': {
    id: nameFrom('Name', 64),
    attributes: {
      Arn: arnOf('scheduler', ({ physicalId }) => `schedule-group/${physicalId}`),
      State: () => 'ACTIVE',
      CreationDate: once('CreationDate', ({ cloud }) => new Date(cloud.clock.now()).toISOString()),
      LastModificationDate: ({ cloud }) => new Date(cloud.clock.now()).toISOString(),
    },
  },
  'AWS::XRay::SamplingRule': {
    id: (making) =>
      `arn:${making.cloud.partition}:xray:${making.cloud.region}:${making.cloud.account}:sampling-rule/${generated(making)}`,
    attributes: { RuleARN: self },
  },
};
