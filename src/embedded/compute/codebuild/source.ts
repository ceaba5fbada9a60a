/** A build's source: none, or an archive in S3, read with the rights of the service role. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { AwsError, type Cloud, type Principal } from '../../platform.ts';
import { unzip } from '../lambda/zip.ts';
import { type Buildspec, BuildspecError, parseBuildspec } from './buildspec.ts';
import type { BuildRecord } from './state.ts';

/** Unpacks the source into `directory`, which exists. Rejects with an AwsError when the role may not or the object is not there. */
export async function fetchSource(
  cloud: Cloud,
  principal: Principal,
  { build }: BuildRecord,
  directory: string,
): Promise<void> {
  if (build.source?.type !== 'S3') return;
  const location = build.source.location ?? '';
  const cut = location.indexOf('/');
  const [bucket, key] = [location.slice(0, cut), location.slice(cut + 1)];
  cloud.iam.authorize(principal, {
    action: 's3:GetObject',
    resource: `arn:${cloud.partition}:s3:::${bucket}/${key}`,
  });
  await unzip(await cloud.s3.read(bucket, key), directory).catch((error: Error) => {
    throw new AwsError('CLIENT_ERROR', `${location}: ${error.message}`);
  });
}

/** The buildspec of the call or project, inline or by its path in the source. Rejects with a BuildspecError. */
export async function readBuildspec({ build }: BuildRecord, directory: string): Promise<Buildspec> {
  const given = build.source?.buildspec;
  if (given && /[\n{]/.test(given)) return parseBuildspec(given);
  const name = given || 'buildspec.yml';
  const file = path.resolve(directory, name);
  if (!file.startsWith(directory + path.sep)) throw new BuildspecError(`${name} is not in the source`);
  const text = await readFile(file, 'utf8').catch(() => {
    throw new BuildspecError(`stat ${file}: no such file or directory`);
  });
  return parseBuildspec(text);
}
