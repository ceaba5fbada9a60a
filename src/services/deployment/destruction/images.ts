/**
 * The images that an app's releases run. They lie in the CDK's asset repository, which other apps of the account use
 * as well: an image goes only when no other app or environment has one of the same content.
 */
import { BatchDeleteImageCommand, DescribeImagesCommand, ECRClient } from '@aws-sdk/client-ecr';
import { GetParametersByPathCommand, SSMClient } from '@aws-sdk/client-ssm';
import { imagesParameterPath, parameterPath } from '../../../model/names.ts';
import type { Context } from '../../context.ts';
import type { ClientOptions } from '../../environment.ts';
import { Registry } from '../../registry/registry.ts';
import { RegistryTable } from '../../registry/table.ts';
import { everyPage } from './pages.ts';

/** URIs with the digest: a parameter names an image by its tag, a release by what it is. */
export interface OwnImages {
  /** Images that are there and nobody else's. */
  going: string[];
  /** Images that others run, or may run. */
  shared: string[];
}

interface Reference {
  repository: string;
  id: { imageTag: string } | { imageDigest: string };
}

/** `<account>.dkr.ecr.<region>.<suffix>/<repository>:<tag>` or `…@<digest>`; undefined for an image of elsewhere. */
function referenceOf(uri: string): Reference | undefined {
  const [, repository, tag, digest] =
    /^\d{12}\.dkr\.ecr\.[^/]+\/([^:@]+)(?::([^@]+))?(?:@(sha256:[0-9a-f]+))?$/.exec(uri) ?? [];
  if (repository === undefined) return undefined;
  if (digest !== undefined) return { repository, id: { imageDigest: digest } };
  return tag === undefined ? undefined : { repository, id: { imageTag: tag } };
}

/** `registries`: names of this environment's registry tables, that of today and those kept from before. */
export async function findImages(
  { target }: Pick<Context, 'target'>,
  registries: readonly string[],
): Promise<OwnImages> {
  const { client, app, environment } = target;
  const parameters = await everyPage(async (next) => {
    const page = await new SSMClient(client).send(
      new GetParametersByPathCommand({
        Path: '/saas-ecs/',
        Recursive: true,
        ...(next && { NextToken: next }),
      }),
    );
    return { items: page.Parameters, next: page.NextToken };
  });
  const mine = imagesParameterPath(app, environment.name);
  const ownRegistry = parameterPath(app, environment.name, 'registryTable');
  const own = new Set<string>();
  const others = new Set<string>();
  let unknown = false;
  for (const { Name = '', Value = '' } of parameters) {
    if (Name.endsWith('/images'))
      for (const uri of Object.values(JSON.parse(Value) as Record<string, string>))
        (Name === mine ? own : others).add(uri);
    if (!Name.endsWith('/registry-table') || Name === ownRegistry) continue;
    // Tenants of another environment may be on an older release of its.
    const used = await imagesOf(client, Value).catch(() => undefined);
    if (used === undefined) unknown = true;
    for (const uri of used ?? []) others.add(uri);
  }
  for (const table of registries) for (const uri of await imagesOf(client, table)) own.add(uri);
  const ecr = new ECRClient(client);
  const there = await byDigest(ecr, own);
  const theirs = await byDigest(ecr, others);
  const isShared = (uri: string): boolean => unknown || theirs.has(uri);
  return {
    going: [...there].filter((uri) => !isShared(uri)),
    shared: [...there].filter(isShared),
  };
}

async function imagesOf(client: ClientOptions, table: string): Promise<string[]> {
  const releases = await new Registry(new RegistryTable(client, table)).releases();
  return releases.flatMap((release) => Object.values(release.images));
}

const isGone = (error: unknown): boolean =>
  error instanceof Error && /^(Image|Repository)NotFoundException$/.test(error.name);

/** The images that are there, each once, by its digest. */
async function byDigest(ecr: ECRClient, uris: Iterable<string>): Promise<Set<string>> {
  const found = new Set<string>();
  for (const uri of uris) {
    const reference = referenceOf(uri);
    if (!reference) continue;
    try {
      const { imageDetails: [image] = [] } = await ecr.send(
        new DescribeImagesCommand({ repositoryName: reference.repository, imageIds: [reference.id] }),
      );
      if (image?.imageDigest !== undefined)
        found.add(`${uri.slice(0, uri.indexOf('/'))}/${reference.repository}@${image.imageDigest}`);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
  return found;
}

/** By digest, so with all their tags. Throws when ECR refuses one. */
export async function removeImages(client: ClientOptions, uris: readonly string[]): Promise<void> {
  const ecr = new ECRClient(client);
  for (const uri of uris) {
    const reference = referenceOf(uri);
    if (!reference) continue;
    try {
      const { failures = [] } = await ecr.send(
        new BatchDeleteImageCommand({ repositoryName: reference.repository, imageIds: [reference.id] }),
      );
      const [refused] = failures.filter(({ failureCode }) => failureCode !== 'ImageNotFound');
      if (refused)
        throw Object.assign(new Error(`${uri}: ${refused.failureReason ?? ''}`), {
          name: refused.failureCode ?? 'Error',
        });
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}
