import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { imagesParameterPath } from '../../model/names.ts';
import type { Context } from '../context.ts';
import type { ReleaseItem } from '../registry/registry.ts';
import type { Session } from '../session.ts';
import type { Assembly } from './synthesize.ts';

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
  const images = JSON.parse(parameter.Parameter?.Value ?? '{}') as Record<string, string>;
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
  if (known && newest?.release === name) return { release: known, isNew: false };
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
  };
  await registry.putRelease(release);
  return { release, isNew: true };
}
