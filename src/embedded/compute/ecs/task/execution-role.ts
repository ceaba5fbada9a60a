/**
 * What ECS does with a task's execution role before a container starts: it pulls the image and opens the log stream.
 * Source: docs.aws.amazon.com, "Amazon ECS task execution IAM role". A task without one has its container instance's.
 */
import type { ContainerDefinition } from '@aws-sdk/client-ecs';
import { arn, type Cloud, type Principal } from '../../../platform.ts';
import type { DefinitionRecord } from '../state.ts';

export interface LogStream {
  group: string;
  stream: string;
}

/** Where the driver `awslogs` writes a container's output; undefined for other drivers. */
export function logStreamOf(container: ContainerDefinition, taskId: string): LogStream | undefined {
  const { logConfiguration, name = '' } = container;
  const options = logConfiguration?.logDriver === 'awslogs' ? logConfiguration.options : undefined;
  const group = options?.['awslogs-group'];
  const prefix = options?.['awslogs-stream-prefix'];
  return group ? { group, stream: [prefix, name, taskId].filter(Boolean).join('/') } : undefined;
}

export function principalOfTask(cloud: Cloud, roleArn: string, taskId: string): Principal {
  const credentials = cloud.sts.issueForService(roleArn, 'ecs-tasks.amazonaws.com', taskId);
  return cloud.sts.principalOf(credentials.accessKeyId, credentials.sessionToken);
}

/** An image in ECR: `123456789012.dkr.ecr.us-east-1.amazonaws.com/name:tag`. */
const inEcr = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.[a-z0-9.]+\/([^:@]+)/;

/**
 * Throws the reason why the task stops when its execution role may not pull the image or open the log stream.
 * @returns false when it may not write what the container says, which is lost then
 */
export function startAsExecutionRole(
  cloud: Cloud,
  definition: DefinitionRecord,
  container: ContainerDefinition,
  taskId: string,
): boolean {
  const { executionRoleArn } = definition;
  if (executionRoleArn === undefined) return true;
  const attempt = (what: string, step: () => void): void => {
    try {
      step();
    } catch (error) {
      throw new Error(`ResourceInitializationError: ${what}: ${(error as Error).message}`);
    }
  };
  const registryAuth =
    'unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr registry auth';
  const image = inEcr.exec(container.image ?? '');
  const stream = logStreamOf(container, taskId);
  if (!image && !stream) return true;
  let principal: Principal | undefined;
  const authorize = (action: string, resource: string): void => {
    principal ??= principalOfTask(cloud, executionRoleArn, taskId);
    cloud.iam.authorize(principal, { action, resource });
  };
  if (image) {
    const [, account, region, repository] = image;
    const resource = `arn:${cloud.partition}:ecr:${region}:${account}:repository/${repository}`;
    attempt(registryAuth, () => authorize('ecr:GetAuthorizationToken', '*'));
    try {
      for (const action of ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer']) authorize(action, resource);
    } catch (error) {
      throw new Error(`CannotPullContainerError: ${(error as Error).message}`);
    }
  }
  if (!stream) return true;
  const resource = arn(cloud, 'logs', `log-group:${stream.group}:log-stream:${stream.stream}`);
  attempt('failed to validate logger args: failed to create Cloudwatch log stream', () =>
    authorize('logs:CreateLogStream', resource),
  );
  try {
    authorize('logs:PutLogEvents', resource);
    return true;
  } catch (error) {
    cloud.log(`ecs: ${(error as Error).message}; what ${container.name} of task ${taskId} says is dropped`);
    return false;
  }
}
