import * as z from 'zod';
import { type StreamEvent, schemaVersion } from './event-stream.ts';

const step = z.string().describe('Name of the step; stable, for scripts.');
const title = z.string().describe('What a person reads.');
const durationMs = z.int().min(0);

/** A line's own fields; those that every line has are added. */
const event = <Name extends StreamEvent['type'], Fields extends z.ZodRawShape>(
  name: Name,
  description: string,
  fields: Fields,
) =>
  z
    .looseObject({
      schemaVersion: z.literal(schemaVersion),
      event: z.literal(name),
      ...fields,
      at: z.iso.datetime().describe('When it was told.'),
    })
    .describe(description);

const eventLine = z.discriminatedUnion('event', [
  event('plan', 'The steps to come, in order; they run one after the other.', {
    title,
    operationId: z
      .string()
      .optional()
      .describe('The operation, where there is one in the registry: `saas-ecs watch` takes it.'),
    steps: z.array(z.looseObject({ step, title })),
  }),
  event('step-started', 'A step began.', { step, title }),
  event('detail', 'Something moved inside the step.', { step, text: z.string() }),
  event('step-done', 'A step ended well.', {
    step,
    title,
    durationMs,
    skipped: z.boolean().describe('An earlier run had done it, or there was nothing to do.'),
  }),
  event('step-failed', 'A step failed, or was stopped; the envelope says which.', {
    step,
    title,
    durationMs,
    reason: z.string(),
  }),
  event('note', 'Worth knowing, not a failure.', { text: z.string() }),
  event('check', 'A finding of `doctor`.', {
    name: z.string(),
    status: z.enum(['PASS', 'WARN', 'FAIL']),
    detail: z.string(),
    hint: z.string().nullable().describe('What to do; null when there is nothing to do.'),
  }),
  event('heartbeat', 'A step goes on; told every 15 seconds.', { step, title, elapsedMs: durationMs }),
]);

const error = z.looseObject({
  code: z.string().describe('Stable, for scripts.'),
  message: z.string(),
  detail: z.string().nullable().describe('Why, in the words of whoever refused.'),
  hint: z.string().nullable().describe('What to do next.'),
  exitCode: z.int().describe('What the process exits with.'),
});

const envelope = z
  .union([
    z.looseObject({ schemaVersion: z.literal(schemaVersion), ok: z.literal(true), data: z.unknown() }),
    z.looseObject({
      schemaVersion: z.literal(schemaVersion),
      ok: z.literal(false),
      data: z.unknown().optional(),
      error,
    }),
  ])
  .describe('The last line, and the only one of --output json: the result, or the error.');

/** Any line of `--output ndjson`. */
export const line = z.union([eventLine, envelope]);

/** The JSON Schema (2020-12) of a line, as schema/events.schema.json publishes it. */
export function eventsJsonSchema(): object {
  return { ...z.toJSONSchema(line), title: 'A line of saas-ecs --output ndjson' };
}
