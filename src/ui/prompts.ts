import { ExitCode, SaasError } from '../model/error.ts';
import type { Output, Terminal } from './output.ts';

export interface Choice {
  name: string;
  value: string;
  description?: string;
}

/**
 * Questions, asked only of a person: stdin and stderr are terminals, not in CI, not with --json or --no-input. Else
 * what would be asked must have been given, and the error names the flag.
 */
export class Prompts {
  readonly #output: Output;
  readonly #signal: AbortSignal;
  readonly interactive: boolean;
  /** Flags that stand for the answers, for the equivalent command. */
  readonly answered: string[] = [];

  constructor(output: Output, options: { input: boolean; signal: AbortSignal }) {
    this.#output = output;
    this.#signal = options.signal;
    this.interactive = options.input && output.format === 'text' && isPerson(output.terminal);
  }

  /** The value given, or the answer. `flag` is how it could have been given, e.g. `--name`. */
  async text(
    given: string | undefined,
    question: {
      flag: string;
      message: string;
      default?: string;
      validate?: (value: string) => true | string;
    },
  ): Promise<string> {
    if (given !== undefined) return given;
    this.#mustAsk(question.flag);
    const { input } = await import('@inquirer/prompts');
    const answer = await this.#ask((context) =>
      input(
        {
          message: question.message,
          ...(question.default !== undefined && { default: question.default }),
          validate: question.validate ?? ((value) => value.trim() !== '' || 'a value is needed'),
        },
        context,
      ),
    );
    this.answered.push(question.flag, quote(answer));
    return answer;
  }

  async choose(
    given: string | undefined,
    question: { flag: string; message: string; choices: readonly Choice[] },
  ): Promise<string> {
    if (given !== undefined) return given;
    this.#mustAsk(question.flag);
    const { select } = await import('@inquirer/prompts');
    const answer = await this.#ask((context) =>
      select({ message: question.message, choices: [...question.choices], pageSize: 16 }, context),
    );
    this.answered.push(question.flag, quote(answer));
    return answer;
  }

  async chooseSome(question: {
    flag: string;
    message: string;
    choices: readonly (Choice & { checked?: boolean })[];
  }): Promise<string[]> {
    this.#mustAsk(question.flag);
    const { checkbox } = await import('@inquirer/prompts');
    const answer = await this.#ask((context) =>
      checkbox(
        {
          message: question.message,
          choices: question.choices.map((choice) => ({ ...choice, short: choice.value })),
          required: true,
        },
        context,
      ),
    );
    this.answered.push(question.flag, answer.join(','));
    return answer;
  }

  async secret(question: { flag: string; message: string }): Promise<string> {
    this.#mustAsk(question.flag);
    const { password } = await import('@inquirer/prompts');
    return this.#ask((context) => password({ message: question.message, mask: '*' }, context));
  }

  /** Yes or no; `given` is the flag that answers it, --yes unless told. A no ends the command: it is not success. */
  async confirm(given: boolean, question: { message: string; flag?: string }): Promise<void> {
    if (given) return;
    const flag = question.flag ?? '--yes';
    this.#mustAsk(flag);
    const { confirm } = await import('@inquirer/prompts');
    if (!(await this.#ask((context) => confirm({ message: question.message, default: false }, context))))
      throw declined();
    this.answered.push(flag);
  }

  /** For what destroys, or shuts somebody out: the name is typed, or given by --confirm. Nothing else covers it. */
  async confirmName(given: string | undefined, name: string, question: { message: string }): Promise<void> {
    const typed =
      given ??
      (await this.text(undefined, {
        flag: '--confirm',
        message: question.message,
        validate: (value) => value.trim() === name || `type ${name}, or press Ctrl-C`,
      }));
    if (typed.trim() === name) return;
    throw new SaasError('confirmation_differs', `"${typed}" is not "${name}": nothing was changed`, {
      hint: `confirm with: --confirm ${name}`,
      exitCode: ExitCode.usage,
    });
  }

  /** After questions: the command that asks none. `given` are the flags that it was given already. */
  sayEquivalent(command: string, given: Readonly<Record<string, string | undefined>> = {}): void {
    if (this.answered.length === 0) return;
    const flags = Object.entries(given).flatMap(([flag, value]) =>
      value === undefined ? [] : [flag, quote(value)],
    );
    const line = [command, ...flags, ...this.answered].join(' ');
    this.#output.note(this.#output.err.dim(`without questions: ${line}`));
  }

  #mustAsk(flag: string): void {
    if (this.interactive) return;
    throw new SaasError('missing_input', `${flag} is missing`, {
      hint: `give ${flag}, or run in a terminal to be asked`,
      exitCode: ExitCode.usage,
    });
  }

  /** Questions are drawn on stderr; Ctrl-C ends the command as it does everywhere else. */
  async #ask<T>(
    ask: (context: {
      input: NodeJS.ReadableStream;
      output: NodeJS.WritableStream;
      signal: AbortSignal;
    }) => Promise<T>,
  ): Promise<T> {
    try {
      const { stdin, stderr } = this.#output.terminal;
      return await ask({ input: stdin, output: stderr, signal: this.#signal });
    } catch (error) {
      if (error instanceof Error && /^(ExitPrompt|AbortPrompt)Error$/.test(error.name))
        throw new SaasError('interrupted', 'stopped: nothing was changed', {
          exitCode: ExitCode.interrupted,
        });
      throw error;
    }
  }
}

const declined = (): SaasError =>
  new SaasError('declined', 'declined: nothing was changed', { exitCode: ExitCode.failed });

function isPerson({ stdin, stderr, env }: Terminal): boolean {
  return stdin.isTTY === true && stderr.isTTY === true && !env['CI'] && env['TERM'] !== 'dumb';
}

const quote = (value: string): string =>
  /^[\w@.:/=,-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
