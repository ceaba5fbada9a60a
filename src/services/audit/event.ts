import { createHash } from 'node:crypto';

/** `begun`: another process goes on with it, or the registry goes with what is done. `interrupted`: what was begun is unfinished. */
export type AuditOutcome = 'begun' | 'done' | 'failed' | 'interrupted';

/** What an operator did. Plain JSON, without secrets and without personal data. */
export interface AuditEntry {
  /** ISO 8601, by the clock of whoever did it. */
  at: string;
  /** As STS names the caller. */
  who: { arn: string; account: string };
  /** The command, or what it asks of the control plane's job. */
  action: string;
  /** Null for what is about no single tenant. */
  tenant: { id: string | null; name: string | null } | null;
  outcome: AuditOutcome;
  /** The error's, for what failed or was interrupted. */
  code: string | null;
  parameters: Record<string, unknown>;
}

/** An entry with its place in the chain. */
export interface AuditEvent extends AuditEntry {
  /** 1 for the first one. */
  seq: number;
  /** Tells two events of the same content apart. */
  id: string;
  /** The hash of the event before; null for the first one. */
  previous: string | null;
  /** See {@link hashOf}. */
  hash: string;
}

/** What the last event is; written with it, so that a chain which was cut off at its end is noticed. */
export interface AuditHead {
  /** How many events there are. */
  seq: number;
  hash: string;
  /** YYYY-MM-DD: where the last event is, and no later one is before. */
  day: string;
}

/** SHA-256, in hex, over the canonical JSON of everything in an event but the hash itself. */
export function hashOf(event: Omit<AuditEvent, 'hash'>): string {
  const { seq, id, at, who, action, tenant, outcome, code, parameters, previous } = event;
  const hashed = { seq, id, at, who, action, tenant, outcome, code, parameters, previous };
  return createHash('sha256').update(canonical(hashed)).digest('hex');
}

/** JSON with the members of each object in order of their names and no white space, as in RFC 8785. */
function canonical(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`)
    .join(',')}}`;
}
