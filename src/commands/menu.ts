import type { Invocation } from './invocation.ts';

/** What `saas-ecs` alone shows on a terminal: the commands, in the order of a tenant's life. Gives the command line chosen. */
export async function menu(
  cli: Invocation,
  commands: readonly { name: string; description: string }[],
): Promise<string[] | undefined> {
  const needTenant = new Set(['offboard', 'describe-tenant', 'explain', 'suspend', 'resume']);
  const shown = commands.filter(
    ({ name }) => !name.startsWith('_') && name !== 'completion' && name !== 'local',
  );
  const chosen = await cli.prompts.choose(undefined, {
    flag: 'a command',
    message: 'What would you like to do?',
    choices: [
      ...shown.map(({ name, description }) => ({ name, value: name, description })),
      {
        name: 'local status',
        value: 'local status',
        description: 'the embedded cloud: does it run, and where',
      },
      { name: 'help', value: '--help', description: 'every command with its flags' },
      { name: 'leave', value: '' },
    ],
  });
  if (chosen === '') return undefined;
  const words = chosen.split(' ');
  if (needTenant.has(chosen))
    words.push(await cli.prompts.text(undefined, { flag: 'a tenant', message: 'Tenant (name or id)' }));
  return words;
}
