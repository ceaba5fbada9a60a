/** Repositories: their settings, policies and tags. */
import {
  CreateRepository$,
  type CreateRepositoryRequest,
  DeleteLifecyclePolicy$,
  DeleteRepository$,
  DeleteRepositoryPolicy$,
  type DeleteRepositoryRequest,
  DescribeRepositories$,
  type DescribeRepositoriesRequest,
  GetLifecyclePolicy$,
  GetRepositoryPolicy$,
  type GetRepositoryPolicyRequest,
  ListTagsForResource$,
  PutImageScanningConfiguration$,
  type PutImageScanningConfigurationRequest,
  PutImageTagMutability$,
  type PutImageTagMutabilityRequest,
  PutLifecyclePolicy$,
  type PutLifecyclePolicyRequest,
  type Repository,
  SetRepositoryPolicy$,
  type SetRepositoryPolicyRequest,
  TagResource$,
  type TagResourceRequest,
  UntagResource$,
  type UntagResourceRequest,
} from '@aws-sdk/client-ecr';
import { parseJson } from '../../../model/nesting.ts';
import { AwsError, type Cloud, type Operation, operation } from '../../platform.ts';
import type { Registry, RepositoryRecord } from './registry.ts';

const invalid = (message: string): AwsError => new AwsError('InvalidParameterException', message);

export interface Repositories {
  create(input: CreateRepositoryRequest): RepositoryRecord;
  remove(name: string, force: boolean): RepositoryRecord;
  change(name: string, change: Partial<RepositoryRecord>): RepositoryRecord;
  readonly operations: readonly Operation[];
}

/** Throws InvalidParameterException; the pattern is the API's. */
export function validateRepositoryName(name: string): void {
  const pattern = /^(?:[a-z0-9]+(?:[._-][a-z0-9]+)*\/)*[a-z0-9]+(?:[._-][a-z0-9]+)*$/;
  if (name.length < 2 || name.length > 256 || !pattern.test(name))
    throw invalid(
      `Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression '${pattern.source}''`,
    );
}

