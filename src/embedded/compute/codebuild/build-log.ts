/** A build's log: CodeBuild's own lines and the commands' output, in CloudWatch Logs. */
import { AwsError, arn, type Cloud, type Principal } from '../../platform.ts';
import type { BuildRecord } from './state.ts';

export interface BuildLog {
  /** A line of CodeBuild's own. */
  say(message: string): void;
  /** Lines of a command. */
  write(lines: readonly string[]): void;
  /** These texts are shown as `***` from now on. */
  hide(secrets: readonly string[]): void;
}

/** Throws the AwsError of a role that may not write the log: on AWS too, its build does not begin. */
export function openBuildLog(cloud: Cloud, principal: Principal, { build }: BuildRecord): BuildLog {
  const { groupName, streamName } = build.logs ?? {};
  if (!groupName || !streamName) return { say: () => {}, write: () => {}, hide: () => {} };
  const stream = arn(cloud, 'logs', `log-group:${groupName}:log-stream:${streamName}`);
  try {
    for (const action of ['logs:CreateLogStream', 'logs:PutLogEvents'])
      cloud.iam.authorize(principal, { action, resource: stream });
  } catch (error) {
    throw new AwsError(
      'ACCESS_DENIED',
      `Service role ${build.serviceRole} does not allow AWS CodeBuild to create Amazon CloudWatch Logs log streams for build ${build.arn}. Error message: ${(error as Error).message}`,
    );
  }
  const hidden = new Set<string>();
  const write = (lines: readonly string[]): void => {
    const shown = lines.map((line) => {
      let text = line;
      for (const secret of hidden) text = text.replaceAll(secret, '***');
      return text;
    });
    cloud.logs.append(groupName, streamName, shown);
  };
  return {
    write,
    say(message) {
      const time = new Date(cloud.clock.now()).toISOString().replaceAll('-', '/').replace('T', ' ');
      write([`[Container] ${time.slice(0, -1)} ${message}`]);
    },
    hide(secrets) {
      // A value of several lines is seen line by line; one of a letter or two would hide everything.
      for (const secret of secrets)
        for (const line of secret.split('\n')) if (line.length > 2) hidden.add(line);
    },
  };
}
