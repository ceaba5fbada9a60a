/** Commands about the control plane: its jobs, and the agreement between it, the registry and the account. */
import { option, type Tree } from './definition.ts';

export function controlPlaneCommands({ program, add, action }: Tree): void {
  add(
    program,
    'reconcile',
    'find and repair differences between control plane, registry and account',
    ['saas-ecs reconcile --dry-run', 'saas-ecs reconcile --tenant acme', 'saas-ecs reconcile --json'],
    (command) => {
      command
        .option('--dry-run', 'show the differences, change nothing')
        .option('--exit-code', 'with --dry-run: exit with 3 when there are differences')
        .addOption(option('--tenant <tenant>', 'only what is about this tenant, by name or id', 'TENANT'));
      action(command, async (cli, _, options) =>
        (await import('../commands/reconcile.ts')).reconcile(cli, options),
      );
    },
  );

  add(
    program,
    '__job <command>',
    'carry out a registration; for the lifecycle jobs: what to do is in their environment',
    ['saas-ecs __job onboard'],
    (command) => {
      action(command, async (cli, [kind = '']) =>
        (await import('../commands/registration-job.ts')).registrationJob(cli, kind),
      );
    },
    { hidden: true },
  );
}
