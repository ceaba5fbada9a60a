import type { ChalkInstance } from 'chalk';
import type { Link } from '../services/explain/chain.ts';
import { explain as explainIt } from '../services/explain/explain.ts';
import type { Invocation } from './invocation.ts';

export async function explain(cli: Invocation, reference: string): Promise<void> {
  const explanation = await explainIt(await cli.quietContext(), reference);
  const { subject, chain, cause, fix } = explanation;
  cli.output.result(explanation, (colors) => {
    const { kind, name, status, healthy } = subject;
    const mark = healthy ? colors.green('✔') : colors.red('✖');
    return [
      `${mark} ${kind} ${colors.bold(name)}: ${status}${healthy ? ', and all that should run runs' : ''}`,
      '',
      ...drawn(colors, chain),
      ...(cause ? ['', `${colors.bold('Likely cause:')} ${cause.text}`] : []),
      ...(!healthy && !cause ? ['', 'No known cause shows in this; what failed first is above.'] : []),
      ...(fix.length > 0
        ? ['', colors.bold('What to do:'), ...fix.map((step, index) => `  ${index + 1}. ${step}`)]
        : []),
    ].join('\n');
  });
}

const good = /^(healthy|done|under way|.*_COMPLETE)$/;

/** The chain from the top down: kind, name, status and time in a line, what was said under it. */
function drawn(colors: ChalkInstance, chain: readonly Link[]): string[] {
  const wide = Math.max(0, ...chain.map(({ kind }) => kind.length));
  return chain.flatMap(({ kind, name, status, detail, at }) => {
    const isGood = good.test(status) && !status.includes('ROLLBACK');
    const isWord = kind === 'log' || kind === 'event';
    const how = isWord ? colors.dim(status) : isGood ? colors.green(status) : colors.red(status);
    return [
      `${colors.dim(kind.padEnd(wide))}  ${name}: ${how}${at === null ? '' : colors.dim(`  ${at}`)}`,
      ...(detail ?? '')
        .split('\n')
        .filter(Boolean)
        .map((line) => `${' '.repeat(wide + 4)}${line}`),
    ];
  });
}
