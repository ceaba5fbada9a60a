import { ExitCode } from '../model/error.ts';
import { deployShared as deploy, diffShared } from '../services/deployment/deploy-shared.ts';
import { tellingWhatGoesOn } from '../services/stopped.ts';
import { duration, facts, plural, table } from '../ui/table.ts';
import { type Invocation, waiting } from './invocation.ts';

export interface DeploySharedOptions {
  dryRun?: boolean;
  exitCode?: boolean;
  yes?: boolean;
  /** Milliseconds. */
  waitTimeout?: number;
}

export async function deployShared(cli: Invocation, options: DeploySharedOptions): Promise<void> {
  if (options.dryRun) return preview(cli, options);
  const { environment, account, region } = await cli.target();
  // On the embedded cloud nothing costs or breaks; an account is named before anything happens in it.
  if (environment.target === 'aws')
    await cli.prompts.confirm(options.yes ?? false, {
      message: `Deploy to account ${account} in ${region}?`,
    });
  const deployed = await cli.run(
    (context) =>
      tellingWhatGoesOn(context, { what: 'the deployment', command: 'saas-ecs deploy-shared' }, () =>
        deploy(context),
      ),
    waiting(options),
  );
  cli.output.result(deployed, (colors) => {
    const changed = deployed.stacks.filter((stack) => stack.status === 'deployed');
    return [
      changed.length === 0
        ? `${colors.green('✔')} nothing to change: everything is deployed as configured`
        : `${colors.green('✔')} deployed ${plural(changed.length, 'stack')}`,
      ...changed.map((stack) => `  ${stack.name} ${colors.dim(duration(stack.durationMs))}`),
      '',
      facts(colors, [
        ['environment', environment.name],
        ['release', deployed.release],
        ['API', deployed.outputs['apiUrl'] ?? ''],
      ]),
    ].join('\n');
  });
  cli.output.next('saas-ecs onboard --tier basic --name acme --email admin@acme.example');
}

async function preview(cli: Invocation, options: DeploySharedOptions): Promise<void> {
  const changes = await cli.run((context) => diffShared(context));
  const total = changes.reduce(
    (sum, { added, changed, removed }) => sum + added.length + changed.length + removed.length,
    0,
  );
  cli.output.result({ changes }, (colors) =>
    total === 0
      ? 'Nothing would change.'
      : [
          table(colors, changes, [
            { title: 'STACK', value: ({ stack }) => stack },
            { title: 'ADD', value: ({ added }) => String(added.length), align: 'right' },
            { title: 'CHANGE', value: ({ changed }) => String(changed.length), align: 'right' },
            { title: 'REMOVE', value: ({ removed }) => String(removed.length), align: 'right' },
          ]),
          '',
          ...changes.flatMap(({ stack, added, changed, removed }) => [
            ...added.map((resource) => colors.green(`+ ${stack}: ${resource}`)),
            ...changed.map((resource) => colors.yellow(`~ ${stack}: ${resource}`)),
            ...removed.map((resource) => colors.red(`- ${stack}: ${resource}`)),
          ]),
          '',
          `${plural(total, 'resource')} would change; nothing was changed.`,
        ].join('\n'),
  );
  if (options.exitCode && total > 0) cli.exitCode = ExitCode.changesPresent;
}
