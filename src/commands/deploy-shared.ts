import type { ChalkInstance } from 'chalk';
import { ExitCode, SaasError } from '../model/error.ts';
import { bootstrapMakes, bootstrapVersion, notBootstrapped } from '../services/deployment/bootstrap.ts';
import { deployShared as deploy, reviewShared } from '../services/deployment/deploy-shared.ts';
import type { StackChange } from '../services/deployment/toolkit-protocol.ts';
import { environmentFlag, tellingWhatGoesOn } from '../services/stopped.ts';
import { duration, facts, plural, table } from '../ui/table.ts';
import { type Invocation, waiting } from './invocation.ts';

/** Which changes of permissions somebody must approve. */
type ApprovalLevel = 'never' | 'any-change' | 'broadening';

export interface DeploySharedOptions {
  dryRun?: boolean;
  exitCode?: boolean;
  yes?: boolean;
  bootstrap?: boolean;
  requireApproval?: ApprovalLevel;
  /** Milliseconds. */
  waitTimeout?: number;
}

export async function deployShared(cli: Invocation, options: DeploySharedOptions): Promise<void> {
  if (options.dryRun) return preview(cli, options);
  const target = await cli.target();
  const { environment, account, region } = target;
  let bootstrap = options.bootstrap ?? false;
  // On the embedded cloud nothing costs or breaks; an account is named before anything happens in it.
  if (target.asksFirst) {
    await target.verify();
    // A pipeline that names what it must not do unasked may do the rest.
    const unattended = options.requireApproval !== undefined && !cli.prompts.interactive;
    await cli.prompts.confirm(options.yes || unattended, {
      message: `Deploy to account ${account} in ${region}?`,
    });
    bootstrap ||= await offerBootstrap(cli);
  }
  const level = options.requireApproval ?? (target.asksFirst ? 'broadening' : 'never');
  let reviewed: Awaited<ReturnType<typeof reviewShared>> | undefined;
  if (level !== 'never') {
    reviewed = await cli.run((context) => reviewShared(context));
    await approve(cli, level, reviewed.changes, options.yes ?? false);
  }
  const deployed = await cli.run(
    (context) =>
      tellingWhatGoesOn(context, { what: 'the deployment', command: 'saas-ecs deploy-shared' }, () =>
        deploy(context, { bootstrap, assembly: reviewed?.assembly }),
      ),
    waiting(options),
  );
  cli.output.result(deployed, (colors) => {
    const changed = deployed.stacks.filter((stack) => stack.status === 'deployed');
    return [
      changed.length === 0
        ? `${colors.green('✔')} nothing to change: everything is deployed as configured`
        : `${colors.green('✔')} deployed ${plural(changed.length, 'stack')}`,
      ...changed.map((stack) => `  ${stack.name} ${colors.dim(duration(stack.durationMs))}`),
      '',
      facts(colors, [
        ['environment', environment.name],
        ['release', deployed.release],
        ['API', deployed.outputs['apiUrl'] ?? ''],
      ]),
    ].join('\n');
  });
  cli.output.next(
    `saas-ecs onboard --tier basic --name acme --email admin@acme.example${environmentFlag({ config: await cli.config(), target })}`,
  );
}

/** Whether to bootstrap the account: asked of a person with what it makes, never done unasked. `--yes` does not cover it. */
async function offerBootstrap(cli: Invocation): Promise<boolean> {
  const context = await cli.quietContext();
  if ((await bootstrapVersion(context.target)) !== undefined) return false;
  if (!cli.prompts.interactive) throw notBootstrapped(context);
  const { account, region } = context.target;
  cli.output.note(`Account ${account} in ${region} is not bootstrapped for the CDK. Bootstrapping makes`);
  for (const line of bootstrapMakes) cli.output.note(`  - ${line}`);
  await cli.prompts.confirm(false, { message: 'Bootstrap it?', flag: '--bootstrap' });
  return true;
}

async function preview(cli: Invocation, options: DeploySharedOptions): Promise<void> {
  const { changes } = await cli.run((context) => reviewShared(context));
  const total = changes.reduce(
    (sum, { added, changed, removed }) => sum + added.length + changed.length + removed.length,
    0,
  );
  cli.output.result({ changes }, (colors) =>
    total === 0
      ? 'Nothing would change.'
      : [
          table(colors, changes, [
            { title: 'STACK', value: ({ stack }) => stack },
            { title: 'ADD', value: ({ added }) => String(added.length), align: 'right' },
            { title: 'CHANGE', value: ({ changed }) => String(changed.length), align: 'right' },
            { title: 'REMOVE', value: ({ removed }) => String(removed.length), align: 'right' },
          ]),
          '',
          ...changes.flatMap(({ stack, added, changed, removed }) => [
            ...added.map((resource) => colors.green(`+ ${stack}: ${resource}`)),
            ...changed.map((resource) => colors.yellow(`~ ${stack}: ${resource}`)),
            ...removed.map((resource) => colors.red(`- ${stack}: ${resource}`)),
          ]),
          ...permissionLines(colors, changes),
          '',
          `${plural(total, 'resource')} would change; nothing was changed.`,
        ].join('\n'),
  );
  if (options.exitCode && total > 0) cli.exitCode = ExitCode.changesPresent;
}

/**
 * Shows what the stacks would give and take, and has a person agree where the level asks for it; `yes` agrees. Throws
 * `approval_needed` when there is nobody to ask.
 */
async function approve(
  cli: Invocation,
  level: ApprovalLevel,
  changes: readonly StackChange[],
  yes: boolean,
): Promise<void> {
  const { output, prompts } = cli;
  const asked = changes.filter(({ permissions: { broadened, lines } }) =>
    level === 'any-change' ? lines.length > 0 : level === 'broadening' && broadened,
  );
  if (asked.length === 0) return;
  for (const line of permissionLines(output.err, asked)) output.note(line);
  if (!yes && !prompts.interactive) {
    const [first] = asked;
    throw new SaasError(
      'approval_needed',
      `${level === 'broadening' ? 'the deployment broadens permissions' : 'the deployment changes permissions'}, and nobody has approved it`,
      {
        detail: `in ${asked.map(({ stack }) => stack).join(', ')}; ${first?.permissions.lines.length ?? 0} changes in the first`,
        hint: 'look at them with --dry-run, then approve them with --yes or --require-approval never',
        exitCode: ExitCode.usage,
      },
    );
  }
  await prompts.confirm(yes, { message: 'Approve these permissions?' });
}

/** The changes by stack, under a heading; nothing when there are none. */
function permissionLines(colors: ChalkInstance, changes: readonly StackChange[]): string[] {
  const changed = changes.filter(({ permissions }) => permissions.lines.length > 0);
  if (changed.length === 0) return [];
  return [
    '',
    colors.bold('Permissions:'),
    ...changed.flatMap(({ stack, permissions }) =>
      permissions.lines.map((line) => {
        const color = line.startsWith('+') ? colors.green : colors.red;
        return color(`${line.slice(0, 2)}${stack}: ${line.slice(2)}`);
      }),
    ),
  ];
}
