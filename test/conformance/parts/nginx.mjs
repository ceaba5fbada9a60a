/** `routing: proxy` in Debian's nginx: the tests that `npm test` skips, or runs without it, where nginx is not installed. */
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { run as execute, lastWords } from '../machine.mjs';
import { reportTests } from '../vitest.mjs';

export const title = "the generated configuration in Debian's nginx, in front of the real services";

const files = [
  'test/images/proxy.test.ts',
  'test/embedded/ecs-programs.test.ts',
  'test/integration/alternatives.test.ts',
];
/** Each must have run: with nginx missing they are skipped, or go by `routing: direct`. */
const decisive = [
  /the reverse proxy reaches the services of its namespace/,
  /serves a tenant on .*routing: proxy/,
];

export async function run(report, machine) {
  let nginx;
  try {
    nginx = await machine.debian('nginx');
    const { stderr } = await execute(nginx.program, ['-v'], {
      env: { ...process.env, ...nginx.environment },
    });
    report.note('with', stderr.trim());
  } catch (error) {
    return report.skip(title, lastWords(error));
  }
  // The tests find nginx on the PATH, and their tasks, which get no other variable of ours, too.
  const directory = path.join(machine.work, 'nginx-bin');
  await mkdir(directory);
  if (nginx.environment.LD_LIBRARY_PATH) {
    const script = `#!/bin/sh\nLD_LIBRARY_PATH='${nginx.environment.LD_LIBRARY_PATH}' exec '${nginx.program}' "$@"\n`;
    await writeFile(path.join(directory, 'nginx'), script, { mode: 0o755 });
  } else await symlink(nginx.program, path.join(directory, 'nginx'));
  const env = { ...process.env, PATH: `${directory}:${process.env.PATH}` };
  const tests = await reportTests(report, machine, 'nginx', files, { env });
  for (const name of decisive)
    report.check(
      `ran: ${name.source}`,
      tests.some(({ fullName }) => name.test(fullName)),
      'no such test ran',
    );
}
