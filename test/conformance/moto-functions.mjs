/**
 * moto runs no functions without Docker. This endpoint in front of it passes everything on but invocations of one function:
 * for those it runs the function's own bundle, in a process that takes moto for AWS.
 */
import { createServer, request as send } from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, run } from './machine.mjs';

const script = `
const [bundle, event] = process.argv.slice(1);
// What a function logs is not its answer.
console.log = console.error;
const { handler } = await import(bundle);
process.stdout.write(JSON.stringify(await handler(JSON.parse(event))));
`;

/** `name` is the function's directory among the templates; `environment` its variables. Gives `{ endpoint, stop() }`. */
export async function serveFunction(moto, name, environment) {
  const bundle = pathToFileURL(path.join(root, 'dist', 'templates', 'functions', name, 'index.mjs')).href;
  const env = {
    PATH: process.env.PATH,
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL: moto,
    AWS_ACCESS_KEY_ID: 'conformance',
    AWS_SECRET_ACCESS_KEY: 'conformance',
    ...environment,
  };
  async function invoke(event) {
    const argv = ['--input-type=module', '-e', script, bundle, event];
    const { stdout } = await run(process.execPath, argv, { env, timeout: 150_000 });
    return stdout;
  }
  const server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('error', () => response.destroy());
    request.on('end', async () => {
      const body = Buffer.concat(chunks);
      if (/^\/2015-03-31\/functions\/[^/]+\/invocations$/.test(request.url)) {
        const answer = await invoke(body.toString('utf8')).then(
          (payload) => [{}, payload],
          (error) => [
            { 'x-amz-function-error': 'Unhandled' },
            JSON.stringify({ errorMessage: String(error.stderr || error) }),
          ],
        );
        response.writeHead(200, { 'content-type': 'application/json', ...answer[0] }).end(answer[1]);
        return;
      }
      const { method, headers, url } = request;
      const onward = send(new URL(url, moto), { method, headers }, (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      });
      onward.on('error', () => response.destroy());
      onward.end(body);
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${server.address().port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
