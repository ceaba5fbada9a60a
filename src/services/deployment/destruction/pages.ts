/** Reads a listing to its end. `read` gives one page and where the next one begins. */
export async function everyPage<T>(
  read: (next: string | undefined) => Promise<{ items: readonly T[] | undefined; next: string | undefined }>,
): Promise<T[]> {
  const all: T[] = [];
  let next: string | undefined;
  do {
    const page = await read(next);
    all.push(...(page.items ?? []));
    next = page.next;
  } while (next !== undefined && next !== '');
  return all;
}

/** Does `work` for each, so many at once; stops beginning new ones when one fails or `signal` is aborted. */
export async function each<T>(
  items: readonly T[],
  atOnce: number,
  signal: AbortSignal,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  let failed = false;
  const worker = async (): Promise<void> => {
    for (const item of waiting) {
      signal.throwIfAborted();
      if (failed) return;
      await work(item).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
}
