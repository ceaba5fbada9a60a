/** What a function's process and the embedded cloud say to each other, in JSON. */

export interface InvokeMessage {
  kind: 'invoke';
  requestId: string;
  /** JSON text. */
  event: string;
  /** Milliseconds since the epoch. */
  deadline: number;
  functionArn: string;
  /** JSON text of the caller's client context. */
  clientContext?: string;
}

/** As the runtime API words a failure: Node.js has a trace, Python a stackTrace. */
export interface FunctionError {
  errorType: string;
  errorMessage: string;
  trace?: string[];
  stackTrace?: string[];
  requestId?: string;
}

export type WorkerMessage =
  /** The handler is loaded; without `error` the process takes events. */
  | { kind: 'ready'; error?: FunctionError }
  | { kind: 'log'; lines: string[] }
  /** `payload`: JSON text of what the handler returned. */
  | { kind: 'done'; requestId: string; payload: string }
  /** `fatal`: the process ends after it. */
  | { kind: 'failed'; requestId: string; error: FunctionError; fatal?: boolean };
