import type { ResourceContext } from '../../src/embedded/platform.ts';

/** What CloudFormation would hand a resource handler, for tests that call one without a stack. */
export const resourceContext = (logicalId: string, tags: Record<string, string> = {}): ResourceContext => ({
  stackId: 'arn:aws:cloudformation:us-east-1:000000000000:stack/test/1',
  stackName: 'test',
  logicalId,
  tags,
  signal: new AbortController().signal,
  physicalName: (max = 255) => `test-${logicalId}-ABCDEFGHIJKL`.slice(0, max),
});
