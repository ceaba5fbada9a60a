/** What tasks ask their platform over HTTP: credentials of the task role, and metadata about themselves. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Cloud, Credentials, Route } from '../../platform.ts';
import { shortName } from './state.ts';
import type { RunningTask } from './task/running-task.ts';
import type { Tasks } from './tasks.ts';

/** New credentials are handed out when the ones before have less than this left. */
const renewBeforeMs = 30 * 60_000;

export function createTaskRoutes(cloud: Cloud, tasks: Pick<Tasks, 'get'>): Route[] {
  const issued = new WeakMap<RunningTask, Credentials>();

  const credentialsOf = (task: RunningTask, roleArn: string): Credentials => {
    const known = issued.get(task);
    if (known && known.expiration.getTime() - Date.now() > renewBeforeMs) return known;
    const fresh = cloud.sts.issueForService(roleArn, 'ecs-tasks.amazonaws.com', task.id);
    issued.set(task, fresh);
    return fresh;
  };

  return [
    {
      prefix: '/_aws/ecs/credentials/',
      handle(request, response, url) {
        const task = tasks.get(shortName(url.pathname));
        const roleArn = task?.taskRoleArn;
        if (!task || !roleArn || !equal(request.headers.authorization ?? '', task.credentialsToken)) {
          answer(response, 403, { code: 'AccessDenied', message: 'no such task, or not its token' });
          return;
        }
        try {
          const { accessKeyId, secretAccessKey, sessionToken, expiration } = credentialsOf(task, roleArn);
          answer(response, 200, {
            RoleArn: roleArn,
            AccessKeyId: accessKeyId,
            SecretAccessKey: secretAccessKey,
            Token: sessionToken,
            Expiration: expiration.toISOString().replace(/\.\d+Z$/, 'Z'),
          });
        } catch (error) {
          answer(response, 400, { code: 'AccessDenied', message: (error as Error).message });
        }
      },
    },
    {
      prefix: '/_aws/ecs/metadata/',
      handle(_request, response, url) {
        const [, , , , id = '', container = '', part] = url.pathname.split('/');
        const task = tasks.get(id);
        const body = task && (part === 'task' ? taskMetadata(task) : containerMetadata(task, container));
        if (body) answer(response, 200, body);
        else answer(response, 404, { message: 'no such task or container' });
      },
    },
  ];
}

/** Task metadata endpoint version 4, as far as processes have it. */
function taskMetadata(task: RunningTask): Record<string, unknown> {
  const { task: view } = task.record;
  const { family, revision } = task.definition;
  return {
    Cluster: view.clusterArn,
    TaskARN: view.taskArn,
    Family: family,
    Revision: String(revision),
    DesiredStatus: view.desiredStatus,
    KnownStatus: view.lastStatus,
    AvailabilityZone: view.availabilityZone,
    LaunchType: view.launchType,
    Containers: (view.containers ?? []).map((container) => containerMetadata(task, container.name ?? '')),
  };
}

function containerMetadata(task: RunningTask, name: string): Record<string, unknown> | undefined {
  const view = task.record.task.containers?.find((container) => container.name === name);
  if (!view) return undefined;
  return {
    DockerId: view.runtimeId,
    Name: name,
    DockerName: name,
    Image: view.image,
    ImageID: view.imageDigest,
    DesiredStatus: task.record.task.desiredStatus,
    KnownStatus: view.lastStatus,
    ContainerARN: view.containerArn,
    Labels: {
      'com.amazonaws.ecs.cluster': task.record.task.clusterArn,
      'com.amazonaws.ecs.container-name': name,
      'com.amazonaws.ecs.task-arn': task.record.task.taskArn,
      'com.amazonaws.ecs.task-definition-family': task.definition.family,
      'com.amazonaws.ecs.task-definition-version': String(task.definition.revision),
    },
    Networks: [{ NetworkMode: task.definition.networkMode, IPv4Addresses: [task.record.host] }],
  };
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function equal(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
