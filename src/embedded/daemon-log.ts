/** The background process's log: one line an entry, with its time, in a file that does not grow for ever. */
import { appendFileSync, renameSync, statSync } from 'node:fs';

/** Above this many bytes the file becomes `<file>.1` and a new one begins. */
const maxBytes = 5 * 1024 * 1024;
/** Lines are gathered for this long, in milliseconds. */
const gather = 100;

export interface DaemonLog {
  write(message: string): void;
  close(): void;
}

export function openLog(file: string): DaemonLog {
  let waiting = '';
  let timer: NodeJS.Timeout | undefined;
  let size = sizeOf(file);
  const flush = (): void => {
    timer = undefined;
    const text = waiting;
    waiting = '';
    try {
      if (size > maxBytes) {
        renameSync(file, `${file}.1`);
        size = 0;
      }
      appendFileSync(file, text, { mode: 0o600 });
      size += Buffer.byteLength(text);
    } catch {
      // A log that can't be written is no reason to stop serving.
    }
  };
  return {
    write(message) {
      waiting += `${new Date().toISOString()} ${message.replaceAll('\n', ' | ')}\n`;
      timer ??= setTimeout(flush, gather).unref();
    },
    close() {
      clearTimeout(timer);
      if (waiting !== '') flush();
    },
  };
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}
