import { access } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
export const bin = path.join(root, 'bin', 'saas-ecs');

/** What is measured is what is built. */
export async function built() {
  await access(path.join(root, 'dist', 'cli.js')).catch(() => {
    throw new Error('dist/ is missing: npm run build');
  });
}
