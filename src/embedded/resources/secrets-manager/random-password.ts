/** Random secrets: GetRandomPassword, and GenerateSecretString of AWS::SecretsManager::Secret. */
import { randomInt } from 'node:crypto';
import { AwsError } from '../../platform.ts';

export interface PasswordOptions {
  /** Characters; 32 by default. */
  PasswordLength?: number | undefined;
  ExcludeCharacters?: string | undefined;
  ExcludeNumbers?: boolean | undefined;
  ExcludePunctuation?: boolean | undefined;
  ExcludeUppercase?: boolean | undefined;
  ExcludeLowercase?: boolean | undefined;
  IncludeSpace?: boolean | undefined;
  /** At least one character of every type that is not excluded; true by default. */
  RequireEachIncludedType?: boolean | undefined;
}

export interface GenerateSecretString extends PasswordOptions {
  /** JSON object to which the password is added … */
  SecretStringTemplate?: string | undefined;
  /** … under this key. */
  GenerateStringKey?: string | undefined;
}

const invalid = (message: string): AwsError => new AwsError('InvalidParameterException', message);

/** Throws AwsError InvalidParameterException when the options leave no character or no room. */
export function randomPassword(options: PasswordOptions): string {
  const length = options.PasswordLength ?? 32;
  if (length < 1 || length > 4096) throw invalid('The password length must be between 1 and 4096.');
  const excluded = new Set(options.ExcludeCharacters ?? '');
  const kinds = [
    options.ExcludeLowercase ? '' : 'abcdefghijklmnopqrstuvwxyz',
    options.ExcludeUppercase ? '' : 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
    options.ExcludeNumbers ? '' : '0123456789',
    options.ExcludePunctuation ? '' : '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~',
    options.IncludeSpace ? ' ' : '',
  ]
    .filter((kind) => kind !== '')
    .map((kind) => [...kind].filter((character) => !excluded.has(character)));
  const required = options.RequireEachIncludedType ?? true;
  if (required && kinds.some((kind) => kind.length === 0)) {
    throw invalid('The characters that you exclude leave a required type without any.');
  }
  const all = kinds.flat();
  if (all.length === 0) throw invalid('The options leave no character for the password.');
  if (required && kinds.length > length) {
    throw invalid('The password length is too short for the character types that it must have.');
  }
  const pick = (from: readonly string[]): string => from[randomInt(from.length)] ?? '';
  const characters = required ? kinds.map(pick) : [];
  while (characters.length < length) characters.push(pick(all));
  for (let index = characters.length - 1; index > 0; index -= 1) {
    const other = randomInt(index + 1);
    [characters[index], characters[other]] = [characters[other] ?? '', characters[index] ?? ''];
  }
  return characters.join('');
}

/** Throws AwsError for a template that is no JSON object, or a template without key. */
export function generateSecretString(options: GenerateSecretString): string {
  const { SecretStringTemplate: template, GenerateStringKey: key } = options;
  const password = randomPassword(options);
  if (template === undefined && key === undefined) return password;
  if (template === undefined || key === undefined) {
    throw invalid('SecretStringTemplate and GenerateStringKey must be given together.');
  }
  let content: unknown;
  try {
    content = JSON.parse(template);
  } catch {
    content = undefined;
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw invalid('SecretStringTemplate must be a JSON object.');
  }
  return JSON.stringify({ ...content, [key]: password });
}
