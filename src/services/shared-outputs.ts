/** What the shared stacks have written to SSM Parameter Store: the CLI's one way to find them. */
import { GetParametersCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { ControlPlaneOutputs } from '../model/control-plane.ts';
import { SaasError } from '../model/error.ts';
import {
  type CellOutputs,
  cellParameterPath,
  firstCell,
  type PoolOutputs,
  parameterPath,
} from '../model/names.ts';
import type { Target } from './environment.ts';

export interface SharedOutputs {
  registryTable: string;
  artifactsBucket: string;
  apiKeySecretArn: string;
  /** Undefined in an environment that was deployed before there was one. */
  gatekeeperArn: string | undefined;
  /** What CloudFormation makes tenants' stacks with; undefined when no tier is a silo. */
  tenantStackRoleArn: string | undefined;
  /** What CloudFormation makes further cells with; undefined where no tier is a silo's. */
  cellStackRoleArn: string | undefined;
  /** The first cell, as its stack wrote it. */
  cell: CellOutputs;
  /** Undefined when no tier has the model `pool`. */
  pool: PoolOutputs | undefined;
  /** Undefined in an environment that was deployed before there was one. */
  controlPlane: ControlPlaneOutputs | undefined;
}

/** A registry stays the same as long as it is there. */
const registryTables = new WeakMap<Target, string>();

/** The registry's table, if this process has read where it is. */
export const knownRegistryTable = (target: Target): string | undefined => registryTables.get(target);

type Place = Pick<Target, 'app' | 'environment' | 'client'>;

/** The table that the control plane's stack names; undefined before there is that stack, and once it is gone. */
export const registryTableOf = (target: Place): Promise<string | undefined> =>
  parameterOf(target, 'registryTable');

/** The control plane that is deployed; undefined where {@link registryTableOf} is, and in an early deployment. */
export async function controlPlaneOutputsOf(target: Place): Promise<ControlPlaneOutputs | undefined> {
  const value = await parameterOf(target, 'controlPlane');
  return value === undefined ? undefined : (JSON.parse(value) as ControlPlaneOutputs);
}

async function parameterOf(
  { app, environment, client }: Place,
  name: Parameters<typeof parameterPath>[2],
): Promise<string | undefined> {
  const { Parameters: [parameter] = [] } = await new SSMClient(client).send(
    new GetParametersCommand({ Names: [parameterPath(app, environment.name, name)] }),
  );
  return parameter?.Value;
}

/** One call. Throws `not_deployed` when the shared stacks are not there. */
export async function readSharedOutputs(target: Target): Promise<SharedOutputs> {
  const { app, environment } = target;
  const path = (name: Parameters<typeof parameterPath>[2]): string =>
    parameterPath(app, environment.name, name);
  const names = {
    registryTable: path('registryTable'),
    artifactsBucket: path('artifactsBucket'),
    apiKeySecretArn: path('apiKeySecret'),
    gatekeeperArn: path('gatekeeper'),
    tenantStackRoleArn: path('tenantStackRoleArn'),
    cellStackRoleArn: path('cellStackRoleArn'),
    pool: path('pool'),
    controlPlane: path('controlPlane'),
    cell: cellParameterPath(app, environment.name, firstCell),
  };
  const { Parameters = [] } = await new SSMClient(target.client).send(
    new GetParametersCommand({ Names: Object.values(names) }),
  );
  const values = new Map(Parameters.map((parameter) => [parameter.Name, parameter.Value]));
  const need = (name: string): string => {
    const value = values.get(name);
    if (value !== undefined) return value;
    throw new SaasError('not_deployed', `"${app}" is not deployed in the environment "${environment.name}"`, {
      detail: `the parameter ${name} is missing`,
      hint: `deploy it first: saas-ecs deploy-shared --env ${environment.name}`,
    });
  };
  const registryTable = need(names.registryTable);
  registryTables.set(target, registryTable);
  const pool = values.get(names.pool);
  const controlPlane = values.get(names.controlPlane);
  return {
    registryTable,
    artifactsBucket: need(names.artifactsBucket),
    apiKeySecretArn: need(names.apiKeySecretArn),
    gatekeeperArn: values.get(names.gatekeeperArn),
    tenantStackRoleArn: values.get(names.tenantStackRoleArn),
    cellStackRoleArn: values.get(names.cellStackRoleArn),
    cell: JSON.parse(need(names.cell)) as CellOutputs,
    pool: pool === undefined ? undefined : (JSON.parse(pool) as PoolOutputs),
    controlPlane: controlPlane === undefined ? undefined : (JSON.parse(controlPlane) as ControlPlaneOutputs),
  };
}
