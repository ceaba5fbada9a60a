/** DescribeParameters' and GetParametersByPath's filters. */
import { AwsError } from '../../platform.ts';
import type { ParameterRecord } from './parameters.ts';

interface Filter {
  Key?: string | undefined;
  Option?: string | undefined;
  Values?: string[] | undefined;
}

/** All filters must match; of a filter's values one must. Throws AwsError InvalidFilterKey or InvalidFilterOption. */
export const matches = (record: ParameterRecord, filters: readonly Filter[] | undefined): boolean =>
  (filters ?? []).every((filter) => matchesOne(record, filter));

function matchesOne(record: ParameterRecord, { Key = '', Option, Values = [] }: Filter): boolean {
  if (Key === 'Path') {
    const recursive = Option === 'Recursive';
    return Values.some((path) => {
      const prefix = path.endsWith('/') ? path : `${path}/`;
      return record.name.startsWith(prefix) && (recursive || !record.name.slice(prefix.length).includes('/'));
    });
  }
  const actual = candidates(record, Key);
  if (Values.length === 0) return actual.length > 0;
  const test = comparison(Option ?? 'Equals');
  return actual.some((text) => Values.some((value) => test(text, value)));
}

function candidates(record: ParameterRecord, key: string): string[] {
  if (key.startsWith('tag:')) {
    const value = record.tags[key.slice(4)];
    return value === undefined ? [] : [value];
  }
  switch (key) {
    case 'Name':
      // `/a` is found by `a` too.
      return [record.name, record.name.replace(/^\//, '')];
    case 'Type':
      return [record.type];
    case 'KeyId':
      return record.keyId === undefined ? [] : [record.keyId];
    case 'Tier':
      return [record.tier];
    case 'DataType':
      return [record.dataType];
    case 'Label':
      return record.versions.flatMap(({ labels }) => labels);
    default:
      throw new AwsError('InvalidFilterKey', `The following filter key is not valid: ${key}.`);
  }
}

function comparison(option: string): (text: string, value: string) => boolean {
  switch (option) {
    case 'Equals':
      return (text, value) => text === value;
    case 'BeginsWith':
      return (text, value) => text.startsWith(value);
    case 'Contains':
      return (text, value) => text.includes(value);
    default:
      throw new AwsError('InvalidFilterOption', `The following filter option is not valid: ${option}.`);
  }
}
