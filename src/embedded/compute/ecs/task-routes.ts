/** What tasks ask their platform over HTTP: credentials of the task role, and metadata about themselves. */

import type { Cloud, Route } from '../../platform.ts';
import { answerJson, credentialsAnswerer } from '../container-credentials.ts';
import { shortName } from './state.ts';
import type { RunningTask } from './task/running-task.ts';
import type { Tasks } from './tasks.ts';

export function createTaskRoutes(cloud: Cloud, tasks: Pick<Tasks, 'get'>): Route[] {
  const answerCredentials = credentialsAnswerer(cloud, 'ecs-tasks.amazonaws.com');
  return [
    {
      prefix: '/_aws/ecs/credentials/',
      handle(request, response, url) {
        const task = tasks.get(shortName(url.pathname));
        const roleArn = task?.taskRoleArn;
        const holder =
          task && roleArn ? { roleArn, token: task.credentialsToken, sessionName: task.id } : undefined;
        answerCredentials(request, response, holder);
      },
    },
    {
      prefix: '/_aws/ecs/metadata/',
      handle(_request, response, url) {
        const [, , , , id = '', container = '', part] = url.pathname.split('/');
        const task = tasks.get(id);
        const body = task && (part === 'task' ? taskMetadata(task) : containerMetadata(task, container));
        if (body) answerJson(response, 200, body);
        else answerJson(response, 404, { message: 'no such task or container' });
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
