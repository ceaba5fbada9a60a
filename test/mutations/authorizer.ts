/** How to take away what the authorizer looks at: tokens, tenants, users, and where users come from. */
import {
  CognitoIdentityProviderClient,
  CreateIdentityProviderCommand,
  DeleteIdentityProviderCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { tenantAttributes } from '../../src/model/tenant.ts';
import type { ControlName } from '../../src/services/verify/controls.ts';
import type { Mutation } from './mutation.ts';
import type { Edit } from './world.ts';

const token = 'functions/authorizer/token.ts';
const authorizer = 'functions/authorizer/authorizer.ts';
const federation = 'model/federation.ts';
const silo = ['dedicated-cluster'] as const;
const pool = ['pool'] as const;

const verifyCall = 'await jwtVerify(token, keysOf(issuer), {';
/** The claims are looked at as before, the signature is not. */
const unsigned = (times: boolean): Edit[] => [
  [token, verifyCall, 'await unverified(token, {'],
  [
    token,
    'const isRefusal =',
    `async function unverified(token: string, expected: { issuer: string; audience: string }) {
  const payload = decodeJwt(token);
  const now = Date.now() / 1_000;
  if (payload.iss !== expected.issuer || payload.aud !== expected.audience) throw new Unauthorized();
  if (${times} && ((payload.exp ?? 0) < now || (payload.nbf ?? 0) > now)) throw new Unauthorized();
  return { payload };
}
const isRefusal =`,
  ],
];
const noAudience: Edit = [token, 'audience: clientId,', ''];

const authorizerMutation = (
  control: ControlName,
  how: string,
  edits: Edit[],
  more: Partial<Mutation> = {},
): Mutation => ({
  control,
  how: `authorizer: ${how}`,
  apply: (world) => world.authorizer(...edits),
  ...more,
});

export const authorizerMutations: readonly Mutation[] = [
  authorizerMutation('authorizer-bearer', 'takes a token wherever it stands in the header', [
    [authorizer, '/^Bearer ([\\w.-]+)$/i', '/([\\w-]+\\.[\\w-]+\\.[\\w-]*)/'],
  ]),
  authorizerMutation('authorizer-signature', 'reads tokens without verifying them', unsigned(true)),
  authorizerMutation('authorizer-lifetime', 'does not look at exp and nbf', unsigned(false), {
    behind: {
      what: 'authorizer-signature',
      apply: (world) => world.authorizer(...unsigned(true)),
    },
  }),
  authorizerMutation('authorizer-audience', 'does not look at aud', [noAudience]),
  authorizerMutation(
    'authorizer-token-use',
    'does not look at token_use',
    [
      noAudience,
      [
        authorizer,
        'const { tenantId, role: userRole } =',
        'const { tenantId = issuer.tenantId, role: userRole } =',
      ],
      [token, "if (payload['token_use'] !== 'id') throw new Unauthorized();", ''],
    ],
    {
      models: silo,
      behind: {
        what: 'authorizer-audience, and the tenant taken from the issuer',
        apply: (world) =>
          world.authorizer(noAudience, [
            authorizer,
            'const { tenantId, role: userRole } =',
            'const { tenantId = issuer.tenantId, role: userRole } =',
          ]),
      },
    },
  ),
  authorizerMutation('authorizer-issuer', 'believes any issuer', [
    [
      authorizer,
      'await trust.issuer(claimedIssuer(token));',
      '((await trust.issuer(claimedIssuer(token))) ?? ({ issuer: claimedIssuer(token) } as never));',
    ],
  ]),
  authorizerMutation('authorizer-silo-issuer', "does not compare a silo's issuer with the claim", [
    [
      authorizer,
      'if (issuer.tenantId !== undefined && issuer.tenantId !== tenantId) throw new Unauthorized();',
      '',
    ],
  ]),
  authorizerMutation('authorizer-pool-issuer', "lets the pool's issuer name silos", [
    [
      authorizer,
      "if ((issuer.tenantId === undefined) !== (tenant.model === 'pool')) throw new Unauthorized();",
      '',
    ],
  ]),
  authorizerMutation('authorizer-known-tenant', 'serves tenants that nobody knows', [
    [
      authorizer,
      'await trust.tenant(tenantId);\n  if (!tenant) throw new Unauthorized();',
      "((await trust.tenant(tenantId)) ?? { tenantId, tier: 'basic', model: 'pool', status: 'active' }) as KnownTenant;",
    ],
  ]),
  authorizerMutation(
    'authorizer-tenant-status',
    'does not look at the status of the tenant',
    [[authorizer, 'if (!served.has(tenant.status))', 'if (served.size === 0)']],
    { models: pool },
  ),
  authorizerMutation('authorizer-live-user', 'believes what the token says of its user', [
    [authorizer, '!(await trust.stillIs(issuer.issuer, username, userRole))', 'username.length === 0'],
  ]),
  authorizerMutation(
    'authorizer-federated-user',
    "takes a silo's user pool for the tenant of whoever is in it",
    [[federation, 'Array.isArray(providers) && providers.length > 0', 'true']],
    { models: silo },
  ),
  {
    control: 'authorizer-federated-silo',
    how: 'authorizer: takes the user pool that tenants have in common for that of one',
    models: pool,
    apply: (world) =>
      world.authorizer([
        authorizer,
        'claimedIdentity(claims, issuer.tenantId)',
        `claimedIdentity(claims, issuer.tenantId ?? ${JSON.stringify(world.scene('pool').attacker.tenantId)})`,
      ]),
  },
  {
    control: 'federated-least-role',
    how: 'authorizer and user service: whoever comes from an identity provider administers the tenant',
    models: silo,
    async apply(world) {
      const edit: Edit = [
        federation,
        "leastRole: UserRole = 'TenantUser'",
        "leastRole: UserRole = 'TenantAdmin'",
      ];
      const restore = await world.authorizer(edit);
      const back = await world.service(world.scene('dedicated-cluster').attacker, 'user', edit);
      return async () => {
        await back();
        await restore();
      };
    },
  },
  {
    control: 'provider-mapping',
    how: "Cognito: a provider's mapping sets a user's role",
    models: silo,
    attacks: ['federation-mapping'],
    async apply(world) {
      const cognito = new CognitoIdentityProviderClient(world.context.target.client);
      const { pool } = world.scene('dedicated-cluster').attacker;
      const of = { UserPoolId: pool.userPoolId, ProviderName: 'hostile' };
      await cognito.send(
        new CreateIdentityProviderCommand({
          ...of,
          ProviderType: 'OIDC',
          ProviderDetails: {
            oidc_issuer: pool.issuer,
            client_id: 'x',
            client_secret: 'x',
            authorize_scopes: 'openid',
            attributes_request_method: 'GET',
          },
          AttributeMapping: { email: 'email', [tenantAttributes.role]: 'role' },
        }),
      );
      return async () => {
        await cognito.send(new DeleteIdentityProviderCommand(of));
      };
    },
  },
];
