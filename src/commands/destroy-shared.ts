import { ExitCode, SaasError } from '../model/error.ts';
import {
  type DestructionPlan,
  destroyShared as destroy,
  isNothing,
  planDestruction,
} from '../services/deployment/destroy-shared.ts';
import { environmentFlag, tellingWhatGoesOn } from '../services/stopped.ts';
import { plural } from '../ui/table.ts';
import type { Invocation } from './invocation.ts';

export interface DestroySharedOptions {
  confirm?: string;
  includeTenants?: boolean;
  deleteData?: boolean;
  dryRun?: boolean;
}

export async function destroyShared(cli: Invocation, options: DestroySharedOptions): Promise<void> {
  const { prompts, output } = cli;
  const context = await cli.quietContext();
  const asked = {
    includeTenants: options.includeTenants ?? false,
    deleteData: options.deleteData ?? false,
  };
  const plan = await planDestruction(context, asked);
  const dataToo = `saas-ecs destroy-shared --delete-data${environmentFlag(context)}`;
  if (options.dryRun) {
    output.result(plan, () => [...listed(plan, asked.deleteData), 'Nothing was deleted.'].join('\n'));
    return;
  }
  if (isNothing(plan) && (!asked.deleteData || plan.data.length === 0)) {
    const { data } = plan;
    const result = { tenants: [], stacks: [], deleted: [], kept: data, left: [] };
    output.result(result, () =>
      [
        'Nothing is deployed.',
        ...(data.length > 0
          ? ['Kept from before:', ...lines(data.map(inWords)), `Delete it with: ${dataToo}`]
          : []),
      ].join('\n'),
    );
    return;
  }
  output.note(`In ${output.err.bold(context.target.environment.name)}:`);
  for (const line of listed(plan, asked.deleteData)) output.note(line);
  const { app } = context.config;
  // Who types the app's name alone has not agreed to lose its data.
  const phrase = asked.deleteData ? `${app} and its data` : app;
  await prompts.confirmName(options.confirm, phrase, { message: `Type "${phrase}" to delete it` });
  const flags = `${asked.includeTenants ? ' --include-tenants' : ''}${asked.deleteData ? ' --delete-data' : ''}`;
  const destroyed = await cli.run((running) =>
    tellingWhatGoesOn(running, { what: 'taking it down', command: `saas-ecs destroy-shared${flags}` }, () =>
      destroy(running, asked, plan),
    ),
  );
  const { tenants, stacks, deleted, kept, left } = destroyed;
  const failure =
    left.length === 0
      ? undefined
      : new SaasError('something_left', `${plural(left.length, 'thing')} could not be deleted`, {
          detail: left.join('\n'),
          hint: 'run the same command again; what it does not find any more is to be deleted by hand',
        });
  output.result(
    destroyed,
    (colors) =>
      [
        `${failure ? colors.yellow('!') : colors.green('✔')} deleted ${[
          ...(stacks.length > 0 ? [plural(stacks.length, 'stack')] : []),
          ...(tenants.length > 0 ? [plural(tenants.length, 'tenant')] : []),
          ...(deleted.length > 0 ? [plural(deleted.length, 'other thing')] : []),
        ].join(', ')}`,
        ...(kept.length > 0
          ? [
              'Kept:',
              ...lines(kept.map(inWords)),
              'A new deployment makes its own, with a new and empty registry, and leaves these alone.',
              `To delete them for good: ${dataToo}`,
            ]
          : []),
        ...(failure ? [colors.red('Still there:'), ...lines(left)] : []),
      ].join('\n'),
    failure,
  );
  if (!failure) return;
  cli.exitCode = ExitCode.failed;
  if (output.format === 'text' && failure.hint !== undefined)
    output.note(`${output.err.dim('hint:')} ${failure.hint}`);
}

const inWords = ({ kind, name, size }: { kind: string; name: string; size?: string }): string =>
  `${kind} ${name}${size === undefined ? '' : ` (${size})`}`;
const lines = (of: readonly string[]): string[] => of.map((line) => `  - ${line}`);

/** What goes and what stays, as a person confirms it; data is a block of its own. */
function listed(plan: DestructionPlan, deleteData: boolean): string[] {
  const { tenants, stacks, limits, logs, images, sharedImages, data, foreign } = plan;
  const block = (title: string, of: readonly string[]): string[] =>
    of.length === 0 ? [] : [title, ...lines(of)];
  return [
    ...block(
      'These tenants go, with their users and all they have stored, without an export:',
      tenants.map(({ name, tier, status }) => `${name} (${tier}, ${status})`),
    ),
    ...block('This goes:', [
      ...stacks.map(({ name, status }) => `stack ${name} (${status})`),
      ...[...limits, ...logs].map(inWords),
      ...images.map((uri) => `image ${uri}`),
    ]),
    ...block(deleteData ? 'This DATA goes as well, for good:' : 'This data is kept:', data.map(inWords)),
    ...block('Left alone, since another app or environment uses it:', [
      ...sharedImages.map((uri) => `image ${uri}`),
      ...foreign.map((name) => `stack ${name}`),
    ]),
  ];
}
