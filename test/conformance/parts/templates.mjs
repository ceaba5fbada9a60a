/** Every synthesized template before cfn-lint and checkov: no finding that explained/ has no reason for. */
import path from 'node:path';
import { everyTemplate } from '../assemblies.mjs';
import { run as execute, lastWords } from '../machine.mjs';
import { explanationsOf } from '../report.mjs';

export const title = 'every synthesized template, as cfn-lint and checkov see it';

/** Programs that find something exit with another code than 0. */
const output = (program, argv) =>
  execute(program, argv, { timeout: 300_000 }).catch((error) => {
    if (error.stdout) return error;
    throw error;
  });

export async function run(report, machine) {
  const files = await everyTemplate(machine);
  const shown = (file) => path.relative(path.join(machine.work, 'assemblies'), file);
  await lint(report, machine, files, shown);
  await scan(report, machine, files, shown);
}

/** One row a template: clean, or its findings. */
function tell(report, program, findings, files, shown, explanations) {
  const clean = files.filter((file) => !findings.some((finding) => finding.file === file));
  for (const { rule, resource, files: of } of grouped(findings)) {
    const where = `${resource} in ${of.length > 3 ? `${of.length} templates` : of.map(shown).join(', ')}`;
    report.compare(`${rule} ${resource.split('.')[0]}`, [where], explanations);
  }
  report.check(`${program}: ${clean.length} of ${files.length} templates without a finding`, true);
  report.stale(explanations);
}

/** Findings of the same rule on the same kind of resource, together. */
function grouped(findings) {
  const groups = new Map();
  for (const { rule, resource, file } of findings) {
    const key = `${rule} ${resource}`;
    const group = groups.get(key) ?? { rule, resource, files: [] };
    if (!group.files.includes(file)) group.files.push(file);
    groups.set(key, group);
  }
  return [...groups.values()].toSorted((a, b) => a.rule.localeCompare(b.rule, 'en', { numeric: true }));
}

async function lint(report, machine, files, shown) {
  let program;
  try {
    program = path.join(await machine.python('cfn-lint'), 'cfn-lint');
  } catch (error) {
    return report.skip('cfn-lint', lastWords(error));
  }
  report.note('with', (await execute(program, ['--version'])).stdout.trim());
  const argv = ['--format', 'json', '--regions', 'us-east-1', '--template', ...files];
  const { stdout } = await output(program, argv);
  const findings = JSON.parse(stdout || '[]').map(({ Filename, Level, Rule, Message, Location }) => ({
    rule: `${Level} ${Rule.Id}`,
    resource: `${Location.Path?.slice(0, 2).join('.') ?? ''} (${Message})`,
    file: Filename,
  }));
  tell(report, 'cfn-lint', findings, files, shown, await explanationsOf('cfn-lint'));
}

async function scan(report, machine, files, shown) {
  let program;
  try {
    program = path.join(await machine.python('checkov'), 'checkov');
  } catch (error) {
    return report.skip('checkov', lastWords(error));
  }
  report.note('with', `checkov ${(await execute(program, ['--version'])).stdout.trim()}`);
  const flags = [
    '--framework',
    'cloudformation',
    '--output',
    'json',
    '--quiet',
    '--compact',
    '--skip-download',
  ];
  const { stdout } = await output(program, [...flags, ...files.flatMap((file) => ['--file', file])]);
  const found = [JSON.parse(stdout)].flat();
  const findings = found.flatMap(({ results }) =>
    results.failed_checks.map(({ check_id, check_name, resource, file_abs_path }) => ({
      rule: `${check_id} (${check_name})`,
      resource: resource.split('.')[0],
      file: file_abs_path,
    })),
  );
  const broken = found.reduce((sum, { summary }) => sum + summary.parsing_errors, 0);
  report.check('checkov reads every template', broken === 0, `${broken} could not be parsed`);
  tell(report, 'checkov', findings, files, shown, await explanationsOf('checkov'));
}
