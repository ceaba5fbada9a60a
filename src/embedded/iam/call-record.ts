/**
 * What roles call, written down for whoever sets policies against it: on AWS, CloudTrail and IAM's last accessed
 * information tell it (docs.aws.amazon.com, "Refine permissions in AWS using last accessed information").
 */
import { randomUUID } from 'node:crypto';
import { appendFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';

/** One line of a record. */
export interface RecordedCall {
  /** ARN of the role whose session called. */
  role: string;
  /** e.g. `dynamodb:Query` */
  action: string;
  resource: string;
  outcome: 'allowed' | 'denied';
  /** What decided: a policy's name or ARN, and its statement, counted from 0. Absent where nothing allowed the call. */
  by?: { policy: string; statement: number };
}

/** Resources that are told apart for one action of one role. */
const resourcesPerAction = 50;
/** Of one record. A role's calls come again and again; what is new after so many lines is left out. */
const maxLines = 50_000;

export class CallRecord {
  readonly #file: string;
  readonly #resources = new Map<string, Set<string>>();
  #lines = 0;

  /** Writes to a new file in `directory`, which is made. Throws what the file system says. */
  constructor(directory: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#file = path.join(directory, `calls-${process.pid}-${randomUUID()}.ndjson`);
    appendFileSync(this.#file, '', { mode: 0o600 });
  }

  /** Each call once, however often it is made; `by` is asked only then. */
  note(call: Omit<RecordedCall, 'by'>, by: () => RecordedCall['by']): void {
    const key = `${call.role} ${call.action} ${call.outcome}`;
    let known = this.#resources.get(key);
    if (!known) {
      known = new Set();
      this.#resources.set(key, known);
    }
    if (known.has(call.resource) || known.size >= resourcesPerAction || this.#lines >= maxLines) return;
    known.add(call.resource);
    this.#lines++;
    const decided = by();
    appendFileSync(this.#file, `${JSON.stringify({ ...call, ...(decided && { by: decided }) })}\n`);
  }
}
