import { describe, expect, it } from 'vitest';
import { toSaasError } from '../../src/services/aws-errors.ts';

const told = (message: string): ReturnType<typeof toSaasError> =>
  toSaasError(Object.assign(new Error(message), { name: 'DeploymentError' }));

describe("a failure of the CDK's toolkit", () => {
  it('names the stack, the resource and the reason in one line, and says nothing twice', () => {
    const error = told(`❌  pool-stack failed: DeploymentError: Resource updates failed:
pool-stack/ReviewsService  (AWS::ECS::Service ReviewsService)
    ECS Deployment Circuit Breaker was triggered.
    cannot start: REVIEWS_KEY is not set
  (2 other failed task(s) not shown)
  Tasks: https://console.example/tasks
    cannot start: REVIEWS_KEY is not set
`);
    expect(error).toMatchObject({
      code: 'deployment_failed',
      message:
        'stack "pool-stack" failed at ReviewsService (AWS::ECS::Service): ECS Deployment Circuit Breaker was triggered.',
      detail: 'cannot start: REVIEWS_KEY is not set',
    });
  });

  it('is told as what it is where the environment is the cause, and not where a task only logged such words', () => {
    expect(told('❌  pool-stack failed: Error: connect ECONNREFUSED 127.0.0.1:4510').code).toBe(
      'unreachable',
    );
    expect(
      told(
        '❌  pool-stack failed: ValidationError: Stack:x is in CREATE_IN_PROGRESS state and can not be updated.',
      ).code,
    ).toBe('stack_busy');
    expect(
      told(
        '❌  pool-stack failed: Error: Resource updates failed:\npool-stack/A (AWS::ECS::Service A)\nexited\nconnect ECONNREFUSED',
      ).code,
    ).toBe('deployment_failed');
  });

  it('of another shape is told as it is', () => {
    expect(told('need to perform AWS calls, but no credentials are there')).toMatchObject({
      message: 'the deployment failed: need to perform AWS calls, but no credentials are there',
    });
  });
});
