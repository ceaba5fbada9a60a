import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The directory of this package: the nearest one above this file that holds bin/saas-ecs; the same from src/ and from dist/. */
export function packageRoot(): string {
  let directory = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(directory, 'bin', 'saas-ecs'))) {
    const parent = path.dirname(directory);
    if (parent === directory)
      throw new Error('the installation of saas-ecs is incomplete: bin/saas-ecs is missing');
    directory = parent;
  }
  return directory;
}

/** A built file below dist/, e.g. `built('templates', 'synthesize.js')`. */
export const built = (...segments: string[]): string => path.join(packageRoot(), 'dist', ...segments);

/** The version of this package. */
export const packageVersion = (): string =>
  (JSON.parse(readFileSync(path.join(packageRoot(), 'package.json'), 'utf8')) as { version: string }).version;
