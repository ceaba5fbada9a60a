/** The container's health check: ends with 0 when the service answers `GET /health` with 200, else with 1. */
import { get } from 'node:http';

const { HOST, PORT } = process.env;
const host = HOST && HOST !== '0.0.0.0' && HOST !== '::' ? HOST : '127.0.0.1';
const request = get(
  { host, port: PORT ?? '3010', path: '/health', timeout: 2_000, agent: false },
  (response) => {
    response.resume();
    process.exitCode = response.statusCode === 200 ? 0 : 1;
  },
);
request.on('timeout', () => request.destroy(new Error('no answer')));
request.on('error', () => {
  process.exitCode = 1;
});
