/** Parallel and Map: several branches at once; the first that fails ends the others. */
import { fillTemplate, readPath } from '../language/data-flow.ts';
import type { Workflow } from '../language/definition.ts';
import { runtimeError } from '../language/errors.ts';
import type { Branch } from '../state.ts';
import { runBranch, type Step } from './branch.ts';

/** An inline Map runs this many iterations at once at most ("Map state in Inline mode"). */
const maxIterations = 40;

/** Resolves to the branches' outputs in order. */
export async function runParallel(step: Step, input: unknown): Promise<unknown[]> {
  const { run, branch, entered, state, extra } = step;
  const workflows = state.Branches ?? [];
  if (!entered.branches) {
    run.event(branch, { type: 'ParallelStateStarted' });
    entered.branches = workflows.map(({ StartAt }) => ({ state: StartAt, input, event: branch.event }));
    run.save();
  }
  const outputs = await all(step, workflows.length, workflows.length, (index, inner, signal) =>
    runBranch(run, workflows[index] as Workflow, inner, signal, extra),
  );
  run.event(branch, { type: 'ParallelStateSucceeded' });
  return outputs;
}

/** Resolves to the iterations' outputs in the items' order. */
export async function runIterations(step: Step): Promise<unknown[]> {
  const { run, branch, entered, state, scope, name, extra } = step;
  const processor = (state.ItemProcessor ?? state.Iterator) as Workflow;
  const items = state.ItemsPath === undefined ? scope.data : readPath(state.ItemsPath, scope, 'ItemsPath');
  if (!Array.isArray(items))
    throw runtimeError(
      `The Map state ${name} must be given an array by its ItemsPath, not ${JSON.stringify(items)}`,
    );
  const template = state.ItemSelector ?? state.Parameters;
  const itemContext = (index: number): Record<string, unknown> => ({
    ...extra,
    Map: { Item: { Index: index, Value: items[index] as unknown } },
  });
  if (!entered.branches) {
    run.event(branch, { type: 'MapStateStarted', mapStateStartedEventDetails: { length: items.length } });
    entered.branches = items.map((item: unknown, index) => ({
      state: processor.StartAt,
      input:
        template === undefined
          ? item
          : fillTemplate(template, { ...scope, context: { ...scope.context, ...itemContext(index) } }),
      event: branch.event,
    }));
    run.save();
  }
  const asked = Number(
    state.MaxConcurrencyPath === undefined
      ? (state.MaxConcurrency ?? 0)
      : readPath(state.MaxConcurrencyPath, scope, 'MaxConcurrencyPath'),
  );
  const outputs = await all(step, items.length, asked || maxIterations, async (index, inner, signal) => {
    const details = { name, index };
    if (inner.told === undefined) {
      run.event(inner, { type: 'MapIterationStarted', mapIterationStartedEventDetails: details });
      inner.told = 'started';
    }
    const output = await runBranch(run, processor, inner, signal, itemContext(index));
    if (inner.told === 'started') {
      run.event(inner, { type: 'MapIterationSucceeded', mapIterationSucceededEventDetails: details });
      inner.told = 'succeeded';
      run.save();
    }
    return output;
  });
  run.event(branch, { type: 'MapStateSucceeded' });
  return outputs;
}

async function all(
  { run, branch, entered, state, signal }: Step,
  count: number,
  atOnce: number,
  work: (index: number, branch: Branch, signal: AbortSignal) => Promise<unknown>,
): Promise<unknown[]> {
  const siblings = new AbortController();
  const either = AbortSignal.any([signal, siblings.signal]);
  const outputs: unknown[] = new Array(count);
  let next = 0;
  let failure: { error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    while (next < count && !failure) {
      const index = next++;
      const inner = entered.branches?.[index];
      if (!inner) return;
      try {
        outputs[index] = await work(index, inner, either);
      } catch (error) {
        // The first one counts: the others end because of it.
        failure ??= { error };
        siblings.abort(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, atOnce, maxIterations) }, worker));
  if (failure) {
    if (!signal.aborted)
      run.event(branch, { type: state.Type === 'Map' ? 'MapStateFailed' : 'ParallelStateFailed' });
    throw failure.error;
  }
  return outputs;
}
