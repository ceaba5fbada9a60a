/** The attributes of a pool's users: standard and custom ones, and what values they take. */
import type { AttributeType, SchemaAttributeType } from '@aws-sdk/client-cognito-identity-provider';
import { invalidParameter, notAuthorized } from './errors.ts';

export type Attributes = Readonly<Record<string, string>>;

const maxCustom = 50;

const text = (Name: string, min = 0, max = 2048): SchemaAttributeType => ({
  Name,
  AttributeDataType: 'String',
  DeveloperOnlyAttribute: false,
  Mutable: true,
  Required: false,
  StringAttributeConstraints: { MinLength: String(min), MaxLength: String(max) },
});
const flag = (Name: string): SchemaAttributeType => ({
  Name,
  AttributeDataType: 'Boolean',
  DeveloperOnlyAttribute: false,
  Mutable: true,
  Required: false,
});

/** OpenID Connect's, as Cognito has them. */
const standard: readonly SchemaAttributeType[] = [
  { ...text('sub', 1), Mutable: false, Required: true },
  ...['name', 'given_name', 'family_name', 'middle_name', 'nickname', 'preferred_username'].map((name) =>
    text(name),
  ),
  ...['profile', 'picture', 'website', 'email'].map((name) => text(name)),
  flag('email_verified'),
  text('gender'),
  text('birthdate', 10, 10),
  text('zoneinfo'),
  text('locale'),
  text('phone_number'),
  flag('phone_number_verified'),
  text('address'),
  {
    Name: 'updated_at',
    AttributeDataType: 'Number',
    DeveloperOnlyAttribute: false,
    Mutable: true,
    Required: false,
    NumberAttributeConstraints: { MinValue: '0' },
  },
];
const standardNames = new Set(standard.map(({ Name }) => Name));
export const isStandard = (name: string | undefined): boolean => standardNames.has(name);
/** Known to Cognito though no schema lists it: the links to identity providers. */
const internalNames = new Set(['identities']);

/** The whole schema of a new pool. Throws AwsError InvalidParameterException. */
export function schemaFrom(given: readonly SchemaAttributeType[] = []): SchemaAttributeType[] {
  const changed = new Map(
    given.filter(({ Name }) => standardNames.has(Name)).map((each) => [each.Name, each]),
  );
  const schema = standard.map((attribute) => {
    const change = changed.get(attribute.Name);
    if (!change || attribute.Name === 'sub') return attribute;
    return {
      ...attribute,
      Mutable: change.Mutable ?? attribute.Mutable,
      Required: change.Required ?? attribute.Required,
      ...(change.StringAttributeConstraints && {
        StringAttributeConstraints: {
          ...attribute.StringAttributeConstraints,
          ...change.StringAttributeConstraints,
        },
      }),
    };
  });
  return withCustom(
    schema,
    given.filter(({ Name }) => !standardNames.has(Name)),
  );
}

/** Adds custom attributes; they can't be changed or removed afterwards. Throws AwsError InvalidParameterException. */
export function withCustom(
  schema: readonly SchemaAttributeType[],
  added: readonly SchemaAttributeType[],
): SchemaAttributeType[] {
  const result = [...schema];
  for (const attribute of added) {
    const bare = attribute.Name ?? '';
    const name = customName(attribute);
    if (!/^[\p{L}\p{M}\p{S}\p{N}\p{P}]{1,20}$/u.test(bare.replace(/^custom:/, ''))) {
      throw invalidParameter(`Custom attribute name ${JSON.stringify(bare)} must have 1 to 20 characters.`);
    }
    if (attribute.Required) {
      throw invalidParameter('Required custom attributes are not supported currently.');
    }
    if (result.some(({ Name }) => Name === name)) {
      throw invalidParameter(`${name}: Existing attribute already has name ${name}.`);
    }
    const type = attribute.AttributeDataType ?? 'String';
    result.push({
      Name: name,
      AttributeDataType: type,
      DeveloperOnlyAttribute: attribute.DeveloperOnlyAttribute ?? false,
      Mutable: attribute.Mutable ?? true,
      Required: false,
      ...(type === 'String' && { StringAttributeConstraints: attribute.StringAttributeConstraints ?? {} }),
      ...(type === 'Number' && { NumberAttributeConstraints: attribute.NumberAttributeConstraints ?? {} }),
    });
  }
  if (result.length - standard.length > maxCustom) {
    throw invalidParameter(`A user pool can have at most ${maxCustom} custom attributes.`);
  }
  return result;
}

export const customName = ({ Name = '', DeveloperOnlyAttribute }: SchemaAttributeType): string => {
  const name = Name.startsWith('custom:') ? Name : `custom:${Name}`;
  return DeveloperOnlyAttribute ? `dev:${name}` : name;
};

const nonConforming = (what: string) => invalidParameter(`Attributes did not conform to the schema: ${what}`);

/**
 * The attributes that a request gives, by name, each checked against the schema; an empty value stands for removal.
 * Throws AwsError InvalidParameterException.
 */
