/** The images of repositories: listing, describing, re-tagging, deleting. */
import {
  BatchDeleteImage$,
  type BatchDeleteImageRequest,
  BatchGetImage$,
  type BatchGetImageRequest,
  DescribeImages$,
  type DescribeImagesRequest,
  type Image,
  type ImageFailure,
  type ImageIdentifier,
  ListImages$,
  type ListImagesRequest,
  PutImage$,
  type PutImageRequest,
} from '@aws-sdk/client-ecr';
import { parseJson } from '../../../model/nesting.ts';
import { AwsError, type Cloud, type Operation, operation } from '../../platform.ts';
import type { ImageRecord, Registry } from './registry.ts';

const mediaType = 'application/vnd.docker.distribution.manifest.v2+json';

/** A manifest that names the image by its digest, and nothing to pull: the files never leave the image store. */
const manifestOf = (image: ImageRecord): string =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType,
    config: {
      mediaType: 'application/vnd.docker.container.image.v1+json',
      size: image.size,
      digest: image.digest,
    },
    layers: [],
  });

export function imageOperations(cloud: Cloud, registry: Registry): Operation[] {
  const missing = (repository: string, id: ImageIdentifier): AwsError =>
    new AwsError(
      'ImageNotFoundException',
      `The image with imageId {imageDigest:'${id.imageDigest ?? 'null'}', imageTag:'${id.imageTag ?? 'null'}'} does not exist within the repository with name '${repository}' in the registry with id '${cloud.account}'`,
    );
  const failure = (imageId: ImageIdentifier): ImageFailure => ({
    imageId,
    failureCode: 'ImageNotFound',
    failureReason: 'Requested image not found',
  });
  const view = (image: ImageRecord, imageTag: string | undefined): Image => ({
    registryId: cloud.account,
    repositoryName: image.repository,
    imageId: { imageDigest: image.digest, imageTag },
    imageManifest: manifestOf(image),
    imageManifestMediaType: mediaType,
  });
  const page = <Item>(items: readonly Item[], input: { nextToken?: string; maxResults?: number }) => {
    const from = Number(input.nextToken ?? 0);
    const until = from + (input.maxResults ?? 100);
    return { items: items.slice(from, until), nextToken: until < items.length ? String(until) : undefined };
  };
  const ofStatus = (image: ImageRecord, status: string | undefined): boolean =>
    status === undefined || status === 'ANY' || (status === 'TAGGED') === image.tags.length > 0;

  return [
    operation(ListImages$, (input: ListImagesRequest) => {
      const { repositoryName } = registry.repository(input.repositoryName);
      const ids = registry
        .imagesOf(repositoryName)
        .filter((image) => ofStatus(image, input.filter?.tagStatus))
        .flatMap((image): ImageIdentifier[] =>
          image.tags.length > 0
            ? image.tags.map((imageTag) => ({ imageDigest: image.digest, imageTag }))
            : [{ imageDigest: image.digest }],
        );
      const { items, nextToken } = page(ids, input as { nextToken?: string; maxResults?: number });
      return { imageIds: items, nextToken };
    }),
    operation(DescribeImages$, (input: DescribeImagesRequest) => {
      const { repositoryName } = registry.repository(input.repositoryName);
      const found = input.imageIds
        ? input.imageIds.map((id) => {
            const image = registry.find(repositoryName, id);
            if (!image) throw missing(repositoryName, id);
            return image;
          })
        : registry.imagesOf(repositoryName).filter((image) => ofStatus(image, input.filter?.tagStatus));
      const { items, nextToken } = page(found, input as { nextToken?: string; maxResults?: number });
      return {
        imageDetails: items.map((image) => ({
          registryId: cloud.account,
          repositoryName,
          imageDigest: image.digest,
          imageTags: image.tags.length > 0 ? image.tags : undefined,
          imageSizeInBytes: image.size,
          imagePushedAt: image.pushedAt,
          imageManifestMediaType: mediaType,
        })),
        nextToken,
      };
    }),
    operation(BatchGetImage$, (input: BatchGetImageRequest) => {
      const { repositoryName } = registry.repository(input.repositoryName);
      const images: Image[] = [];
      const failures: ImageFailure[] = [];
      for (const id of input.imageIds ?? []) {
        const image = registry.find(repositoryName, id);
        if (image) images.push(view(image, id.imageTag));
        else failures.push(failure(id));
      }
      return { images, failures };
    }),
    operation(PutImage$, (input: PutImageRequest) => {
      const { repositoryName } = registry.repository(input.repositoryName);
      const digest = input.imageDigest ?? digestIn(input.imageManifest);
      const known = registry.images.values().find((image) => image.digest === digest);
      if (!known)
        throw new AwsError(
          'LayersNotFoundException',
          `The image ${digest ?? 'of this manifest'} was never pushed to this registry; push it with the image builder.`,
        );
      return {
        image: view(registry.put(repositoryName, known.digest, input.imageTag, known.size), input.imageTag),
      };
    }),
    operation(BatchDeleteImage$, (input: BatchDeleteImageRequest) => {
      const { repositoryName } = registry.repository(input.repositoryName);
      const imageIds: ImageIdentifier[] = [];
      const failures: ImageFailure[] = [];
      for (const id of input.imageIds ?? []) {
        const image = registry.find(repositoryName, id);
        if (!image) {
          failures.push(failure(id));
          continue;
        }
        imageIds.push({ imageDigest: image.digest, imageTag: id.imageTag });
        // A tag alone takes the tag away; the image goes with its last one.
        const left = id.imageDigest === undefined ? image.tags.filter((tag) => tag !== id.imageTag) : [];
        registry.remove(image);
        if (left.length > 0)
          registry.images.put(`${repositoryName}@${image.digest}`, { ...image, tags: left });
      }
      return { imageIds, failures };
    }),
  ];
}

function digestIn(manifest: string | undefined): string | undefined {
  try {
    return (parseJson(manifest ?? '') as { config?: { digest?: string } }).config?.digest;
  } catch {
    return undefined;
  }
}
