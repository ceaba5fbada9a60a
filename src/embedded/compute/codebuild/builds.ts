/** The operations on builds: starting, stopping, describing them. */
import { randomUUID } from 'node:crypto';
import {
  BatchDeleteBuilds$,
  type BatchDeleteBuildsInput,
  BatchGetBuilds$,
  type BatchGetBuildsInput,
  type Build,
  type EnvironmentVariable,
  ListBuilds$,
  ListBuildsForProject$,
  type ListBuildsForProjectInput,
  type ListBuildsInput,
  type LogsConfig,
  RetryBuild$,
  type RetryBuildInput,
  StartBuild$,
  type StartBuildInput,
  StopBuild$,
  type StopBuildInput,
} from '@aws-sdk/client-codebuild';
import {
  type Access,
  AwsError,
  arn,
  type Call,
  type Cloud,
  type Operation,
  operation,
} from '../../platform.ts';
import { decodeToken, encodeToken } from '../../resources/pages.ts';
import { validateProject } from './projects.ts';
import type { Queue } from './queue.ts';
import { type BuildRecord, type CodeBuildState, invalid, type ProjectRecord } from './state.ts';

const pageSize = 100;
/** Completed builds of a project that can still be read; AWS keeps them for a year. */
const keptBuilds = 200;
/** Builds may wait up to five times the number that runs at once ("Quotas for CodeBuild"). */
const queueFactor = 5;

/** What StartBuild can't override here. */
const refusedOverrides = [
  'secondarySourcesOverride',
  'secondarySourcesVersionOverride',
  'secondaryArtifactsOverride',
  'debugSessionEnabled',
  'fleetOverride',
] as const satisfies readonly (keyof StartBuildInput)[];

export function createBuilds(cloud: Cloud, state: CodeBuildState, queue: Queue): readonly Operation[] {
  const find = (id: string): BuildRecord => {
    const found = state.builds.get(state.buildId(id));
    if (!found) throw new AwsError('ResourceNotFoundException', `Build ${id} cannot be found`);
    return found;
  };

  const checkQuotas = (project: ProjectRecord): void => {
    const active = state.buildsOf(project.name).filter(({ build }) => !build.buildComplete).length;
    if (project.concurrentBuildLimit !== undefined && active >= project.concurrentBuildLimit)
      throw new AwsError(
        'AccountLimitExceededException',
        `Cannot have more than ${project.concurrentBuildLimit} active builds for the project`,
      );
    const limit = queueFactor * cloud.concurrentBuilds;
    if (queue.waiting() >= limit)
      throw new AwsError(
        'AccountLimitExceededException',
        `Cannot have more than ${limit} builds in queue for the account`,
      );
  };

  const start = (input: StartBuildInput, call: Call): Build => {
    const project = state.project(input.projectName ?? '');
    const token = input.idempotencyToken;
    const repeated =
      token === undefined ? undefined : state.buildsOf(project.name).find((other) => other.token === token);
    if (repeated) return repeated.build;
    for (const name of refusedOverrides)
      if (input[name] !== undefined && input[name] !== false)
        throw invalid(`${name} is not available in the embedded cloud: leave it out`);
    const settings = overridden(project, input);
    validateProject(settings);
    if (settings.sourceVersion && settings.source?.type === 'S3')
      throw invalid('versions of an S3 source are not available in the embedded cloud: leave them out');
    checkQuotas(project);
    const build = newBuild(project, settings, call);
    state.projects.put(project.name, { ...project, builds: project.builds + 1 });
    queue.add({ build, token, started: false });
    for (const old of state.buildsOf(project.name).slice(keptBuilds))
      if (old.build.buildComplete) state.builds.delete(old.build.id);
    return build;
  };

  const newBuild = (project: ProjectRecord, settings: ProjectRecord, call: Call): BuildRecord['build'] => {
    const uuid = randomUUID();
    const id = `${project.name}:${uuid}`;
    const now = new Date(cloud.clock.now());
    return {
      id,
      arn: state.buildArn(id),
      projectName: project.name,
      buildNumber: project.builds + 1,
      startTime: now,
      currentPhase: 'QUEUED',
      buildStatus: 'IN_PROGRESS',
      sourceVersion: settings.sourceVersion,
      source: settings.source,
      secondarySources: [],
      secondarySourceVersions: [],
      artifacts: { location: '' },
      secondaryArtifacts: [],
      cache: settings.cache,
      environment: settings.environment,
      serviceRole: settings.serviceRole,
      logs: logsOf(settings.logsConfig, project.name, uuid),
      timeoutInMinutes: settings.timeoutInMinutes,
      queuedTimeoutInMinutes: settings.queuedTimeoutInMinutes,
      encryptionKey: settings.encryptionKey,
      buildComplete: false,
      initiator: initiator(call),
      phases: [
        {
          phaseType: 'SUBMITTED',
          phaseStatus: 'SUCCEEDED',
          startTime: now,
          endTime: now,
          durationInSeconds: 0,
        },
      ],
    };
  };

  const logsOf = (config: LogsConfig | undefined, project: string, uuid: string): Build['logs'] => {
    const given = config?.cloudWatchLogs;
    if (given?.status === 'DISABLED') return { cloudWatchLogs: given };
    const groupName = given?.groupName ?? `/aws/codebuild/${project}`;
    const streamName = given?.streamName ? `${given.streamName}/${uuid}` : uuid;
    return {
      groupName,
      streamName,
      cloudWatchLogsArn: arn(cloud, 'logs', `log-group:${groupName}:log-stream:${streamName}`),
      cloudWatchLogs: { ...given, status: 'ENABLED' },
    };
  };

  const ofProject = (action: string, reference: string): Access[] => [
    {
      action: `codebuild:${action}`,
      resource: state.projectArn(state.projectName(state.buildId(reference)).split(':')[0] ?? ''),
    },
  ];
  const onBuilds = (action: string, ids: readonly string[]): Access[] =>
    ids.flatMap((id) => ofProject(action, id));

  /** Ids newest first, from the one after the token's. */
  const listed = (records: readonly BuildRecord[], order: string | undefined, token: string | undefined) => {
    const ids = records.map(({ build }) => build.id);
    if (order === 'ASCENDING') ids.reverse();
    const from = token === undefined ? 0 : ids.indexOf(decodeToken(token, 'InvalidInputException')) + 1;
    const page = ids.slice(from, from + pageSize);
    const last = page.at(-1);
    return {
      ids: page,
      nextToken: last !== undefined && from + pageSize < ids.length ? encodeToken(last) : undefined,
    };
  };

  return [
    operation(StartBuild$, (input: StartBuildInput, call) => ({ build: start(input, call) }), {
      access: ({ projectName = '' }) => ofProject('StartBuild', projectName),
    }),
    operation(
      RetryBuild$,
      ({ id = '', idempotencyToken }: RetryBuildInput, call) => {
        const { build } = find(id);
        if (!build.buildComplete) throw invalid(`Build ${id} is still under way`);
        return {
          build: start(
            {
              projectName: build.projectName,
              ...(idempotencyToken === undefined ? {} : { idempotencyToken }),
              ...(build.environment?.environmentVariables && {
                environmentVariablesOverride: build.environment.environmentVariables,
              }),
              ...(build.source?.buildspec && { buildspecOverride: build.source.buildspec }),
            },
            call,
          ),
        };
      },
      { access: ({ id = '' }) => ofProject('RetryBuild', id) },
    ),
    operation(
      StopBuild$,
      async ({ id = '' }: StopBuildInput) => {
        const { build } = find(id);
        await queue.end(build.id);
        return { build };
      },
      { access: ({ id = '' }) => ofProject('StopBuild', id) },
    ),
    operation(
      BatchGetBuilds$,
      ({ ids = [] }: BatchGetBuildsInput) => ({
        builds: ids.flatMap((id) => state.builds.get(state.buildId(id))?.build ?? []),
        buildsNotFound: ids.filter((id) => !state.builds.has(state.buildId(id))),
      }),
      { access: ({ ids = [] }) => onBuilds('BatchGetBuilds', ids) },
    ),
    operation(
      BatchDeleteBuilds$,
      ({ ids = [] }: BatchDeleteBuildsInput) => {
        const known = ids.map((id) => state.builds.get(state.buildId(id)));
        const gone = known.filter((record) => record?.build.buildComplete);
        for (const record of gone) if (record) state.builds.delete(record.build.id);
        return {
          buildsDeleted: gone.flatMap((record) => record?.build.arn ?? []),
          buildsNotDeleted: ids
            .filter((_, index) => !gone.includes(known[index]))
            .map((id) => ({ id, statusCode: 'BUILD_NOT_DELETED' })),
        };
      },
      { access: ({ ids = [] }) => onBuilds('BatchDeleteBuilds', ids) },
    ),
    operation(ListBuilds$, ({ sortOrder, nextToken }: ListBuildsInput) =>
      listed(state.buildsOf(), sortOrder, nextToken),
    ),
    operation(
      ListBuildsForProject$,
      ({ projectName = '', sortOrder, nextToken }: ListBuildsForProjectInput) =>
        listed(state.buildsOf(state.project(projectName).name), sortOrder, nextToken),
      { access: ({ projectName = '' }) => ofProject('ListBuildsForProject', projectName) },
    ),
  ];
}

