/** Tags of load balancers, listeners, rules and target groups. */
import {
  AddTags$,
  type AddTagsInput,
  DescribeTags$,
  type DescribeTagsInput,
  type DescribeTagsOutput,
  RemoveTags$,
  type RemoveTagsInput,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { AwsError, type Operation, operation } from '../../platform.ts';
import type { Collection } from '../../store.ts';
import { type LoadBalancerState, tagMap } from './state.ts';

interface Tagged {
  tags: Record<string, string>;
}

export interface Tags {
  get(arn: string): Record<string, string>;
  set(arn: string, tags: Record<string, string>): void;
  readonly operations: readonly Operation[];
}

export function createTags(state: LoadBalancerState): Tags {
  const collectionOf = (arn: string): { collection: Collection<Tagged>; record: Tagged } => {
    const kinds: [string, Collection<Tagged>, string][] = [
      [':loadbalancer/', state.loadBalancers as unknown as Collection<Tagged>, 'LoadBalancerNotFound'],
      [':listener/', state.listeners as unknown as Collection<Tagged>, 'ListenerNotFound'],
      [':listener-rule/', state.rules as unknown as Collection<Tagged>, 'RuleNotFound'],
      [':targetgroup/', state.targetGroups as unknown as Collection<Tagged>, 'TargetGroupNotFound'],
    ];
    const [, collection, code = 'ValidationError'] = kinds.find(([part]) => arn.includes(part)) ?? [];
    const record = collection?.get(arn);
    if (!collection || !record) throw new AwsError(code, `'${arn}' was not found`);
    return { collection, record };
  };
  const get: Tags['get'] = (arn) => collectionOf(arn).record.tags;
  const set: Tags['set'] = (arn, tags) => {
    const { collection, record } = collectionOf(arn);
    if (Object.keys(tags).length > 50)
      throw new AwsError('TooManyTags', `You can assign at most 50 tags to '${arn}'`);
    collection.put(arn, { ...record, tags });
  };
  return {
    get,
    set,
    operations: [
      operation(AddTags$, (input: AddTagsInput) => {
        for (const arn of input.ResourceArns ?? []) set(arn, { ...get(arn), ...tagMap(input.Tags) });
        return {};
      }),
      operation(RemoveTags$, (input: RemoveTagsInput) => {
        const gone = new Set(input.TagKeys ?? []);
        for (const arn of input.ResourceArns ?? [])
          set(arn, Object.fromEntries(Object.entries(get(arn)).filter(([key]) => !gone.has(key))));
        return {};
      }),
      operation(
        DescribeTags$,
        (input: DescribeTagsInput): DescribeTagsOutput => ({
          TagDescriptions: (input.ResourceArns ?? []).map((arn) => ({
            ResourceArn: arn,
            Tags: Object.entries(get(arn)).map(([Key, Value]) => ({ Key, Value })),
          })),
        }),
      ),
    ],
  };
}
