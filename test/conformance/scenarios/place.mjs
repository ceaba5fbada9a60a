/** What doctor and verification ask of the place itself: zones, security groups, quotas; and functions that are not there. */
import * as ec2 from '@aws-sdk/client-ec2';
import * as lambda from '@aws-sdk/client-lambda';
import * as quotas from '@aws-sdk/client-service-quotas';

const loadBalancers = { ServiceCode: 'elasticloadbalancing', QuotaCode: 'L-53DA6B97' };
const unknown = { ServiceCode: 'elasticloadbalancing', QuotaCode: 'L-00000000' };

export const place = {
  EC2: {
    Client: ec2.EC2Client,
    module: ec2,
    steps: [
      [
        'DescribeAvailabilityZones',
        {
          Filters: [
            { Name: 'state', Values: ['available'] },
            { Name: 'zone-type', Values: ['availability-zone'] },
          ],
        },
      ],
      [
        'DescribeSecurityGroups',
        { Filters: [{ Name: 'vpc-id', Values: ['vpc-00000000000000000'] }] },
        { as: 'EC2 DescribeSecurityGroups of no VPC' },
      ],
      [
        'DescribeSecurityGroups',
        { GroupIds: ['sg-00000000000000000'] },
        { as: 'EC2 DescribeSecurityGroups unknown' },
      ],
    ],
  },
  'Service Quotas': {
    Client: quotas.ServiceQuotasClient,
    module: quotas,
    steps: [
      ['GetServiceQuota', loadBalancers],
      ['GetServiceQuota', unknown, { as: 'Service Quotas GetServiceQuota unknown' }],
      ['GetAWSDefaultServiceQuota', loadBalancers],
      ['GetAWSDefaultServiceQuota', unknown, { as: 'Service Quotas GetAWSDefaultServiceQuota unknown' }],
    ],
  },
  Lambda: {
    Client: lambda.LambdaClient,
    module: lambda,
    steps: [
      ['Invoke', { FunctionName: 'nobody' }, { as: 'Lambda Invoke unknown' }],
      [
        'GetFunctionConfiguration',
        { FunctionName: 'nobody' },
        { as: 'Lambda GetFunctionConfiguration unknown' },
      ],
    ],
  },
};
