/** The parts of a CloudFormation template, as parsed: intrinsic functions are still in place. */
import { AwsError } from '../../platform.ts';

export interface ParameterDefinition {
  Type: string;
  Default?: string | number | boolean;
  Description?: string;
  NoEcho?: boolean | string;
  AllowedValues?: (string | number | boolean)[];
  AllowedPattern?: string;
  ConstraintDescription?: string;
  MinLength?: number | string;
  MaxLength?: number | string;
  MinValue?: number | string;
  MaxValue?: number | string;
}

export interface ResourceDefinition {
  Type: string;
  Properties?: Record<string, unknown>;
  DependsOn?: string | string[];
  Condition?: string;
  DeletionPolicy?: unknown;
  UpdateReplacePolicy?: unknown;
  Metadata?: Record<string, unknown>;
  CreationPolicy?: unknown;
  UpdatePolicy?: unknown;
  Description?: string;
}

export interface OutputDefinition {
  Value: unknown;
  Description?: string;
  Condition?: string;
  Export?: { Name: unknown };
}

export interface RuleDefinition {
  RuleCondition?: unknown;
  Assertions?: { Assert: unknown; AssertDescription?: string }[];
}

export interface Template {
  AWSTemplateFormatVersion?: string;
  Description?: string;
  Metadata?: Record<string, unknown>;
  Parameters: Record<string, ParameterDefinition>;
  Mappings: Record<string, Record<string, Record<string, unknown>>>;
  Conditions: Record<string, unknown>;
  Rules: Record<string, RuleDefinition>;
  Resources: Record<string, ResourceDefinition>;
  Outputs: Record<string, OutputDefinition>;
}

/** CloudFormation's answer to nearly everything that is wrong with a request or a template. */
export const validationError = (message: string): AwsError => new AwsError('ValidationError', message);

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const listOf = (value: string | string[] | undefined): string[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];
