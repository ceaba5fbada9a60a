/** Why something is as it is: what happened, from the operation down to what a container logged. */
import { SaasError, type SaasErrorOptions } from '../../model/error.ts';

/** One link of the chain; plain JSON, part of `explain`'s contract. */
export interface Link {
  kind: 'operation' | 'stack' | 'resource' | 'service' | 'event' | 'task' | 'log' | 'target';
  /** Of an operation its kind, of a resource its logical id, of a task and its log the service. */
  name: string;
  /** In the words of whoever says it: `CREATE_FAILED`, `unhealthy`, `exited with 7`. */
  status: string;
  detail: string | null;
  /** ISO 8601; null where nobody says. */
  at: string | null;
}

/** A likely reason, and what to do about it. */
export interface Cause {
  /** Stable, for scripts; e.g. `image_exits`. */
  code: string;
  /** One line, lower case, no full stop. */
  text: string;
  fix: string[];
}

/** An error with what was found out about it, for whoever keeps it: the registry does. */
export class ExplainedError extends SaasError {
  readonly evidence: readonly Link[];
  constructor(code: string, message: string, evidence: readonly Link[], options: SaasErrorOptions) {
    super(code, message, options);
    this.evidence = evidence;
  }
}

export const isoOf = (date: Date | undefined): string | null => date?.toISOString() ?? null;
