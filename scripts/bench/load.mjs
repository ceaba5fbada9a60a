/** A small load generator: a fixed number of connections, each with one request under way at any time. */
import http from 'node:http';

/**
 * Sends a request over `connections` kept-alive connections for `seconds` and reports what came back. An answer other
 * than 2xx is counted as an error and not as a request served.
 * @returns {Promise<{requestsPerSecond: number, p50Ms: number, p99Ms: number, requests: number, errors: number}>}
 */
export async function load(url, { method = 'GET', headers = {}, body, connections = 16, seconds = 5 } = {}) {
  const { hostname, port, pathname, search } = new URL(url);
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  const times = [];
  let errors = 0;
  const began = performance.now();
  const until = began + seconds * 1000;

  const once = () =>
    new Promise((resolve) => {
      const sent = performance.now();
      const failed = () => {
        errors++;
        resolve();
      };
      http
        .request({ agent, hostname, port, method, path: pathname + search, headers }, (response) => {
          response.on('data', () => {});
          response.on('error', failed);
          response.on('end', () => {
            if (Math.floor(response.statusCode / 100) === 2) times.push(performance.now() - sent);
            else errors++;
            resolve();
          });
        })
        .on('error', failed)
        .end(body);
    });
  const connection = async () => {
    while (performance.now() < until) await once();
  };
  await Promise.all(Array.from({ length: connections }, connection));
  const elapsed = (performance.now() - began) / 1000;
  agent.destroy();

  times.sort((a, b) => a - b);
  const at = (quantile) =>
    times[Math.min(times.length - 1, Math.floor(times.length * quantile))] ?? Number.NaN;
  return {
    requestsPerSecond: Math.round(times.length / elapsed),
    p50Ms: Math.round(at(0.5) * 100) / 100,
    p99Ms: Math.round(at(0.99) * 100) / 100,
    requests: times.length,
    errors,
  };
}
