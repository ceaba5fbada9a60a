/** What a target gets: the event, a part of it, a constant, or a text made from it. */
import type { Target } from '@aws-sdk/client-eventbridge';
import { parseJson } from '../../../model/nesting.ts';
import { pathSteps, valueAt } from '../json-path.ts';
import type { EventRecord } from './delivery.ts';

/** `rule` is what the reserved variables tell. */
export function targetInput(
  target: Target,
  event: EventRecord,
  rule: { arn: string; name: string },
): unknown {
  if (target.Input !== undefined) return parsed(target.Input);
  if (target.InputPath !== undefined) return valueAt(event, pathSteps(target.InputPath));
  const transformer = target.InputTransformer;
  if (!transformer) return event;
  const values: Record<string, unknown> = {
    'aws.events.rule-arn': rule.arn,
    'aws.events.rule-name': rule.name,
    'aws.events.event.ingestion-time': event.time,
    'aws.events.event': (({ detail: _detail, ...rest }) => rest)(event),
    'aws.events.event.json': event,
  };
  for (const [name, path] of Object.entries(transformer.InputPathsMap ?? {})) {
    values[name] = valueAt(event, pathSteps(path));
  }
  return parsed(filled(transformer.InputTemplate ?? '', values));
}

/** Inside quotes a value goes in as text, elsewhere as JSON. */
function filled(template: string, values: Readonly<Record<string, unknown>>): string {
  let quoted = false;
  return template.replace(/\\.|"|<([\w.-]+)>/g, (match, name?: string) => {
    if (match === '"') quoted = !quoted;
    if (name === undefined || !(name in values)) return match;
    const value = values[name];
    if (!quoted) return JSON.stringify(value) ?? '';
    return typeof value === 'string'
      ? JSON.stringify(value).slice(1, -1)
      : JSON.stringify(JSON.stringify(value) ?? '').slice(1, -1);
  });
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}
