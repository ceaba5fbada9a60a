/** AWS Step Functions: standard workflows in Amazon States Language that call the services of this cloud as their role. */
import type { AwsService, Cloud } from '../../platform.ts';
import { createExecutions } from './executions.ts';
import { activityType, stateMachineType } from './resource-types.ts';
import { openState } from './state.ts';
import { createStateMachines } from './state-machines.ts';

export function createStepFunctions(cloud: Cloud): AwsService {
  const state = openState(cloud);
  const executions = createExecutions(cloud, state);
  const machines = createStateMachines(cloud, state, executions);
  return {
    signingName: 'states',
    protocol: 'json-1.0',
    operations: [...machines.operations, ...executions.operations],
    resourceTypes: {
      'AWS::StepFunctions::StateMachine': stateMachineType(cloud, machines),
      'AWS::StepFunctions::Activity': activityType(cloud),
    },
    start() {
      executions.resume();
      return Promise.resolve();
    },
    stop: () => executions.stop(),
  };
}
