import { ExitCode } from '../model/error.ts';
import type { Finding } from '../services/reconcile/finding.ts';
import { reconcile as reconcileAll } from '../services/reconcile/reconcile.ts';
import { plural, table } from '../ui/table.ts';
import type { Invocation } from './invocation.ts';

export interface ReconcileOptions {
  dryRun?: boolean;
  exitCode?: boolean;
  tenant?: string;
}

export async function reconcile(cli: Invocation, options: ReconcileOptions): Promise<void> {
  const { findings } = await cli.run((context) =>
    reconcileAll(context, {
      dryRun: options.dryRun ?? false,
      ...(options.tenant !== undefined && { tenant: options.tenant }),
    }),
  );
  const of = (status: Finding['status']): Finding[] =>
    findings.filter((finding) => finding.status === status);
  cli.output.result({ findings }, (colors) =>
    findings.length === 0
      ? `${colors.green('✔')} control plane, registry and account agree`
      : [
          table(colors, findings, [
            { title: 'KIND', value: ({ kind }) => kind },
            { title: 'SUBJECT', value: ({ subject }) => subject },
            { title: 'STATUS', value: ({ status }) => status },
            { title: 'DETAIL', value: ({ detail }) => detail },
          ]),
          '',
          ...of('found').map(({ subject, repair }) => `would be done for ${subject}: ${repair}`),
          ...of('manual').map(({ subject, repair }) => `to do by hand for ${subject}: ${repair}`),
          `${plural(findings.length, 'difference')}, ${of('repaired').length} repaired, ${of('failed').length} failed, ${of('manual').length} by hand`,
        ].join('\n'),
  );
  if (options.dryRun && of('found').length > 0) cli.output.next('saas-ecs reconcile');
  if (of('failed').length > 0) cli.exitCode = ExitCode.failed;
  else if (options.dryRun && options.exitCode && findings.length > 0) cli.exitCode = ExitCode.changesPresent;
}
