import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { Config } from '../../model/config.ts';
import { packageVersion } from '../../model/installation.ts';
import { imagesParameterPath } from '../../model/names.ts';
import type { Context } from '../context.ts';
import type { Target } from '../environment.ts';
import type { ReleaseItem } from '../registry/registry.ts';
import type { Session } from '../session.ts';
import { byDigest } from './image-digests.ts';
import { type Assembly, deploymentOf } from './synthesize.ts';

/**
 * By what a release is known to be of a configuration, without synthesizing: what the templates are made of, and by
 * which version. Files that an image is built of are not in it.
 */
export const configurationDigest = (config: Config, target: Target): string =>
  createHash('sha256')
    .update(JSON.stringify([packageVersion(), deploymentOf(config, target)]))
    .digest('hex')
    .slice(0, 12);

/**
 * Publishes the silo tiers' templates with the images that they run as an immutable release: its name is the hash
 * of what is in it, so the same content is the same release and is not published twice.
 */
export async function publishRelease(
  context: Context,
  { registry, shared }: Session,
  assembly: Assembly,
): Promise<{ release: ReleaseItem; isNew: boolean }> {
  const { target, config } = context;
  const parameter = await new SSMClient(target.client).send(
    new GetParameterCommand({ Name: imagesParameterPath(config.app, target.environment.name) }),
  );
  const images = await byDigest(
    JSON.parse(parameter.Parameter?.Value ?? '{}') as Record<string, string>,
    target.client,
  );
  const bodies: [string, string][] = [];
  for (const [tier, file] of Object.entries(assembly.tenantTemplates))
    bodies.push([tier, await readFile(file, 'utf8')]);
  const cellBody = await readFile(assembly.cellTemplate, 'utf8');
  const routed = config.routing === 'proxy' ? ['proxy'] : config.services.map((service) => service.name);
  const name = createHash('sha256')
    .update(JSON.stringify({ images, bodies, cellBody, routed }))
    .digest('hex')
    .slice(0, 12);
  const known = await registry.release(name);
  const newest = (await registry.releases())[0];
  const configuration = configurationDigest(config, target);
  if (known && newest?.release === name) {
    // What shapes the shared stacks alone leaves the release as it is.
    if (known.configuration !== configuration) await registry.putRelease({ ...known, configuration });
    return { release: known, isNew: false };
  }
  const s3 = new S3Client(target.client);
  const upload = async (file: string, body: string): Promise<string> => {
    const key = `releases/${name}/${file}`;
    await s3.send(
      new PutObjectCommand({
        Bucket: shared.artifactsBucket,
        Key: key,
        Body: body,
        ContentType: 'application/json',
      }),
    );
    return key;
  };
  const templates: Record<string, string> = {};
  for (const [tier, body] of bodies) templates[tier] = await upload(`tiers/${tier}.json`, body);
  const cellTemplate = await upload('cell.json', cellBody);
  const release: ReleaseItem = {
    release: name,
    createdAt: context.now().toISOString(),
    templates,
    cellTemplate,
    images,
    routed,
    configuration,
  };
  await registry.putRelease(release);
  return { release, isNew: true };
}
