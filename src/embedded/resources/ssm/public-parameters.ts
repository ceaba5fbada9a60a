/**
 * The parameters that AWS publishes below `/aws/service`, as far as templates name machine images by them. The image
 * ids are made up, stable and distinct: nothing boots here.
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/retrieve-ecs-optimized_AMI.html
 */
import { createHash } from 'node:crypto';

const ecs =
  /^\/aws\/service\/ecs\/optimized-ami\/([a-z0-9-]+)(\/(?:arm64|gpu|inf|kernel-[\d.]+|kernel-[\d.]+\/arm64))?\/(recommended|[\w.-]+)(?:\/(image_id|image_name|image_version|ecs_agent_version|ecs_runtime_version|os|schema_version))?$/;
const images = [
  /^\/aws\/service\/ami-amazon-linux-latest\/[\w.-]+$/,
  /^\/aws\/service\/bottlerocket\/[\w.-]+\/(?:x86_64|arm64)\/[\w.-]+\/image_id$/,
  /^\/aws\/service\/canonical\/ubuntu\/[\w.-]+(?:\/[\w.-]+)*\/ami-id$/,
  /^\/aws\/service\/ami-windows-latest\/[\w.-]+$/,
];

/** The value of a public parameter; undefined when AWS publishes none of that name that we know. */
export function publicParameter(name: string): { value: string; dataType: string } | undefined {
  if (images.some((pattern) => pattern.test(name)))
    return { value: imageId(name), dataType: 'aws:ec2:image' };
  const match = ecs.exec(name);
  if (!match) return undefined;
  const [, family = '', variant = '', build = '', field] = match;
  const base = `${family}${variant}/${build}`;
  const fields: Record<string, string> = {
    ecs_agent_version: '1.98.0',
    ecs_runtime_version: 'Docker version 25.0.8',
    image_id: imageId(base),
    image_name: `${family}-ecs-hvm-2023.0.20260601-${variant.includes('arm64') ? 'arm64' : 'x86_64'}`,
    image_version: '2023.0.20260601',
    os: family.includes('2023') ? 'Amazon Linux 2023' : family,
    schema_version: '1',
  };
  if (field === undefined) {
    const { schema_version, ...rest } = fields;
    return { value: JSON.stringify({ ...rest, schema_version: Number(schema_version) }), dataType: 'text' };
  }
  return { value: fields[field] ?? '', dataType: field === 'image_id' ? 'aws:ec2:image' : 'text' };
}

const imageId = (seed: string): string =>
  `ami-0${createHash('sha256').update(seed).digest('hex').slice(0, 16)}`;
