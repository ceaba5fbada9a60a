import { destroyShared as destroy, planDestruction } from '../services/deployment/destroy-shared.ts';
import { tellingWhatGoesOn } from '../services/stopped.ts';
import { plural } from '../ui/table.ts';
import type { Invocation } from './invocation.ts';

export async function destroyShared(cli: Invocation, options: { confirm?: string }): Promise<void> {
  const { prompts, output } = cli;
  const context = await cli.quietContext();
  const plan = await planDestruction(context);
  if (plan.stacks.length === 0) {
    output.result({ stacks: [], kept: [] }, () => 'Nothing is deployed.');
    return;
  }
  const { app } = context.config;
  if (options.confirm === undefined) {
    output.note(`This deletes, in ${output.err.bold(context.target.environment.name)}:`);
    for (const stack of plan.stacks) output.note(`  - ${stack}`);
    output.note('The registry, the artifacts, and the pool with its tables and users are kept.');
  }
  await prompts.confirmName(options.confirm, app, { message: `Type ${app} to delete it` });
  const destroyed = await cli.run((running) =>
    tellingWhatGoesOn(running, { what: 'taking it down', command: 'saas-ecs destroy-shared' }, () =>
      destroy(running, plan),
    ),
  );
  output.result(destroyed, (colors) =>
    [
      `${colors.green('✔')} deleted ${plural(destroyed.stacks.length, 'stack')}`,
      ...(destroyed.kept.length > 0 ? ['kept:', ...destroyed.kept.map((resource) => `  ${resource}`)] : []),
    ].join('\n'),
  );
}
