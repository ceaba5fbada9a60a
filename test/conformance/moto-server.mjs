/** moto as a process on loopback. */
import path from 'node:path';
import { run } from './machine.mjs';

/** `{ endpoint, version, stop() }`; rejects where pip can't have moto. */
export async function startMoto(machine) {
  const bin = await machine.python('aws');
  const script = 'from importlib.metadata import version; print("moto", version("moto"))';
  const { stdout } = await run(path.join(bin, 'python'), ['-c', script]);
  const port = await machine.freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const server = await machine.serve(
    path.join(bin, 'moto_server'),
    ['-H', '127.0.0.1', '-p', String(port)],
    { env: { ...process.env, AWS_DEFAULT_REGION: 'us-east-1' } },
    () => fetch(endpoint),
  );
  return { endpoint, version: stdout.trim(), stop: server.stop };
}
