import { bars, runOrderServiceBench } from './order-service.mjs';
import { row } from './row.mjs';

export async function measure({ short }) {
  const found = await runOrderServiceBench({ short });
  return [
    row('order service, GET /orders of 20 items, 16 connections', found.requestsPerSecond, 'requests/s', {
      atLeast: bars.requestsPerSecond,
    }),
    row('order service, p99', found.p99Ms, 'ms'),
    row('order service, ready', found.readyMs, 'ms', { atMost: bars.readyMs }),
    row('order service, memory under load', found.loadedMB, 'MB', { atMost: bars.loadedMB }),
    row('order service, AssumeRole calls for one tenant', found.assumeRoleCalls, '', {
      atMost: bars.assumeRoleCalls,
    }),
  ];
}
