/** What saas-ecs.yaml may hold. The published JSON Schema is generated from this. */
import * as z from 'zod';
import { controlPlanes } from '../../model/control-plane.ts';
import { encryptions } from '../../model/security.ts';
import { mfaModes, quotaPeriods, tierModels } from '../../model/tier.ts';

const name = (what: string) =>
  z
    .string()
    .regex(
      /^[a-z][a-z0-9-]{0,30}[a-z0-9]$/,
      `${what} has 2 to 32 lower-case letters, digits and inner dashes, and starts with a letter`,
    );

export const quotaPattern = new RegExp(`^([1-9][0-9]*)/(${quotaPeriods.join('|')})$`);

const throttle = z
  .strictObject({
    rate: z.number().positive().max(10_000).describe('Requests a second that a tenant may send steadily.'),
    burst: z.int().positive().max(10_000).describe('Requests that a tenant may send at once.'),
    quota: z
      .string()
      .regex(quotaPattern, 'a quota is a number and a period, e.g. 1000/day')
      .describe('Requests a day, week or month, e.g. 1000/day.'),
  })
  .describe('Limits of each tenant of the tier.');

const tier = z.strictObject({
  model: z
    .enum(tierModels)
    .describe(
      'pool: shared services. shared-cluster: services of its own in a shared cluster. dedicated-cluster: a cluster of its own.',
    ),
  throttle,
  capacity: z.enum(['fargate', 'ec2']).default('fargate').describe("Where a silo tenant's tasks run."),
  mfa: z
    .enum(mfaModes)
    .default('optional')
    .describe(
      'Whether users sign in with a code of an authenticator app as well: off, optional (each user decides), required. Tiers of the pool must agree.',
    ),
});

const controlPlane = z
  .enum(controlPlanes)
  .describe(
    'sbt: that of the SaaS Builder Toolkit. builtin: the same API, events and lifecycle, in one function on the registry.',
  );
const adminEmail = z.email().describe("Address of the control plane's first administrator.");

const url = z
  .string()
  .max(1024)
  // Cognito takes http for localhost alone, and no fragment (API reference, CreateUserPoolClient: CallbackURLs).
  .regex(
    /^(https:\/\/[^/?#*\s]+|http:\/\/localhost(:[0-9]+)?)([/?][^#*\s]*)?$/,
    'an address begins with https://, or with http://localhost, and has neither a fragment nor a wildcard',
  );
const signIn = z
  .strictObject({
    callbackUrls: z
      .array(url)
      .min(1)
      .max(100)
      .describe('Where the application takes the code of a sign-in; compared character by character.'),
    logoutUrls: z.array(url).max(100).default([]).describe('Where a user may be sent after he signed out.'),
  })
  .describe('Hosted sign-in at the user pools; identity providers of tenants need it.');
const security = (waf: 'on' | 'off') =>
  z
    .strictObject({
      encryption: z
        .enum(encryptions)
        .default('aws-owned')
        .describe(
          "aws-owned: by keys that AWS keeps. customer-managed: by KMS keys of the account's own, one for the environment and one for each siloed tenant.",
        ),
      waf: z
        .enum(['on', 'off'])
        .default(waf)
        .describe(
          'A web ACL in front of every API: a limit for each address, and rule groups that AWS keeps.',
        ),
      rateLimit: z
        .int()
        .min(10)
        .max(2_000_000_000)
        .optional()
        .describe('Requests that the web ACL lets one address send in five minutes.'),
      tls: z
        .strictObject({
          certificateArn: z
            .string()
            .regex(
              /^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate\/[A-Za-z0-9-]+$/,
              'a certificate is named by its ARN in AWS Certificate Manager',
            ),
          serverName: z
            .string()
            .regex(
              /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/,
              'a server name is a domain name in lower case, e.g. internal.acme.example',
            )
            .describe('The domain name that the certificate is for; nothing has to resolve it.'),
        })
        .optional()
        .describe('TLS between API Gateway and the load balancers, too.'),
    })
    .prefault({})
    .describe('Keys, web ACL and TLS; see docs/security.md.');

const environment = z.discriminatedUnion('target', [
  z.strictObject({
    target: z.literal('embedded').describe('The embedded cloud: this machine, no account.'),
    prefix: name('a prefix').optional().describe("Prefix of every stack's name."),
    adminEmail: adminEmail.optional(),
    controlPlane: controlPlane.default('builtin'),
    signIn: signIn.default({
      callbackUrls: ['http://localhost:8080/callback'],
      logoutUrls: ['http://localhost:8080/'],
    }),
    security: security('off'),
  }),
  z.strictObject({
    target: z.literal('aws').describe('An AWS account.'),
    account: z.string().regex(/^[0-9]{12}$/, 'an account is twelve digits, in quotes'),
    region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-[0-9]$/, 'a Region is written like us-east-1'),
    azs: z.int().min(2).max(3).default(2).describe('Availability Zones that the network spans.'),
    nat: z.enum(['per-az', 'single']).default('single'),
    prefix: name('a prefix')
      .optional()
      .describe("Prefix of every stack's name; two environments in one account need different ones."),
    adminEmail: adminEmail.optional(),
    controlPlane: controlPlane.default('sbt'),
    signIn: signIn.optional(),
    security: security('on'),
  }),
]);

const route = z.strictObject({
  path: z
    .string()
    .regex(
      /^(\/[A-Za-z0-9._-]+|\/\{[A-Za-z0-9]+\+?\})*$/,
      'a route is relative to the service\'s path, e.g. "" or /{id}',
    ),
  methods: z.array(z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'ANY'])).min(1),
});

const service = z.strictObject({
  name: name("a service's name"),
  path: z.string().regex(/^\/[a-z0-9][a-z0-9-]*$/, 'a path is one segment, e.g. /orders'),
  image: z
    .string()
    .min(1)
    .describe('builtin:order, builtin:product, builtin:user, or a directory with a Dockerfile.'),
  port: z.int().min(1024).max(65535).default(3010),
  cpu: z
    .union([z.literal(256), z.literal(512), z.literal(1024), z.literal(2048), z.literal(4096)])
    .default(256)
    .describe('CPU units of a task.'),
  memory: z.int().min(512).max(30_720).default(512).describe('MiB of a task.'),
  table: z
    .strictObject({ sortKey: z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/) })
    .optional()
    .describe('A DynamoDB table for the service: tenantId and this sort key.'),
  access: z
    .enum(['data', 'identity', 'none'])
    .optional()
    .describe('data: its table. identity: the users of the tenant.'),
  routes: z.array(route).min(1).optional(),
  tasks: z
    .strictObject({ min: z.int().min(1).max(100), max: z.int().min(1).max(1000) })
    .default({ min: 1, max: 4 }),
  environment: z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), z.string()).default({}),
});

export const configSchema = z.strictObject({
  app: name("the app's name").describe('Name of the product; part of parameter names and tags.'),
  environments: z
    .record(name("an environment's name"), environment)
    .refine((value) => Object.keys(value).length > 0, 'at least one environment is needed'),
  tiers: z
    .record(name("a tier's name"), tier)
    .refine((value) => Object.keys(value).length > 0, 'at least one tier is needed'),
  services: z.array(service).min(1).max(20),
  routing: z
    .enum(['direct', 'proxy'])
    .default('direct')
    .describe('proxy: an nginx reverse proxy in front of each silo.'),
});

export type ConfigDocument = z.infer<typeof configSchema>;

export const configJsonSchema = (): object => ({
  ...z.toJSONSchema(configSchema, { io: 'input' }),
  title: 'saas-ecs.yaml',
});
