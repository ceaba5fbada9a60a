/** Amazon States Language (states-language.net) with the query language JSONPath: its documents, read and checked. */

import { parseJson } from '../../../../model/nesting.ts';
import { AwsError } from '../../../platform.ts';
import { comparisonOf } from './choice.ts';
import { parseIntrinsic } from './intrinsics.ts';
import { parsePath } from './json-path.ts';

export interface StateMachineDefinition {
  StartAt: string;
  States: Readonly<Record<string, State>>;
  TimeoutSeconds?: number;
  Comment?: string;
}

/** A state machine's states, or those of a branch or an item processor. */
export type Workflow = Pick<StateMachineDefinition, 'StartAt' | 'States'>;

export interface State {
  Type: 'Task' | 'Pass' | 'Choice' | 'Wait' | 'Succeed' | 'Fail' | 'Parallel' | 'Map';
  Next?: string;
  End?: boolean;
  InputPath?: string | null;
  OutputPath?: string | null;
  ResultPath?: string | null;
  Parameters?: unknown;
  ResultSelector?: unknown;
  Retry?: readonly Retrier[];
  Catch?: readonly Catcher[];
  // Task
  Resource?: string;
  TimeoutSeconds?: number;
  TimeoutSecondsPath?: string;
  HeartbeatSeconds?: number;
  Credentials?: unknown;
  // Pass
  Result?: unknown;
  // Choice
  Choices?: readonly ChoiceRule[];
  Default?: string;
  // Wait
  Seconds?: number;
  Timestamp?: string;
  SecondsPath?: string;
  TimestampPath?: string;
  // Fail
  Error?: string;
  Cause?: string;
  ErrorPath?: string;
  CausePath?: string;
  // Parallel
  Branches?: readonly Workflow[];
  // Map
  ItemsPath?: string;
  ItemSelector?: unknown;
  ItemProcessor?: Workflow & { ProcessorConfig?: { Mode?: string } };
  Iterator?: Workflow;
  MaxConcurrency?: number;
  MaxConcurrencyPath?: string;
  ItemReader?: unknown;
  ItemBatcher?: unknown;
  ResultWriter?: unknown;
}

export interface Retrier {
  ErrorEquals: readonly string[];
  IntervalSeconds?: number;
  MaxAttempts?: number;
  BackoffRate?: number;
  MaxDelaySeconds?: number;
  JitterStrategy?: 'FULL' | 'NONE';
}

export interface Catcher {
  ErrorEquals: readonly string[];
  Next: string;
  ResultPath?: string | null;
}

export interface ChoiceRule {
  Variable?: string;
  And?: readonly ChoiceRule[];
  Or?: readonly ChoiceRule[];
  Not?: ChoiceRule;
  Next?: string;
  [comparison: string]: unknown;
}

const maxBytes = 1024 * 1024;
const types = ['Task', 'Pass', 'Choice', 'Wait', 'Succeed', 'Fail', 'Parallel', 'Map'];

/**
 * `checkResource` throws an Error for a task resource that can't be run here. Throws AwsError InvalidDefinition that says
 * where: what Step Functions refuses, and what only exists there.
 */
export function parseDefinition(
  text: string,
  checkResource: (resource: string) => void,
): StateMachineDefinition {
  let document: unknown;
  try {
    document = parseJson(text);
  } catch (error) {
    throw invalid(`INVALID_JSON_DESCRIPTION: ${(error as Error).message}`);
  }
  if (Buffer.byteLength(text) > maxBytes) throw invalid('the definition is larger than 1 MB');
  if (!isObject(document)) throw invalid('SCHEMA_VALIDATION_FAILED: the definition must be an object');
  const definition = document as StateMachineDefinition;
  checkWorkflow(definition, '', checkResource);
  return definition;
}

const invalid = (message: string): AwsError =>
  new AwsError('InvalidDefinition', `Invalid State Machine Definition: '${message}'`);
const wrong = (place: string, message: string): AwsError =>
  invalid(`SCHEMA_VALIDATION_FAILED: ${message} at ${place || '/'}`);
const unavailable = (place: string, what: string): AwsError =>
  invalid(`${what} is not available in the embedded cloud, at ${place || '/'}`);

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A field that holds a list of objects; an empty one when it is not there. */
function objects<T>(value: unknown, place: string): readonly T[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every(isObject)) return value as T[];
  throw wrong(place, 'a list of objects is expected');
}

function checkWorkflow(workflow: Workflow, place: string, checkResource: (resource: string) => void): void {
  if (!isObject(workflow)) throw wrong(place, 'an object with States is expected');
  checkLanguage(workflow, place);
  const states = workflow.States;
  if (!isObject(states) || Object.keys(states).length === 0) throw wrong(place, 'States must hold a state');
  const target = (name: unknown, from: string): void => {
    if (typeof name !== 'string' || !Object.hasOwn(states, name))
      throw wrong(from, `MISSING_TRANSITION_TARGET: there is no state ${JSON.stringify(name)}`);
  };
  target(workflow.StartAt, `${place}/StartAt`);
  for (const [name, state] of Object.entries(states))
    checkState(state, `${place}/States/${name}`, target, checkResource);
}

