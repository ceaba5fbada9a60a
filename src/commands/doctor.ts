import type { ChalkInstance } from 'chalk';
import { ExitCode, SaasError } from '../model/error.ts';
import type { Check } from '../services/doctor/check.ts';
import { diagnose } from '../services/doctor/diagnose.ts';
import { plural } from '../ui/table.ts';
import type { Invocation } from './invocation.ts';

/** Room for the longest name of a check. */
const nameWidth = 21;

export async function doctor(cli: Invocation): Promise<void> {
  const { output, options } = cli;
  const { stdout } = output.terminal;
  // A person sees each finding as it comes; whoever reads a pipe gets all of them, in order.
  const asTheyCome = output.format === 'text' && stdout.isTTY === true;
  const checks = await diagnose({
    load: () => cli.config(),
    name: options.env,
    profile: options.profile,
    region: options.region,
    onCheck(check) {
      if (asTheyCome) stdout.write(`${line(output.out, check)}\n`);
      output.event({ type: 'check', ...check });
    },
  });
  const failed = checks.filter(({ status }) => status === 'FAIL');
  const warned = checks.filter(({ status }) => status === 'WARN');
  output.result(
    { checks },
    (colors) =>
      [
        ...(asTheyCome ? [] : checks.map((check) => line(colors, check))),
        '',
        failed.length > 0
          ? colors.red(`${plural(failed.length, 'check')} failed`)
          : warned.length > 0
            ? colors.yellow(`nothing is in the way; ${plural(warned.length, 'warning')}`)
            : colors.green('everything is well'),
      ].join('\n'),
    failed.length > 0
      ? new SaasError('checks_failed', `${plural(failed.length, 'check')} failed`, {
          detail: failed.map(({ name, detail }) => `${name}: ${detail}`).join('\n'),
          hint: failed[0]?.hint ?? 'see the checks',
        })
      : undefined,
  );
  if (failed.length > 0) cli.exitCode = ExitCode.failed;
}

function line(colors: ChalkInstance, { name, status, detail, hint }: Check): string {
  const color = { PASS: colors.green, WARN: colors.yellow, FAIL: colors.red }[status];
  const found = `${color(status)}  ${name.padEnd(nameWidth)}  ${detail}`;
  return hint === null ? found : `${found}\n${' '.repeat(nameWidth + 8)}${colors.dim(hint)}`;
}
