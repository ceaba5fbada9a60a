/** DynamoDB's items: what the registry and the tenants' services rely on, to the letter of the answers. */
import * as dynamodb from '@aws-sdk/client-dynamodb';

const TableName = 'items';
const key = (pk, sk) => ({ pk: { S: pk }, sk: { S: sk } });
const at = (pk, sk) => ({ TableName, Key: key(pk, sk) });
const N = (n) => ({ N: String(n) });
const put = (item, more) => ({ TableName, Item: item, ...more });
const update = (UpdateExpression, values, more) => ({
  ...at('u', '1'),
  UpdateExpression,
  ...(values && { ExpressionAttributeValues: values }),
  ReturnValues: 'ALL_NEW',
  ...more,
});
const query = (KeyConditionExpression, values, more) => ({
  TableName,
  KeyConditionExpression,
  ExpressionAttributeValues: values,
  ...more,
});
const p = { ':p': { S: 'q' } };
const as = (words) => ({ as: words });
const many = Array.from({ length: 12 }, (_, index) => String(index).padStart(2, '0'));
const large = 'x'.repeat(150_000);

const table = [
  [
    'CreateTable',
    {
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: ['pk', 'sk', 'gpk', 'gsk'].map((AttributeName) => ({
        AttributeName,
        AttributeType: 'S',
      })),
      GlobalSecondaryIndexes: [
        {
          IndexName: 'byG',
          KeySchema: [
            { AttributeName: 'gpk', KeyType: 'HASH' },
            { AttributeName: 'gsk', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
    },
    { silent: true },
  ],
  ['DescribeTable', { TableName }, { until: ({ Table }) => Table.TableStatus === 'ACTIVE', silent: true }],
];

const everyType = {
  ...key('types', '1'),
  n: N('1.50'),
  big: N('123456789012345678901234567890.12345678'),
  small: N('-1E-100'),
  b: { B: new Uint8Array([0, 255]) },
  ss: { SS: ['b', 'a'] },
  ns: { NS: ['2', '1.0'] },
  l: { L: [{ S: '' }, { NULL: true }, { BOOL: false }] },
  m: { M: { 'a.b': { S: 'ä€😀' } } },
};

const puts = [
  ['PutItem', put(everyType), as('an item of every type')],
  ['GetItem', { ...at('types', '1'), ConsistentRead: true }, as('numbers come back normalized')],
  ['PutItem', put({ pk: { S: 'x' } }), as('a key attribute is missing')],
  ['PutItem', put({ pk: N(1), sk: { S: '1' } }), as('a key attribute of the wrong type')],
  ['PutItem', put(key('', '1')), as('an empty key')],
  ['PutItem', put({ ...key('x', '1'), gpk: N(1) }), as("an index's key of the wrong type")],
  ['PutItem', put({ ...key('x', '1'), gpk: { S: '' } }), as("an index's key that is empty")],
  ['PutItem', put({ ...key('x', '1'), ss: { SS: [] } }), as('an empty set')],
  ['PutItem', put({ ...key('x', '1'), ss: { SS: ['a', 'a'] } }), as('a set with a value twice')],
  ['PutItem', put({ ...key('x', '1'), n: N('abc') }), as('no number')],
  ['PutItem', put({ ...key('x', '1'), n: N('1e126') }), as('a number too large')],
  ['PutItem', put({ ...key('x', '1'), n: N('1.234567890123456789012345678901234567891') }), as('39 digits')],
  ['PutItem', put({ ...key('x', '1'), a: { S: 'x'.repeat(409_700) } }), as('an item above 400 KB')],
  ['PutItem', put({ ...key('x', '1'), a: { S: 'x'.repeat(409_589) } }), as('an item of 400 KB')],
  ['PutItem', put(key('k'.repeat(2049), '1')), as('a partition key above 2,048 bytes')],
  ['PutItem', put(key('x', 'k'.repeat(1025))), as('a sort key above 1,024 bytes')],
  ['PutItem', { ...put(key('x', '1')), TableName: 'none' }, as('PutItem, no table')],
  ['GetItem', { ...at('x', '1'), TableName: 'none' }, as('GetItem, no table')],
  ['GetItem', { TableName, Key: { pk: { S: 'x' } } }, as('GetItem, half a key')],
  [
    'GetItem',
    { ...at('types', '1'), ProjectionExpression: 'm.#d, l[1], n', ExpressionAttributeNames: { '#d': 'a.b' } },
    as('a projection'),
  ],
  ['GetItem', at('none', '1'), as('GetItem unknown')],
];

const conditions = [
  [
    'PutItem',
    put(
      { ...key('c', '1'), v: N(1), holder: { S: 'me' } },
      { ConditionExpression: 'attribute_not_exists(pk)' },
    ),
    as('attribute_not_exists holds'),
  ],
  [
    'PutItem',
    put(key('c', '1'), { ConditionExpression: 'attribute_not_exists(pk)' }),
    as('attribute_not_exists fails'),
  ],
  [
    'PutItem',
    put(key('c', '1'), {
      ConditionExpression: 'attribute_not_exists(pk)',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    }),
    as('a failed condition gives the old item'),
  ],
  ...[
    ['a lease: holder = :h OR expires < :n', { ':h': { S: 'me' }, ':n': N(5) }],
    ['v BETWEEN :h AND :n', { ':h': N(0), ':n': N(1) }],
    ['v IN (:h, :n)', { ':h': N(7), ':n': N(8) }],
    ['begins_with(holder, :h) AND size(holder) = :n', { ':h': { S: 'm' }, ':n': N(2) }],
    ['contains(holder, :h) AND NOT v > :n', { ':h': { S: 'e' }, ':n': N(1) }],
    ['attribute_type(v, :h) AND v <> :n', { ':h': { S: 'N' }, ':n': N(1) }],
  ].map(([expression, values]) => [
    'PutItem',
    put(
      { ...key('c', '1'), v: N(1), holder: { S: 'me' } },
      { ConditionExpression: expression.replace(/^a lease: /, ''), ExpressionAttributeValues: values },
    ),
    as(`condition ${expression}`),
  ]),
  [
    'DeleteItem',
    { ...at('c', '1'), ConditionExpression: 'v = :v', ExpressionAttributeValues: { ':v': N(2) } },
    as('DeleteItem, condition fails'),
  ],
  ['DeleteItem', { ...at('c', '1'), ReturnValues: 'ALL_OLD' }, as('DeleteItem gives the old item')],
  [
    'DeleteItem',
    { ...at('c', '1'), ConditionExpression: 'attribute_exists(pk)' },
    as('DeleteItem unknown, with a condition'),
  ],
  ['DeleteItem', at('c', '1'), as('DeleteItem unknown')],
  ['PutItem', put(key('c', '1'), { ConditionExpression: 'v = :v' }), as('a value is not defined')],
  [
    'PutItem',
    put(key('c', '1'), { ConditionExpression: '#v = :v', ExpressionAttributeValues: { ':v': N(1) } }),
    as('a name is not defined'),
  ],
  [
    'PutItem',
    put(key('c', '1'), {
      ConditionExpression: 'attribute_exists(pk)',
      ExpressionAttributeValues: { ':v': N(1) },
    }),
    as('a value is not used'),
  ],
  [
    'PutItem',
    put(key('c', '1'), { ConditionExpression: 'attribute_exists(' }),
    as('a condition with a syntax error'),
  ],
  [
    'PutItem',
    put(key('c', '1'), { ConditionExpression: 'status = :v', ExpressionAttributeValues: { ':v': N(1) } }),
    as('a reserved word'),
  ],
  ['PutItem', put(key('c', '1'), { ConditionExpression: '' }), as('an empty condition')],
];

const updates = [
  [
    'UpdateItem',
    update(
      'SET a = :a, #m = :m',
      { ':a': N(1), ':m': { M: {} } },
      { ExpressionAttributeNames: { '#m': 'map' } },
    ),
    as('SET makes the item'),
  ],
  [
    'UpdateItem',
    update('SET a = a + :one, b = if_not_exists(b, :one)', { ':one': N(1) }),
    as('SET with arithmetic and a default'),
  ],
  [
    'UpdateItem',
    update('SET #m.x = :l', { ':l': { L: [N(1)] } }, { ExpressionAttributeNames: { '#m': 'map' } }),
    as('SET within a map'),
  ],
  [
    'UpdateItem',
    update(
      'SET #m.x = list_append(#m.x, :l) REMOVE b',
      { ':l': { L: [N(2)] } },
      { ExpressionAttributeNames: { '#m': 'map' } },
    ),
    as('list_append and REMOVE'),
  ],
  [
    'UpdateItem',
    update('ADD a :n, s :s', { ':n': N(5), ':s': { SS: ['x', 'y'] } }),
    as('ADD to a number and a set'),
  ],
  ['UpdateItem', update('DELETE s :s', { ':s': { SS: ['x'] } }), as('DELETE from a set')],
  ['UpdateItem', update('SET a = :a', { ':a': N(9) }, { ReturnValues: 'UPDATED_OLD' }), as('UPDATED_OLD')],
  [
    'UpdateItem',
    update('SET a = :a', { ':a': N(10) }, { ConditionExpression: 'a = :a' }),
    as('UpdateItem, condition fails'),
  ],
  [
    'UpdateItem',
    {
      ...update('SET a = :a', { ':a': N(1) }, { ConditionExpression: 'attribute_exists(pk)' }),
      ...at('u', 'none'),
    },
    as('UpdateItem unknown, with a condition'),
  ],
  ['UpdateItem', update('SET pk = :a', { ':a': { S: 'x' } }), as('UpdateItem of a key')],
  ['UpdateItem', update('SET nope.x = :a', { ':a': N(1) }), as('a path that is not there')],
  ['UpdateItem', update('SET a = :a, a = :a', { ':a': N(1) }), as('a path twice')],
  [
    'UpdateItem',
    update('SET #m = :a, #m.y = :a', { ':a': N(1) }, { ExpressionAttributeNames: { '#m': 'map' } }),
    as('paths that overlap'),
  ],
  ['UpdateItem', update('SET s = s + :a', { ':a': N(1) }), as('arithmetic on a set')],
  ['UpdateItem', update('SET c = nope + :a', { ':a': N(1) }), as('arithmetic on what is not there')],
  [
    'UpdateItem',
    update('ADD #m :a', { ':a': N(1) }, { ExpressionAttributeNames: { '#m': 'map' } }),
    as('ADD to a map'),
  ],
  ['UpdateItem', update('SET a = ', undefined), as('an update with a syntax error')],
  ['UpdateItem', update('SET c = :c', { ':c': { S: 'x'.repeat(409_600) } }), as('an update beyond 400 KB')],
];

const page = (more, save) => [
  'Query',
  (saved) => query('pk = :p', p, { Limit: 5, ...(saved.last && { ExclusiveStartKey: saved.last }), ...more }),
  { save: (answer, saved) => Object.assign(saved, { last: answer.LastEvaluatedKey }), ...save },
];
const queries = [
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

const transactions = [
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

export const items = {
  Client: dynamodb.DynamoDBClient,
  module: dynamodb,
  exact: true,
  steps: [...table, ...puts, ...conditions, ...updates, ...queries, ...transactions],
};
