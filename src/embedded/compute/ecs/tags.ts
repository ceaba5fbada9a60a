/** Tags of whatever in ECS has an ARN. */
import {
  ListTagsForResource$,
  type ListTagsForResourceRequest,
  type Tag,
  TagResource$,
  type TagResourceRequest,
  UntagResource$,
  type UntagResourceRequest,
} from '@aws-sdk/client-ecs';
import { type Operation, operation } from '../../platform.ts';
import { type EcsState, invalid, mergeTags } from './state.ts';

interface Tagged {
  tags: Tag[];
  save(tags: Tag[]): void;
}

export function tagOperations(state: EcsState): Operation[] {
  const find = (resourceArn = ''): Tagged => {
    const [kind, ...rest] = (resourceArn.split(':').slice(5).join(':') || resourceArn).split('/');
    const name = rest.at(-1) ?? '';
    const collection = <T extends { tags?: Tag[] | undefined }>(
      records: { get(key: string): T | undefined; put(key: string, value: T): void },
      key: string,
    ): Tagged | undefined => {
      const record = records.get(key);
      return record && { tags: record.tags ?? [], save: (tags) => records.put(key, { ...record, tags }) };
    };
    const found =
      kind === 'cluster'
        ? collection(state.clusters, name)
        : kind === 'service'
          ? collection(state.services, rest.join('/'))
          : kind === 'task-definition'
            ? collection(state.definitions, name)
            : kind === 'capacity-provider'
              ? collection(state.capacityProviders, name)
              : undefined;
    if (found) return found;
    const record = kind === 'task' ? state.tasks.get(name) : undefined;
    if (!record) throw invalid('The specified resource was not found.');
    return {
      tags: record.task.tags ?? [],
      save(tags) {
        record.task.tags = tags;
        state.tasks.put(name, record);
      },
    };
  };
  return [
    operation(TagResource$, (input: TagResourceRequest) => {
      const found = find(input.resourceArn);
      const merged = mergeTags(found.tags, input.tags ?? []);
      if (merged.length > 50) throw invalid('A resource has at most 50 tags.');
      found.save(merged);
      return {};
    }),
    operation(UntagResource$, (input: UntagResourceRequest) => {
      const found = find(input.resourceArn);
      found.save(found.tags.filter((tag) => !input.tagKeys?.includes(tag.key ?? '')));
      return {};
    }),
    operation(ListTagsForResource$, (input: ListTagsForResourceRequest) => ({
      tags: find(input.resourceArn).tags,
    })),
  ];
}
