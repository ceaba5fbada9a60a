/** Queries with their pages, transactions and batches, to the letter of the answers. */
import { as, at, key, N, put, TableName } from './item-inputs.mjs';

const query = (KeyConditionExpression, values, more) => ({
  TableName,
  KeyConditionExpression,
  ExpressionAttributeValues: values,
  ...more,
});
const p = { ':p': { S: 'q' } };
const many = Array.from({ length: 12 }, (_, index) => String(index).padStart(2, '0'));
const large = 'x'.repeat(150_000);

const page = (more, save) => [
  'Query',
  (saved) => query('pk = :p', p, { Limit: 5, ...(saved.last && { ExclusiveStartKey: saved.last }), ...more }),
  { save: (answer, saved) => Object.assign(saved, { last: answer.LastEvaluatedKey }), ...save },
];
export const queries = [
  [
    'BatchWriteItem',
    {
      RequestItems: {
        items: many.map((sk) => ({
          PutRequest: { Item: { ...key('q', sk), gpk: { S: 'g' }, gsk: { S: `${99 - sk}` }, v: N(sk % 3) } },
        })),
      },
    },
    as('BatchWriteItem'),
  ],
  page({}, as('a page')),
  page({}, as('the next page')),
  page({}, as('the last page')),
  ['Query', query('pk = :p', p, { Limit: 12 }), as('a limit that fits exactly')],
  ['Query', query('pk = :p', p, { ScanIndexForward: false, Limit: 3 }), as('backwards')],
  ['Query', query('pk = :p AND begins_with(sk, :s)', { ...p, ':s': { S: '1' } }), as('by prefix')],
  [
    'Query',
    query('pk = :p AND sk BETWEEN :a AND :b', { ...p, ':a': { S: '03' }, ':b': { S: '05' } }),
    as('by range'),
  ],
  [
    'Query',
    query('pk = :p', { ...p, ':v': N(1) }, { FilterExpression: 'v = :v', Limit: 4 }),
    as('a filter counts after the limit'),
  ],
  [
    'Query',
    query('gpk = :p', { ':p': { S: 'g' } }, { IndexName: 'byG', Limit: 4 }),
    as('a page of an index'),
  ],
  [
    'Query',
    query('gpk = :p', { ':p': { S: 'g' } }, { IndexName: 'byG', Select: 'COUNT' }),
    as('a count of an index'),
  ],
  ['Query', query('pk = :p', { ':p': { S: 'none' } }), as('nothing found')],
  [
    'Query',
    query('pk = :p', p, { ExclusiveStartKey: key('other', '1') }),
    as('a start key of another partition'),
  ],
  ['Query', query('pk = :p', p, { ExclusiveStartKey: { pk: { S: 'q' } } }), as('half a start key')],
  [
    'Query',
    query('pk = :p', p, { ExclusiveStartKey: key('q', '04x') }),
    as('a start key of an item that is gone'),
  ],
  ['Query', query('pk = :p', p, { Limit: 0 }), as('a limit of 0')],
  ['Query', query('sk = :p', p), as('a query without the partition key')],
  ['Query', query('pk > :p', p), as('a query by range of the partition key')],
  ['Query', query('pk = :p AND v = :p', p), as('a query by an attribute that is no key')],
  ['Query', query('pk = :p', p, { FilterExpression: 'sk = :p' }), as('a filter by a key')],
  ['Query', query('pk = :p', p, { IndexName: 'none' }), as('no such index')],
  [
    'Query',
    query('gpk = :p', p, { IndexName: 'byG', ConsistentRead: true }),
    as('a consistent read of an index'),
  ],
  ...many.slice(0, 8).map((sk) => ['PutItem', put({ ...key('mb', sk), a: { S: large } }), { silent: true }]),
  [
    'Query',
    query('pk = :p', { ':p': { S: 'mb' } }, { ProjectionExpression: 'sk' }),
    as('a page ends at 1 MB'),
  ],
];

export const transactions = [
  [
    'TransactWriteItems',
    {
      TransactItems: [
        { Put: put(key('t', '1'), { ConditionExpression: 'attribute_not_exists(pk)' }) },
        {
          Update: {
            ...at('t', '2'),
            UpdateExpression: 'SET a = :a',
            ExpressionAttributeValues: { ':a': N(1) },
          },
        },
      ],
    },
    as('a transaction'),
  ],
  [
    'TransactWriteItems',
    {
      TransactItems: [
        { Put: put(key('t', '3')) },
        { Put: put(key('t', '1'), { ConditionExpression: 'attribute_not_exists(pk)' }) },
        { ConditionCheck: { ...at('t', '2'), ConditionExpression: 'attribute_exists(pk)' } },
      ],
    },
    as('a transaction whose condition fails'),
  ],
  ['GetItem', at('t', '3'), as('nothing of it was written')],
  [
    'TransactWriteItems',
    {
      TransactItems: [
        {
          Delete: {
            ...at('t', '1'),
            ConditionExpression: 'attribute_not_exists(pk)',
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          },
        },
      ],
    },
    as('a failed transaction gives the old item'),
  ],
  [
    'TransactWriteItems',
    { TransactItems: [{ Put: put(key('t', '5')) }, { Delete: at('t', '5') }] },
    as('a transaction with an item twice'),
  ],
  [
    'TransactWriteItems',
    { TransactItems: [{ Put: put({ pk: { S: 't' } }) }] },
    as('a transaction with half a key'),
  ],
  ['TransactWriteItems', { TransactItems: [] }, as('an empty transaction')],
  [
    'TransactWriteItems',
    { TransactItems: Array.from({ length: 101 }, (_, n) => ({ Put: put(key('t', `n${n}`)) })) },
    as('a transaction of 101'),
  ],
  [
    'TransactGetItems',
    { TransactItems: [{ Get: at('t', '2') }, { Get: at('t', 'none') }] },
    as('TransactGetItems'),
  ],
  ['BatchGetItem', { RequestItems: { items: { Keys: [key('t', '2')] } } }, as('BatchGetItem')],
  [
    'BatchGetItem',
    { RequestItems: { items: { Keys: [key('t', '2'), key('t', '2')] } } },
    as('BatchGetItem with a key twice'),
  ],
  [
    'BatchWriteItem',
    {
      RequestItems: {
        items: [{ PutRequest: { Item: key('t', '9') } }, { DeleteRequest: { Key: key('t', '9') } }],
      },
    },
    as('BatchWriteItem with an item twice'),
  ],
  [
    'BatchWriteItem',
    {
      RequestItems: {
        items: Array.from({ length: 26 }, (_, n) => ({ DeleteRequest: { Key: key('t', `n${n}`) } })),
      },
    },
    as('BatchWriteItem of 26'),
  ],
];
