/**
 * What a command says. The result goes to stdout and nothing else does; progress, prompts and notes go to stderr.
 */
import { Chalk, type ChalkInstance } from 'chalk';
import type { SaasError } from '../model/error.ts';
import { lineOf, type StreamEvent, schemaVersion } from './event-stream.ts';

export const outputFormats = ['text', 'json', 'ndjson'] as const;
export type OutputFormat = (typeof outputFormats)[number];

export interface Terminal {
  stdout: NodeJS.WritableStream & { isTTY?: boolean; columns?: number };
  stderr: NodeJS.WritableStream & { isTTY?: boolean; columns?: number };
  stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  env: Readonly<Record<string, string | undefined>>;
}

/** Colours for one stream: NO_COLOR and FORCE_COLOR decide (no-color.org, force-color.org), else whether it is a terminal. */
export function colorsFor(stream: { isTTY?: boolean }, env: Terminal['env']): ChalkInstance {
  if (env['NO_COLOR']) return new Chalk({ level: 0 });
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined && forced !== '')
    return new Chalk({ level: forced === '0' || forced === 'false' ? 0 : 1 });
  return new Chalk({ level: stream.isTTY && env['TERM'] !== 'dumb' ? 1 : 0 });
}

export class Output {
  readonly format: OutputFormat;
  readonly debug: boolean;
  readonly terminal: Terminal;
  /** Colours of stdout. */
  readonly out: ChalkInstance;
  /** Colours of stderr. */
  readonly err: ChalkInstance;

  constructor(terminal: Terminal, options: { format: OutputFormat; debug: boolean }) {
    this.terminal = terminal;
    this.format = options.format;
    this.debug = options.debug;
    this.out = colorsFor(terminal.stdout, terminal.env);
    this.err = colorsFor(terminal.stderr, terminal.env);
  }

  /**
   * The command's one result: `render` gives the text form, the other formats print the data. With `failure` the
   * command did its work and found something wrong: the envelope carries both.
   */
  result(data: unknown, render: (colors: ChalkInstance) => string, failure?: SaasError): void {
    if (this.format === 'text') {
      const text = render(this.out);
      if (text !== '') this.terminal.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
    } else
      this.#json(
        failure
          ? { schemaVersion, ok: false, data, error: fields(failure) }
          : { schemaVersion, ok: true, data },
      );
  }

  /** One event of a stream; in ndjson only. */
  event(event: StreamEvent): void {
    if (this.format === 'ndjson') this.#json(lineOf(event, new Date()));
  }

  /** A line for the person in front of it. */
  note(text = ''): void {
    this.terminal.stderr.write(`${text}\n`);
  }

  /** What to do next, one command a line. */
  next(...commands: string[]): void {
    if (this.format !== 'text' || !this.terminal.stderr.isTTY) return;
    this.note();
    this.note(this.err.dim('Next:'));
    for (const command of commands) this.note(`  ${this.err.cyan(command)}`);
  }

  failure(error: SaasError): void {
    const { code, message, detail, hint } = error;
    if (this.format !== 'text') {
      this.#json({ schemaVersion, ok: false, error: fields(error) });
      if (this.debug && error.stack) this.note(error.stack);
      return;
    }
    const { err } = this;
    // Who stopped it knows that; nothing has gone wrong.
    this.note(code === 'interrupted' ? err.yellow(message) : `${err.red.bold('error:')} ${message}`);
    if (detail !== undefined && detail !== '') this.note(detail.replace(/^/gm, '  '));
    if (hint !== undefined) this.note(`${err.dim('hint:')} ${hint}`);
    if (this.debug) {
      this.note();
      for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
        this.note(err.dim(cause.stack ?? cause.message));
    }
  }

  #json(envelope: object): void {
    const pretty = this.format === 'json' && this.terminal.stdout.isTTY;
    this.terminal.stdout.write(`${JSON.stringify(envelope, null, pretty ? 2 : 0)}\n`);
  }
}

const fields = ({ code, message, detail, hint, exitCode }: SaasError): object => ({
  code,
  message,
  detail: detail ?? null,
  hint: hint ?? null,
  exitCode,
});
