/**
 * Ends the process when one case does not end: a loop or a regular expression that has got lost blocks the thread, so no
 * timer of its own could notice. The watchdog is a thread; it writes what was tried before it ends the process.
 */
import { Worker } from 'node:worker_threads';

/** Generous: the slowest case takes a hundredth of it. Milliseconds. */
const patience = 60_000;

const thread = `
  const { workerData, parentPort } = require('node:worker_threads');
  const { writeSync } = require('node:fs');
  const began = new Float64Array(workerData.shared);
  let trying = '';
  parentPort.on('message', (text) => { trying = text; });
  setInterval(() => {
    if (began[0] === 0 || Date.now() - began[0] < workerData.patience) return;
    writeSync(2, 'a case did not end in ' + workerData.patience / 1000 + ' s: ' + trying + '\\n');
    process.kill(process.pid, 'SIGKILL');
  }, 1000);
`;

export interface Watchdog {
  /** A case begins; `text` says how to see it again. */
  begin(text: string): void;
  end(): void;
}

export function startWatchdog(): Watchdog {
  const shared = new SharedArrayBuffer(8);
  const began = new Float64Array(shared);
  const worker = new Worker(thread, { eval: true, workerData: { shared, patience } });
  worker.unref();
  return {
    begin(text) {
      worker.postMessage(text);
      began[0] = Date.now();
    },
    end() {
      began[0] = 0;
    },
  };
}
