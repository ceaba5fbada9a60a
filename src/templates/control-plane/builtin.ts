import { CfnEventBus, CfnRule } from 'aws-cdk-lib/aws-events';
import { CfnPermission } from 'aws-cdk-lib/aws-lambda';
import { Aws } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { Deployment } from '../../model/config.ts';
import { type ControlPlaneOutputs, eventSources, outcomes } from '../../model/control-plane.ts';
import { ControlPlaneFunction, type ControlPlaneFunctionProps } from './function.ts';
import { ControlPlaneApi } from './http-api.ts';
import { Operators } from './operators.ts';

/** The control plane on the registry: API, operators, bus, and one function. */
export class BuiltinControlPlane extends Construct {
  readonly outputs: ControlPlaneOutputs;

  constructor(
    scope: Construct,
    id: string,
    { deployment, registry }: { deployment: Deployment; registry: ControlPlaneFunctionProps['registry'] },
  ) {
    super(scope, id);
    const bus = new CfnEventBus(this, 'Bus', { name: Aws.STACK_NAME });
    const operators = new Operators(this, 'Operators', deployment);
    const { functionArn } = new ControlPlaneFunction(this, 'Function', {
      registry,
      bus: { name: bus.ref, arn: bus.attrArn },
      userPool: { id: operators.userPoolId, arn: operators.userPoolArn },
      machineClientId: operators.machineClientId,
    });
    const api = new ControlPlaneApi(this, 'Api', {
      functionArn,
      issuer: operators.issuer,
      audience: [operators.machineClientId, operators.userClientId],
    });
    const rule = new CfnRule(this, 'Outcomes', {
      description: 'What became of a registration',
      eventBusName: bus.ref,
      eventPattern: { source: [eventSources.applicationPlane], 'detail-type': outcomes },
      targets: [{ id: 'control-plane', arn: functionArn }],
    });
    new CfnPermission(this, 'OutcomesInvoke', {
      functionName: functionArn,
      action: 'lambda:InvokeFunction',
      principal: 'events.amazonaws.com',
      sourceArn: rule.attrArn,
    });
    this.outputs = {
      kind: 'builtin',
      apiUrl: api.url,
      busName: bus.ref,
      userPoolId: operators.userPoolId,
      domain: operators.domain,
      machineClientId: operators.machineClientId,
      userClientId: operators.userClientId,
    };
  }
}
