/** Any operation that this cloud has, called with the rights of the state machine's role. */
import { AwsError, type Cloud } from '../../../platform.ts';
import { callAs, findOperation, ServiceSessions } from '../../../service-call.ts';
import { StatesError } from '../language/errors.ts';
import type { Integration, TaskCall } from './index.ts';

/** Names of the SDK's services where they are not those that requests are signed for. */
const signingNames: Readonly<Record<string, string>> = {
  apigatewayv2: 'apigateway',
  applicationautoscaling: 'application-autoscaling',
  cloudwatchlogs: 'logs',
  cognitoidentityprovider: 'cognito-idp',
  elasticloadbalancingv2: 'elasticloadbalancing',
  eventbridge: 'events',
  sfn: 'states',
};

/** Undefined when this cloud has no such service or operation. `action` is in camel case. */
export function serviceOf(
  cloud: Cloud,
  service: string,
  action: string,
): { signingName: string; operation: string; errorPrefix: string } | undefined {
  const signingName = signingNames[service] ?? service;
  const operation = capital(action);
  if (!findOperation(cloud, signingName, operation)) return undefined;
  return { signingName, operation, errorPrefix: errorPrefixes[service] ?? capital(service) };
}

/** Where the prefix of an AWS SDK integration's errors is not the service's name with a capital. */
const errorPrefixes: Readonly<Record<string, string>> = {
  dynamodb: 'DynamoDb',
  secretsmanager: 'SecretsManager',
  cloudwatchlogs: 'CloudWatchLogs',
  cognitoidentityprovider: 'CognitoIdentityProvider',
  cloudformation: 'CloudFormation',
  codebuild: 'CodeBuild',
  eventbridge: 'EventBridge',
};

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const sessions = new WeakMap<Cloud, ServiceSessions>();

/** Who acts for the execution; throws a StatesError when the role can't be assumed. */
function principalOf({ cloud, execution, sessionName }: TaskCall) {
  const known = sessions.get(cloud) ?? new ServiceSessions(cloud, 'states.amazonaws.com');
  sessions.set(cloud, known);
  return known.principal(execution.roleArn, sessionName);
}

/**
 * Calls an operation as the state machine's role. An AwsError becomes a StatesError `<prefix>.<code>`; timestamps in the
 * output are milliseconds unless `timestamp` writes them otherwise.
 */
export async function call(
  task: TaskCall,
  signingName: string,
  operation: string,
  errorPrefix: string,
  input: object,
  timestamp: (date: Date) => unknown = (date) => date.getTime(),
): Promise<Record<string, unknown>> {
  try {
    return await callAs(task.cloud, principalOf(task), signingName, operation, input, timestamp);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    const code = error.code.endsWith('Exception') ? error.code : `${error.code}Exception`;
    throw new StatesError(
      `${errorPrefix}.${code}`,
      `${error.message} (Service: ${errorPrefix}, Status Code: ${error.status})`,
    );
  }
}

export const sdkCall =
  (
    signingName: string,
    operation: string,
    errorPrefix: string,
    timestamp?: (date: Date) => unknown,
  ): Integration['run'] =>
  (task, parameters) =>
    call(task, signingName, operation, errorPrefix, Object(parameters) as object, timestamp);
