/** Tests that need other people's programs, as rows of a part's table. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { run as execute, root } from './machine.mjs';

/** Runs vitest with these arguments; gives its tests: `{ file, fullName, status, failureMessages }`. */
export async function reportTests(
  report,
  machine,
  name,
  argv,
  { env = process.env, timeout = 300_000 } = {},
) {
  const output = path.join(machine.work, `${name}.json`);
  const all = ['vitest', 'run', ...argv, '--maxWorkers=1', '--reporter=json', `--outputFile=${output}`];
  const failed = await execute('npx', all, { cwd: root, env: { ...env, CI: 'true' }, timeout }).then(
    () => undefined,
    (error) => error,
  );
  // A run that wrote no report says why itself.
  const text = await readFile(output, 'utf8').catch(() => {
    throw failed ?? new Error('vitest wrote no report');
  });
  const tests = JSON.parse(text).testResults.flatMap(({ name: file, message, assertionResults }) =>
    assertionResults.length > 0
      ? assertionResults.map((test) => ({ file: path.basename(file), ...test }))
      : [{ file: path.basename(file), fullName: 'the file', status: 'failed', failureMessages: [message] }],
  );
  for (const { file, fullName, status, failureMessages } of tests) {
    const said = failureMessages?.join('\n').slice(0, 2000);
    report.check(`${file}: ${fullName}`, status === 'passed', said || status);
  }
  return tests;
}
