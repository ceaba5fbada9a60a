/** CloudFormation's own types that only have to be there: wait condition handles and CDK's metadata. */
import { randomUUID } from 'node:crypto';
import type { Cloud } from '../../platform.ts';
import type { ResumableResourceType } from './registry.ts';

export const placeholderTypes = (cloud: Cloud): Record<string, ResumableResourceType> => ({
  'AWS::CloudFormation::WaitConditionHandle': {
    create: () => ({ physicalId: `${cloud.endpoint}/_aws/cloudformation/wait/${randomUUID()}` }),
    update: (_context, physicalId) => ({ physicalId }),
    delete() {},
  },
  'AWS::CDK::Metadata': {
    create: () => ({ physicalId: randomUUID() }),
    update: (_context, physicalId) => ({ physicalId }),
    delete() {},
  },
});
