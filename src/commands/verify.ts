import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ExitCode, SaasError } from '../model/error.ts';
import { type AttackClass, type AttackResult, attackClasses, type Suite } from '../services/verify/attack.ts';
import { controls } from '../services/verify/controls.ts';
import { reportOf } from '../services/verify/report.ts';
import { failureOf } from '../services/verify/verdict.ts';
import { verify as attackEnvironment, type Verification } from '../services/verify/verify.ts';
import { duration, plural, table } from '../ui/table.ts';
import type { Invocation } from './invocation.ts';

export interface VerifyOptions {
  tenants?: string[];
  suite?: Suite | 'all';
  report?: string;
}

export async function verify(cli: Invocation, options: VerifyOptions): Promise<void> {
  const { tenants } = options;
  if (tenants && tenants.length !== 2)
    throw new SaasError('bad_usage', `--tenants takes two tenants, not ${tenants.length}`, {
      hint: 'for example: --tenants acme,globex',
      exitCode: ExitCode.usage,
    });
  const verification = await cli.run((context) =>
    attackEnvironment(context, {
      suite: options.suite ?? 'all',
      ...(tenants && { tenants: tenants as unknown as [string, string] }),
    }),
  );
  const report = options.report === undefined ? null : path.resolve(cli.cwd, options.report);
  if (report !== null) await writeFile(report, reportOf(verification));
  const failure = failureOf(verification);
  cli.output.result(
    { ...verification, report },
    (colors) =>
      [
        table(colors, rowsOf(verification.attacks), [
          { title: 'CLASS', value: (row) => row.title },
          { title: 'ATTACKS', value: (row) => String(row.attacks), align: 'right' },
          { title: 'HELD', value: (row) => String(row.held), align: 'right' },
          {
            title: 'SUCCEEDED',
            value: (row) => (row.succeeded > 0 ? colors.red(String(row.succeeded)) : '0'),
            align: 'right',
          },
          {
            title: 'INCONCLUSIVE',
            value: (row) => (row.inconclusive > 0 ? colors.yellow(String(row.inconclusive)) : '0'),
            align: 'right',
          },
        ]),
        ...verification.attacks.filter(({ outcome }) => outcome !== 'held').map((attack) => inDetail(attack)),
        '',
        failure === undefined
          ? `${colors.green('✔')} all ${verification.summary.attacks} attacks held (${duration(verification.summary.durationMs)})`
          : colors.red(`✖ ${failure.message}`),
        ...(verification.skipped.length > 0
          ? [`  ${plural(verification.skipped.length, 'attack')} not made: ${why(verification)}`]
          : []),
        ...(report === null ? [] : [`  report: ${report}`]),
      ].join('\n'),
    failure,
  );
  if (failure) cli.exitCode = failure.exitCode;
}

interface Row {
  title: string;
  attacks: number;
  held: number;
  succeeded: number;
  inconclusive: number;
}

function rowsOf(attacks: readonly AttackResult[]): Row[] {
  return (Object.keys(attackClasses) as AttackClass[]).flatMap((each) => {
    const mine = attacks.filter((attack) => attack.class === each);
    const count = (outcome: AttackResult['outcome']) =>
      mine.filter((attack) => attack.outcome === outcome).length;
    if (mine.length === 0) return [];
    return [
      {
        title: attackClasses[each].title,
        attacks: mine.length,
        held: count('held'),
        succeeded: count('succeeded'),
        inconclusive: count('inconclusive'),
      },
    ];
  });
}

const why = ({ skipped }: Verification): string => [...new Set(skipped.map((each) => each.why))].join('; ');

function inDetail({ name, tier, outcome, tries, expects, control, evidence }: AttackResult): string {
  const { does, in: place } = controls[control];
  return [
    '',
    `${outcome}: ${name} (${tier})`,
    `  it ${tries}`,
    `  expected: ${expects}`,
    `  control: ${control}, which ${does} (${place})`,
    ...evidence
      .filter((shot) => shot.outcome !== 'held')
      .map((shot) => `  ${shot.outcome}: ${shot.sent}\n    ${shot.received}`),
  ].join('\n');
}
