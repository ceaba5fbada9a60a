/** The variables of a build: the buildspec's, the project's, the call's, and those that CodeBuild sets. */
import type { EnvironmentVariable } from '@aws-sdk/client-codebuild';
import type { Cloud, Principal } from '../../platform.ts';
import { callAs } from '../../service-call.ts';
import { searchPath } from '../programs.ts';
import type { Buildspec } from './buildspec.ts';
import { type BuildRecord, timeOf } from './state.ts';

export interface BuildEnvironment {
  variables: Record<string, string>;
  /** Values that the log must not show. */
  secrets: string[];
}

/** What could not be read of the Parameter Store or Secrets Manager. */
export class VariableError extends Error {
  override readonly name = 'VariableError';
}

/**
 * Variables of the call and the project (which the call's replace by name) win over the buildspec's; CODEBUILD_ ones are
 * CodeBuild's own. Parameters and secrets are read as `principal`, the service role. Throws a VariableError.
 */
export async function declaredVariables(
  cloud: Cloud,
  principal: Principal,
  spec: Buildspec,
  given: readonly EnvironmentVariable[],
): Promise<BuildEnvironment> {
  const variables: Record<string, string> = {};
  const secrets: string[] = [];
  const declare = async (name: string, type: string, value: string): Promise<void> => {
    try {
      if (type === 'PARAMETER_STORE') variables[name] = await parameter(cloud, principal, value);
      else if (type === 'SECRETS_MANAGER') variables[name] = await secret(cloud, principal, value);
      else variables[name] = value;
    } catch (error) {
      throw new VariableError(`${value}: ${(error as Error).message}`);
    }
    if (type !== 'PLAINTEXT') secrets.push(variables[name] ?? '');
  };
  const own = [
    ...Object.entries(spec.variables).map(([name, value]) => ({ name, type: 'PLAINTEXT', value })),
    ...Object.entries(spec.parameters).map(([name, value]) => ({ name, type: 'PARAMETER_STORE', value })),
    ...Object.entries(spec.secrets).map(([name, value]) => ({ name, type: 'SECRETS_MANAGER', value })),
  ];
  const reserved = ({ name = '' }: EnvironmentVariable): boolean => name.startsWith('CODEBUILD_');
  const overridden = new Set(given.map(({ name }) => name));
  const all = [...own.filter(({ name }) => !overridden.has(name)), ...given] as EnvironmentVariable[];
  for (const each of all)
    if (!reserved(each)) await declare(each.name ?? '', each.type ?? 'PLAINTEXT', each.value ?? '');
  return { variables, secrets: secrets.filter(Boolean) };
}

async function parameter(cloud: Cloud, principal: Principal, name: string): Promise<string> {
  const answer = await callAs(cloud, principal, 'ssm', 'GetParameters', {
    Names: [name],
    WithDecryption: true,
  });
  const [found] = answer['Parameters'] as { Value?: string }[];
  if (found?.Value === undefined) throw new Error('parameter does not exist');
  return found.Value;
}

/** `id:json-key:version-stage:version-id`; an id that is an ARN has seven parts of its own. */
async function secret(cloud: Cloud, principal: Principal, reference: string): Promise<string> {
  const parts = reference.split(':');
  const own = reference.startsWith('arn:') ? 7 : 1;
  const [key, stage, version] = parts.slice(own);
  const answer = await callAs(cloud, principal, 'secretsmanager', 'GetSecretValue', {
    SecretId: parts.slice(0, own).join(':'),
    ...(stage && { VersionStage: stage }),
    ...(version && { VersionId: version }),
  });
  const text = String(answer['SecretString'] ?? '');
  if (!key) return text;
  const value = (JSON.parse(text) as Record<string, unknown>)[key];
  if (value === undefined) throw new Error(`the secret has no key "${key}"`);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/**
 * What CodeBuild sets ("Environment variables in build environments"). Nothing of the embedded cloud's own environment
 * gets in: the operator's credentials are there.
 */
export function platformVariables(
  cloud: Cloud,
  { build }: BuildRecord,
  place: { home: string; source: string; credentials: { uri: string; token: string } },
): Record<string, string> {
  return {
    PATH: searchPath(),
    HOME: place.home,
    TMPDIR: place.home,
    LANG: 'C.UTF-8',
    AWS_REGION: cloud.region,
    AWS_DEFAULT_REGION: cloud.region,
    AWS_ENDPOINT_URL: cloud.endpoint,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_EXECUTION_ENV: 'AWS_CodeBuild',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    AWS_CONTAINER_CREDENTIALS_FULL_URI: place.credentials.uri,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: place.credentials.token,
    CODEBUILD_CI: 'true',
    CODEBUILD_BUILD_ID: build.id,
    CODEBUILD_BUILD_ARN: build.arn,
    CODEBUILD_BUILD_NUMBER: String(build.buildNumber ?? 0),
    CODEBUILD_BUILD_IMAGE: build.environment?.image ?? '',
    CODEBUILD_PROJECT_ARN: build.arn.replace(/:build\/.*$/, `:project/${build.projectName}`),
    CODEBUILD_INITIATOR: build.initiator ?? '',
    CODEBUILD_LOG_PATH: build.logs?.streamName ?? '',
    CODEBUILD_SRC_DIR: place.source,
    CODEBUILD_SOURCE_REPO_URL: build.source?.location ?? '',
    CODEBUILD_SOURCE_VERSION: build.sourceVersion ?? '',
    CODEBUILD_RESOLVED_SOURCE_VERSION: build.resolvedSourceVersion ?? '',
    CODEBUILD_START_TIME: String(timeOf(build.startTime)),
    CODEBUILD_KMS_KEY_ID: build.encryptionKey ?? '',
  };
}
