/** What ECR keeps: repositories and which images their tags name. The images' files are in the image store. */
import type { ImageIdentifier, Repository, Tag } from '@aws-sdk/client-ecr';
import { AwsError, arn, type Cloud } from '../../platform.ts';
import type { Collection } from '../../store.ts';

export interface RepositoryRecord extends Repository {
  repositoryName: string;
  repositoryArn: string;
  tags: Tag[];
  lifecyclePolicyText?: string;
  policyText?: string;
}

export interface ImageRecord {
  repository: string;
  digest: string;
  tags: string[];
  size: number;
  /** ISO 8601. */
  pushedAt: string;
}

export interface Registry {
  readonly repositories: Collection<RepositoryRecord>;
  readonly images: Collection<ImageRecord>;
  repository(name: string | undefined): RepositoryRecord;
  imagesOf(repository: string): ImageRecord[];
  find(repository: string, id: ImageIdentifier): ImageRecord | undefined;
  /** Records an image under a tag; throws ImageTagAlreadyExistsException where tags are immutable. */
  put(repository: string, digest: string, tag: string | undefined, size: number): ImageRecord;
  remove(image: ImageRecord): void;
  arn(repository: string): string;
  uri(repository: string): string;
}

export function openRegistry(cloud: Cloud): Registry {
  const repositories = cloud.store.collection<RepositoryRecord>('ecr-repositories');
  const images = cloud.store.collection<ImageRecord>('ecr-images');
  const key = (repository: string, digest: string): string => `${repository}@${digest}`;

  const registry: Registry = {
    repositories,
    images,
    repository(name = '') {
      const repository = repositories.get(name);
      if (!repository)
        throw new AwsError(
          'RepositoryNotFoundException',
          `The repository with name '${name}' does not exist in the registry with id '${cloud.account}'`,
        );
      return repository;
    },
    imagesOf: (repository) => images.values().filter((image) => image.repository === repository),
    find(repository, { imageDigest, imageTag }) {
      return registry
        .imagesOf(repository)
        .find(
          (image) =>
            (imageDigest === undefined || image.digest === imageDigest) &&
            (imageTag === undefined || image.tags.includes(imageTag)),
        );
    },
    put(name, digest, tag, size) {
      const repository = registry.repository(name);
      const tagged = tag === undefined ? undefined : registry.find(name, { imageTag: tag });
      if (tagged && tagged.digest !== digest) {
        if (repository.imageTagMutability?.startsWith('IMMUTABLE'))
          throw new AwsError(
            'ImageTagAlreadyExistsException',
            `The image tag '${tag}' already exists in the '${name}' repository and cannot be overwritten because the repository is immutable.`,
          );
        tagged.tags = tagged.tags.filter((other) => other !== tag);
        images.put(key(name, tagged.digest), tagged);
      }
      const known = images.get(key(name, digest));
      const image: ImageRecord = known ?? {
        repository: name,
        digest,
        tags: [],
        size,
        pushedAt: new Date().toISOString(),
      };
      if (tag !== undefined && !image.tags.includes(tag)) image.tags = [...image.tags, tag];
      images.put(key(name, digest), image);
      return image;
    },
    remove: (image) => void images.delete(key(image.repository, image.digest)),
    arn: (repository) => arn(cloud, 'ecr', `repository/${repository}`),
    uri: (repository) => `${cloud.account}.dkr.ecr.${cloud.region}.amazonaws.com/${repository}`,
  };
  return registry;
}
