import { parseJson } from '../../../model/nesting.ts';
import { AwsError } from '../../platform.ts';

/** The statements of a bus policy's text. Throws AwsError ValidationException when it is no policy document. */
export function statementsOf(text: string): Record<string, unknown>[] {
  let document: unknown;
  try {
    document = parseJson(text);
  } catch {}
  const { Statement } = (document ?? {}) as { Statement?: unknown };
  const statements = [Statement].flat();
  if (statements.every((each) => typeof each === 'object' && each !== null))
    return statements as Record<string, unknown>[];
  throw new AwsError('ValidationException', 'The policy must be valid JSON and have statements.');
}