/** The project as this one build sees it. */
function overridden(project: ProjectRecord, input: StartBuildInput): ProjectRecord {
  const defined = <T extends object>(values: T): Partial<T> =>
    Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
  const source = defined({
    type: input.sourceTypeOverride,
    location: input.sourceLocationOverride,
    buildspec: input.buildspecOverride,
  });
  const environment = defined({
    type: input.environmentTypeOverride,
    image: input.imageOverride,
    computeType: input.computeTypeOverride,
    privilegedMode: input.privilegedModeOverride,
  });
  return {
    ...project,
    ...defined({
      artifacts: input.artifactsOverride,
      cache: input.cacheOverride,
      serviceRole: input.serviceRoleOverride,
      sourceVersion: input.sourceVersion,
      timeoutInMinutes: input.timeoutInMinutesOverride,
      queuedTimeoutInMinutes: input.queuedTimeoutInMinutesOverride,
      encryptionKey: input.encryptionKeyOverride,
      logsConfig: input.logsConfigOverride,
    }),
    source: { ...project.source, ...source } as NonNullable<ProjectRecord['source']>,
    environment: {
      ...project.environment,
      ...environment,
      environmentVariables: merged(
        project.environment?.environmentVariables ?? [],
        input.environmentVariablesOverride ?? [],
      ),
    } as NonNullable<ProjectRecord['environment']>,
  };
}

function merged(
  project: readonly EnvironmentVariable[],
  call: readonly EnvironmentVariable[],
): EnvironmentVariable[] {
  const byName = new Map([...project, ...call].map((variable) => [variable.name, variable]));
  return [...byName.values()];
}

/** `states/…`, `rule/…` on AWS; here the name of the role's session, or the account. */
const initiator = ({ principal }: Call): string =>
  principal.arn.split(':assumed-role/').at(1) ?? principal.arn.split(':').at(-1) ?? '';
