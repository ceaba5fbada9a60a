/** TransactGetItems and TransactWriteItems: all of it or nothing, also when the process ends in between. */
import { createHash } from 'node:crypto';
import { type Access, AwsError } from '../../platform.ts';
import { itemAccess, type TableLookup } from './access.ts';
import { type Answer, act, type Checked, check, validationError } from './engine.ts';
import type { ItemStore, Write } from './item-store.ts';
import type { Item, TableRecord } from './table.ts';

/** How long a ClientRequestToken is remembered (API reference, TransactWriteItems). */
const tokenMs = 10 * 60_000;
/** Where tokens are kept in the item store; no table id looks like it. */
export const tokenPrefix = 'token';
const maxActions = 100;

type Kind = 'Put' | 'Update' | 'Delete' | 'ConditionCheck';
const operations = {
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
  // Checked like a delete whose write is thrown away.
  ConditionCheck: 'DeleteItem',
} as const;

interface Step {
  kind: Kind;
  data: Checked;
  /** Whether a failed condition's answer shows the item. */
  returnsItem: boolean;
}

interface Reason {
  Code: string;
  Message?: string;
  Item?: Item;
}

export interface Transactions {
  write(input: Record<string, unknown>): { access: Access[]; run(): Promise<Answer> };
  get(input: Record<string, unknown>): { access: Access[]; run(): Promise<Answer> };
  /** Forgets tokens that have served. */
  sweep(): Promise<void>;
}

const cancelled = (reasons: readonly Reason[]): AwsError =>
  new AwsError(
    'TransactionCanceledException',
    `Transaction cancelled, please refer cancellation reasons for specific reasons [${reasons.map((reason) => reason.Code).join(', ')}]`,
    400,
    { CancellationReasons: reasons },
  );

/** Codes of reasons differ from those of the errors they stand for. */
const reasonCodes: Record<string, string> = {
  ConditionalCheckFailedException: 'ConditionalCheckFailed',
  ValidationException: 'ValidationError',
};

