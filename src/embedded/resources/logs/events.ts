/** Reading events: of one stream back and forth, and of many by a filter. */
import type {
  FilterLogEventsCommandInput,
  FilterLogEventsCommandOutput,
  GetLogEventsCommandInput,
  GetLogEventsCommandOutput,
} from '@aws-sdk/client-cloudwatch-logs';
import { decodeToken, encodeToken } from '../pages.ts';
import { compileFilter } from './filter-pattern.ts';
import { invalid, type LogGroups, type StreamRecord } from './groups.ts';
import type { LogEvent } from './stream-file.ts';

const maxEvents = 10_000;
type Output<T> = Omit<T, '$metadata'>;

/** Where an event is in the order of all: by time, then by arrival. */
type Position = readonly [timestamp: number, sequence: number];

const compare = (left: Position, right: Position): number => left[0] - right[0] || left[1] - right[1];
const positionOf = (event: LogEvent): Position => [event.timestamp, event.sequence];
const byPosition = (left: LogEvent, right: LogEvent): number => compare(positionOf(left), positionOf(right));

function position(text: string): Position {
  const [timestamp, sequence] = text.split('-').map(Number);
  if (timestamp === undefined || sequence === undefined || Number.isNaN(timestamp + sequence)) {
    throw invalid('The specified nextToken is invalid.');
  }
  return [timestamp, sequence];
}

const within =
  (start: number | undefined, end: number | undefined) =>
  ({ timestamp }: LogEvent): boolean =>
    timestamp >= (start ?? 0) && timestamp < (end ?? Number.POSITIVE_INFINITY);

const limitOf = (limit: number | undefined): number => {
  if (limit !== undefined && (limit < 1 || limit > maxEvents)) {
    throw invalid(
      `1 validation error detected: Value '${limit}' at 'limit' failed to satisfy constraint: Member must be between 1 and ${maxEvents}`,
    );
  }
  return limit ?? maxEvents;
};

/** Like AWS, a page past the end gives the token back that it was asked with. */
export async function getLogEvents(
  groups: LogGroups,
  input: GetLogEventsCommandInput,
): Promise<Output<GetLogEventsCommandOutput>> {
  const group = groups.get(input.logGroupName ?? input.logGroupIdentifier ?? '');
  const stream = groups.stream(group.name, input.logStreamName ?? '');
  const limit = limitOf(input.limit);
  const token = input.nextToken;
  if (token !== undefined && !/^[fb]\//.test(token)) throw invalid('The specified nextToken is invalid.');
  const from = token === undefined ? undefined : position(token.slice(2));
  const events = (await groups.file(stream).read())
    .filter(within(input.startTime, input.endTime))
    .sort(byPosition);

  let page: LogEvent[];
  if (token !== undefined && from) {
    page = token.startsWith('f')
      ? events.filter((event) => compare(positionOf(event), from) > 0).slice(0, limit)
      : events.filter((event) => compare(positionOf(event), from) < 0).slice(-limit);
  } else page = input.startFromHead ? events.slice(0, limit) : events.slice(-limit);

  const [first, last] = [page[0], page.at(-1)];
  const fallback = token?.slice(2) ?? '0-0';
  return {
    events: page.map(({ timestamp, message, ingestion }) => ({
      timestamp,
      message,
      ingestionTime: ingestion,
    })),
    nextForwardToken: `f/${last ? positionOf(last).join('-') : fallback}`,
    nextBackwardToken: `b/${first ? positionOf(first).join('-') : fallback}`,
  };
}

/** The events of all streams asked for, by time; a page holds at most `limit`, and the token says where to go on. */
export async function filterLogEvents(
  groups: LogGroups,
  input: FilterLogEventsCommandInput,
): Promise<Output<FilterLogEventsCommandOutput>> {
  const group = groups.get(input.logGroupName ?? input.logGroupIdentifier ?? '');
  const { logStreamNames: names, logStreamNamePrefix: prefix, startTime, endTime } = input;
  if (names && prefix !== undefined) {
    throw invalid('logStreamNames and logStreamNamePrefix exclude each other.');
  }
  const streams: StreamRecord[] = names
    ? names.map((name) => groups.stream(group.name, name))
    : [...groups.streamsOf(group.name).values()].filter(({ name }) => name.startsWith(prefix ?? ''));
  const matches = compileFilter(input.filterPattern);
  const limit = limitOf(input.limit);
  const after =
    input.nextToken === undefined
      ? undefined
      : position(decodeToken(input.nextToken, 'InvalidParameterException'));
  // endTime is inclusive here, other than in GetLogEvents.
  const inTime = within(startTime, endTime === undefined ? undefined : endTime + 1);

  let found: (LogEvent & { stream: string })[] = [];
  for (const stream of streams) {
    const file = groups.file(stream);
    const { last } = await file.summarize();
    if (last === undefined || last < (startTime ?? 0)) continue;
    for (const event of await file.read()) {
      if (!inTime(event) || (after && compare(positionOf(event), after) <= 0)) continue;
      if (matches(event.message)) found.push({ ...event, stream: stream.name });
    }
    // One more than a page says whether there is another one.
    if (found.length > 4 * limit) found = found.sort(byPosition).slice(0, limit + 1);
  }
  found.sort(byPosition);
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return {
    events: page.map((event) => ({
      logStreamName: event.stream,
      timestamp: event.timestamp,
      message: event.message,
      ingestionTime: event.ingestion,
      eventId: `${event.timestamp}${String(event.sequence).padStart(17, '0')}`,
    })),
    searchedLogStreams: [],
    nextToken: last && found.length > limit ? encodeToken(positionOf(last).join('-')) : undefined,
  };
}
