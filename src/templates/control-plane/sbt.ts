/** The SaaS Builder Toolkit's control plane. The one file that imports the toolkit, which loads all of the CDK. */

import { CognitoAuth, ControlPlane, EventManager } from '@cdklabs/sbt-aws';
import { CfnApi } from 'aws-cdk-lib/aws-apigatewayv2';
import { CfnUserPoolDomain } from 'aws-cdk-lib/aws-cognito';
import { EventBus, type IEventBus } from 'aws-cdk-lib/aws-events';
import type { Construct } from 'constructs';
import type { ControlPlaneOutputs } from '../../model/control-plane.ts';
import type { SharedStack } from '../shared-stack.ts';
import { harden } from './hardening.ts';

/** Makes it in the stack, hardened. */
export function sbtControlPlane(stack: SharedStack): ControlPlaneOutputs {
  const { description } = stack.templateOptions;
  const auth = new CognitoAuth(stack, 'CognitoAuth', {
    // Another plan, which bills every operator: a choice, not a default.
    enableAdvancedSecurityMode: false,
  });
  // Named after the stack, as the builtin one's is: policies know it before it is there.
  const eventBus = new EventBus(stack, 'Bus', { eventBusName: stack.stackName }) as IEventBus;
  const eventManager = new EventManager(stack, 'EventManager', { eventBus });
  const controlPlane = new ControlPlane(stack, 'ControlPlane', {
    auth,
    eventManager,
    systemAdminEmail: stack.deployment.adminEmail,
  });
  // The toolkit counts its deployments by a mark in the stack's description.
  stack.templateOptions.description = description ?? '';
  harden(stack, auth.userPool.userPoolArn);
  return {
    kind: 'sbt',
    apiUrl: only(controlPlane, CfnApi).attrApiEndpoint,
    busName: eventManager.busName,
    userPoolId: auth.userPool.userPoolId,
    domain: only(auth, CfnUserPoolDomain).ref,
    machineClientId: auth.machineClientId,
    userClientId: auth.userClientId,
  };
}

// biome-ignore lint/suspicious/noExplicitAny: constructors of whatever arguments
function only<T>(scope: Construct, type: abstract new (...args: any[]) => T): T {
  const [found] = scope.node.findAll().filter((child) => child instanceof type);
  if (found === undefined) throw new Error(`the toolkit's control plane has no ${type.name}`);
  return found as unknown as T;
}