export function createRepositories(cloud: Cloud, registry: Registry): Repositories {
  const shown = ({
    tags: _tags,
    lifecyclePolicyText: _lifecycle,
    policyText: _policy,
    ...repository
  }: RepositoryRecord): Repository => repository;
  const byArn = (arn = ''): RepositoryRecord => registry.repository(arn.split(':repository/')[1]);
  const policyMissing = (name: string, what: string, code: string): AwsError =>
    new AwsError(
      code,
      `${what} does not exist for the repository with name '${name}' in the registry with id '${cloud.account}'`,
    );

  const repositories: Omit<Repositories, 'operations'> = {
    create(input) {
      const name = input.repositoryName ?? '';
      validateRepositoryName(name);
      if (registry.repositories.has(name))
        throw new AwsError(
          'RepositoryAlreadyExistsException',
          `The repository with name '${name}' already exists in the registry with id '${cloud.account}'`,
        );
      const repository: RepositoryRecord = {
        repositoryArn: registry.arn(name),
        registryId: cloud.account,
        repositoryName: name,
        repositoryUri: registry.uri(name),
        createdAt: new Date(),
        imageTagMutability: input.imageTagMutability ?? 'MUTABLE',
        imageScanningConfiguration: input.imageScanningConfiguration ?? { scanOnPush: false },
        encryptionConfiguration: input.encryptionConfiguration ?? { encryptionType: 'AES256' },
        tags: input.tags ?? [],
      };
      registry.repositories.put(name, repository);
      return repository;
    },
    remove(name, force) {
      const repository = registry.repository(name);
      const images = registry.imagesOf(name);
      if (images.length > 0 && !force)
        throw new AwsError(
          'RepositoryNotEmptyException',
          `The repository with name '${name}' in registry with id '${cloud.account}' cannot be deleted because it still contains images`,
        );
      for (const image of images) registry.remove(image);
      registry.repositories.delete(name);
      return repository;
    },
    change(name, change) {
      const changed = { ...registry.repository(name), ...change };
      registry.repositories.put(name, changed);
      return changed;
    },
  };

  const operations: Operation[] = [
    operation(CreateRepository$, (input: CreateRepositoryRequest) => ({
      repository: shown(repositories.create(input)),
    })),
    operation(DescribeRepositories$, (input: DescribeRepositoriesRequest) => {
      const found = input.repositoryNames
        ? input.repositoryNames.map((name) => registry.repository(name))
        : registry.repositories.values();
      const from = Number(input.nextToken ?? 0);
      const until = from + (input.maxResults ?? 100);
      return {
        repositories: found.slice(from, until).map(shown),
        nextToken: until < found.length ? String(until) : undefined,
      };
    }),
    operation(DeleteRepository$, (input: DeleteRepositoryRequest) => ({
      repository: shown(repositories.remove(input.repositoryName ?? '', input.force ?? false)),
    })),
    operation(PutImageTagMutability$, (input: PutImageTagMutabilityRequest) => {
      const { imageTagMutability } = input;
      const { repositoryName } = repositories.change(input.repositoryName ?? '', { imageTagMutability });
      return { registryId: cloud.account, repositoryName, imageTagMutability };
    }),
    operation(PutImageScanningConfiguration$, (input: PutImageScanningConfigurationRequest) => {
      const { imageScanningConfiguration } = input;
      const { repositoryName } = repositories.change(input.repositoryName ?? '', {
        imageScanningConfiguration,
      });
      return { registryId: cloud.account, repositoryName, imageScanningConfiguration };
    }),
    operation(PutLifecyclePolicy$, (input: PutLifecyclePolicyRequest) => {
      const lifecyclePolicyText = policyText(input.lifecyclePolicyText);
      const { repositoryName } = repositories.change(input.repositoryName ?? '', { lifecyclePolicyText });
      return { registryId: cloud.account, repositoryName, lifecyclePolicyText };
    }),
    operation(GetLifecyclePolicy$, (input: GetRepositoryPolicyRequest) => {
      const { repositoryName, lifecyclePolicyText } = registry.repository(input.repositoryName);
      if (lifecyclePolicyText === undefined)
        throw policyMissing(repositoryName, 'Lifecycle policy', 'LifecyclePolicyNotFoundException');
      return { registryId: cloud.account, repositoryName, lifecyclePolicyText };
    }),
    operation(DeleteLifecyclePolicy$, (input: GetRepositoryPolicyRequest) => {
      const { lifecyclePolicyText, ...repository } = registry.repository(input.repositoryName);
      if (lifecyclePolicyText === undefined)
        throw policyMissing(
          repository.repositoryName,
          'Lifecycle policy',
          'LifecyclePolicyNotFoundException',
        );
      registry.repositories.put(repository.repositoryName, repository);
      return { registryId: cloud.account, repositoryName: repository.repositoryName, lifecyclePolicyText };
    }),
    operation(SetRepositoryPolicy$, (input: SetRepositoryPolicyRequest) => {
      const text = policyText(input.policyText);
      const { repositoryName } = repositories.change(input.repositoryName ?? '', { policyText: text });
      return { registryId: cloud.account, repositoryName, policyText: text };
    }),
    operation(GetRepositoryPolicy$, (input: GetRepositoryPolicyRequest) => {
      const { repositoryName, policyText: text } = registry.repository(input.repositoryName);
      if (text === undefined)
        throw policyMissing(repositoryName, 'Repository policy', 'RepositoryPolicyNotFoundException');
      return { registryId: cloud.account, repositoryName, policyText: text };
    }),
    operation(DeleteRepositoryPolicy$, (input: GetRepositoryPolicyRequest) => {
      const { policyText: text, ...repository } = registry.repository(input.repositoryName);
      if (text === undefined)
        throw policyMissing(
          repository.repositoryName,
          'Repository policy',
          'RepositoryPolicyNotFoundException',
        );
      registry.repositories.put(repository.repositoryName, repository);
      return { registryId: cloud.account, repositoryName: repository.repositoryName, policyText: text };
    }),
    operation(TagResource$, (input: TagResourceRequest) => {
      const repository = byArn(input.resourceArn);
      const tags = new Map(repository.tags.map((tag) => [tag.Key, tag]));
      for (const tag of input.tags ?? []) tags.set(tag.Key, tag);
      repositories.change(repository.repositoryName, { tags: [...tags.values()] });
      return {};
    }),
    operation(UntagResource$, (input: UntagResourceRequest) => {
      const repository = byArn(input.resourceArn);
      const tags = repository.tags.filter((tag) => !input.tagKeys?.includes(tag.Key ?? ''));
      repositories.change(repository.repositoryName, { tags });
      return {};
    }),
    operation(ListTagsForResource$, (input: { resourceArn?: string }) => ({
      tags: byArn(input.resourceArn).tags,
    })),
  ];
  return { ...repositories, operations };
}

function policyText(text: string | undefined): string {
  try {
    parseJson(text ?? '');
  } catch {
    throw invalid('Invalid parameter: the policy is not JSON');
  }
  return text ?? '';
}
