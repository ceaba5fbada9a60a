import { createHash } from 'node:crypto';
import { mkdir, open, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Identity, UserPool } from '../identity.ts';
import type { Items } from '../items.ts';

export interface ExportedFile {
  name: string;
  /** Lines, one JSON document each. */
  count: number;
  sha256: string;
}

export interface Manifest {
  tenantId: string;
  name: string;
  exportedAt: string;
  files: ExportedFile[];
}

export interface ExportSource {
  tenant: { tenantId: string; name: string };
  pool: UserPool | undefined;
  /** Whether the pool is the tenant's own. */
  ownPool: boolean;
  /** Service name -> table. */
  tables: Record<string, string>;
  identity: Identity;
  items: Items;
}

/**
 * Writes a tenant's users and items to `<directory>/<name>-<tenantId>/` as NDJSON, and a manifest with each file's
 * count and SHA-256. Files are readable by their owner alone; one that is not complete has no manifest beside it.
 */
export async function exportTenant(
  directory: string,
  source: ExportSource,
  now: Date,
): Promise<{ directory: string; manifest: Manifest }> {
  const { tenant } = source;
  const target = path.resolve(directory, `${tenant.name}-${tenant.tenantId}`);
  await mkdir(target, { recursive: true, mode: 0o700 });
  const files: ExportedFile[] = [];
  const { pool } = source;
  if (pool) files.push(await writeLines(target, 'users.ndjson', usersOf(source, pool)));
  for (const [service, table] of Object.entries(source.tables)) {
    if (await source.items.tableExists(table))
      files.push(
        await writeLines(
          target,
          // A service of that name may have a table too; `users.ndjson` holds those who sign in.
          service === 'users' ? 'users-table.ndjson' : `${service}.ndjson`,
          flatten(source.items.pages(table, tenant.tenantId)),
        ),
      );
  }
  const manifest: Manifest = {
    tenantId: tenant.tenantId,
    name: tenant.name,
    exportedAt: now.toISOString(),
    files,
  };
  const file = path.join(target, 'manifest.json');
  await writeFile(`${file}.part`, `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.part`, file);
  return { directory: target, manifest };
}

async function* usersOf(
  { identity, tenant, ownPool }: ExportSource,
  pool: UserPool,
): AsyncGenerator<unknown> {
  for await (const user of identity.usersOf(pool, tenant.tenantId, { silo: ownPool }))
    yield {
      username: user.Username,
      enabled: user.Enabled,
      status: user.UserStatus,
      createdAt: user.UserCreateDate?.toISOString(),
      attributes: Object.fromEntries((user.Attributes ?? []).map(({ Name, Value }) => [Name, Value])),
    };
}

async function* flatten<T>(pages: AsyncIterable<T[]>): AsyncGenerator<T> {
  for await (const page of pages) yield* page;
}

async function writeLines(
  directory: string,
  name: string,
  documents: AsyncIterable<unknown>,
): Promise<ExportedFile> {
  const hash = createHash('sha256');
  const file = await open(path.join(directory, name), 'w', 0o600);
  let count = 0;
  try {
    for await (const document of documents) {
      const line = `${JSON.stringify(document)}\n`;
      hash.update(line);
      await file.write(line);
      count++;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { name, count, sha256: hash.digest('hex') };
}
