/** dynalite's request checks and item actions, called directly. */
import batchGetItem from 'dynalite/actions/batchGetItem.js';
import batchWriteItem from 'dynalite/actions/batchWriteItem.js';
import deleteItem from 'dynalite/actions/deleteItem.js';
import getItem from 'dynalite/actions/getItem.js';
import putItem from 'dynalite/actions/putItem.js';
import query from 'dynalite/actions/query.js';
import scan from 'dynalite/actions/scan.js';
import updateItem from 'dynalite/actions/updateItem.js';
import batchGetItemRules from 'dynalite/validations/batchGetItem.js';
import batchWriteItemRules from 'dynalite/validations/batchWriteItem.js';
import createTableRules from 'dynalite/validations/createTable.js';
import deleteItemRules from 'dynalite/validations/deleteItem.js';
import getItemRules from 'dynalite/validations/getItem.js';
import validations from 'dynalite/validations/index.js';
import putItemRules from 'dynalite/validations/putItem.js';
import queryRules from 'dynalite/validations/query.js';
import scanRules from 'dynalite/validations/scan.js';
import updateItemRules from 'dynalite/validations/updateItem.js';
import { AwsError } from '../../platform.ts';

/** A request that passed dynalite's checks, with its expressions parsed into `_condition`, `_keyCondition`, … */
export type Checked = Record<string, unknown>;
export type Answer = Record<string, unknown>;

const rules = {
  BatchGetItem: batchGetItemRules,
  BatchWriteItem: batchWriteItemRules,
  CreateTable: createTableRules,
  DeleteItem: deleteItemRules,
  GetItem: getItemRules,
  PutItem: putItemRules,
  Query: queryRules,
  Scan: scanRules,
  UpdateItem: updateItemRules,
} as const;
export type CheckedOperation = keyof typeof rules;

const actions = {
  BatchGetItem: batchGetItem,
  BatchWriteItem: batchWriteItem,
  DeleteItem: deleteItem,
  GetItem: getItem,
  PutItem: putItem,
  Query: query,
  Scan: scan,
  UpdateItem: updateItem,
} as const;
export type ItemOperation = keyof typeof actions;

interface DynaliteError {
  statusCode: number;
  body: { __type: string; message?: string; Message?: string };
}
const isDynaliteError = (error: unknown): error is DynaliteError =>
  typeof error === 'object' && error !== null && 'statusCode' in error && 'body' in error;

/** dynalite's errors as ours: `com.amazonaws.dynamodb.v20120810#X` is code X. */
export function asAwsError(error: unknown): unknown {
  if (!isDynaliteError(error)) return error;
  const { __type, message, Message } = error.body;
  return new AwsError(__type.slice(__type.indexOf('#') + 1), message ?? Message ?? '', error.statusCode);
}

export const validationError = (message: string): AwsError => new AwsError('ValidationException', message);

/** Checks a request's form, and parses its expressions. Throws ValidationException or SerializationException. */
export function check(operation: CheckedOperation, input: Record<string, unknown>): Checked {
  const { types, custom } = rules[operation];
  try {
    const data = validations.checkTypes(input, types);
    validations.checkValidations(data, types, custom, { options: { maxItemSize: 409_600 } });
    return data;
  } catch (error) {
    throw asAwsError(error);
  }
}

/** Runs an item operation on a store for one request (see `item-store.ts`). */
export function act(operation: ItemOperation, unit: unknown, data: Checked): Promise<Answer> {
  return new Promise((resolve, reject) => {
    actions[operation](unit, data, (error, answer) => {
      if (error) reject(asAwsError(error));
      else resolve(answer ?? {});
    });
  });
}
