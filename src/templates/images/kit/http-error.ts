/** One field of a request that was refused. */
export interface FieldProblem {
  field: string;
  message: string;
}

/** An answer other than success; the message is shown to the caller, so it names nothing of the inside. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  /** Stable, for programs, e.g. `not_found`. */
  readonly code: string;
  readonly details: readonly FieldProblem[] | undefined;
  /** Seconds. */
  readonly retryAfter: number | undefined;

  constructor(
    status: number,
    code: string,
    message: string,
    options: { details?: readonly FieldProblem[]; retryAfter?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = status;
    this.code = code;
    this.details = options.details;
    this.retryAfter = options.retryAfter;
  }
}

export const badRequest = (message: string, details?: readonly FieldProblem[]): HttpError =>
  new HttpError(400, 'invalid_request', message, details ? { details } : {});
export const unauthorized = (message: string): HttpError => new HttpError(401, 'unauthorized', message);
export const forbidden = (message: string): HttpError => new HttpError(403, 'forbidden', message);
export const notFound = (what: string, id: string): HttpError =>
  new HttpError(404, 'not_found', `there is no ${what} "${id}"`);
export const conflict = (message: string): HttpError => new HttpError(409, 'conflict', message);
export const unavailable = (message: string, cause?: unknown): HttpError =>
  new HttpError(503, 'unavailable', message, { retryAfter: 2, cause });
