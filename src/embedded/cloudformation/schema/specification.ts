/** What CloudFormation's resource specification says of a type's properties: an extract of it is in types.json. */
import types from './types.json' with { type: 'json' };

/** `string`, `integer` …, `[element]`, or one of the composed forms. */
export type PropertyType =
  | string
  | readonly [PropertyType]
  | { readonly map: PropertyType }
  | { readonly ref: string }
  | { readonly any: readonly PropertyType[] };

export interface Shape {
  readonly properties: Readonly<Record<string, PropertyType>>;
  readonly required?: readonly string[];
}

export interface TypeSpecification extends Shape {
  /** Top-level properties whose change means replacement. */
  readonly replace: readonly string[];
  /** Names that Fn::GetAtt takes. */
  readonly attributes: readonly string[];
  readonly definitions?: Readonly<Record<string, Shape>>;
}

const specifications = types as unknown as Readonly<Record<string, TypeSpecification>>;

/** The specification of a type, if the extract has it. */
export const specificationOf = (type: string): TypeSpecification | undefined => specifications[type];
