/** Dynamic references: `{{resolve:ssm:name}}`, `{{resolve:ssm-secure:name}}`, `{{resolve:secretsmanager:id:SecretString:key}}`. */

import { parseJson } from '../../../model/nesting.ts';
import type { SecretsApi, SsmApi } from '../../platform.ts';
import { isObject, validationError } from './model.ts';

const pattern = /\{\{resolve:(ssm|ssm-secure|secretsmanager):([^{}]*)\}\}/g;

/** Puts the values in, at any depth. Throws AwsError ValidationError when a parameter, secret or key is missing. */
export function resolveDynamicReferences(
  value: unknown,
  stores: { ssm: SsmApi; secrets: Pick<SecretsApi, 'value'> },
): unknown {
  if (typeof value === 'string')
    return value.includes('{{resolve:')
      ? value.replace(pattern, (_match, service: string, reference: string) =>
          service === 'secretsmanager' ? secret(stores.secrets, reference) : parameter(stores.ssm, reference),
        )
      : value;
  if (Array.isArray(value)) return value.map((entry) => resolveDynamicReferences(entry, stores));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, resolveDynamicReferences(entry, stores)]),
  );
}

function parameter(ssm: SsmApi, reference: string): string {
  // The version is accepted and ignored: the Parameter Store's newest value is the one there is.
  const name = reference.replace(/:\d+$/, '');
  try {
    return ssm.value(name);
  } catch {
    throw validationError(
      `Parameters: [${name}] cannot be found: dynamic reference {{resolve:ssm:${reference}}}`,
    );
  }
}

function secret(secrets: Pick<SecretsApi, 'value'>, reference: string): string {
  // `<id>[:SecretString[:key[:stage[:version]]]]`; an ARN has six colons of its own.
  const parts = reference.split(':');
  const id = parts.splice(0, parts[0] === 'arn' ? 7 : 1).join(':');
  const [kind = 'SecretString', key = ''] = parts;
  if (kind !== '' && kind !== 'SecretString')
    throw validationError(`Incorrect format is used in the following secretsmanager reference: ${reference}`);
  const value = secrets.value(id);
  if (key === '') return value;
  let content: unknown;
  try {
    content = parseJson(value);
  } catch {
    content = undefined;
  }
  const found = isObject(content) ? content[key] : undefined;
  if (found === undefined)
    throw validationError(`Could not find a value associated with JSONKey in SecretString: ${key} of ${id}`);
  return typeof found === 'string' ? found : JSON.stringify(found);
}
