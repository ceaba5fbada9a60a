/** Request validators: required parameters are there, the body fits its model. */
import type { Method } from '@aws-sdk/client-api-gateway';
import { parseJson } from '../../../../model/nesting.ts';
import type { ApiDefinition } from '../definition.ts';
import type { Exchange } from './exchange.ts';
import { Refusal } from './gateway-responses.ts';
import { type JsonSchema, problemOf } from './json-schema.ts';
import { compileSource } from './mapping.ts';

/** Throws a {@link Refusal}. */
export type Validate = (exchange: Exchange, body: Buffer) => void;

export function compileValidation(definition: ApiDefinition, method: Method): Validate | undefined {
  const validator = definition.requestValidators[method.requestValidatorId ?? ''];
  if (!validator) return undefined;
  const required = validator.validateRequestParameters
    ? Object.entries(method.requestParameters ?? {})
        .filter(([, needed]) => needed)
        .map(([key]) => ({ name: key.split('.').slice(3).join('.'), source: compileSource(key) }))
    : [];
  const models = validator.validateRequestBody ? (method.requestModels ?? {}) : {};
  const schemas = new Map<string, JsonSchema>(
    Object.entries(definition.models).map(([name, { schema }]) => [
      name,
      JSON.parse(schema ?? '{}') as JsonSchema,
    ]),
  );

  return (exchange, body) => {
    const missing = required.filter(({ source }) => !source(exchange)).map(({ name }) => name);
    if (missing.length > 0) {
      const message = `Missing required request parameters: [${missing.join(', ')}]`;
      throw new Refusal('BAD_REQUEST_PARAMETERS', message, message);
    }
    const type = (exchange.header('content-type') ?? 'application/json').split(';')[0]?.trim() ?? '';
    const schema = schemas.get(models[type] ?? models['$default'] ?? '');
    if (!schema) return;
    let value: unknown;
    try {
      value = parseJson(body.toString('utf8'));
    } catch {
      throw new Refusal('BAD_REQUEST_BODY', undefined, '[the body is no JSON]');
    }
    const problem = problemOf(value, schema, schemas);
    if (problem !== undefined) throw new Refusal('BAD_REQUEST_BODY', undefined, `[${problem}]`);
  };
}
