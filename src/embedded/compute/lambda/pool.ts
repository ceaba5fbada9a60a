/** The processes of one function: few, kept warm, one event at a time each. */
import { FunctionFailure, Worker, type WorkerInvocation, type WorkerOptions } from './worker.ts';

export interface PoolOptions {
  /** Most processes at once. */
  max: number;
  worker(): Omit<WorkerOptions, 'onExit'>;
  now(): number;
}

/** Another process is started when an event has waited this long for one. */
const growAfterMs = 100;
/** A process that had nothing to do for this long goes. */
const idleMs = 300_000;
/** Credentials are given at the start and last twelve hours: a process goes before they do. */
const maxAgeMs = 6 * 3600_000;

interface Member {
  worker: Worker;
  born: number;
  idleSince: number;
}

interface Waiting {
  start(member: Member): void;
  /** An event that nobody will take: the pool is closed, or no process can be started. */
  abandon(error: Error): void;
}

export interface InvocationResult {
  payload: string;
  lines: string[];
}

export class Pool {
  readonly #options: PoolOptions;
  readonly #idle: Member[] = [];
  readonly #members = new Set<Member>();
  readonly #waiting: Waiting[] = [];
  #grow: NodeJS.Timeout | undefined;
  #reap: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Rejects with FunctionFailure. */
  async invoke(invocation: WorkerInvocation): Promise<InvocationResult> {
    const member = await this.#acquire();
    member.worker.takeLines();
    try {
      const payload = await member.worker.invoke(invocation, this.#options.now());
      return { payload, lines: member.worker.takeLines() };
    } catch (error) {
      if (error instanceof FunctionFailure) error.lines = member.worker.takeLines();
      throw error;
    } finally {
      this.#release(member);
    }
  }

  #acquire(): Promise<Member> {
    const idle = this.#takeIdle();
    if (idle) return Promise.resolve(idle);
    if (this.#members.size === 0) return Promise.resolve(this.#spawn());
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        start: resolve,
        abandon: reject,
      });
      this.#scheduleGrowth();
    });
  }

  #takeIdle(): Member | undefined {
    for (;;) {
      // The one used last is the warmest; the others may idle out.
      const member = this.#idle.pop();
      if (!member) return undefined;
      if (!member.worker.alive) continue;
      if (performance.now() - member.born < maxAgeMs) return member;
      member.worker.kill();
    }
  }

  #spawn(): Member {
    const worker: Worker = new Worker({
      ...this.#options.worker(),
      onExit: () => {
        this.#members.delete(member);
        this.#serve();
      },
    });
    const member: Member = { worker, born: performance.now(), idleSince: 0 };
    this.#members.add(member);
    return member;
  }

  /** Gives the first event that waits a process of its own. It can't be started when the function's role is gone. */
  #startNext(): void {
    const next = this.#waiting.shift();
    if (!next) return;
    try {
      next.start(this.#spawn());
    } catch (error) {
      next.abandon(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #scheduleGrowth(): void {
    this.#grow ??= setTimeout(() => {
      this.#grow = undefined;
      if (this.#members.size < this.#options.max) this.#startNext();
      if (this.#waiting.length > 0) this.#scheduleGrowth();
    }, growAfterMs);
  }

  #release(member: Member): void {
    member.idleSince = performance.now();
    if (member.worker.alive && this.#members.has(member)) this.#idle.push(member);
    this.#serve();
    if (this.#closed) this.#endIdle();
    else this.#reap ??= setInterval(() => this.#dropIdle(), idleMs / 5).unref();
  }

  #serve(): void {
    while (this.#waiting.length > 0) {
      const member = this.#takeIdle();
      if (member) this.#waiting.shift()?.start(member);
      else if (this.#members.size === 0) this.#startNext();
      else return;
    }
  }

  #dropIdle(): void {
    const now = performance.now();
    for (const member of this.#idle.filter((each) => now - each.idleSince > idleMs)) {
      this.#idle.splice(this.#idle.indexOf(member), 1);
      member.worker.kill();
    }
  }

  #endIdle(): void {
    for (const member of this.#idle.splice(0)) member.worker.kill();
  }

  /** Lets the events that it has taken finish; its owner sends it no new ones. */
  retire(): void {
    this.#closed = true;
    clearInterval(this.#reap);
    this.#endIdle();
  }

  /** Ends all processes; resolves when they are gone. */
  async stop(): Promise<void> {
    this.retire();
    clearTimeout(this.#grow);
    const gone = { errorType: 'Runtime.ExitError', errorMessage: 'the function was changed or removed' };
    for (const waiting of this.#waiting.splice(0)) waiting.abandon(new FunctionFailure(gone));
    await Promise.all([...this.#members].map((member) => member.worker.stop()));
  }
}
