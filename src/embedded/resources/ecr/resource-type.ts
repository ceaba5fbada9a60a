import { type CreateRepositoryRequest, CreateRepositoryRequest$, type Tag } from '@aws-sdk/client-ecr';
import { AwsError, type Properties, type ResourceContext, type ResourceType } from '../../platform.ts';
import { inputFromProperties } from '../../resource-properties.ts';
import type { RepositoryRecord } from './registry.ts';
import { type Repositories, validateRepositoryName } from './repositories.ts';

/** AWS::ECR::Repository */
export function repositoryType(repositories: Repositories): ResourceType {
  const read = (properties: Properties) => {
    const { LifecyclePolicy, RepositoryPolicyText, EmptyOnDelete, ...rest } = properties;
    const request = inputFromProperties<CreateRepositoryRequest>(CreateRepositoryRequest$, rest);
    if (request.repositoryName !== undefined) validateRepositoryName(request.repositoryName);
    const lifecycle = (LifecyclePolicy as { LifecyclePolicyText?: string } | undefined)?.LifecyclePolicyText;
    const policy =
      typeof RepositoryPolicyText === 'object' ? JSON.stringify(RepositoryPolicyText) : RepositoryPolicyText;
    return {
      request,
      empty: EmptyOnDelete === true || EmptyOnDelete === 'true',
      policies: {
        ...(lifecycle !== undefined && { lifecyclePolicyText: lifecycle }),
        ...(policy !== undefined && { policyText: String(policy) }),
      },
    };
  };
  const tags = (context: ResourceContext, own: readonly Tag[] = []): Tag[] => {
    const merged = new Map<string | undefined, string | undefined>(Object.entries(context.tags));
    for (const tag of own) merged.set(tag.Key, tag.Value);
    return [...merged].map(([Key, Value]) => ({ Key, Value }));
  };
  const state = (repository: RepositoryRecord) => ({
    physicalId: repository.repositoryName,
    attributes: { Arn: repository.repositoryArn, RepositoryUri: repository.repositoryUri },
  });
  return {
    replaceOn: ['RepositoryName', 'EncryptionConfiguration'],
    validate: (properties) => void read(properties),
    create(context, properties) {
      const { request, policies } = read(properties);
      const name = request.repositoryName ?? context.physicalName(256).toLowerCase();
      repositories.create({ ...request, repositoryName: name, tags: tags(context, request.tags) });
      return state(repositories.change(name, policies));
    },
    update(context, physicalId, properties) {
      const { request, policies } = read(properties);
      return state(
        repositories.change(physicalId, {
          imageTagMutability: request.imageTagMutability ?? 'MUTABLE',
          imageScanningConfiguration: request.imageScanningConfiguration ?? { scanOnPush: false },
          tags: tags(context, request.tags),
          ...policies,
        }),
      );
    },
    delete(_context, physicalId, properties) {
      try {
        repositories.remove(physicalId, read(properties).empty);
      } catch (error) {
        if (!(error instanceof AwsError) || error.code !== 'RepositoryNotFoundException') throw error;
      }
    },
  };
}
