/** Name spaces: HTTP ones, and private DNS ones, whose names no resolver here answers for. */
import {
  CreateHttpNamespace$,
  type CreateHttpNamespaceRequest,
  CreateHttpNamespaceRequest$,
  CreatePrivateDnsNamespace$,
  type CreatePrivateDnsNamespaceRequest,
  CreatePrivateDnsNamespaceRequest$,
  DeleteNamespace$,
  type DeleteNamespaceRequest,
  GetNamespace$,
  type GetNamespaceRequest,
  GetOperation$,
  type GetOperationRequest,
  ListNamespaces$,
  type ListNamespacesRequest,
  ListTagsForResource$,
  type ListTagsForResourceRequest,
  type NamespaceType,
  type Tag,
  TagResource$,
  type TagResourceRequest,
  UntagResource$,
  type UntagResourceRequest,
} from '@aws-sdk/client-servicediscovery';
import { AwsError, type Cloud, type Operation, operation, type ResourceType } from '../../platform.ts';
import { inputFromProperties } from '../../resource-properties.ts';
import { type Directory, type NamespaceRecord, newId } from './directory.ts';

/** Per account and Region (AWS Cloud Map quotas). */
export const namespaceQuota = 50;

export function createNamespaces(
  cloud: Cloud,
  directory: Directory,
): { operations: Operation[]; resourceTypes: Record<string, ResourceType> } {
  const create = (type: NamespaceType, input: CreateHttpNamespaceRequest): NamespaceRecord => {
    const { Name = '', Description, Tags = [], CreatorRequestId } = input;
    if (!/^[!-~]{1,1024}$/.test(Name))
      throw new AwsError('InvalidInput', `Invalid namespace name '${Name}'.`);
    const known = directory.namespaces.values().find((namespace) => namespace.Name === Name);
    if (known)
      throw new AwsError('NamespaceAlreadyExists', `Namespace with name ${Name} already exists.`, 400, {
        NamespaceId: known.Id,
      });
    if (directory.namespaces.keys().length >= namespaceQuota)
      throw new AwsError(
        'ResourceLimitExceeded',
        `The limit of ${namespaceQuota} namespaces of the account has been reached.`,
      );
    const id = newId('ns');
    const namespace: NamespaceRecord = {
      Id: id,
      Arn: directory.arn(`namespace/${id}`),
      ResourceOwner: cloud.account,
      Name,
      Type: type,
      Description,
      ServiceCount: 0,
      Properties: {
        HttpProperties: { HttpName: Name },
        ...(type === 'DNS_PRIVATE' && {
          DnsProperties: { HostedZoneId: `Z${id.slice(3).toUpperCase()}`, SOA: { TTL: 15 } },
        }),
      },
      CreateDate: new Date(),
      CreatorRequestId,
      tags: Tags,
    };
    directory.namespaces.put(id, namespace);
    return namespace;
  };

  const view = ({ tags: _tags, ...namespace }: NamespaceRecord) => ({
    ...namespace,
    ServiceCount: directory.services.values().filter((service) => service.NamespaceId === namespace.Id)
      .length,
  });

  const remove = (reference: string | undefined): NamespaceRecord => {
    const namespace = directory.namespace(reference);
    if (view(namespace).ServiceCount > 0)
      throw new AwsError(
        'ResourceInUse',
        `Namespace ${namespace.Id} can't be deleted: it still has services.`,
      );
    directory.namespaces.delete(namespace.Id);
    return namespace;
  };

  const tagged = (arn = ''): { tags: Tag[]; save(tags: Tag[]): void } => {
    const id = arn.slice(arn.lastIndexOf('/') + 1);
    const namespace = directory.namespaces.get(id);
    if (namespace)
      return { tags: namespace.tags, save: (tags) => directory.namespaces.put(id, { ...namespace, tags }) };
    const service = directory.services.get(id);
    if (!service) throw new AwsError('ResourceNotFoundException', `Resource ${arn} does not exist.`);
    return { tags: service.tags, save: (tags) => directory.services.put(id, { ...service, tags }) };
  };

  const operations: Operation[] = [
    operation(CreateHttpNamespace$, (input: CreateHttpNamespaceRequest) =>
      directory.done('CREATE_NAMESPACE', { NAMESPACE: create('HTTP', input).Id }),
    ),
    operation(CreatePrivateDnsNamespace$, (input: CreatePrivateDnsNamespaceRequest) =>
      directory.done('CREATE_NAMESPACE', { NAMESPACE: create('DNS_PRIVATE', input).Id }),
    ),
    operation(GetNamespace$, (input: GetNamespaceRequest) => ({
      Namespace: view(directory.namespace(input.Id)),
    })),
    operation(DeleteNamespace$, (input: DeleteNamespaceRequest) =>
      directory.done('DELETE_NAMESPACE', { NAMESPACE: remove(input.Id).Id }),
    ),
    operation(ListNamespaces$, (input: ListNamespacesRequest) => {
      const wanted = (input.Filters ?? []).map((filter) => (namespace: NamespaceRecord): boolean => {
        const value =
          filter.Name === 'TYPE'
            ? namespace.Type
            : filter.Name === 'NAME'
              ? namespace.Name
              : namespace.Properties?.HttpProperties?.HttpName;
        const values = filter.Values ?? [];
        return filter.Condition === 'BEGINS_WITH'
          ? values.some((prefix) => value?.startsWith(prefix))
          : values.includes(value ?? '');
      });
      const found = directory.namespaces
        .values()
        .filter((namespace) => wanted.every((matches) => matches(namespace)));
      const from = Number(input.NextToken ?? 0);
      const until = from + (input.MaxResults ?? 100);
      return {
        Namespaces: found.slice(from, until).map(view),
        NextToken: until < found.length ? String(until) : undefined,
      };
    }),
    operation(GetOperation$, (input: GetOperationRequest) => ({
      Operation: directory.operation(input.OperationId),
    })),
    operation(TagResource$, (input: TagResourceRequest) => {
      const { tags, save } = tagged(input.ResourceARN);
      const merged = new Map(tags.map((tag) => [tag.Key, tag]));
      for (const tag of input.Tags ?? []) merged.set(tag.Key, tag);
      save([...merged.values()]);
      return {};
    }),
    operation(UntagResource$, (input: UntagResourceRequest) => {
      const { tags, save } = tagged(input.ResourceARN);
      save(tags.filter((tag) => !input.TagKeys?.includes(tag.Key ?? '')));
      return {};
    }),
    operation(ListTagsForResource$, (input: ListTagsForResourceRequest) => ({
      Tags: tagged(input.ResourceARN).tags,
    })),
  ];

  const type = (kind: NamespaceType, schema: unknown): ResourceType => {
    const read = ({ Properties: _inert, ...properties }: Readonly<Record<string, unknown>>) =>
      inputFromProperties<CreateHttpNamespaceRequest>(schema, properties);
    return {
      replaceOn: ['Name', 'Vpc'],
      validate: (properties) => void read(properties),
      create(context, properties) {
        const request = read(properties);
        const stackTags = Object.entries(context.tags).map(([Key, Value]) => ({ Key, Value }));
        const namespace = create(kind, { ...request, Tags: [...stackTags, ...(request.Tags ?? [])] });
        return {
          physicalId: namespace.Id,
          attributes: {
            Id: namespace.Id,
            Arn: namespace.Arn,
            ...(kind === 'DNS_PRIVATE' && {
              HostedZoneId: namespace.Properties?.DnsProperties?.HostedZoneId,
            }),
          },
        };
      },
      update(_context, physicalId, properties) {
        const namespace = directory.namespace(physicalId);
        const { Description, Tags } = read(properties);
        directory.namespaces.put(namespace.Id, { ...namespace, Description, tags: Tags ?? namespace.tags });
        return { physicalId, attributes: { Id: namespace.Id, Arn: namespace.Arn } };
      },
      delete(_context, physicalId) {
        if (directory.namespaces.has(physicalId)) remove(physicalId);
      },
    };
  };
  return {
    operations,
    resourceTypes: {
      'AWS::ServiceDiscovery::HttpNamespace': type('HTTP', CreateHttpNamespaceRequest$),
      'AWS::ServiceDiscovery::PrivateDnsNamespace': type('DNS_PRIVATE', CreatePrivateDnsNamespaceRequest$),
    },
  };
}
