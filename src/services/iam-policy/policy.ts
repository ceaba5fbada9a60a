/** The least-privilege policy of an operator or a pipeline that runs certain commands. */
import type { Config } from '../../model/config.ts';
import { ExitCode, SaasError } from '../../model/error.ts';
import { nearest } from '../../model/nearest.ts';
import { whereabouts } from '../environment.ts';
import { documentsFor, type PolicyDocument, sizeOf } from './documents.ts';
import type { Need } from './need.ts';
import { commandNeeds, type PolicyCommand, policyCommands } from './needs.ts';

export interface CommandPolicy {
  commands: PolicyCommand[];
  policies: { name: string; characters: number; document: PolicyDocument }[];
}

/** For all commands when none is named. Calls nothing. Throws `unknown_command`. */
export function policyFor(
  config: Config,
  commands: readonly string[],
  where: { environment?: string | undefined; region?: string | undefined },
): CommandPolicy {
  const { environment, account, region } = whereabouts(config, where.environment, where.region);
  const place = {
    app: config.app,
    environment: environment.name,
    prefix: environment.prefix,
    account,
    region,
  };
  const named = commands.length === 0 ? policyCommands : commands.map(known);
  const needs: Need[] = named.flatMap((command) => commandNeeds[command]);
  const documents = documentsFor(needs, place);
  return {
    commands: [...named],
    policies: documents.map((document, index) => ({
      name: `${config.app}-${environment.name}-operator${documents.length > 1 ? `-${index + 1}` : ''}`,
      characters: sizeOf(document),
      document,
    })),
  };
}

function known(command: string): PolicyCommand {
  const found = policyCommands.find((name) => name === command);
  if (found) return found;
  const meant = nearest(command, policyCommands);
  throw new SaasError('unknown_command', `"${command}" is no command that calls AWS`, {
    hint: meant ? `did you mean "${meant}"?` : `it takes: ${policyCommands.join(', ')}`,
    exitCode: ExitCode.usage,
  });
}
