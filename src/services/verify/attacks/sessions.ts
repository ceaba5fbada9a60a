/** Sessions of the pool's tenant role that nobody was meant to get. */
import { tenantSessionTag } from '../../../model/names.ts';
import type { InsideAttack } from '../attack.ts';
import { assume, dynamodb, itemOf, keyOf, ownSession, silos, tenantRole } from './raw-items.ts';

export const sessionAttacks: readonly InsideAttack[] = [
  {
    name: 'session-without-tag',
    tries: 'takes the tenant role without saying for which tenant',
    expects: 'AccessDenied',
    control: 'tenant-role-trust-tag',
    models: ['pool'],
    from: 'data',
    async calls(scene) {
      const role = await tenantRole(scene);
      return [
        await ownSession(scene),
        assume(role, {}, { sent: 'AssumeRole of the tenant role without a tag' }),
        assume(role, { [tenantSessionTag]: '' }, { sent: 'AssumeRole of the tenant role with an empty tag' }),
      ];
    },
  },
  {
    name: 'session-with-other-tags',
    tries: 'takes the tenant role with tags that it was not meant to have',
    expects: 'AccessDenied',
    control: 'tenant-role-trust-tag-keys',
    models: ['pool'],
    from: 'data',
    async calls(scene) {
      const role = await tenantRole(scene);
      const own = scene.attacker.tenantId;
      return [
        assume(role, { [tenantSessionTag]: own, other: 'x' }, { sent: 'AssumeRole with a further tag' }),
        assume(
          role,
          { [tenantSessionTag]: own, Tenant2: scene.neighbour.tenantId },
          { sent: 'AssumeRole with a second tenant under another key' },
        ),
      ];
    },
  },
  {
    name: 'session-with-pattern',
    tries: "takes the tenant role for a pattern instead of a tenant, and reads the neighbour's items with it",
    expects: 'no session, or one that reaches nothing',
    control: 'tenant-role-leading-keys',
    models: ['pool'],
    from: 'data',
    async calls(scene) {
      const role = await tenantRole(scene);
      const item = itemOf(scene, scene.neighbour);
      return ['*', `${item.tenantId.slice(0, 4)}*`].flatMap((value, index) => [
        assume(
          role,
          { [tenantSessionTag]: value },
          { keep: `pattern-${index}`, sent: `AssumeRole with the tag "${value}"` },
        ),
        {
          ...dynamodb(
            'GetItem',
            { TableName: item.table, Key: keyOf(item) },
            `GetItem of an item of ${scene.neighbour.name} in the session of "${value}"`,
          ),
          as: `pattern-${index}`,
        },
      ]);
    },
    // AWS gives no session with such a tag; here it may, and then it must be of no use.
    judge: (results) =>
      results
        .filter(({ call }) => !('keep' in call && call.keep !== undefined))
        .map(({ call, status, code = '', message = '' }) => ({
          sent: call.sent,
          received: `${status || 'no session'} ${code} ${message}`.trim(),
          outcome: /^(AccessDenied|AccessDeniedException|NoSession)$/.test(code)
            ? 'held'
            : status === 200
              ? 'succeeded'
              : 'inconclusive',
        })),
  },
  {
    name: 'session-of-session',
    tries: "takes the tenant role for the neighbour with his own tenant's session",
    expects: 'AccessDenied',
    control: 'tenant-role-trust-principal',
    models: ['pool'],
    from: 'data',
    async calls(scene) {
      return [
        await ownSession(scene),
        assume(
          await tenantRole(scene),
          { [tenantSessionTag]: scene.neighbour.tenantId },
          {
            as: 'own',
            sent: "AssumeRole of the tenant role for the neighbour, from his own tenant's session",
          },
        ),
      ];
    },
  },
  {
    name: 'session-from-silo',
    tries: "takes the pool's tenant role with a silo's task",
    expects: 'AccessDenied',
    control: 'tenant-role-trust-principal',
    models: silos,
    from: 'data',
    async calls(scene) {
      const pooled = scene.victims.find(({ model }) => model === 'pool');
      // Without a pool there is no such role.
      if (!pooled) return [];
      const role = await tenantRole(scene);
      return [scene.attacker, pooled].map(({ tenantId, name }) =>
        assume(
          role,
          { [tenantSessionTag]: tenantId },
          { sent: `AssumeRole of the pool's tenant role for ${name}` },
        ),
      );
    },
  },
  {
    name: 'session-from-user-service',
    tries: "takes the pool's tenant role with the user service's task",
    expects: 'AccessDenied',
    control: 'tenant-role-trust-principal',
    models: ['pool'],
    needs: ['users'],
    from: 'identity',
    calls: async (scene) => [
      assume(
        await tenantRole(scene),
        { [tenantSessionTag]: scene.neighbour.tenantId },
        { sent: 'AssumeRole of the tenant role for the neighbour' },
      ),
    ],
  },
];
