import { describe, expect, it } from 'vitest';
import { causeOf } from '../../src/services/explain/causes.ts';
import type { Link } from '../../src/services/explain/chain.ts';
import { redact } from '../../src/services/explain/redact.ts';

const link = (kind: Link['kind'], status: string, detail: string, name = 'orders'): Link => ({
  kind,
  name,
  status,
  detail,
  at: null,
});

/** Messages as AWS words them. */
const shown: readonly [string, Link, string][] = [
  ['image_exits', link('task', 'exited with 7', 'Essential container in task exited'), 'with code 7'],
  [
    'image_missing',
    link(
      'task',
      'stopped',
      'CannotPullContainerError: pull image manifest has been retried 5 time(s): not found',
    ),
    'orders',
  ],
  ['image_architecture', link('log', 'last lines', 'exec /nodejs/bin/node: exec format error'), 'processor'],
  [
    'out_of_memory',
    link(
      'task',
      'exited with 137',
      'Essential container in task exited\norders: OutOfMemoryError: Container killed due to memory usage',
    ),
    'memory',
  ],
  [
    'health_check_failed',
    link(
      'task',
      'exited with 143',
      'Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:…)',
    ),
    'health check of "orders"',
  ],
  [
    'health_check_failed',
    link('target', 'unhealthy', '10.0.0.7:3010: Health checks failed with these codes: [500]'),
    'health check of "orders"',
  ],
  ['health_check_failed', link('task', 'stopped', 'Task failed container health checks'), 'health check'],
  [
    'no_capacity',
    link(
      'event',
      'said by ECS',
      '(service orders) was unable to place a task because no container instance met all of its requirements.',
    ),
    'capacity',
  ],
  [
    'no_capacity',
    link('task', 'stopped', 'Capacity is unavailable at this time. Please try again later'),
    'capacity',
  ],
  [
    'quota_exceeded',
    link(
      'resource',
      'CREATE_FAILED',
      "You've reached the limit on the number of tasks: The maximum number of VPCs has been reached. (HandlerErrorCode: ServiceLimitExceeded)",
    ),
    'quota',
  ],
  [
    'iam_denied',
    link(
      'resource',
      'CREATE_FAILED',
      'User: arn:aws:sts::123456789012:assumed-role/ci/x is not authorized to perform: iam:CreateRole on resource: arn (Service: Iam, Status Code: 403)',
    ),
    'IAM denied iam:CreateRole',
  ],
  [
    'iam_denied',
    link(
      'log',
      'last lines',
      'AccessDeniedException: User: arn:x is not authorized to perform: dynamodb:Query on resource: y',
    ),
    'dynamodb:Query to the service "orders"',
  ],
  [
    'name_taken',
    link(
      'resource',
      'CREATE_FAILED',
      "Resource of type 'AWS::Logs::LogGroup' with identifier '/saas-ecs/x' already exists.",
      'Logs',
    ),
    'Logs',
  ],
  [
    'not_deployed',
    link(
      'operation',
      'failed',
      'Unable to fetch parameters [/saas-ecs/shop/prod/vpc-id] from parameter store for this account.',
      'onboard',
    ),
    '/saas-ecs/shop/prod/vpc-id',
  ],
  [
    'stack_busy',
    link(
      'operation',
      'failed',
      'Stack:arn is in UPDATE_IN_PROGRESS state and can not be updated.',
      'onboard',
    ),
    'under way',
  ],
  [
    'credentials_expired',
    link(
      'operation',
      'failed',
      'ExpiredToken: The security token included in the request is expired',
      'onboard',
    ),
    'ran out',
  ],
  [
    'aws_throttled',
    link('resource', 'CREATE_FAILED', 'Rate exceeded (Service: Ecs, Status Code: 400)'),
    'throttled',
  ],
  [
    'circuit_breaker',
    link('service', 'failed', 'ECS deployment circuit breaker: tasks failed to start.'),
    'gave up',
  ],
];

describe('a known cause', () => {
  it.each(shown)('%s is told from what AWS says', (code, said, text) => {
    const cause = causeOf([said]);
    expect(cause).toMatchObject({ code, text: expect.stringContaining(text) });
    expect(cause?.fix.length).toBeGreaterThan(0);
  });

  it('is the most telling one: a denied call that a service logs comes before its exit, and both before the circuit breaker', () => {
    const breaker = link('service', 'failed', 'ECS deployment circuit breaker: tasks failed to start.');
    const exit = link('task', 'exited with 1', 'Essential container in task exited');
    const denied = link('log', 'last lines', 'not authorized to perform: secretsmanager:GetSecretValue');
    expect(causeOf([breaker, exit])?.code).toBe('image_exits');
    expect(causeOf([breaker, exit, denied])?.code).toBe('iam_denied');
  });

  it('is not guessed', () => {
    expect(causeOf([])).toBeUndefined();
    expect(causeOf([link('resource', 'CREATE_FAILED', 'Internal Failure')])).toBeUndefined();
    // What a service logs of its own tokens or names says nothing of the deployment.
    expect(
      causeOf([link('log', 'last lines', 'the session ExpiredToken; user already exists')]),
    ).toBeUndefined();
    expect(
      causeOf([link('task', 'exited with 143', 'Scaling activity initiated by (deployment x)')]),
    ).toBeUndefined();
  });
});

describe('what is shown of a log', () => {
  it.each([
    ['login with password=hunter2 failed', 'login with password=*** failed'],
    ['{"apiKey":"abc123","user":"x"}', '{"apiKey":***,"user":"x"}'],
    ['Authorization: Bearer abcdefghijkl', 'Authorization: Bearer ***'],
    ['token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln rejected', 'token *** rejected'],
    ['key AKIAABCDEFGHIJKLMNOP in use', 'key AKIA*** in use'],
    ['connecting to postgres://app:s3cret@db:5432/x', 'connecting to postgres://app:***@db:5432/x'],
    ['DB_PASSWORD: s3cret', 'DB_PASSWORD: ***'],
  ])('hides what looks like a secret in: %s', (line, told) => {
    expect(redact(line)).toBe(told);
  });

  it('keeps what only speaks of one, and cuts long lines', () => {
    for (const line of ['cannot start: REVIEWS_KEY is not set', 'the token is missing', 'listening on 3010'])
      expect(redact(line)).toBe(line);
    expect(redact('x'.repeat(1_000)).length).toBeLessThan(500);
  });
});
