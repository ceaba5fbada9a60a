/**
 * A container's environment: the image's, the definition's, its secrets, and what the platform adds. Nothing of the
 * embedded cloud's own environment gets in: the operator's credentials are there.
 */
import { pathToFileURL } from 'node:url';
import type { ContainerDefinition, KeyValuePair } from '@aws-sdk/client-ecs';
import { built } from '../../../../model/installation.ts';
import type { Cloud, Image } from '../../../platform.ts';
import { searchPath } from '../../programs.ts';
import type { DefinitionRecord } from '../state.ts';
import { principalOfTask } from './execution-role.ts';
import type { TaskNetwork } from './network.ts';

export interface EnvironmentInput {
  cloud: Cloud;
  definition: DefinitionRecord;
  container: ContainerDefinition;
  image: Image;
  overrides: readonly KeyValuePair[];
  network: TaskNetwork;
  taskId: string;
  /** The task's own scratch directory: its HOME and TMPDIR. */
  scratch: string;
  /** Value of the marker by which leftovers are told from strangers. */
  marker: string;
  /** Present when the task has a role. */
  credentials?: { uri: string; token: string };
  metadataUri: string;
}

export const markerVariable = 'EMBEDDED_CLOUD_TASK';

/** Throws ResourceInitializationError's text when a secret can't be had. */
export function containerEnvironment(input: EnvironmentInput): Record<string, string> {
  const { cloud, container, network } = input;
  const env: Record<string, string> = { ...input.image.env };
  for (const { name, value } of [...(container.environment ?? []), ...input.overrides]) {
    if (name) env[name] = value ?? '';
  }
  Object.assign(env, secrets(input));

  const containerPort = Number(env['PORT'] ?? container.portMappings?.[0]?.containerPort);
  const port = network.ports[containerPort];
  if (port !== undefined) env['PORT'] = String(port);
  // A program that listens on all interfaces would meet its neighbours there.
  if (['', '0.0.0.0', '::'].includes(env['HOST'] ?? '')) env['HOST'] = network.host;

  const memory = container.memory ?? container.memoryReservation ?? Number(input.definition.memory ?? 0);
  const nodeOptions = [
    env['NODE_OPTIONS'],
    `--import ${pathToFileURL(built('embedded', 'compute', 'resolve.js')).href}`,
    ...(memory > 0 && !env['NODE_OPTIONS']?.includes('--max-old-space-size')
      ? [`--max-old-space-size=${Math.max(64, Math.floor(memory * 0.75))}`]
      : []),
  ];
  return {
    ...env,
    NODE_OPTIONS: nodeOptions.filter(Boolean).join(' '),
    PATH: searchPath(),
    HOME: input.scratch,
    TMPDIR: input.scratch,
    AWS_REGION: cloud.region,
    AWS_DEFAULT_REGION: cloud.region,
    AWS_ENDPOINT_URL: cloud.endpoint,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_EXECUTION_ENV: 'AWS_ECS_FARGATE',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    ECS_CONTAINER_METADATA_URI_V4: input.metadataUri,
    ...(input.credentials && {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: input.credentials.uri,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: input.credentials.token,
    }),
    ECS_TASK_NETWORK: JSON.stringify(network),
    [markerVariable]: input.marker,
  };
}

/** The execution role reads them, so it must be allowed to. */
function secrets({ cloud, definition, container, taskId }: EnvironmentInput): Record<string, string> {
  const values: Record<string, string> = {};
  if (!container.secrets?.length) return values;
  try {
    const role = definition.executionRoleArn;
    if (!role) throw new Error('the task definition has no execution role');
    const principal = principalOfTask(cloud, role, taskId);
    for (const { name, valueFrom = '' } of container.secrets) {
      if (!name) continue;
      const secret = valueFrom.includes(':secretsmanager:');
      const resource = secret ? valueFrom.split(':').slice(0, 7).join(':') : parameterArn(cloud, valueFrom);
      cloud.iam.authorize(principal, {
        action: secret ? 'secretsmanager:GetSecretValue' : 'ssm:GetParameters',
        resource,
      });
      values[name] = secret ? secretValue(cloud, valueFrom) : cloud.ssm.value(parameterName(valueFrom));
    }
    return values;
  } catch (error) {
    throw new Error(
      `ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: ${(error as Error).message}`,
    );
  }
}

/** `arn:…:secret:name-suffix:jsonkey:stage:version`; the last three may be empty or absent. */
function secretValue(cloud: Cloud, valueFrom: string): string {
  const parts = valueFrom.split(':');
  const value = cloud.secrets.value(parts.slice(0, 7).join(':'));
  const key = parts[7];
  if (!key) return value;
  const found = (JSON.parse(value) as Record<string, unknown>)[key];
  if (found === undefined) throw new Error(`retrieved secret did not contain json key ${key}`);
  return typeof found === 'string' ? found : JSON.stringify(found);
}

/** A hierarchical name keeps its leading slash, which its ARN has lost. */
function parameterName(valueFrom: string): string {
  const name = /^arn:[^:]*:ssm:[^:]*:[^:]*:parameter\/(.*)$/.exec(valueFrom)?.[1];
  if (name === undefined) return valueFrom;
  return name.includes('/') ? `/${name}` : name;
}

const parameterArn = (cloud: Cloud, valueFrom: string): string =>
  valueFrom.startsWith('arn:')
    ? valueFrom
    : `arn:${cloud.partition}:ssm:${cloud.region}:${cloud.account}:parameter/${valueFrom.replace(/^\//, '')}`;
