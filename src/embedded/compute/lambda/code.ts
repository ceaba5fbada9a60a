/** Functions' and layers' code on disk: unpacked once, in a directory named by its content. */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { AwsError } from '../../platform.ts';
import { unzip } from './zip.ts';

export interface StoredCode {
  /** Base64 of the archive's SHA-256, as CodeSha256 has it. */
  sha256: string;
  /** Bytes of the archive. */
  size: number;
}

export interface CodeStore {
  /** Throws InvalidParameterValueException when the archive can't be read. */
  addArchive(archive: Buffer): Promise<StoredCode>;
  /** Inline source of a template: one file. */
  addSource(fileName: string, source: string): Promise<StoredCode>;
  directory(code: StoredCode): string;
  remove(code: StoredCode): Promise<void>;
}

export function openCodeStore(root: string): CodeStore {
  const directory = ({ sha256 }: StoredCode): string =>
    path.join(root, Buffer.from(sha256, 'base64').toString('hex'));

  /** Complete or not at all: a directory under its name is always whole. */
  async function place(code: StoredCode, fill: (directory: string) => Promise<void>): Promise<StoredCode> {
    const target = directory(code);
    if (existsSync(target)) return code;
    const unfinished = path.join(root, `.${randomUUID()}`);
    await mkdir(unfinished, { recursive: true });
    // Else a package.json further up, a project's own, would say what kind of modules a function's .js files are.
    await writeFile(path.join(root, 'package.json'), '{}\n');
    try {
      await fill(unfinished);
      await rename(unfinished, target);
    } catch (error) {
      await rm(unfinished, { recursive: true, force: true });
      // Somebody else placed the same code at the same time.
      if (!existsSync(target)) throw error;
    }
    return code;
  }
  const digest = (...parts: (string | Buffer)[]): string => {
    const hash = createHash('sha256');
    for (const part of parts) hash.update(part);
    return hash.digest('base64');
  };

  return {
    directory,
    addArchive(archive) {
      return place({ sha256: digest(archive), size: archive.length }, (target) =>
        unzip(archive, target).catch((error: unknown) => {
          throw new AwsError(
            'InvalidParameterValueException',
            error instanceof Error ? error.message : String(error),
          );
        }),
      );
    },
    addSource: (fileName, source) =>
      place({ sha256: digest(fileName, '\0', source), size: Buffer.byteLength(source) }, (target) =>
        writeFile(path.join(target, fileName), source),
      ),
    remove: (code) => rm(directory(code), { recursive: true, force: true }),
  };
}
