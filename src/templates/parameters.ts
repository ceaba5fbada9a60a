/** How stacks hand each other what they made: by SSM parameters, so that nothing is ever "in use by another stack". */

import { CfnParameter as CfnSsmParameter } from 'aws-cdk-lib/aws-ssm';
import { CfnParameter, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { Deployment } from '../model/config.ts';
import { parameterPath, pascal, type SharedParameter, sharedParameters } from '../model/names.ts';

type Owner = Pick<Deployment, 'app' | 'environment'>;

/** Writes one shared value. Lists are joined with commas by the caller. */
export function publish(
  scope: Construct,
  { app, environment }: Owner,
  name: SharedParameter,
  value: string,
  type: 'String' | 'StringList' = 'String',
): CfnSsmParameter {
  return publishAt(scope, pascal(sharedParameters[name]), parameterPath(app, environment, name), value, type);
}

/** Writes a value at a path of its own. */
export function publishAt(
  scope: Construct,
  id: string,
  path: string,
  value: string,
  type: 'String' | 'StringList' = 'String',
): CfnSsmParameter {
  return new CfnSsmParameter(scope, `${id}Parameter`, { name: path, type, value });
}

function parameter(
  scope: Construct,
  { app, environment }: Owner,
  name: SharedParameter,
  type: string,
): CfnParameter {
  const stack = Stack.of(scope);
  const id = pascal(sharedParameters[name]);
  const known = stack.node.tryFindChild(id);
  if (known instanceof CfnParameter) return known;
  return new CfnParameter(stack, id, {
    type: `AWS::SSM::Parameter::Value<${type}>`,
    default: parameterPath(app, environment, name),
  });
}

/** Reads a shared value: a template parameter that CloudFormation fills in from SSM when it deploys the stack. */
export const read = (scope: Construct, owner: Owner, name: SharedParameter): string =>
  parameter(scope, owner, name, 'String').valueAsString;

export const readList = (scope: Construct, owner: Owner, name: SharedParameter): string[] =>
  parameter(scope, owner, name, 'List<String>').valueAsList;
