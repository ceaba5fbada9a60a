/** The comparison itself: it finds what it is for, and no reason passes that is for nothing. */
import { expect, it } from 'vitest';
import { findingsOf, isWide, judge, ungranted } from './compare.ts';

const granted = {
  grants: [
    { role: 'a', action: 's3:GetObject', resources: ['arn:aws:s3:::bucket/*'] },
    { role: 'a', action: 's3:Put*', resources: ['arn:aws:s3:::bucket/*'] },
    { role: 'b', action: 'ecs:ListTasks', resources: ['*'] },
  ],
  attached: [{ role: 'c', policy: 'ReadOnlyAccess' }],
  roles: ['a', 'b', 'c'],
};
const calls = [
  { role: 'a', action: 's3:PutObject' },
  { role: 'b', action: 's3:GetObject' },
];

it('finds what nothing called, wildcards, what is on everything, and policies of AWS', () => {
  expect(findingsOf(granted, calls)).toEqual([
    { role: 'a', kind: 'uncalled', action: 's3:GetObject' },
    { role: 'a', kind: 'wildcard', action: 's3:Put*' },
    { role: 'b', kind: 'wide', action: 'ecs:ListTasks' },
    { role: 'b', kind: 'uncalled', action: 'ecs:ListTasks' },
    { role: 'c', kind: 'managed', action: 'ReadOnlyAccess' },
  ]);
});

it('knows calls that no grant of the role explains', () => {
  expect(ungranted(granted, calls)).toEqual(['b s3:GetObject']);
});

it('takes a reason for one thing only, once, and only for what there is', () => {
  const found = findingsOf(granted, calls);
  const reason = (role: string, kind: 'uncalled' | 'wide', ...actions: string[]) => ({
    ...{ role, kind, actions },
    why: 'so',
  });
  const { unexplained, stale } = judge(found, [
    reason('a', 'uncalled', 's3:GetObject', 's3:GetObject'),
    reason('b', 'uncalled', 's3:GetObject'),
    reason('b', 'wide', 'ecs:ListTasks'),
  ]);
  expect(unexplained).toEqual(['a wildcard s3:Put*', 'b uncalled ecs:ListTasks', 'c managed ReadOnlyAccess']);
  expect(stale).toEqual(['a uncalled s3:GetObject', 'b uncalled s3:GetObject']);
});

it.each([
  ['*', true],
  ['arn:${AWS::Partition}:cognito-idp:${AWS::Region}:${AWS::AccountId}:userpool/*', true],
  ['arn:aws:apigateway:${AWS::Region}::/apikeys/*', true],
  ['arn:aws:secretsmanager:us-east-1:123456789012:secret:*', true],
  ['arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/*', true],
  ['arn:aws:ecs:us-east-1:123456789012:service/tenant-*', false],
  ['arn:aws:logs:us-east-1:123456789012:log-group:/saas-ecs/*', false],
  ['${Table.Arn}', false],
  ['arn:aws:s3:::*/releases/*', true],
])('%s is wide: %s', (resource, wide) => {
  expect(isWide(resource)).toBe(wide);
});
