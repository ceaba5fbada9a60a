/** CodeBuild's records: projects and builds, as the API shows them, and what else is remembered of a build. */
import type { Build, Project } from '@aws-sdk/client-codebuild';
import { AwsError, arn, type Cloud } from '../../platform.ts';

export interface ProjectRecord extends Project {
  name: string;
  /** The number of the newest build. */
  builds: number;
}

export interface BuildRecord {
  /** Dates are ISO text after a restart. */
  build: Build & { id: string; arn: string; projectName: string };
  /** The caller's idempotency token. */
  token?: string | undefined;
  /** A process of an earlier cloud may have run it. */
  started: boolean;
}

/** Milliseconds since the epoch, of a date or what the store made of it. */
export const timeOf = (date: Date | string | undefined): number =>
  date === undefined ? 0 : new Date(date).getTime();

export const invalid = (message: string): AwsError => new AwsError('InvalidInputException', message);

export type CodeBuildState = ReturnType<typeof openState>;

export function openState(cloud: Cloud) {
  const projects = cloud.store.collection<ProjectRecord>('codebuild.projects');
  const builds = cloud.store.collection<BuildRecord>('codebuild.builds');
  return {
    projects,
    builds,
    projectArn: (name: string): string => arn(cloud, 'codebuild', `project/${name}`),
    buildArn: (id: string): string => arn(cloud, 'codebuild', `build/${id}`),
    /** A project's name, also of its ARN. */
    projectName: (reference: string): string => reference.split(':project/').at(-1) ?? reference,
    /** A build's id, also of its ARN. */
    buildId: (reference: string): string => reference.split(':build/').at(-1) ?? reference,
    /** Throws AwsError ResourceNotFoundException. */
    project(reference: string): ProjectRecord {
      const found = projects.get(this.projectName(reference));
      if (!found)
        throw new AwsError(
          'ResourceNotFoundException',
          `Project cannot be found: ${this.projectArn(this.projectName(reference))}`,
        );
      return found;
    },
    /** Newest first. */
    buildsOf(project?: string): BuildRecord[] {
      return builds
        .values()
        .filter(({ build }) => project === undefined || build.projectName === project)
        .reverse();
    },
  };
}
