/** Build projects: what is built, by which buildspec, as which role. */
import {
  BatchGetProjects$,
  type BatchGetProjectsInput,
  CreateProject$,
  type CreateProjectInput,
  DeleteProject$,
  type DeleteProjectInput,
  ListProjects$,
  type ListProjectsInput,
  type Project,
  UpdateProject$,
  type UpdateProjectInput,
} from '@aws-sdk/client-codebuild';
import { AwsError, type Cloud, type Operation, operation } from '../../platform.ts';
import { compareText, pageOf } from '../../resources/pages.ts';
import { type CodeBuildState, invalid, type ProjectRecord } from './state.ts';

const pageSize = 100;

export type Projects = ReturnType<typeof createProjects>;

/** Throws AwsError InvalidInputException: what CodeBuild refuses, and what only exists there. */
export function validateProject(input: Partial<CreateProjectInput>): void {
  if (input.name !== undefined && !/^[A-Za-z0-9][A-Za-z0-9\-_]{1,149}$/.test(input.name))
    throw invalid(`Invalid project name: ${input.name}`);
  const { source, artifacts, environment } = input;
  if (source) {
    if (source.type === 'NO_SOURCE' && !source.buildspec)
      throw invalid('Project source type is NO_SOURCE, and no buildspec is specified');
    if (source.type !== 'NO_SOURCE' && source.type !== 'S3')
      throw unavailable(`source type ${source.type}`, 'use NO_SOURCE or S3');
    if (source.type === 'S3' && !/^[^/]+\/.*[^/]$/.test(source.location ?? ''))
      throw unavailable(`source location ${source.location}`, 'name one ZIP file as bucket/path.zip');
    if (source.buildspec?.startsWith('arn:'))
      throw unavailable('a buildspec of its own in S3', 'put it into the source or inline');
  }
  if (artifacts && artifacts.type !== 'NO_ARTIFACTS')
    throw unavailable(`artifacts type ${artifacts.type}`, 'use NO_ARTIFACTS');
  if (environment?.type?.startsWith('WINDOWS') || environment?.type?.startsWith('MAC'))
    throw unavailable(`environment type ${environment.type}`, 'use LINUX_CONTAINER or ARM_CONTAINER');
  if (environment?.fleet) throw unavailable('a fleet', 'leave it out');
  for (const name of ['secondarySources', 'secondaryArtifacts', 'fileSystemLocations'] as const)
    if (input[name]?.length) throw unavailable(name, 'leave it out');
  if (input.buildBatchConfig) throw unavailable('buildBatchConfig', 'leave it out');
  within('timeoutInMinutes', input.timeoutInMinutes, 5, 2160);
  within('queuedTimeoutInMinutes', input.queuedTimeoutInMinutes, 5, 480);
}

const unavailable = (what: string, instead: string): AwsError =>
  invalid(`${what} is not available in the embedded cloud: ${instead}`);

function within(name: string, value: number | undefined, min: number, max: number): void {
  if (value !== undefined && (value < min || value > max))
    throw invalid(`Invalid ${name}: it must be from ${min} to ${max}`);
}

export function createProjects(cloud: Cloud, state: CodeBuildState) {
  const now = (): Date => new Date(cloud.clock.now());
  const shown = ({ builds: _builds, ...project }: ProjectRecord): Project => project;

  const create = (input: CreateProjectInput): Project => {
    validateProject(input);
    const name = input.name ?? '';
    if (state.projects.has(name))
      throw new AwsError(
        'ResourceAlreadyExistsException',
        `Project already exists: ${state.projectArn(name)}`,
      );
    const record: ProjectRecord = {
      timeoutInMinutes: 60,
      queuedTimeoutInMinutes: 480,
      cache: { type: 'NO_CACHE' },
      projectVisibility: 'PRIVATE',
      encryptionKey: `arn:${cloud.partition}:kms:${cloud.region}:${cloud.account}:alias/aws/s3`,
      ...(input as Partial<Project>),
      badge: { badgeEnabled: false },
      name,
      arn: state.projectArn(name),
      created: now(),
      lastModified: now(),
      builds: 0,
    };
    state.projects.put(name, record);
    return shown(record);
  };

  const update = (input: UpdateProjectInput): Project => {
    const known = state.project(input.name ?? '');
    validateProject(input as Partial<CreateProjectInput>);
    const record = { ...known, ...(input as Partial<Project>), name: known.name, lastModified: now() };
    state.projects.put(record.name, record);
    return shown(record);
  };

  /** Succeeds when there is none; its builds go with it. */
  const remove = (reference: string): void => {
    const name = state.projectName(reference);
    if (!state.projects.delete(name)) return;
    for (const { build } of state.buildsOf(name)) if (build.buildComplete) state.builds.delete(build.id);
  };

  const onProject = <Input extends { name: string | undefined }, Output>(
    schema: unknown,
    action: string,
    handler: (input: Input) => Output,
  ): Operation =>
    operation(schema, handler, {
      access: ({ name = '' }) => [
        { action: `codebuild:${action}`, resource: state.projectArn(state.projectName(name)) },
      ],
    });

  const operations: Operation[] = [
    onProject(CreateProject$, 'CreateProject', (input: CreateProjectInput) => ({ project: create(input) })),
    onProject(UpdateProject$, 'UpdateProject', (input: UpdateProjectInput) => ({ project: update(input) })),
    onProject(DeleteProject$, 'DeleteProject', (input: DeleteProjectInput) => {
      remove(input.name ?? '');
      return {};
    }),
    operation(
      BatchGetProjects$,
      ({ names = [] }: BatchGetProjectsInput) => {
        const found = names.flatMap((name) => state.projects.get(state.projectName(name)) ?? []);
        const known = new Set(found.map(({ name }) => name));
        return {
          projects: found.map(shown),
          projectsNotFound: names.filter((name) => !known.has(state.projectName(name))),
        };
      },
      {
        access: ({ names = [] }) =>
          names.map((name) => ({
            action: 'codebuild:BatchGetProjects',
            resource: state.projectArn(state.projectName(name)),
          })),
      },
    ),
    operation(ListProjects$, ({ nextToken, sortOrder }: ListProjectsInput) => {
      const names = state.projects.keys().sort(compareText);
      if (sortOrder === 'DESCENDING') return { projects: names.reverse() };
      const page = pageOf(names, (name) => name, pageSize, nextToken, 'InvalidInputException');
      return { projects: page.items, nextToken: page.next };
    }),
  ];
  return { create, update, remove, operations };
}
