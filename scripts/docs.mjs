/**
 * Writes what is generated from the code: docs/cli.md from the command tree, schema/saas-ecs.schema.json from the
 * configuration's schema, schema/events.schema.json from the event stream's, the tables in docs/security.md from the
 * attacks and controls, and the lists in docs/embedded-cloud.md from an embedded cloud, started for the purpose. With
 * --check it writes nothing and fails when a file is out of date.
 */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandTree } from '../dist/cli.js';
import { catalogue } from '../dist/embedded/catalogue.js';
import { configJsonSchema } from '../dist/services/config/schema.js';
import { catalogue as verification } from '../dist/services/verify/catalogue.js';
import { eventsJsonSchema } from '../dist/ui/event-schema.js';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const check = process.argv.includes('--check');

/** A command's page: what its --help says, as Markdown. */
function section(command, parents) {
  const name = [...parents, command.name()].join(' ');
  const help = [];
  command.configureOutput({
    writeOut: (text) => help.push(text),
    getOutHelpWidth: () => 100,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return [`## \`${name}\``, '', '```text', help.join('').trimEnd(), '```', ''].join('\n');
}

const program = commandTree(undefined);
const pages = [];
function addPages(commands, parents) {
  for (const command of commands) {
    if (command.name().startsWith('_')) continue;
    if (command.commands.length > 0) addPages(command.commands, [...parents, command.name()]);
    else pages.push(section(command, parents));
  }
}
addPages(program.commands, ['saas-ecs']);
const cli = `# Commands

This page is generated from the command tree by \`npm run docs\`; CI checks that it is up to date.
Conventions that all commands share (streams, JSON, exit codes, prompts) are at the end.

${pages.join('\n')}
## Conventions

- **stdout is the result and nothing else**; progress, prompts and notes go to stderr.
- \`--output json\` (or \`--json\`) prints one envelope: \`{"schemaVersion":1,"ok":true,"data":…}\` or
  \`{"schemaVersion":1,"ok":false,"error":{"code","message","detail","hint","exitCode"}}\`. \`--output ndjson\` prints the
  progress as events, one JSON document a line, and the same envelope last (docs/ci.md).
- **Exit codes**: 0 done, 1 failed, 2 usage or missing input, 3 changes present (\`--exit-code\`), 4 not found, 124 wait timed
  out while the operation goes on, 130 Ctrl-C, 143 SIGTERM. A declined confirmation is not 0.
- **Prompts** appear only when stdin and stderr are terminals, not in CI, not with \`--json\` or \`--no-input\`. Each has a flag.
  After questions the equivalent command without any is printed.
- **Precedence**: flag, then \`SAAS_ECS_*\`, then saas-ecs.yaml, then prompt.
- **Destroying** asks for the name, or takes \`--confirm NAME\`; \`--yes\` does not cover it.
- \`NO_COLOR\` and \`FORCE_COLOR\` are respected. There is no telemetry.
`;

/** What people call the services; one that is missing here is listed by the name that requests are signed for. */
const serviceNames = {
  acm: 'Certificate Manager',
  apigateway: 'API Gateway',
  'application-autoscaling': 'Application Auto Scaling',
  cloudformation: 'CloudFormation',
  codebuild: 'CodeBuild',
  'cognito-idp': 'Cognito user pools',
  dynamodb: 'DynamoDB',
  ec2: 'EC2',
  ecr: 'ECR',
  ecs: 'ECS',
  elasticloadbalancing: 'Elastic Load Balancing',
  events: 'EventBridge',
  iam: 'IAM',
  kms: 'KMS',
  lambda: 'Lambda',
  logs: 'CloudWatch Logs',
  s3: 'S3',
  secretsmanager: 'Secrets Manager',
  servicediscovery: 'Cloud Map',
  servicequotas: 'Service Quotas',
  ssm: 'SSM Parameter Store',
  states: 'Step Functions',
  sts: 'STS',
  wafv2: 'WAF',
};

async function readCatalogue() {
  const stateDir = await mkdtemp(path.join(tmpdir(), 'saas-ecs-docs-'));
  try {
    return await catalogue(stateDir);
  } finally {
    await rm(stateDir, { recursive: true, force: true });
  }
}

const code = (names) => names.map((name) => `\`${name}\``).join(', ');

/** Types of one AWS service share a line: `AWS::ECS::` Cluster, Service. */
function typeList(types) {
  const byService = new Map();
  for (const type of types) {
    const prefix = type.slice(0, type.lastIndexOf('::') + 2);
    byService.set(prefix, [...(byService.get(prefix) ?? []), type]);
  }
  return [...byService]
    .map(([prefix, names]) => `- **${prefix}** ${code(names.map((name) => name.slice(prefix.length)))}`)
    .join('\n');
}

/** The page with what is between its `<!-- begin NAME -->` and `<!-- end NAME -->` lines made anew. */
async function filled(file, parts) {
  let text = await readFile(path.join(root, file), 'utf8');
  for (const [name, content] of Object.entries(parts)) {
    const [begin, end] = [`<!-- begin ${name} -->`, `<!-- end ${name} -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`${file} has no "${begin}" with an "${end}" after it`);
    text = `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`;
  }
  return text;
}

const { services, resourceTypes } = await readCatalogue();
const embedded = await filled('docs/embedded-cloud.md', {
  operations: services
    .filter(({ operations }) => operations.length > 0)
    .map(
      ({ signingName, operations }) =>
        `- **${serviceNames[signingName] ?? signingName}** ${code(operations)}`,
    )
    .sort()
    .join('\n'),
  'live types': typeList(resourceTypes.live),
  'inert types': typeList(resourceTypes.inert),
  'refused types': typeList(resourceTypes.refused),
});

const table = (headings, rows) =>
  [headings, headings.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
const { controls, attacks } = verification();
const security = await filled('docs/security.md', {
  controls: table(
    ['control', 'what it does', 'where it lives', 'attacks that rely on it'],
    controls.map((control) => [`**${control.name}**`, control.does, control.in, code(control.attacks)]),
  ),
  attacks: [...new Set(attacks.map((attack) => attack.class))]
    .map((title) => {
      const mine = attacks.filter((attack) => attack.class === title);
      const rows = mine.map(({ name, tries, writes }) => [`\`${name}\``, tries, writes ? '' : 'yes']);
      return `### ${title}\n\nSuite \`${mine[0].suite}\`, ${mine.length} attacks.\n\n${table(['attack', 'it', 'reads only'], rows)}`;
    })
    .join('\n\n'),
});

const files = {
  'docs/cli.md': cli,
  'docs/embedded-cloud.md': embedded,
  'schema/events.schema.json': `${JSON.stringify(eventsJsonSchema(), null, 2)}\n`,
  'docs/security.md': security,
  'schema/saas-ecs.schema.json': `${JSON.stringify(configJsonSchema(), null, 2)}\n`,
};
/** As the linter wants it: what is generated is linted like what is written. */
const formatted = (name, text) =>
  execFileSync(path.join(root, 'node_modules/.bin/biome'), ['format', `--stdin-file-path=${name}`], {
    cwd: root,
    input: text,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'inherit'],
  });

let stale = 0;
for (const [name, generated] of Object.entries(files)) {
  const file = path.join(root, name);
  const text = formatted(name, generated);
  const known = await readFile(file, 'utf8').catch(() => '');
  if (known === text) continue;
  if (check) {
    console.error(`${name} is out of date: run npm run docs`);
    stale++;
  } else {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
    console.log(`wrote ${name}`);
  }
}
process.exitCode = stale > 0 ? 1 : 0;
