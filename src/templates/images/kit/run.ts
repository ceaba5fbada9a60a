import type { FastifyInstance } from 'fastify';
import { createService, type Routes } from './service.ts';
import { type Needs, readSettings, type Settings } from './settings.ts';

/** ECS sends SIGKILL 30 seconds after SIGTERM. */
const stopWithin = 20_000;

/** Runs a service until SIGTERM or SIGINT: stops accepting, finishes what is under way, ends with 0. */
export async function runService(name: string, needs: Needs, routes: Routes): Promise<void> {
  let settings: Settings;
  try {
    settings = readSettings(process.env, needs);
  } catch (error) {
    fail(name, error);
    return;
  }
  const app = createService(name, settings, routes);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop(app, signal));
  try {
    await app.listen({ host: settings.host, port: settings.port });
  } catch (error) {
    fail(name, error);
    await app.close();
  }
}

function stop(app: FastifyInstance, signal: string): void {
  app.log.info({ signal }, 'stopping');
  const late = setTimeout(() => {
    app.log.warn('requests were cut off: they took too long to finish');
    process.exit(0);
  }, stopWithin);
  // close() ends the connections that are idle now; those that become idle with their last answer would linger.
  setInterval(() => app.server.closeIdleConnections(), 100);
  app.close().then(
    () => {
      clearTimeout(late);
      process.exit(0);
    },
    (error: unknown) => {
      app.log.error({ err: error }, 'stopping failed');
      process.exit(1);
    },
  );
}

/** One line that says why, in the shape of the other log lines; a stack trace would bury it. */
function fail(name: string, error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  process.stderr.write(
    `${JSON.stringify({ level: 'fatal', time: new Date().toISOString(), service: name, msg: `the service can't start: ${reason}` })}\n`,
  );
  process.exitCode = 1;
}