function checkState(
  state: State,
  place: string,
  target: (name: unknown, from: string) => void,
  checkResource: (resource: string) => void,
): void {
  if (!isObject(state)) throw wrong(place, 'a state is an object');
  if (!types.includes(state.Type)) throw wrong(place, `unknown Type ${JSON.stringify(state.Type)}`);
  checkLanguage(state, place);
  if (['Succeed', 'Fail', 'Choice'].includes(state.Type)) {
    if (state.Next !== undefined || state.End !== undefined)
      throw wrong(place, `a ${state.Type} state has neither Next nor End`);
  } else if (state.Next !== undefined) target(state.Next, `${place}/Next`);
  else if (state.End !== true) throw wrong(place, 'a state needs Next or End');
  for (const [index, { Next, ErrorEquals }] of objects<Catcher>(state.Catch, `${place}/Catch`).entries()) {
    target(Next, `${place}/Catch/${index}/Next`);
    if (!Array.isArray(ErrorEquals)) throw wrong(`${place}/Catch/${index}`, 'ErrorEquals must be a list');
  }
  for (const [index, { ErrorEquals }] of objects<Retrier>(state.Retry, `${place}/Retry`).entries())
    if (!Array.isArray(ErrorEquals)) throw wrong(`${place}/Retry/${index}`, 'ErrorEquals must be a list');
  for (const field of pathFields)
    if (typeof state[field] === 'string') checked(`${place}/${field}`, () => parsePath(pathOf(state[field])));
  for (const field of ['Parameters', 'ResultSelector', 'ItemSelector'] as const)
    checkTemplate(state[field], `${place}/${field}`);

  if (state.Type === 'Task') {
    const { Resource: resource } = state;
    if (typeof resource !== 'string') throw wrong(place, 'a Task state needs a Resource');
    if (state.Credentials !== undefined) throw unavailable(place, 'Credentials');
    checked(`${place}/Resource`, () => checkResource(resource));
  } else if (state.Type === 'Wait') {
    const given = [state.Seconds, state.SecondsPath, state.Timestamp, state.TimestampPath];
    if (given.filter((each) => each !== undefined).length !== 1)
      throw wrong(place, 'a Wait state needs one of Seconds, SecondsPath, Timestamp, TimestampPath');
  } else if (state.Type === 'Choice') {
    const choices = objects<ChoiceRule>(state.Choices, `${place}/Choices`);
    if (choices.length === 0) throw wrong(place, 'a Choice state needs Choices');
    for (const [index, rule] of choices.entries()) {
      target(rule.Next, `${place}/Choices/${index}/Next`);
      checkRule(rule, `${place}/Choices/${index}`);
    }
    if (state.Default !== undefined) target(state.Default, `${place}/Default`);
  } else if (state.Type === 'Parallel') {
    const branches = objects<Workflow>(state.Branches, `${place}/Branches`);
    if (branches.length === 0) throw wrong(place, 'a Parallel state needs Branches');
    for (const [index, branch] of branches.entries())
      checkWorkflow(branch, `${place}/Branches/${index}`, checkResource);
  } else if (state.Type === 'Map') {
    const processor = state.ItemProcessor ?? state.Iterator;
    if (!processor) throw wrong(place, 'a Map state needs an ItemProcessor');
    if (state.ItemProcessor?.ProcessorConfig?.Mode === 'DISTRIBUTED')
      throw unavailable(place, 'a distributed Map');
    for (const field of ['ItemReader', 'ItemBatcher', 'ResultWriter'] as const)
      if (state[field] !== undefined) throw unavailable(place, field);
    checkWorkflow(processor, `${place}/ItemProcessor`, checkResource);
  }
}

const pathFields = [
  'InputPath',
  'OutputPath',
  'ResultPath',
  'ItemsPath',
  'SecondsPath',
  'TimestampPath',
  'TimeoutSecondsPath',
  'MaxConcurrencyPath',
] as const;
/** The context object's paths begin with one `$` more. */
const pathOf = (path: unknown): string => String(path).replace(/^\$\$/, '$');

function checkLanguage(part: object, place: string): void {
  const { QueryLanguage: language } = part as { QueryLanguage?: unknown };
  if (language !== undefined && language !== 'JSONPath')
    throw unavailable(place, `the query language ${String(language)}`);
  for (const field of ['Assign', 'Arguments', 'Output'])
    if (field in part) throw unavailable(place, `${field} (variables and JSONata)`);
}

function checkRule(rule: ChoiceRule, place: string): void {
  const inner = [
    ...objects<ChoiceRule>(rule.And, `${place}/And`),
    ...objects<ChoiceRule>(rule.Or, `${place}/Or`),
    ...(rule.Not === undefined ? [] : objects<ChoiceRule>([rule.Not], `${place}/Not`)),
  ];
  for (const each of inner) checkRule(each, place);
  if (inner.length > 0) return;
  if (comparisonOf(rule) === undefined) throw wrong(place, 'a Choice rule needs a comparison');
  checked(place, () => parsePath(pathOf(rule.Variable)));
}

function checkTemplate(template: unknown, place: string): void {
  if (typeof template !== 'object' || template === null) return;
  for (const [name, value] of Object.entries(template)) {
    const inner = `${place}/${name}`;
    if (!name.endsWith('.$') || Array.isArray(template)) checkTemplate(value, inner);
    else if (typeof value !== 'string') throw wrong(inner, 'the value must be a path or intrinsic function');
    else checked(inner, () => (value.startsWith('$') ? parsePath(pathOf(value)) : parseIntrinsic(value)));
  }
}

function checked(place: string, check: () => unknown): void {
  try {
    check();
  } catch (error) {
    throw wrong(place, (error as Error).message);
  }
}