export function createTransactions(
  store: ItemStore,
  tables: TableLookup & { nameOf(reference: unknown): string },
  now: () => number,
): Transactions {
  const tableOf = (data: Checked): TableRecord => {
    const table = tables.get(String(data['TableName']));
    if (!table) throw new AwsError('ResourceNotFoundException', 'Requested resource not found');
    return table;
  };

  const entries = (input: Record<string, unknown>): Record<string, unknown>[] => {
    const items = input['TransactItems'];
    if (!Array.isArray(items) || items.length < 1 || items.length > maxActions)
      throw validationError(
        `1 validation error detected: Value at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to ${maxActions} and greater than or equal to 1`,
      );
    return items as Record<string, unknown>[];
  };

  const named = (request: Record<string, unknown>): Record<string, unknown> => ({
    ...request,
    TableName: tables.nameOf(request['TableName']),
  });

  const stepOf = (entry: Record<string, unknown>): Step => {
    const kinds = (['Put', 'Update', 'Delete', 'ConditionCheck'] as const).filter(
      (kind) => entry[kind] != null,
    );
    const [kind] = kinds;
    if (kind === undefined || kinds.length > 1)
      throw validationError('TransactItems can only contain one of Check, Put, Update or Delete');
    const request = named(entry[kind] as Record<string, unknown>);
    if (kind === 'ConditionCheck' && request['ConditionExpression'] === undefined)
      throw validationError(
        "1 validation error detected: Value null at 'transactItems.1.member.conditionCheck.conditionExpression' failed to satisfy constraint: Member must not be null",
      );
    const returnsItem = request['ReturnValuesOnConditionCheckFailure'] === 'ALL_OLD';
    return { kind, data: check(operations[kind], request), returnsItem };
  };

  const keyOf = (step: Step): string => {
    const item = (step.data['Key'] ?? step.data['Item']) as Item;
    try {
      return store.itemKey(tableOf(step.data), item);
    } catch (error) {
      if (error instanceof AwsError) throw error;
      // The action says what is wrong with the key.
      return '';
    }
  };

  async function apply(steps: readonly Step[], extra: readonly Write[]): Promise<Answer[]> {
    const writes: Write[] = [...extra];
    const reasons: Reason[] = [];
    const answers: Answer[] = [];
    for (const { kind, data, returnsItem } of steps) {
      const own: Write[] = [];
      try {
        answers.push(await act(operations[kind], store.unit({ deferred: own }), data));
        reasons.push({ Code: 'None' });
        if (kind !== 'ConditionCheck') writes.push(...own);
      } catch (error) {
        if (!(error instanceof AwsError) || !reasonCodes[error.code]) throw error;
        const item = returnsItem
          ? store.get(tableOf(data), (data['Key'] ?? data['Item']) as Item)
          : undefined;
        reasons.push({
          Code: reasonCodes[error.code] ?? error.code,
          Message: error.message,
          ...(item && error.code === 'ConditionalCheckFailedException' ? { Item: item } : {}),
        });
      }
    }
    if (reasons.some((reason) => reason.Code !== 'None')) throw cancelled(reasons);
    await store.commit(writes);
    return answers;
  }

  const consumed = (input: Record<string, unknown>, answers: readonly Answer[]): Answer => {
    if (input['ReturnConsumedCapacity'] !== 'TOTAL' && input['ReturnConsumedCapacity'] !== 'INDEXES')
      return {};
    const units = new Map<string, number>();
    for (const answer of answers) {
      const capacity = answer['ConsumedCapacity'] as { TableName: string; CapacityUnits: number } | undefined;
      // A transaction reads or writes each item twice: once to prepare, once to commit.
      if (capacity)
        units.set(capacity.TableName, (units.get(capacity.TableName) ?? 0) + capacity.CapacityUnits * 2);
    }
    return {
      ConsumedCapacity: [...units].map(([TableName, CapacityUnits]) => ({ TableName, CapacityUnits })),
    };
  };

  return {
    write(input) {
      const steps = entries(input).map(stepOf);
      const capacity = input['ReturnConsumedCapacity'];
      if (capacity !== undefined) for (const step of steps) step.data['ReturnConsumedCapacity'] = capacity;
      const access = steps.flatMap((step) =>
        itemAccess(
          step.kind === 'ConditionCheck' ? 'ConditionCheckItem' : operations[step.kind],
          step.data,
          tables,
          'TransactWriteItems',
        ),
      );
      const run = async (): Promise<Answer> => {
        const keys = steps.map(keyOf);
        const real = keys.filter((key) => key !== '');
        if (new Set(real).size < real.length)
          throw validationError('Transaction request cannot include multiple operations on one item');
        const token = input['ClientRequestToken'];
        const tokenKey = typeof token === 'string' ? `${tokenPrefix}~${token}` : undefined;
        const digest = createHash('sha256').update(JSON.stringify(input['TransactItems'])).digest('base64');
        return store.locks.hold(tokenKey ? [...real, tokenKey] : real, async () => {
          const seen = tokenKey && (store.read(tokenKey) as { digest: string; at: number } | undefined);
          if (seen && seen.at + tokenMs > now()) {
            if (seen.digest !== digest)
              throw new AwsError(
                'IdempotentParameterMismatchException',
                'The request uses the same client token as a previous, but non-identical request.',
              );
            return {};
          }
          const remembered: Write[] = tokenKey
            ? [{ type: 'put', key: tokenKey, value: { digest, at: now() } }]
            : [];
          return consumed(input, await apply(steps, remembered));
        });
      };
      return { access, run };
    },

    get(input) {
      const reads = entries(input).map((entry) => {
        const get = entry['Get'];
        if (typeof get !== 'object' || get === null)
          throw validationError('TransactItems can only contain Get');
        const data = check('GetItem', named(get as Record<string, unknown>));
        const capacity = input['ReturnConsumedCapacity'];
        if (capacity !== undefined) data['ReturnConsumedCapacity'] = capacity;
        return data;
      });
      const access = reads.flatMap((data) => itemAccess('GetItem', data, tables, 'TransactGetItems'));
      const run = async (): Promise<Answer> => {
        const keys = reads.map((data) => keyOf({ kind: 'Delete', data, returnsItem: false }));
        return store.locks.hold(
          keys.filter((key) => key !== ''),
          async () => {
            const answers = await Promise.all(reads.map((data) => act('GetItem', store.unit(), data)));
            return {
              Responses: answers.map((answer) => (answer['Item'] ? { Item: answer['Item'] } : {})),
              ...consumed(input, answers),
            };
          },
        );
      };
      return { access, run };
    },

    async sweep() {
      const gone: Write[] = [];
      for await (const [key, value] of store.entries(`${tokenPrefix}~`))
        if ((value as { at: number }).at + tokenMs <= now()) gone.push({ type: 'del', key });
      if (gone.length > 0) await store.commit(gone);
    },
  };
}
