/** What the CDK's toolkit says of a failure, in the words and the order that this command line has for it. */

export interface ToolkitFailure {
  /** One line. */
  message: string;
  detail: string;
}

export const isToolkitError = (name: string | undefined): boolean =>
  /^(Deployment|Toolkit|Assembly|Authentication|ContextProvider)Error$|^DeployStackFailed$/.test(name ?? '');

/** Of a console that a reader may not have; the task's end and its last lines are in the text itself. */
const pointer = /^(Tasks|Logs): https:|^\(.* not shown\)$|available in console\)$/;

/**
 * Reads the toolkit's message: `❌ <stack> failed: <error>: <summary>`, then each resource that failed as
 * `<stack>/<logical id> (<type> <logical id>)` and why under it (tried with toolkit-lib 1.40.1). A text of another
 * shape is told as it is.
 */
export function readToolkitFailure(text: string): ToolkitFailure {
  const [first = '', ...rest] = text
    .split('\n')
    .map((line) => line.trim().replace(/^❌\s*/u, ''))
    .filter(Boolean);
  const lines = [...new Set(rest)].filter((line) => !pointer.test(line));
  const [, stack, summary = first] = /^(\S+) failed: (?:\w+(?:Error|Failed)?: )?(.*)$/.exec(first) ?? [];
  if (stack === undefined) return { message: `the deployment failed: ${first}`, detail: lines.join('\n') };
  const at = lines.findIndex((line) => /\(AWS::\S+ \S+\)$/.test(line));
  const [, type, logicalId] = /\((AWS::\S+) (\S+)\)$/.exec(lines[at] ?? '') ?? [];
  if (type === undefined) return { message: `stack "${stack}" failed: ${summary}`, detail: lines.join('\n') };
  return {
    message: `stack "${stack}" failed at ${logicalId} (${type}): ${lines[at + 1] ?? summary}`,
    detail: lines.slice(at + 2).join('\n'),
  };
}
