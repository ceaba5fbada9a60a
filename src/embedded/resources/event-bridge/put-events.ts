/** PutEvents: each entry is taken or refused by itself. */
import { randomUUID } from 'node:crypto';
import type {
  PutEventsCommandInput,
  PutEventsRequestEntry,
  PutEventsResultEntry,
} from '@aws-sdk/client-eventbridge';
import { parseJson } from '../../../model/nesting.ts';
import { AwsError, type Cloud } from '../../platform.ts';
import type { Delivery } from './delivery.ts';
import type { Rules } from './rules.ts';

const maxEntries = 10;
const maxBytes = 1024 * 1024;

export function putEvents(
  cloud: Cloud,
  rules: Rules,
  delivery: Delivery,
  input: PutEventsCommandInput,
): { FailedEntryCount: number; Entries: PutEventsResultEntry[] } {
  const entries = input.Entries ?? [];
  if (entries.length === 0 || entries.length > maxEntries) {
    throw new AwsError('ValidationException', `PutEvents takes 1 to ${maxEntries} entries.`);
  }
  const size = entries.reduce((sum, entry) => sum + Buffer.byteLength(JSON.stringify(entry)), 0);
  if (size > maxBytes)
    throw new AwsError('ValidationException', 'Total size of the entries in the request is over the limit.');
  const results = entries.map((entry): PutEventsResultEntry => {
    const bus = rules.findBus(entry.EventBusName)?.name;
    const detail = detailOf(entry.Detail);
    const refused = refusal(entry, detail);
    if (refused) return refused;
    const id = randomUUID();
    // To a bus that is not there the event is taken all the same, and goes nowhere: so on AWS.
    if (bus !== undefined) {
      delivery.accept(bus, {
        version: '0',
        id,
        'detail-type': entry.DetailType ?? '',
        source: entry.Source ?? '',
        account: cloud.account,
        time: new Date(entry.Time ?? cloud.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'),
        region: cloud.region,
        resources: entry.Resources ?? [],
        detail,
      });
    }
    return { EventId: id };
  });
  return {
    FailedEntryCount: results.filter(({ ErrorCode }) => ErrorCode !== undefined).length,
    Entries: results,
  };
}

function detailOf(text: string | undefined): unknown {
  try {
    return parseJson(text ?? '');
  } catch {
    return undefined;
  }
}

function refusal(entry: PutEventsRequestEntry, detail: unknown): PutEventsResultEntry | undefined {
  const missing = (['Source', 'DetailType', 'Detail'] as const).find((name) => !entry[name]);
  if (missing) {
    return {
      ErrorCode: 'InvalidArgument',
      ErrorMessage: `Parameter ${missing} is not valid. Reason: ${missing} is a required argument.`,
    };
  }
  if (typeof detail !== 'object' || detail === null || Array.isArray(detail)) {
    return { ErrorCode: 'MalformedDetail', ErrorMessage: 'Detail is malformed.' };
  }
  if (entry.Source?.startsWith('aws.')) {
    return { ErrorCode: 'NotAuthorizedForSourceException', ErrorMessage: 'Not authorized for the source.' };
  }
  return undefined;
}
