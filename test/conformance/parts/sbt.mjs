/** SaaS Builder Toolkit, unchanged, on the embedded cloud. */
import { run as execute, lastWords } from '../machine.mjs';
import { reportTests } from '../vitest.mjs';

export const title = "AWS's SaaS Builder Toolkit, its own code, on the embedded cloud";

export async function run(report, machine) {
  try {
    const { stdout } = await execute('python3', ['--version']);
    report.note('with', stdout.trim());
  } catch (error) {
    return report.skip(title, lastWords(error));
  }
  await reportTests(report, machine, 'sbt', ['--config', 'vitest.conformance.config.ts'], {
    timeout: 600_000,
  });
}
