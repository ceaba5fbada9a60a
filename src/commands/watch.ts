import { follow } from '../services/follow.ts';
import { duration, facts } from '../ui/table.ts';
import { type Invocation, waiting } from './invocation.ts';

export interface WatchOptions {
  /** Milliseconds. */
  waitTimeout?: number;
}

/** Exits with the operation's outcome: 0 done, 1 failed or left by whoever ran it, 124 not over yet. */
export async function watch(cli: Invocation, reference: string, options: WatchOptions): Promise<void> {
  const followed = await cli.run((context) => follow(context, reference), waiting(options));
  cli.output.result(followed, (colors) => {
    const { operation, tenant } = followed;
    const tookMs = Date.parse(operation.endedAt) - Date.parse(operation.startedAt);
    return [
      `${colors.green('✔')} ${operation.kind} of ${colors.bold(tenant.name)} is done (${duration(tookMs)})`,
      '',
      facts(colors, [
        ['operation', operation.id],
        ['ended', operation.endedAt],
        ['tenant', `${tenant.tenantId}, ${tenant.status}`],
      ]),
    ].join('\n');
  });
}
