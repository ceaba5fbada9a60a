/** Commands about the embedded cloud of this project. */
import { Option } from 'commander';
import type { Tree } from './definition.ts';
import { port } from './values.ts';

export function localCommands({ program, add, action }: Tree): void {
  const local = program
    .command('local')
    .description('the embedded cloud: start, stop, status, reset, outbox')
    .copyInheritedSettings(program)
    .exitOverride();
  add(
    local,
    'start',
    'start the embedded cloud of this project',
    ['saas-ecs local start', 'saas-ecs local start --json | jq -r .data.endpoint'],
    (command) => {
      command.addOption(
        new Option('--port <n>', 'port to listen on; chosen once for a project')
          .argParser(port)
          .env('SAAS_ECS_PORT'),
      );
      action(command, async (cli, _, options) =>
        (await import('../commands/local.ts')).localStart(cli, options),
      );
    },
  );
  add(local, 'stop', 'stop it; its state is kept', ['saas-ecs local stop'], (command) => {
    action(command, async (cli) => (await import('../commands/local.ts')).localStop(cli));
  });
  add(
    local,
    'status',
    'tell whether it runs, and where',
    ['saas-ecs local status', 'saas-ecs local status --json'],
    (command) => {
      action(command, async (cli) => (await import('../commands/local.ts')).localStatus(cli));
    },
  );
  add(
    local,
    'reset',
    'stop it and delete all its state',
    ['saas-ecs local reset', 'saas-ecs local reset --confirm my-project'],
    (command) => {
      command.option('--confirm <directory>', "the project directory's name, instead of typing it");
      action(command, async (cli, _, options) =>
        (await import('../commands/local.ts')).localReset(cli, options),
      );
    },
  );
  add(
    local,
    'outbox',
    'show the mail that it would have sent',
    ['saas-ecs local outbox', 'saas-ecs local outbox --to admin@acme.example'],
    (command) => {
      command.option('--to <address>', 'only to this address');
      action(command, async (cli, _, options) =>
        (await import('../commands/local.ts')).localOutbox(cli, options),
      );
    },
  );
}
