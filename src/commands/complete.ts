import type { Command, Option } from 'commander';
import type { Invocation } from './invocation.ts';

/**
 * What may stand at the last of `words`: commands, flags, or values; tenants' names come live from the registry.
 * Whatever goes wrong, nothing is offered: a completion must not disturb.
 */
export async function complete(
  cli: Invocation,
  program: Command,
  words: readonly string[],
): Promise<string[]> {
  const typed = words.at(-1) ?? '';
  let command = program;
  let previous: string | undefined;
  let positionals = 0;
  for (const word of words.slice(0, -1)) {
    const child = command.commands.find((candidate) => candidate.name() === word);
    if (child) command = child;
    else if (!word.startsWith('-') && !takesValue(command, previous)) positionals++;
    previous = word;
  }
  const flag = command.options.find((option) => option.long === previous || option.short === previous);
  const offered =
    flag && takesValue(command, previous)
      ? await valuesOf(cli, flag)
      : typed.startsWith('-')
        ? command.options.flatMap((option) => (option.long ? [option.long] : []))
        : command.commands.length > 0
          ? command.commands.map((child) => child.name()).filter((name) => !name.startsWith('_'))
          : await argumentValues(cli, command, positionals);
  return offered.filter((candidate) => candidate.startsWith(typed));
}

const takesValue = (command: Command, word: string | undefined): boolean =>
  command.options.some(
    (option) => (option.long === word || option.short === word) && (option.required || option.optional),
  );

async function argumentValues(cli: Invocation, command: Command, position: number): Promise<string[]> {
  const name = command.registeredArguments[position]?.name();
  if (name === 'tenant' || name === 'tenant-or-stack' || name === 'tenant|operation') return tenantNames(cli);
  if (name === 'commands') return (await import('../services/iam-policy/needs.ts')).policyCommands;
  if (name === 'shell') return ['bash', 'zsh', 'fish'];
  return [];
}

async function valuesOf(cli: Invocation, option: Option): Promise<string[]> {
  if (option.argChoices) return [...option.argChoices];
  switch (option.long) {
    case '--tenant':
    case '--confirm':
    case '--resume':
      return tenantNames(cli);
    case '--tier':
      return quietly(async () => (await cli.config()).tiers.map((tier) => tier.name));
    case '--env':
      return quietly(async () => (await cli.config()).environments.map((environment) => environment.name));
    default:
      return [];
  }
}

const tenantNames = (cli: Invocation): Promise<string[]> =>
  quietly(async () => {
    const { listTenants } = await import('../services/tenants/list.ts');
    const { tenants } = await listTenants(await cli.quietContext(), { limit: 200 });
    return tenants.map((tenant) => tenant.name);
  });

async function quietly(work: () => Promise<string[]>): Promise<string[]> {
  try {
    return await work();
  } catch {
    return [];
  }
}
