import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { SaasError } from '../../model/error.ts';
import type { Context } from '../context.ts';
import type { Target } from '../environment.ts';
import { environmentFlag } from '../stopped.ts';
import { runToolkit, type ToolkitRun } from './toolkit.ts';

/** Written by the CDK's bootstrap stack under its default qualifier. */
export const bootstrapParameter = '/cdk-bootstrap/hnb659fds/version';

/** What the assets of our stacks need of it: the version that the CDK writes into their manifest. */
export const bootstrapNeeded = 8;

/** What bootstrapping makes, for whoever is asked to agree (docs.aws.amazon.com/cdk, "Bootstrapping"). */
export const bootstrapMakes: readonly string[] = [
  'the stack CDKToolkit, once for the account and Region; every CDK app there shares it',
  'an S3 bucket and an ECR repository for assets',
  'four roles that the account may assume to publish, look up and deploy',
  'a role for CloudFormation with AdministratorAccess, which the deployments run with',
];

/** The version of the account's bootstrap stack in the Region; undefined when it has none. */
export async function bootstrapVersion(target: Target): Promise<number | undefined> {
  try {
    const { Parameter } = await new SSMClient(target.client).send(
      new GetParameterCommand({ Name: bootstrapParameter }),
    );
    return Number(Parameter?.Value);
  } catch (error) {
    if (error instanceof Error && error.name === 'ParameterNotFound') return undefined;
    throw error;
  }
}

/** Bootstraps where nobody needs to be asked or somebody agreed; else throws `not_bootstrapped`. */
export async function ensureBootstrapped(context: Context, run: ToolkitRun, agreed: boolean): Promise<void> {
  const { target } = context;
  if ((await bootstrapVersion(target)) !== undefined) return;
  if (target.asksFirst && !agreed) throw notBootstrapped(context);
  await runToolkit({ action: 'bootstrap', environment: `aws://${target.account}/${target.region}` }, run);
}

export const notBootstrapped = (context: Pick<Context, 'config' | 'target'>): SaasError =>
  new SaasError(
    'not_bootstrapped',
    `account ${context.target.account} in ${context.target.region} is not bootstrapped for the CDK`,
    {
      detail: `the parameter ${bootstrapParameter} is missing; bootstrapping makes\n${bootstrapMakes.map((line) => `- ${line}`).join('\n')}`,
      hint: `agree to it: saas-ecs deploy-shared${environmentFlag(context)} --bootstrap`,
    },
  );
