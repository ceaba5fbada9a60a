import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { SaasError } from '../../model/error.ts';
import { built } from '../../model/installation.ts';
import type { Target } from '../environment.ts';
import type { ToolkitAnswer, ToolkitEvent, ToolkitMessage, ToolkitRequest } from './toolkit-protocol.ts';

export interface ToolkitRun {
  target: Target;
  signal: AbortSignal;
  /** What it throws ends the toolkit; for a `stack-done`, the toolkit waits for it. */
  onEvent?: (event: ToolkitEvent) => void | Promise<void>;
}

/**
 * Has the CDK's toolkit do one thing, in a process of its own with the target's endpoint and credentials in its
 * environment. What Docker prints there becomes events. An abort ends the process; what CloudFormation has begun goes
 * on. Rejects with the toolkit's error, under its name.
 */
export async function runToolkit<Result>(
  request: ToolkitRequest,
  { target, signal, onEvent = () => {} }: ToolkitRun,
): Promise<Result> {
  // It signs for itself, so the check that holds the SDK's clients back holds it back here.
  await target.verify();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [built('services', 'deployment', 'toolkit-process.js')], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, ...target.processEnvironment },
      signal,
    });
    const printed: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (text) => {
        printed.push(text);
        if (printed.length > 50) printed.shift();
        if (text.trim() !== '') void onEvent({ type: 'working', text });
      });
    }
    child.on('message', (message: ToolkitMessage) => {
      if (message.type === 'done') return resolve(message.result as Result);
      if (message.type === 'failed') {
        const { name, message: text, stack } = message;
        if (/^Failed to (build|publish) asset/.test(text))
          return reject(
            new SaasError('image_failed', `an image could not be made: ${text.replace(/^F/, 'f')}`, {
              detail: printed.slice(-10).join('\n'),
              hint: 'the detail is what the image builder said last; mend the cause, then run the same command again',
            }),
          );
        return reject(Object.assign(new Error(text), { name, stack }));
      }
      Promise.resolve(onEvent(message)).then(
        () => {
          if (child.connected && message.type === 'stack-done') child.send(answerTo(message));
        },
        (error: unknown) => {
          reject(error);
          child.kill('SIGKILL');
        },
      );
    });
    // The toolkit would try for minutes, in silence, to reach what is gone.
    const ended = new AbortController();
    target.untilGone?.(ended.signal).then(
      () => {
        reject(
          new SaasError('unreachable', 'the environment has ended while its stacks were deployed', {
            hint: 'run the same command again: it goes on where it stopped',
          }),
        );
        child.kill('SIGKILL');
      },
      () => {},
    );
    child.on('error', reject);
    child.on('close', (code, by) => {
      ended.abort();
      reject(
        new SaasError('toolkit_ended', `the CDK's toolkit ended with ${by ?? code} before it was done`, {
          detail: printed.slice(-10).join('\n'),
          hint: 'run the same command again; with --debug it says more',
        }),
      );
    });
    child.send(request);
  });
}

const answerTo = ({ type }: ToolkitMessage): ToolkitAnswer => ({ heard: type });
