/** AWS CodeBuild: projects whose builds run as processes of this machine, with the credentials of their service role. */
import type { AwsService, Cloud, CodeBuildApi } from '../../platform.ts';
import { credentialsAnswerer } from '../container-credentials.ts';
import { sessionName } from './build-run.ts';
import { createBuilds } from './builds.ts';
import { createProjects } from './projects.ts';
import { createQueue } from './queue.ts';
import { inertArnType, projectType } from './resource-types.ts';
import { openState } from './state.ts';

const credentialsPath = '/_aws/codebuild/credentials/';

export function createCodeBuild(cloud: Cloud): AwsService & CodeBuildApi {
  const state = openState(cloud);
  const queue = createQueue(cloud, state);
  const projects = createProjects(cloud, state);
  const answerCredentials = credentialsAnswerer(cloud, 'codebuild.amazonaws.com');
  return {
    signingName: 'codebuild',
    protocol: 'json-1.1',
    operations: [...projects.operations, ...createBuilds(cloud, state, queue)],
    resourceTypes: {
      'AWS::CodeBuild::Project': projectType(cloud, projects),
      'AWS::CodeBuild::ReportGroup': inertArnType(cloud, 'report-group'),
      'AWS::CodeBuild::SourceCredential': inertArnType(cloud, 'token'),
    },
    routes: [
      {
        prefix: credentialsPath,
        handle(request, response, url) {
          const id = decodeURIComponent(url.pathname.slice(credentialsPath.length));
          const run = queue.running(id);
          answerCredentials(
            request,
            response,
            run && {
              roleArn: run.record.build.serviceRole ?? '',
              token: run.credentialsToken,
              sessionName: sessionName(id),
            },
          );
        },
      },
    ],
    ended: queue.ended,
    start: queue.recover,
    stop: queue.stop,
  };
}
