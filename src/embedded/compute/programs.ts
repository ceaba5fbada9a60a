/** Programs that an image does not bring: base images are not pulled, so this machine supplies them. */
import { statSync } from 'node:fs';
import path from 'node:path';

/** Docker's: servers are often in sbin, which a user's own path leaves out. */
const containerPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Where they are looked for; as PATH has it. */
export const searchPath = (): string => {
  const directories = [
    path.dirname(process.execPath),
    ...(process.env['PATH'] ?? '').split(path.delimiter),
    ...containerPath.split(':'),
  ];
  return [...new Set(directories.filter(Boolean))].join(path.delimiter);
};

/** The file of that name; undefined when this machine has none. */
export function programOnMachine(name: string): string | undefined {
  return searchPath()
    .split(path.delimiter)
    .map((directory) => path.join(directory, name))
    .find(isFile);
}

export const isFile = (file: string): boolean => statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
