/** Commands for the person in front of the screen: a tour, and completion. */
import type { Tree } from './definition.ts';

export function shellCommands({ program, add, action }: Tree): void {
  add(
    program,
    'tour',
    'see it all on this machine: three tenants, three tiers, and what keeps them apart',
    ['saas-ecs tour', 'saas-ecs tour --json'],
    (command) => {
      command.option('--dir <dir>', 'project for the tour when there is none here (default: saas-ecs-tour)');
      action(command, async (cli, _, options) => (await import('../commands/tour.ts')).tour(cli, options));
    },
  );

  add(
    program,
    'completion <shell>',
    'print the completion script of bash, zsh or fish',
    [
      'source <(saas-ecs completion bash)',
      'saas-ecs completion zsh > "${fpath[1]}/_saas-ecs"',
      'saas-ecs completion fish > ~/.config/fish/completions/saas-ecs.fish',
    ],
    (command) => {
      action(command, async (cli, [shell = '']) =>
        (await import('../commands/completion.ts')).completion(cli, shell),
      );
    },
  );
}
