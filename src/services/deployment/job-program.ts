/** What a lifecycle job runs: this program, in a directory of its own with the project file of one environment. */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../../model/config.ts';
import { packageRoot } from '../../model/installation.ts';
import { configFileName } from '../config/load.ts';
import type { Target } from '../environment.ts';

/** Written by the build: every file that the command line may load, relative to the package. */
const filesList = path.join('dist', 'cli-files.json');

/** Fills an empty directory; the same configuration and the same program give the same content. */
export async function writeJobProgram(config: Config, target: Target, directory: string): Promise<void> {
  const root = packageRoot();
  const files = JSON.parse(await readFile(path.join(root, filesList), 'utf8')) as string[];
  const put = async (file: string, write: (to: string) => Promise<void>): Promise<void> => {
    const to = path.join(directory, file);
    await mkdir(path.dirname(to), { recursive: true });
    await write(to);
  };
  for (const file of [...files, 'bin/saas-ecs']) await put(file, (to) => copyFile(path.join(root, file), to));
  const { name, version, type } = JSON.parse(
    await readFile(path.join(root, 'package.json'), 'utf8'),
  ) as Record<string, string>;
  await put('package.json', (to) => writeFile(to, JSON.stringify({ name, version, type, private: true })));
  await put(configFileName, (to) => writeFile(to, `${JSON.stringify(jobConfig(config, target), null, 2)}\n`));
  // The release has the images; the configuration wants a directory with a Dockerfile where it names one.
  for (const service of config.services)
    if (!isBuiltin(service.image))
      await put(path.join(imageDirectory(service.name), 'Dockerfile'), (to) =>
        writeFile(to, `# The image of ${service.name} is part of the release.\n`),
      );
}

const isBuiltin = (image: string): boolean => image.startsWith('builtin:');
const imageDirectory = (service: string): string => path.join('images', service);

/**
 * The project file: one environment, which is an AWS account. On the embedded cloud, too, a job finds its AWS at the
 * endpoint that the platform tells it.
 */
function jobConfig(config: Config, target: Target): object {
  const { environment, account, region, azs, nat, prefix } = target;
  return {
    app: config.app,
    environments: {
      [environment.name]: {
        target: 'aws',
        account,
        region,
        azs,
        nat,
        ...(prefix !== undefined && { prefix }),
        controlPlane: environment.controlPlane,
      },
    },
    tiers: Object.fromEntries(
      config.tiers.map(({ name, model, capacity, throttle: { rate, burst, quota } }) => [
        name,
        { model, capacity, throttle: { rate, burst, quota: `${quota.limit}/${quota.period}` } },
      ]),
    ),
    services: config.services.map(({ environment: _, image, ...service }) => ({
      ...service,
      image: isBuiltin(image) ? image : `./${imageDirectory(service.name)}`,
    })),
    routing: config.routing,
  };
}
