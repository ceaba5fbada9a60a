/**
 * An endpoint in front of the cloud that passes everything on and remembers what was asked: `<service> <operation>` of a
 * signed call, `http <method> <path>` of another request.
 */
import { createServer, request as send } from 'node:http';

/** Gives `{ url, calls, close() }`; `calls` grows in the order in which requests come. */
export async function openRecordingEndpoint(endpoint) {
  const calls = [];
  const server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('error', () => response.destroy());
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      calls.push(nameOf(request, body));
      const options = { method: request.method, headers: request.headers };
      const onward = send(new URL(request.url, endpoint), options, (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      });
      onward.on('error', () => response.destroy());
      onward.end(body);
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    calls,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function nameOf({ method, url, headers }, body) {
  const service = /\/([a-z0-9-]+)\/aws4_request/.exec(headers.authorization ?? '')?.[1] ?? 'http';
  const target = headers['x-amz-target']?.split('.').at(-1);
  const action = target ?? /(?:^|&)Action=(\w+)/.exec(body.toString('latin1', 0, 4_096))?.[1];
  return `${service} ${action ?? `${method} ${url.split('?')[0]}`}`;
}
