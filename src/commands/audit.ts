import { SaasError } from '../model/error.ts';
import { openAuditLog } from '../services/audit/audited.ts';
import type { AuditEvent } from '../services/audit/event.ts';
import { listEvents } from '../services/audit/list.ts';
import { type ChainVerification, verifyChain } from '../services/audit/verification.ts';
import { plural, table } from '../ui/table.ts';
import type { Invocation } from './invocation.ts';

export interface AuditOptions {
  tenant?: string;
  since?: Date;
  limit?: number;
  nextToken?: string;
  verify?: boolean;
  expect?: string;
}

export async function audit(cli: Invocation, options: AuditOptions): Promise<void> {
  const log = await openAuditLog(await cli.quietContext());
  if (options.verify) return prove(cli, await verifyChain(log, options.expect));
  const { tenant, since, limit, nextToken } = options;
  const page = await listEvents(log, {
    ...(tenant !== undefined && { tenant }),
    ...(since !== undefined && { since }),
    ...(limit !== undefined && { limit }),
    ...(nextToken !== undefined && { nextToken }),
  });
  cli.output.result(page, (colors) =>
    page.events.length === 0
      ? 'No events.'
      : table(colors, page.events, [
          { title: 'WHEN', value: ({ at }) => at.slice(0, 19).replace('T', ' ') },
          { title: 'WHO', value: ({ who }) => who.arn.replace(/^arn:[\w-]+:(iam|sts)::/, '') },
          { title: 'ACTION', value: ({ action }) => action },
          { title: 'TENANT', value: ({ tenant: of }) => of?.name ?? of?.id ?? '' },
          {
            title: 'OUTCOME',
            value: ({ outcome, code }) =>
              (outcome === 'done' ? colors.green : outcome === 'failed' ? colors.red : colors.yellow)(
                code === null || code === outcome ? outcome : `${outcome}: ${code}`,
              ),
          },
          { title: 'PARAMETERS', value: parametersOf },
        ]),
  );
  if (page.nextToken !== null && cli.output.format === 'text')
    cli.output.note(`more: --next-token ${page.nextToken}`);
}

const parametersOf = ({ parameters }: AuditEvent): string =>
  Object.entries(parameters)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');

function prove(cli: Invocation, verification: ChainVerification): void {
  const { events, head } = verification;
  const failure = failureOf(verification);
  cli.output.result(
    verification,
    (colors) =>
      [
        failure
          ? colors.red(`✖ ${failure.message}`)
          : `${colors.green('✔')} ${plural(events, 'event')}, each chained to the one before`,
        ...(failure?.detail === undefined ? [] : [`  ${failure.detail}`]),
        ...(head && !failure ? [`  head: ${head.hash}`] : []),
      ].join('\n'),
    failure,
  );
  if (!failure) return;
  cli.exitCode = failure.exitCode;
  if (cli.output.format === 'text' && failure.hint !== undefined)
    cli.output.note(`${cli.output.err.dim('hint:')} ${failure.hint}`);
}

function failureOf({ events, broken, expected }: ChainVerification): SaasError | undefined {
  const hint = 'compare with an earlier export, or with the table restored to an earlier point in time';
  if (broken)
    return new SaasError(
      'audit_tampered',
      `the audit was tampered with: event ${broken.seq} ${broken.problem}`,
      {
        detail:
          broken.id === undefined
            ? `the ${plural(events, 'event')} before it hold together`
            : `it says to be ${broken.id}, of ${broken.at}; the ${plural(events, 'event')} before it hold together`,
        hint,
      },
    );
  if (expected && expected.seq === null)
    return new SaasError('audit_rewritten', 'no event of the audit has the hash that was noted', {
      detail: `${expected.hash}; the ${plural(events, 'event')} that are there hold together`,
      hint: `see that it was noted of this environment; else the audit was written anew: ${hint}`,
    });
  return undefined;
}
