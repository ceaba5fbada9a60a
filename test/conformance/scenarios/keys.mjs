/** KMS: keys that a stack leaves, and how they are told and scheduled to go. */
import * as kms from '@aws-sdk/client-kms';

const key = (saved) => ({ KeyId: saved.key });
const unknown = { KeyId: '00000000-0000-0000-0000-000000000000' };

export const keys = {
  KMS: {
    Client: kms.KMSClient,
    module: kms,
    steps: [
      [
        'CreateKey',
        { Description: 'conformance', Tags: [{ TagKey: 'app', TagValue: 'shop' }] },
        { save: (answer, saved) => Object.assign(saved, { key: answer.KeyMetadata.KeyId }) },
      ],
      ['DescribeKey', key],
      ['DescribeKey', unknown, { as: 'KMS DescribeKey unknown' }],
      ['ListKeys', {}],
      ['ListResourceTags', key],
      ['ListResourceTags', unknown, { as: 'KMS ListResourceTags unknown' }],
      [
        'ScheduleKeyDeletion',
        (saved) => ({ ...key(saved), PendingWindowInDays: 6 }),
        { as: 'KMS ScheduleKeyDeletion, too soon' },
      ],
      ['ScheduleKeyDeletion', (saved) => ({ ...key(saved), PendingWindowInDays: 7 })],
      ['DescribeKey', key, { as: 'KMS DescribeKey, to be deleted' }],
      [
        'ScheduleKeyDeletion',
        (saved) => ({ ...key(saved), PendingWindowInDays: 7 }),
        { as: 'KMS ScheduleKeyDeletion again' },
      ],
      ['ScheduleKeyDeletion', unknown, { as: 'KMS ScheduleKeyDeletion unknown' }],
    ],
  },
};
