import { expect, it } from 'vitest';
import { SaasError } from '../../src/model/error.ts';
import { FailureWatch } from '../../src/services/stack-failure.ts';

it('a failed deployment names the command that tells all of it, for the environment that it was in', async () => {
  const failed = new SaasError('deployment_failed', 'stack "shared-infra-stack" failed: no room', {
    hint: 'repair the cause',
  });
  for (const flags of ['', ' --env prod'])
    await expect(new FailureWatch({ region: 'us-east-1' }, flags).explain(failed)).rejects.toMatchObject({
      hint: `repair the cause; all of it: saas-ecs explain shared-infra-stack${flags}`,
    });
});
