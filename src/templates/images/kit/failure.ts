import type { FastifyError } from 'fastify';
import { DynamoDbError, isTransient } from './dynamodb-client.ts';
import { badRequest, HttpError, unavailable } from './http-error.ts';

/** Turns whatever a request failed with into what its caller may know. The cause stays for the log. */
export function toHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof DynamoDbError && isTransient(error))
    return unavailable("the store can't be reached at the moment", error);
  // Beyond 1E-130 to 9.99E+125 (developer guide, "Supported data types"); JSON knows smaller and larger ones.
  if (error instanceof DynamoDbError && /^ValidationException: .*Number (over|under)flow/.test(error.message))
    return badRequest('a number is too large or too small to be kept');
  const known = error as Partial<FastifyError>;
  if (known.validation)
    return badRequest(
      'the request is not valid',
      known.validation.map((problem) => problemOf(problem, known.validationContext)),
    );
  switch (known.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new HttpError(413, 'too_large', 'the body is too large');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new HttpError(415, 'unsupported_media_type', 'the body must be application/json');
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return badRequest('the body is empty');
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return badRequest('the body is not valid JSON');
    case 'FST_ERR_BAD_URL':
      return badRequest('the path is not valid');
  }
  if (error instanceof SyntaxError && known.statusCode === 400)
    return badRequest('the body is not valid JSON');
  if (known.statusCode !== undefined && known.statusCode >= 400 && known.statusCode < 500)
    return new HttpError(known.statusCode, 'invalid_request', 'the request is not valid');
  return new HttpError(500, 'internal_error', 'something went wrong on our side', { cause: error });
}

type Validation = NonNullable<FastifyError['validation']>[number];

/** `orderProducts[0].price must be >= 0`: the field as the caller wrote it, and what it must be. */
function problemOf(problem: Validation, context: string | undefined): { field: string; message: string } {
  const parent = problem.instancePath
    .slice(1)
    .replaceAll(/\/(\d+)/g, '[$1]')
    .replaceAll('/', '.');
  const child = (name: unknown): string => (parent === '' ? String(name) : `${parent}.${String(name)}`);
  const { params } = problem;
  if (problem.keyword === 'required')
    return { field: child(params['missingProperty']), message: 'is required' };
  if (problem.keyword === 'additionalProperties')
    return { field: child(params['additionalProperty']), message: 'is not known' };
  const allowed = params['allowedValues'];
  return {
    field: parent === '' ? (context ?? 'body') : parent,
    message: Array.isArray(allowed)
      ? `must be one of ${allowed.join(', ')}`
      : (problem.message ?? 'is not valid'),
  };
}
