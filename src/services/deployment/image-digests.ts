import { DescribeImagesCommand, ECRClient } from '@aws-sdk/client-ecr';
import { SaasError } from '../../model/error.ts';
import type { ClientOptions } from '../environment.ts';

const tagged = /^(?<account>[0-9]+)\.dkr\.ecr\.[^/]+\/(?<repository>[^:@]+):(?<tag>[^:@]+)$/;

/**
 * The same images by the digest of what was pushed: whatever happens to a tag, a release runs what it was published
 * with. `images`: service -> URI with a tag in ECR; one call a repository. Throws `image_missing`.
 */
export async function byDigest(
  images: Readonly<Record<string, string>>,
  options: ClientOptions,
): Promise<Record<string, string>> {
  const ecr = new ECRClient(options);
  const asked = Object.entries(images).map(([service, uri]) => ({
    service,
    uri,
    at: tagged.exec(uri)?.groups as { account: string; repository: string; tag: string } | undefined,
  }));
  const repositories = new Map<string, { account: string; repository: string; tags: Set<string> }>();
  for (const { at } of asked) {
    if (!at) continue;
    const key = `${at.account}/${at.repository}`;
    const known = repositories.get(key) ?? { ...at, tags: new Set() };
    known.tags.add(at.tag);
    repositories.set(key, known);
  }
  const digests = new Map<string, string>();
  await Promise.all(
    [...repositories].map(async ([key, { account, repository, tags }]) => {
      // A project has twenty services at most, and a page holds a hundred images.
      const { imageDetails = [] } = await ecr.send(
        new DescribeImagesCommand({
          registryId: account,
          repositoryName: repository,
          imageIds: [...tags].map((imageTag) => ({ imageTag })),
        }),
      );
      for (const { imageTags = [], imageDigest } of imageDetails)
        for (const tag of imageTags) if (imageDigest !== undefined) digests.set(`${key}:${tag}`, imageDigest);
    }),
  );
  return Object.fromEntries(
    asked.map(({ service, uri, at }) => {
      if (!at) return [service, uri];
      const digest = digests.get(`${at.account}/${at.repository}:${at.tag}`);
      if (digest === undefined)
        throw new SaasError('image_missing', `the image of "${service}" is not in its repository`, {
          detail: uri,
          hint: 'publish it again: saas-ecs deploy-shared',
        });
      return [service, `${uri.slice(0, -at.tag.length - 1)}@${digest}`];
    }),
  );
}
