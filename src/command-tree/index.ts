/**
 * The commands, their flags and their examples. Nothing heavy is imported: each action loads its command when it
 * runs, so `--help` and completion answer at once.
 */
import { Command } from 'commander';
import { packageVersion } from '../model/installation.ts';
import { controlPlaneCommands } from './control-plane.ts';
import { examples, invocation, type Running, treeOf } from './definition.ts';
import { localCommands } from './local.ts';
import { projectCommands } from './project.ts';
import { shellCommands } from './shell.ts';
import { tenantCommands } from './tenants.ts';
import { userCommands } from './users.ts';

export { invocation, type Place } from './definition.ts';

/** The whole tree. `running` is undefined where it is only looked at: for the documentation and for completion. */
export function commandTree(running: Running | undefined): Command {
  const program = new Command('saas-ecs')
    .description('Operate a multi-tenant SaaS on Amazon ECS: on AWS, and live on this machine.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => running?.place.stdout.write(text),
      // Help for who named no command. Errors are told once, by `run`.
      writeErr: (text) => running?.place.stderr.write(text),
      outputError: () => {},
      getOutHelpWidth: () => Math.min(running?.place.stdout.columns ?? 100, 100),
      getOutHasColors: () => false,
    })
    .addHelpText(
      'after',
      examples(
        'saas-ecs tour',
        'saas-ecs onboard --tier premium --name acme --email admin@acme.example',
        'saas-ecs list-tenants --json',
      ),
    );
  const tree = treeOf(program, running);
  program.commandsGroup('The system:');
  projectCommands(tree);
  program.commandsGroup('Its tenants:');
  tenantCommands(tree);
  userCommands(tree);
  controlPlaneCommands(tree);
  program.commandsGroup('This machine:');
  localCommands(tree);
  shellCommands(tree);

  // What the completion scripts ask; hidden, since people have no use for it.
  const complete = program
    .command('__complete [words...]', { hidden: true })
    .allowUnknownOption()
    .allowExcessArguments()
    .helpOption(false);
  complete.action(async (words: string[]) => {
    if (!running) return;
    const { complete: candidates } = await import('../commands/complete.ts');
    const cli = await invocation(running.place, {}, 'text', false);
    const found = await candidates(cli, commandTree(undefined), words);
    running.place.stdout.write(found.length > 0 ? `${found.join('\n')}\n` : '');
  });

  return program;
}
