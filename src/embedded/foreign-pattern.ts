/**
 * Regular expressions that somebody else wrote: a template's, an API model's, an authorizer's. Backtracking can take for
 * ever on a text of a few dozen characters, and all of the cloud is one thread, so a match is given a moment and no more.
 */
import { createContext, Script } from 'node:vm';

/** Milliseconds for one match. */
const patience = 100;

/** A context without anything of ours; what runs there can be ended by the engine's timer. */
const context: Record<string, unknown> = createContext(Object.create(null) as Record<string, unknown>);
const script = new Script('new RegExp(source, flags).test(text)');

export interface ForeignPattern {
  /** False also for a text whose match takes too long: what can't be shown to match does not. */
  matches(text: string): boolean;
}

/** Throws a SyntaxError for what is no regular expression. */
export function foreignPattern(source: string, flags = ''): ForeignPattern {
  new RegExp(source, flags);
  return {
    matches(text) {
      Object.assign(context, { source, flags, text });
      try {
        return script.runInContext(context, { timeout: patience }) === true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return false;
        throw error;
      }
    },
  };
}

/** A pattern that the whole of a text must match. */
export const wholly = (source: string, flags = ''): ForeignPattern =>
  foreignPattern(`^(?:${source})$`, flags);
