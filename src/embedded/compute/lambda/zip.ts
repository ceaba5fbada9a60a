/** Reads ZIP archives (APPNOTE.TXT 6.3): stored and deflated entries, without encryption and without ZIP64. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';

const inflate = promisify(inflateRaw);

const endOfDirectory = 0x06054b50;
const directoryEntry = 0x02014b50;
const localHeader = 0x04034b50;
/** Lambda's limit of a function's code, unpacked. */
const maxBytes = 262_144_000;

export interface ZipEntry {
  name: string;
  /** Unix permission bits, 0 where the archive has none. */
  mode: number;
  directory: boolean;
  symbolicLink: boolean;
  data(): Promise<Buffer>;
}

const damaged = (): Error =>
  new Error('Could not unzip uploaded file. Please check your file, then try to upload again.');

/** The entries of an archive in memory. Throws when it is none, or damaged. */
export function readZip(archive: Buffer): ZipEntry[] {
  let end = archive.length - 22;
  // A comment of up to 64 KiB may follow.
  while (end >= 0 && archive.readUInt32LE(end) !== endOfDirectory && archive.length - end < 65_600) end--;
  if (end < 0 || archive.readUInt32LE(end) !== endOfDirectory) throw damaged();
  const count = archive.readUInt16LE(end + 10);
  let position = archive.readUInt32LE(end + 16);
  const entries: ZipEntry[] = [];
  let total = 0;
  for (let n = 0; n < count; n++) {
    if (position + 46 > archive.length || archive.readUInt32LE(position) !== directoryEntry) throw damaged();
    const method = archive.readUInt16LE(position + 10);
    const packed = archive.readUInt32LE(position + 20);
    const size = archive.readUInt32LE(position + 24);
    const nameLength = archive.readUInt16LE(position + 28);
    const extraLength = archive.readUInt16LE(position + 30);
    const commentLength = archive.readUInt16LE(position + 32);
    const unix = archive.readUInt32LE(position + 38) >>> 16;
    const local = archive.readUInt32LE(position + 42);
    const name = archive.toString('utf8', position + 46, position + 46 + nameLength);
    position += 46 + nameLength + extraLength + commentLength;
    if (packed === 0xffffffff || size === 0xffffffff || local === 0xffffffff) throw damaged();
    total += size;
    if (total > maxBytes) throw new Error(`Unzipped size must be smaller than ${maxBytes} bytes`);
    entries.push({
      name,
      mode: unix & 0o777,
      directory: name.endsWith('/'),
      symbolicLink: (unix & 0o170000) === 0o120000,
      async data() {
        if (local + 30 > archive.length || archive.readUInt32LE(local) !== localHeader) throw damaged();
        const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
        const bytes = archive.subarray(start, start + packed);
        if (method === 0) return bytes;
        if (method !== 8) throw damaged();
        const content = await inflate(bytes, { maxOutputLength: Math.max(size, 1) });
        if (content.length !== size) throw damaged();
        return content;
      },
    });
  }
  return entries;
}

/** Unpacks an archive below `directory`. Rejects on an entry that would leave it. */
export async function unzip(archive: Buffer, directory: string): Promise<void> {
  for (const entry of readZip(archive)) {
    const target = path.resolve(directory, entry.name);
    if (target !== directory && !target.startsWith(directory + path.sep)) throw damaged();
    // A link could lead out; the archives that CDK and the SDKs' users make have none.
    if (entry.symbolicLink) throw damaged();
    if (entry.directory) {
      await mkdir(target, { recursive: true });
      continue;
    }
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, await entry.data());
    if (entry.mode & 0o111) await chmod(target, 0o700);
  }
}
