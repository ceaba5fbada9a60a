/** Inputs of item operations, in short: a table, a key of two texts, an item, a number, the name of a row. */
export const TableName = 'items';
export const key = (pk, sk) => ({ pk: { S: pk }, sk: { S: sk } });
export const at = (pk, sk) => ({ TableName, Key: key(pk, sk) });
export const N = (n) => ({ N: String(n) });
export const put = (item, more) => ({ TableName, Item: item, ...more });
export const as = (words) => ({ as: words });
