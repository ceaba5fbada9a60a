/** What the adapters read and write: HTTP with the body at hand. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { OperationShape } from './shape.ts';

export interface WireRequest {
  method: string;
  /** Percent-encoded, without the query. */
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  /** Empty when the body streams. */
  body: Buffer;
  /** The body of an operation whose payload streams (PutObject), out of its transfer chunks. */
  stream?: Readable;
  /** Path labels, once an operation is matched (REST protocols). */
  labels?: Readonly<Record<string, string>>;
}

export interface WireResponse {
  status: number;
  headers: Record<string, string>;
  body: Buffer | Uint8Array | string | Readable;
}

export interface WireError {
  code: string;
  message: string;
  status: number;
  members: Readonly<Record<string, unknown>>;
  requestId: string;
  /** The service's namespace, where one was found. */
  namespace: string | undefined;
}

/** One wire protocol, seen from the server. */
export interface Adapter {
  /** Throws AwsError SerializationException (or the protocol's word for it) when the request can't be read. */
  decode(shape: OperationShape, request: WireRequest): Record<string, unknown>;
  encode(shape: OperationShape, output: Record<string, unknown>, requestId: string): WireResponse;
  encodeError(error: WireError): WireResponse;
}
