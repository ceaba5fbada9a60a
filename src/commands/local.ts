import path from 'node:path';
import { findConfig } from '../services/config/load.ts';
import {
  localCloudStatus,
  readOutbox,
  resetLocalCloud,
  startLocalCloud,
  stopLocalCloud,
} from '../services/local-cloud.ts';
import { duration, facts } from '../ui/table.ts';
import type { Invocation } from './invocation.ts';

/** The project that the embedded cloud belongs to: where saas-ecs.yaml is, else this directory. */
function rootOf(cli: Invocation): string {
  const file =
    cli.options.config === undefined ? findConfig(cli.cwd) : path.resolve(cli.cwd, cli.options.config);
  return file === undefined ? cli.cwd : path.dirname(file);
}

export async function localStart(cli: Invocation, options: { port?: number }): Promise<void> {
  const { endpoint, pid, stateDir, started } = await startLocalCloud({
    root: rootOf(cli),
    ...(options.port !== undefined && { port: options.port }),
  });
  cli.output.result({ endpoint, pid, stateDir }, (colors) =>
    [
      `${colors.green('✔')} the embedded cloud ${started ? 'is up' : 'was up already'}`,
      '',
      facts(colors, [
        ['endpoint', endpoint],
        ['process', String(pid)],
        ['state', stateDir],
      ]),
    ].join('\n'),
  );
  cli.output.next(
    `export AWS_ENDPOINT_URL=${endpoint} AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1`,
  );
}

export async function localStop(cli: Invocation): Promise<void> {
  const stopped = await stopLocalCloud({ root: rootOf(cli) });
  cli.output.result({ stopped }, () =>
    stopped ? 'the embedded cloud is stopped; its state is kept' : 'the embedded cloud was not running',
  );
}

export async function localStatus(cli: Invocation): Promise<void> {
  const status = await localCloudStatus({ root: rootOf(cli) });
  cli.output.result(status, (colors) =>
    facts(colors, [
      ['status', status.running ? colors.green('running') : 'stopped'],
      ['endpoint', status.endpoint ?? '-'],
      ['process', status.pid === null ? '-' : String(status.pid)],
      ['up', status.uptimeMs === null ? '-' : duration(status.uptimeMs)],
      ['state', `${status.stateDir} (${(status.sizeBytes / 1e6).toFixed(1)} MB)`],
    ]),
  );
}

export async function localReset(cli: Invocation, options: { confirm?: string }): Promise<void> {
  const root = rootOf(cli);
  const name = path.basename(root);
  cli.output.note(`Resetting deletes the embedded cloud of ${root}: every stack, tenant and item in it.`);
  await cli.prompts.confirmName(options.confirm, name, { message: `Type ${name} to delete it` });
  await resetLocalCloud({ root });
  cli.output.result({ reset: true }, (colors) => `${colors.green('✔')} the embedded cloud is empty`);
}

export async function localOutbox(cli: Invocation, options: { to?: string }): Promise<void> {
  const root = rootOf(cli);
  const { endpoint } = await startLocalCloud({ root });
  const mails = (await readOutbox(endpoint)).filter(
    (mail) => options.to === undefined || mail.to === options.to,
  );
  cli.output.result({ mails }, (colors) =>
    mails.length === 0
      ? 'No mail.'
      : mails
          .map((mail) =>
            [
              facts(colors, [
                ['to', mail.to],
                ['at', mail.at],
                ['subject', mail.subject],
              ]),
              mail.body,
            ].join('\n'),
          )
          .join('\n\n'),
  );
}
