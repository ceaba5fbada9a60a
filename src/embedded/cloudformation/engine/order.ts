/** Runs work along a dependency graph: everything as soon as what it needs is done, nothing by turns. */

export interface OrderOptions {
  /** How much may run at once. */
  concurrency: number;
  /** While it says so, nothing further is started. */
  halted?: () => boolean;
}

/**
 * Calls `work` for every node whose needs (those that are nodes themselves) have succeeded. `work` says whether it
 * did; it must not reject. Resolves to the nodes that succeeded, when nothing runs any more.
 */
export function runInOrder(
  graph: ReadonlyMap<string, ReadonlySet<string>>,
  work: (node: string) => Promise<boolean>,
  { concurrency, halted = () => false }: OrderOptions,
): Promise<Set<string>> {
  const waitingFor = new Map<string, number>();
  const dependents = new Map<string, string[]>();
  for (const [node, needs] of graph) {
    let count = 0;
    for (const need of needs) {
      if (need === node || !graph.has(need)) continue;
      count++;
      const known = dependents.get(need);
      if (known) known.push(node);
      else dependents.set(need, [node]);
    }
    waitingFor.set(node, count);
  }
  const ready = [...graph.keys()].filter((node) => waitingFor.get(node) === 0);
  const succeeded = new Set<string>();
  let active = 0;

  return new Promise((resolve, reject) => {
    const next = (): void => {
      while (active < concurrency && !halted()) {
        const node = ready.shift();
        if (node === undefined) break;
        active++;
        work(node).then((done) => {
          active--;
          if (done) {
            succeeded.add(node);
            for (const dependent of dependents.get(node) ?? []) {
              const left = (waitingFor.get(dependent) ?? 0) - 1;
              waitingFor.set(dependent, left);
              if (left === 0) ready.push(dependent);
            }
          }
          next();
        }, reject);
      }
      if (active === 0 && (ready.length === 0 || halted())) resolve(succeeded);
    };
    next();
  });
}

/** The same graph the other way round: what has to go before a node can. */
export function reversed(graph: ReadonlyMap<string, ReadonlySet<string>>): Map<string, Set<string>> {
  const result = new Map<string, Set<string>>([...graph.keys()].map((node) => [node, new Set<string>()]));
  for (const [node, needs] of graph) for (const need of needs) if (need !== node) result.get(need)?.add(node);
  return result;
}
