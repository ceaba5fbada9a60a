/** Amazon ECR: repositories whose images are directories in the state directory. */
import { openImageStore } from '../compute/images/image-store.ts';
import { AwsError, type AwsService, type Cloud, type EcrApi } from '../platform.ts';
import { imageOperations } from './ecr/images.ts';
import { createPush } from './ecr/push.ts';
import { openRegistry } from './ecr/registry.ts';
import { createRepositories } from './ecr/repositories.ts';
import { repositoryType } from './ecr/resource-type.ts';

export function createEcr(cloud: Cloud): AwsService & EcrApi {
  const registry = openRegistry(cloud);
  const store = openImageStore(cloud.stateDir);
  const repositories = createRepositories(cloud, registry);
  const push = createPush(cloud, registry, store);

  return {
    signingName: 'ecr',
    protocol: 'json-1.1',
    operations: [...repositories.operations, ...imageOperations(cloud, registry), ...push.operations],
    routes: push.routes,
    resourceTypes: { 'AWS::ECR::Repository': repositoryType(repositories) },

    image(uri) {
      const match = /^(\d+)\.dkr\.ecr\.[^/]+\/([^:@]+)(?::([\w.-]+))?(?:@(sha256:[0-9a-f]+))?$/.exec(uri);
      if (!match || match[1] !== cloud.account)
        throw new AwsError(
          'ImageNotFoundException',
          `${uri}: the embedded cloud pulls from no other registry than its own (${registry.uri('<repository>')})`,
        );
      const [, , name = '', tag, digest] = match;
      registry.repository(name);
      const found = registry.find(name, digest ? { imageDigest: digest } : { imageTag: tag ?? 'latest' });
      const image = found && store.image(found.digest);
      if (!image) throw new AwsError('ImageNotFoundException', `${uri}: not found`);
      return image;
    },

    async start() {
      // Only now: a task may run from an image that was deleted since.
      await store.keepOnly(new Set(registry.images.values().map((image) => image.digest)));
    },
  };
}
