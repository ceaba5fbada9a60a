import { CfnDeletionPolicy, type CfnResource } from 'aws-cdk-lib/core';

/** Lets a resource outlive its stack. Only one whose creation is rolled back goes: nobody has used it yet. */
export function keep(resource: CfnResource): void {
  resource.cfnOptions.deletionPolicy = CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE;
  resource.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.RETAIN;
}
