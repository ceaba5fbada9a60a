/** Commands about the control plane: its jobs, and the agreement between it, the registry and the account. */
import type { Tree } from './definition.ts';

export function controlPlaneCommands({ program, add, action }: Tree): void {
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
