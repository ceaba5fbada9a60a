import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { cellStackName } from '../../model/names.ts';
import { furtherCells } from '../cells/growth.ts';
import type { Context } from '../context.ts';
import type { Session } from '../session.ts';
import { Stacks } from '../stacks.ts';
import type { Assembly } from './synthesize.ts';
import type { StackChange } from './toolkit-protocol.ts';

type Resources = Record<string, { Type: string }>;

/** What the new template would change in the further cells, which the CDK's toolkit does not know. */
export async function diffCells(
  { target }: Context,
  session: Session,
  assembly: Assembly,
): Promise<StackChange[]> {
  const wanted = resourcesIn(await readFile(assembly.cellTemplate, 'utf8'));
  const stacks = new Stacks(target.client);
  const changes: StackChange[] = [];
  for (const { name } of await furtherCells(session)) {
    const stack = cellStackName(target.prefix, name);
    const there = resourcesIn(await stacks.template(stack));
    const label = (id: string): string => `${(wanted[id] ?? there[id])?.Type} ${id}`;
    const both = Object.keys(wanted).filter((id) => id in there);
    changes.push({
      stack,
      added: Object.keys(wanted)
        .filter((id) => !(id in there))
        .map(label),
      changed: both.filter((id) => !isDeepStrictEqual(wanted[id], there[id])).map(label),
      removed: Object.keys(there)
        .filter((id) => !(id in wanted))
        .map(label),
      // What a cell permits, the first one does too: it is shown, and approved, with the stack that holds that.
      permissions: { broadened: false, lines: [] },
    });
  }
  return changes;
}

const resourcesIn = (template: string): Resources =>
  (JSON.parse(template) as { Resources: Resources }).Resources;
