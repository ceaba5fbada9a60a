/** What a Task state's Resource stands for: optimized integrations, AWS SDK integrations, functions by their ARN. */
import type { Cloud } from '../../../platform.ts';
import type { ExecutionRecord } from '../state.ts';
import { runBuild, startBuild } from './codebuild.ts';
import { putEvents } from './events.ts';
import { invokeByArn, invokeFunction } from './lambda.ts';
import { sdkCall, serviceOf } from './sdk.ts';

export interface TaskCall {
  cloud: Cloud;
  execution: ExecutionRecord;
  sessionName: string;
  /** The same when an attempt that was cut off goes on. */
  token: string;
  /** Aborts when the result is not wanted any more. */
  signal: AbortSignal;
  /** The service has taken the request; its work goes on. */
  submitted(output: unknown): void;
}

export interface Integration {
  /** As the history shows them: `codebuild`, `startBuild.sync`. */
  resourceType: string;
  resource: string;
  functionArn?: string;
  /** Rejects with a StatesError. */
  run(call: TaskCall, parameters: unknown): Promise<unknown>;
}

const optimized: Readonly<Record<string, Integration['run']>> = {
  'codebuild:startBuild': startBuild,
  'codebuild:startBuild.sync': runBuild,
  'events:putEvents': putEvents,
  'lambda:invoke': invokeFunction,
  'dynamodb:getItem': sdkCall('dynamodb', 'GetItem', 'DynamoDB'),
  'dynamodb:putItem': sdkCall('dynamodb', 'PutItem', 'DynamoDB'),
  'dynamodb:updateItem': sdkCall('dynamodb', 'UpdateItem', 'DynamoDB'),
  'dynamodb:deleteItem': sdkCall('dynamodb', 'DeleteItem', 'DynamoDB'),
  'states:startExecution': sdkCall('states', 'StartExecution', 'StepFunctions'),
};

/** Throws an Error that says what is not available here. */
export function integrationOf(cloud: Cloud, resource: string): Integration {
  const [, , service = '', , , ...rest] = resource.split(':');
  if (service === 'lambda')
    return {
      resourceType: 'lambda',
      resource: 'function',
      functionArn: resource,
      run: invokeByArn(resource),
    };
  const name = rest.join(':');
  if (service !== 'states' || name.startsWith('activity:') || name === '') throw unavailable(resource);
  const known = optimized[name];
  if (known) {
    const [resourceType = '', action = ''] = name.split(':');
    return { resourceType, resource: action, run: known };
  }
  const [kind, sdkService = '', action = ''] = rest;
  const found = kind === 'aws-sdk' ? serviceOf(cloud, sdkService, action) : undefined;
  if (!found) throw unavailable(resource);
  return {
    resourceType: `aws-sdk:${sdkService}`,
    resource: action,
    run: sdkCall(found.signingName, found.operation, found.errorPrefix, (date) => date.toISOString()),
  };
}

const unavailable = (resource: string): Error =>
  new Error(`the resource ${resource} is not available in the embedded cloud`);
