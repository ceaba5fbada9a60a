/** Requests to the embedded cloud in each of AWS's protocols: whatever comes, an answer in that protocol goes back. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe } from 'vitest';
import { type OperationShape, shapeOf } from '../../src/embedded/endpoint/shape.ts';
import type { Protocol } from '../../src/embedded/platform.ts';
import { requestsFor } from './aws-requests.ts';
import { expectOrderly, type FuzzedCloud, startFuzzedCloud } from './fuzzed-cloud.ts';
import { property } from './property.ts';

let fuzzed: FuzzedCloud;
beforeAll(async () => {
  fuzzed = await startFuzzedCloud();
});
afterAll(() => fuzzed.stop());

/** The operations of a protocol. They are known once the cloud runs, so what depends on them is made at the first case. */
function shapesOf(...protocols: Protocol[]): OperationShape[] {
  return fuzzed.cloud.services
    .filter((service) => protocols.includes(service.protocol))
    .flatMap((service) => service.operations.map((operation) => shapeOf(service, operation)));
}

const requests = (...protocols: Protocol[]) => {
  let made: ReturnType<typeof requestsFor> | undefined;
  return fc.gen().map((draw) => {
    made ??= requestsFor(shapesOf(...protocols));
    return draw(() => made as NonNullable<typeof made>);
  });
};

describe('wire', () => {
  for (const [name, protocols] of [
    ['wire: AWS JSON', ['json-1.0', 'json-1.1']],
    ['wire: AWS Query', ['query']],
    ['wire: EC2 Query', ['ec2']],
    ['wire: REST-JSON', ['rest-json']],
    ['wire: REST-XML', ['rest-xml']],
  ] as const)
    property(name, requests(...protocols), async (request) =>
      expectOrderly(fuzzed, request, await fuzzed.send(request)),
    );
});
