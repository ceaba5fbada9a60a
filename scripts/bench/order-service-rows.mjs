import { runOrderServiceBench } from './order-service.mjs';

/** The reference's order service did 190 to 210 requests a second on the same work. */
const reference = 200;

export async function measure({ short }) {
  const found = await runOrderServiceBench({ short });
  return [
    {
      what: 'order service, GET /orders of 20 items, 16 connections',
      figure: found.requestsPerSecond,
      unit: 'requests/s',
      bar: `>= ${4 * reference}`,
      ok: found.requestsPerSecond >= 4 * reference,
    },
    { what: 'order service, p99', figure: found.p99Ms, unit: 'ms' },
    {
      what: 'order service, ready',
      figure: found.readyMs,
      unit: 'ms',
      bar: '<= 250 ms',
      ok: found.readyMs <= 250,
    },
    {
      what: 'order service, memory under load',
      figure: found.loadedMB,
      unit: 'MB',
      bar: '<= 140 MB',
      ok: found.loadedMB <= 140,
    },
    {
      what: 'order service, AssumeRole calls for one tenant',
      figure: found.assumeRoleCalls,
      unit: '',
      bar: '1',
      ok: found.assumeRoleCalls === 1,
    },
  ];
}
