/** Any command line: an exit code that is documented, an error that says what and why, and never a stack trace. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commandTree } from '../../src/cli.ts';
import { packageRoot } from '../../src/model/installation.ts';
import { parseConfig } from '../../src/services/config/load.ts';
import { type Ran, runCli } from '../cli/run-cli.ts';
import { badText } from './bad-values.ts';
import { expectNoTrace, property } from './property.ts';

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), 'saas-ecs-words-'));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

type Tree = ReturnType<typeof commandTree>;
/** Every command with its path of words. `tour` makes a project and a cloud of its own whatever it is told. */
const commands = (function below(tree: Tree, words: string[]): { words: string[]; command: Tree }[] {
  return tree.commands.flatMap((command) => {
    const own = [...words, command.name()];
    return [{ words: own, command }, ...below(command as Tree, own)];
  });
})(commandTree(undefined), []).filter(
  ({ words, command }) => words[0] !== 'tour' && command.options.length > 0,
);

/** A line of arguments; a process can't be given a zero byte in one. */
const word = badText.map((text) => text.replaceAll('\0', ''));
const flagsOf = (command: Tree) =>
  command.options.flatMap(({ long }) => (long && long !== '--debug' ? [long] : []));

const anyWords = fc.array(
  fc.oneof(
    word,
    fc.constantFrom(...commands.flatMap(({ words }) => words)),
    fc.constantFrom(
      '--',
      '-',
      '--json',
      '--help',
      '-V',
      '--output=json',
      '--output',
      '--env',
      '-x',
      '--__proto__',
    ),
  ),
  { maxLength: 6 },
);

const commandWithFlags = fc.constantFrom(...commands).chain(({ words, command }) =>
  fc
    .tuple(
      fc.array(word, { maxLength: 2 }),
      fc.array(fc.tuple(fc.constantFrom(...flagsOf(command as Tree)), fc.option(word), fc.boolean()), {
        maxLength: 5,
      }),
    )
    .map(([args, flags]) => [
      ...words,
      ...args,
      ...flags.flatMap(([flag, value, joined]) =>
        value === null ? [flag] : joined ? [`${flag}=${value}`] : [flag, value],
      ),
      '--no-input',
    ]),
);

function expectOrderly(
  argv: readonly string[],
  { code, stdout, stderr }: Pick<Ran, 'code' | 'stdout' | 'stderr'>,
): void {
  expect([0, 1, 2, 4]).toContain(code);
  expectNoTrace(stdout, argv.join(' '));
  expectNoTrace(stderr, argv.join(' '));
  expect(stdout + stderr).not.toMatch(
    /"code": ?"internal_error"|TypeError|RangeError|ReferenceError|Cannot read prop/,
  );
  if (code === 0) return;
  const envelope = stdout.trim().startsWith('{')
    ? (JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as object)
    : undefined;
  if (envelope) expect(envelope).toMatchObject({ ok: false, error: { exitCode: code } });
  else if (stdout === '') expect(stderr).toMatch(/error: .|Usage: /);
}

describe('command line', () => {
  const run = async (argv: string[]): Promise<void> => {
    // `init` writes a project, which the commands after it would find.
    const fresh = argv.includes('init') ? await mkdtemp(path.join(tmpdir(), 'saas-ecs-init-')) : undefined;
    try {
      const ran = await runCli(argv, { cwd: fresh ?? cwd });
      expectOrderly(argv, ran);
      if (!fresh || ran.code !== 0 || argv.some((each) => /^(-h|--help|-V|--version)$/.test(each))) return;
      const file = path.join(fresh, 'saas-ecs.yaml');
      const text = await readFile(file, 'utf8').catch(() => undefined);
      // What `init` writes is a project that every command takes.
      if (text !== undefined) parseConfig(text, file);
    } finally {
      if (fresh) await rm(fresh, { recursive: true, force: true });
    }
  };
  property('command line: any words', anyWords, run);
  property('command line: flags of a command with any values', commandWithFlags, run);

  test('the process itself ends in order, too', () => {
    const seed = Number(process.env['FUZZ_SEED'] ?? 1);
    for (const argv of fc.sample(fc.oneof(anyWords, commandWithFlags), { seed, numRuns: 8 })) {
      if (argv.includes('init') || argv.length === 0) continue;
      const words = [path.join(packageRoot(), 'bin', 'saas-ecs'), ...argv];
      const { status, stdout, stderr } = spawnSync(process.execPath, words, {
        cwd,
        encoding: 'utf8',
        timeout: 60_000,
      });
      expectOrderly(argv, { code: status ?? -1, stdout, stderr });
    }
  });
});
