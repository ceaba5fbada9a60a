/** The events that CodeBuild puts on the default bus ("Build notifications input format reference"). */
import type { Build, BuildPhase } from '@aws-sdk/client-codebuild';
import type { EventsApi } from '../../platform.ts';
import { type BuildRecord, timeOf } from './state.ts';

const time = new Intl.DateTimeFormat('en-US', { dateStyle: 'medium', timeStyle: 'medium', timeZone: 'UTC' });
/** `Sep 1, 2017 4:12:29 PM` */
const shown = (date: Date | string | undefined): string =>
  time
    .format(timeOf(date))
    .replace(/\u202f/g, ' ')
    .replace(/(\d{4}),/, '$1');

type Event = Parameters<EventsApi['emit']>[0];

/** Of the build's new status, or of the phase that has just ended; undefined while one begins. */
export function stateChange({ build }: BuildRecord, what: 'phase' | 'status'): Event | undefined {
  const phase = build.phases?.at(-1);
  if (what === 'phase' && phase?.phaseStatus === undefined) return undefined;
  return {
    source: 'aws.codebuild',
    detailType: what === 'status' ? 'CodeBuild Build State Change' : 'CodeBuild Build Phase Change',
    resources: [build.arn],
    detail: {
      'project-name': build.projectName,
      'build-id': build.arn,
      ...(what === 'status'
        ? {
            'build-status': build.buildStatus,
            'current-phase': build.currentPhase,
            'current-phase-context': contexts(phase),
          }
        : phase && {
            'completed-phase': phase.phaseType,
            'completed-phase-status': phase.phaseStatus,
            'completed-phase-context': contexts(phase),
            'completed-phase-start': shown(phase.startTime),
            'completed-phase-end': shown(phase.endTime),
            'completed-phase-duration-seconds': phase.durationInSeconds,
          }),
      'additional-information': information(build),
      version: '1',
    },
  };
}

/** As AWS writes them: `[STATUS_CODE: message]`. */
const contexts = (phase: BuildPhase | undefined): string =>
  `[${(phase?.contexts ?? []).map(({ statusCode, message }) => `${statusCode}: ${message}`).join(', ')}]`;

function information(build: Build): Record<string, unknown> {
  return {
    'build-number': build.buildNumber,
    'build-complete': build.buildComplete,
    'build-start-time': shown(build.startTime),
    initiator: build.initiator,
    'timeout-in-minutes': build.timeoutInMinutes,
    'queued-timeout-in-minutes': build.queuedTimeoutInMinutes,
    artifact: { location: '' },
    cache: { type: build.cache?.type ?? 'NO_CACHE' },
    source: { type: build.source?.type, location: build.source?.location },
    environment: {
      image: build.environment?.image,
      type: build.environment?.type,
      'compute-type': build.environment?.computeType,
      'privileged-mode': build.environment?.privilegedMode ?? false,
      'image-pull-credentials-type': build.environment?.imagePullCredentialsType,
      'environment-variables': build.environment?.environmentVariables ?? [],
    },
    logs: { 'group-name': build.logs?.groupName, 'stream-name': build.logs?.streamName },
    'exported-environment-variables': build.exportedEnvironmentVariables,
    phases: (build.phases ?? []).map((phase) => ({
      'phase-type': phase.phaseType,
      'start-time': shown(phase.startTime),
      ...(phase.phaseStatus !== undefined && {
        'phase-status': phase.phaseStatus,
        'phase-context': [contexts(phase).slice(1, -1)],
        'end-time': shown(phase.endTime),
        'duration-in-seconds': phase.durationInSeconds,
      }),
    })),
  };
}
