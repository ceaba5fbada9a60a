import { cp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { built } from '../../model/installation.ts';
import type { Service } from '../../model/service.ts';
import { nginxConfig, nginxConfigFile } from '../images/rproxy/nginx-config.ts';

/** Makes the directory of the proxy's image below `scratch`: what was built, and the configuration for these services. */
export async function proxyImage(services: readonly Service[], scratch: string): Promise<string> {
  const directory = path.join(scratch, 'proxy');
  await cp(built('templates', 'images', 'rproxy'), directory, { recursive: true });
  await writeFile(path.join(directory, nginxConfigFile), nginxConfig(services));
  return directory;
}