export function checkedAttributes(
  schema: readonly SchemaAttributeType[],
  given: readonly AttributeType[] | undefined,
): Record<string, string> {
  const byName = new Map(schema.map((attribute) => [attribute.Name, attribute]));
  const values: Record<string, string> = {};
  for (const { Name = '', Value = '' } of given ?? []) {
    const attribute = byName.get(Name);
    if (!attribute) {
      if (internalNames.has(Name)) throw invalidParameter(`user.${Name}: Attribute cannot be updated.\n`);
      throw nonConforming(`Type for attribute {${Name}} could not be determined`);
    }
    if (Value !== '') checkValue(attribute, Name, Value);
    values[Name] = Value;
  }
  return values;
}

function checkValue(attribute: SchemaAttributeType, name: string, value: string): void {
  const bad = (what: string) => nonConforming(`${name}: ${what}\n`);
  switch (attribute.AttributeDataType) {
    case 'Boolean':
      if (!/^(true|false)$/i.test(value)) throw bad('Boolean value expected');
      return;
    case 'Number': {
      if (!/^-?\d+(\.\d+)?$/.test(value)) throw bad('Number value expected');
      const { MinValue, MaxValue } = attribute.NumberAttributeConstraints ?? {};
      if (MinValue !== undefined && Number(value) < Number(MinValue))
        throw bad(`Number must be at least ${MinValue}`);
      if (MaxValue !== undefined && Number(value) > Number(MaxValue))
        throw bad(`Number must be at most ${MaxValue}`);
      return;
    }
    case 'DateTime':
      if (Number.isNaN(Date.parse(value))) throw bad('Date expected');
      return;
  }
  const { MinLength = '0', MaxLength = '2048' } = attribute.StringAttributeConstraints ?? {};
  if (value.length < Number(MinLength)) throw bad(`String must be at least ${MinLength} characters long`);
  if (value.length > Number(MaxLength)) throw bad(`String must be no longer than ${MaxLength} characters`);
  if (name === 'email' && !isEmail(value)) throw invalidParameter('Invalid email address format.');
  if (name === 'phone_number' && !isPhoneNumber(value)) {
    throw invalidParameter('Invalid phone number format.');
  }
}

export const isEmail = (value: string): boolean => /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value);
/** E.164 */
export const isPhoneNumber = (value: string): boolean => /^\+[1-9]\d{1,14}$/.test(value);

/**
 * Puts changes over a user's attributes; empty values remove. Throws AwsError InvalidParameterException where an
 * immutable attribute that has a value would change.
 */
export function mergeAttributes(
  schema: readonly SchemaAttributeType[],
  current: Attributes,
  changes: Attributes,
): Record<string, string> {
  const fixed = new Set(schema.filter(({ Mutable }) => Mutable === false).map(({ Name }) => Name));
  const merged = { ...current };
  for (const [name, value] of Object.entries(changes)) {
    if (fixed.has(name) && (name === 'sub' || current[name] !== value)) {
      throw invalidParameter(`user.${name}: Attribute cannot be updated.\n`);
    }
    if (value === '') delete merged[name];
    else merged[name] = value;
  }
  return merged;
}

/** The required attributes that have no value; `sub` always has one. */
export const missingAttributes = (schema: readonly SchemaAttributeType[], attributes: Attributes): string[] =>
  schema.flatMap(({ Name = '', Required }) =>
    Required && Name !== 'sub' && attributes[Name] === undefined ? [Name] : [],
  );

/** Only the service itself says so. */
const neverWritable = new Set(['sub', 'email_verified', 'phone_number_verified']);

/**
 * Holds a user to what his app client may write: the isolation of tenants rests on it. A client that lists nothing may
 * write every attribute but those that say what is verified. Throws AwsError NotAuthorizedException.
 */
export function checkWritable(
  schema: readonly SchemaAttributeType[],
  writable: readonly string[] | undefined,
  names: readonly string[],
): void {
  const developer = new Set(schema.filter((each) => each.DeveloperOnlyAttribute).map(({ Name }) => Name));
  for (const name of names) {
    if (neverWritable.has(name) || developer.has(name) || (writable && !writable.includes(name))) {
      throw notAuthorized('A client attempted to write unauthorized attribute');
    }
  }
}

/** The attributes that a client shows its user. A client that lists nothing shows all but developer-only ones. */
export const readableAttributes = (
  schema: readonly SchemaAttributeType[],
  readable: readonly string[] | undefined,
  attributes: Attributes,
): Record<string, string> => {
  const developer = new Set(schema.filter((each) => each.DeveloperOnlyAttribute).map(({ Name }) => Name));
  return Object.fromEntries(
    Object.entries(attributes).filter(([name]) =>
      readable ? name === 'sub' || readable.includes(name) : !developer.has(name),
    ),
  );
};

/** Throws AwsError InvalidParameterException for attributes that a client's list can't have. */
export function checkClientAttributes(
  schema: readonly SchemaAttributeType[],
  kind: 'read' | 'write',
  names: readonly string[] | undefined,
): void {
  if (!names) return;
  const known = new Set(schema.map(({ Name }) => Name));
  const bad =
    names.some((name) => !known.has(name) || (kind === 'write' && neverWritable.has(name))) ||
    // A client that could not write what is required could sign nobody up.
    (kind === 'write' &&
      schema.some(({ Name = '', Required }) => Required && Name !== 'sub' && !names.includes(Name)));
  if (bad) throw invalidParameter(`Invalid ${kind} attributes specified while creating a client`);
}

export const attributeList = (attributes: Attributes): AttributeType[] =>
  Object.entries(attributes).map(([Name, Value]) => ({ Name, Value }));
