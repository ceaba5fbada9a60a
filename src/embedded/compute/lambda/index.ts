/** Lambda: functions whose handlers really run, as Node.js and Python processes. */
import type { AwsService, Cloud, LambdaApi } from '../../platform.ts';
import { AwsError } from '../../platform.ts';
import { openFunctions } from './functions.ts';
import { lambdaOperations } from './operations.ts';
import { lambdaResourceTypes } from './resource-types.ts';
import { createRunner } from './runner.ts';

export function createLambda(cloud: Cloud): AwsService & LambdaApi {
  const functions = openFunctions(cloud);
  const runner = createRunner(cloud, functions);
  return {
    signingName: 'lambda',
    protocol: 'rest-json',
    operations: lambdaOperations(cloud, functions, runner),
    resourceTypes: lambdaResourceTypes(cloud, functions, runner),
    async invoke(functionName, event, caller) {
      const record = functions.resolve(functionName);
      if (caller && !functions.admits(record, caller))
        throw new AwsError(
          'AccessDeniedException',
          `${caller.service} is not authorized to perform: lambda:InvokeFunction on resource: ${record.arn} because no resource-based policy allows the lambda:InvokeFunction action`,
          403,
        );
      const { payload } = await runner.run(record, JSON.stringify(event) ?? 'null');
      return JSON.parse(payload) as unknown;
    },
    stop: () => runner.stop(),
  };
}
