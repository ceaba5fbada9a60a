import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { SaasError } from '../../model/error.ts';
import type { Target } from '../environment.ts';
import { runToolkit, type ToolkitRun } from './toolkit.ts';

/** Written by the CDK's bootstrap stack under its default qualifier. */
const versionParameter = '/cdk-bootstrap/hnb659fds/version';

/** True when the account and Region have the CDK's bootstrap stack. */
export async function isBootstrapped(target: Target): Promise<boolean> {
  try {
    await new SSMClient(target.client).send(new GetParameterCommand({ Name: versionParameter }));
    return true;
  } catch (error) {
    if (error instanceof Error && error.name === 'ParameterNotFound') return false;
    throw error;
  }
}

/** Bootstraps where the environment allows it; else says how to. */
export async function ensureBootstrapped(run: ToolkitRun): Promise<void> {
  const { target } = run;
  if (await isBootstrapped(target)) return;
  const environment = `aws://${target.account}/${target.region}`;
  if (!target.bootstrapsItself)
    throw new SaasError(
      'not_bootstrapped',
      `account ${target.account} in ${target.region} is not bootstrapped for the CDK`,
      {
        detail: `the parameter ${versionParameter} is missing`,
        hint: `once for the account and Region: npx aws-cdk bootstrap ${environment}`,
      },
    );
  await runToolkit({ action: 'bootstrap', environment }, run);
}
