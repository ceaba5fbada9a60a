import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../../model/config.ts';
import { type Check, pass, warn } from './check.ts';

/**
 * Whether the images build on this machine. They are ARM64's, and what a Dockerfile has run while it builds, runs on
 * ARM64: elsewhere that takes an emulator. The built-in images have nothing run (`architecture`: Node's name of it).
 */
export async function checkImages(
  { services }: Pick<Config, 'services'>,
  architecture: string = process.arch,
): Promise<Check> {
  const own = services.filter(({ image }) => !image.startsWith('builtin:'));
  const texts = await Promise.all(
    own.map(({ image }) => readFile(path.join(image, 'Dockerfile'), 'utf8').catch(() => '')),
  );
  const running = own.filter((_, index) => runsWhileBuilding(texts[index] ?? ''));
  if (architecture !== 'arm64' && running.length > 0)
    return warn(
      'images',
      `${running.map(({ name }) => name).join(', ')}: the Dockerfile has RUN, and this machine is ${architecture}, the image ARM64`,
      'build outside and COPY, or install an emulator: docker run --privileged --rm tonistiigi/binfmt --install arm64',
    );
  return pass('images', `${services.length} images for ARM64, built without emulation`);
}

const runsWhileBuilding = (dockerfile: string): boolean => /^\s*RUN\s/im.test(dockerfile);
