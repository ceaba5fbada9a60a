/** What the embedded cloud's background process and those who start it agree on: files of the state directory, and the handshake. */

/** Names in the state directory. */
export const daemonFiles = {
  /** {@link DaemonRecord}; written whole, readable by its user only. */
  record: 'cloud.json',
  log: 'cloud.log',
  /** Says that the directory is an embedded cloud's: only such a directory is ever deleted. */
  marker: '.saas-ecs-embedded-cloud',
} as const;

export interface DaemonRecord {
  /** Chosen once: issuers and URLs in the state hold it. */
  port: number;
  endpoint: string;
  /** Null while no process serves the directory. */
  pid: number | null;
  /** See processIdentity; tells a leftover record from a running process. */
  identity: string | null;
  /** ISO 8601. */
  startedAt: string | null;
}

export type DaemonFailure =
  /** The port is in use by something else. */
  | 'port_taken'
  /** No port of the range is free. */
  | 'no_port'
  /** Another port was asked for than the one that the state holds. */
  | 'port_fixed'
  /** What is on disk can't be read; nothing was changed. */
  | 'state_damaged'
  /** Another process serves the directory. */
  | 'state_locked'
  | 'start_failed';

/** What the process says once, by IPC when it has a channel, else as one line of JSON on stderr. */
export type DaemonMessage =
  | { type: 'ready'; endpoint: string; pid: number }
  | { type: 'failed'; code: DaemonFailure; message: string; port?: number };

/** The value of the header `x-embedded-cloud`, by which an endpoint shows whose state it serves: hash of this path. */
export const stateIdLength = 16;
