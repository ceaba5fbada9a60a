import { ExitCode, SaasError } from '../../model/error.ts';
import type { AuditEvent } from './event.ts';
import type { AuditLog } from './log.ts';

export interface AuditRequest {
  /** Id or name, also of a tenant that is gone. */
  tenant?: string;
  since?: Date;
  limit?: number;
  nextToken?: string;
}

export interface AuditPage {
  events: AuditEvent[];
  /** Where the next page begins; null at the end. */
  nextToken: string | null;
}

/** Events, newest first. Throws `bad_next_token`. */
export async function listEvents(log: AuditLog, request: AuditRequest = {}): Promise<AuditPage> {
  const { tenant, limit = Number.POSITIVE_INFINITY } = request;
  const since = request.since?.toISOString() ?? '';
  const from = request.nextToken === undefined ? undefined : positionOf(request.nextToken);
  // No event is in the partition of a day before its own.
  const days = (await log.days()).filter(
    (day) => day >= since.slice(0, 10) && (from === undefined || day <= from.day),
  );
  const events: AuditEvent[] = [];
  let last = '';
  for (const day of days.reverse())
    for await (const { pk: _, sk: __, ...event } of log.newestOf(
      day,
      day === from?.day ? from.seq : undefined,
    )) {
      if (event.at < since) continue;
      if (tenant !== undefined && event.tenant?.id !== tenant && event.tenant?.name !== tenant) continue;
      // Only if there is one more than is shown, there is a next page.
      if (events.length === limit) return { events, nextToken: last };
      events.push(event);
      last = tokenOf(day, event.seq);
    }
  return { events, nextToken: null };
}

const tokenOf = (day: string, seq: number): string => Buffer.from(`${day}/${seq}`).toString('base64url');

function positionOf(token: string): { day: string; seq: number } {
  const [, day, seq] =
    /^(\d{4}-\d\d-\d\d)\/([1-9]\d{0,11})$/.exec(Buffer.from(token, 'base64url').toString('utf8')) ?? [];
  if (day !== undefined) return { day, seq: Number(seq) };
  throw new SaasError('bad_next_token', `"${token}" is not a token that this list of events gave`, {
    hint: 'use the nextToken of the previous page with the same filters, or leave it out',
    exitCode: ExitCode.usage,
  });
}
