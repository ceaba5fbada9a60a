/** DynamoDB's items: what the registry and the tenants' services rely on, to the letter of the answers. */
import * as dynamodb from '@aws-sdk/client-dynamodb';
import { as, at, key, N, put, TableName } from './item-inputs.mjs';
import { queries, transactions } from './many-items.mjs';

const update = (UpdateExpression, values, more) => ({
  ...at('u', '1'),
  UpdateExpression,
  ...(values && { ExpressionAttributeValues: values }),
  ReturnValues: 'ALL_NEW',
  ...more,
});

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

export const items = {
  Client: dynamodb.DynamoDBClient,
  module: dynamodb,
  exact: true,
  steps: [...table, ...puts, ...conditions, ...updates, ...queries, ...transactions],
};
