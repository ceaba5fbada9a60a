import { type App, Stack } from 'aws-cdk-lib/core';
import type { Deployment } from '../model/config.ts';
import { ownerTags, withPrefix } from '../model/names.ts';

/** Days that logs are kept. */
export const logRetentionDays = 30;

/**
 * One of the stacks that all tenants share. Tagged as a stack, so that CloudFormation hands the tags to everything in
 * it; bound to no account or Region: it goes where the credentials point.
 */
export class SharedStack extends Stack {
  readonly deployment: Deployment;
  constructor(app: App, name: string, deployment: Deployment, description: string) {
    super(app, name, {
      stackName: withPrefix(deployment.prefix, name),
      description,
      tags: ownerTags(deployment.app, deployment.environment),
    });
    this.deployment = deployment;
  }
}
