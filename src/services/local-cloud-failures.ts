/** Why the embedded cloud does not run, in words that say what to do. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type DaemonMessage, daemonFiles } from '../model/daemon.ts';
import { SaasError } from '../model/error.ts';

/** Lines of the log that go with an error. */
const logTail = 15;

export const foreign = (stateDir: string): SaasError =>
  new SaasError('state_foreign', `"${stateDir}" holds files that are not an embedded cloud's`, {
    hint: 'move them elsewhere and run the command again',
  });

export const portFixed = (port: number): SaasError =>
  new SaasError('port_fixed', `this project's embedded cloud lives on port ${port}`, {
    detail: 'its state holds addresses with that port, such as token issuers',
    hint: 'leave --port out, or start anew with: saas-ecs local reset',
  });

/** What the process said of its failed start, for people. */
export async function failureOf(
  stateDir: string,
  failure: DaemonMessage & { type: 'failed' },
): Promise<SaasError> {
  const { code, message, port = 0 } = failure;
  switch (code) {
    case 'port_taken':
      return new SaasError('port_taken', `port ${port} of the embedded cloud is in use by another program`, {
        detail: 'its state holds addresses with that port, so it can’t move to another',
        hint: `see who has it with: lsof -nP -iTCP:${port} -sTCP:LISTEN   (or: ss -ltnp 'sport = :${port}')`,
      });
    case 'no_port':
      return new SaasError('no_free_port', message, {
        hint: 'choose one with: saas-ecs local start --port N',
      });
    case 'port_fixed':
      return portFixed(port);
    case 'state_damaged':
      return new SaasError('state_damaged', `the embedded cloud's state in "${stateDir}" is damaged`, {
        detail: `${message}\nnothing was changed or deleted`,
        hint: 'restore the directory from a copy, or delete it and begin anew with: saas-ecs local reset',
      });
    default:
      return new SaasError('embedded_cloud_failed', 'the embedded cloud could not start', {
        detail: [message, ...(await lastLines(stateDir))].join('\n'),
        hint: `its log is ${path.join(stateDir, daemonFiles.log)}`,
      });
  }
}

export async function notReady(stateDir: string): Promise<SaasError> {
  const lines = await lastLines(stateDir);
  return new SaasError('embedded_cloud_not_ready', 'the embedded cloud never became ready', {
    ...(lines.length > 0 && { detail: lines.join('\n') }),
    hint: `its log is ${path.join(stateDir, daemonFiles.log)}`,
  });
}

async function lastLines(stateDir: string): Promise<string[]> {
  const text = await readFile(path.join(stateDir, daemonFiles.log), 'utf8').catch(() => '');
  return text.trimEnd().split('\n').filter(Boolean).slice(-logTail);
}
