import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import type { Deployment, Environment } from '../../src/model/config.ts';
import type { Service } from '../../src/model/service.ts';
import type { Tier } from '../../src/model/tier.ts';
import { jobPolicy } from '../../src/services/deployment/synthesize.ts';
import { sharedApp, storedApp } from '../../src/templates/app.ts';
import { proxyImage } from '../../src/templates/core-app-plane/proxy-image.ts';

export const scratch = (): string => mkdtempSync(path.join(tmpdir(), 'saas-ecs-templates-'));

const service = (name: string, image: string, more: Partial<Service>): Service => ({
  name,
  path: `/${name}`,
  image,
  port: 3010,
  cpu: 256,
  memory: 512,
  access: 'data',
  routes: [
    { path: '', methods: ['GET', 'POST'] },
    { path: '/{id}', methods: ['GET', 'PUT', 'DELETE'] },
  ],
  tasks: { min: 1, max: 4 },
  environment: {},
  ...more,
});

export const builtinServices: readonly Service[] = [
  service('orders', 'builtin:order', { table: { sortKey: 'orderId' } }),
  service('products', 'builtin:product', { table: { sortKey: 'productId' } }),
  service('users', 'builtin:user', { access: 'identity' }),
];

/** A service that a user wrote: a directory with a Dockerfile. */
export const ownService = (directory: string): Service =>
  service('reviews', directory, {
    port: 8088,
    table: { sortKey: 'reviewId' },
    routes: [
      { path: '', methods: ['ANY'] },
      { path: '/{proxy+}', methods: ['ANY'] },
    ],
  });

const throttle = (rate: number, limit: number): Tier['throttle'] => ({
  rate,
  burst: rate,
  quota: { limit, period: 'day' },
});

export const tiers = (capacity: Tier['capacity'] = 'fargate'): readonly Tier[] => [
  { name: 'basic', model: 'pool', capacity: 'fargate', mfa: 'optional', throttle: throttle(10, 1000) },
  { name: 'advanced', model: 'shared-cluster', capacity, mfa: 'optional', throttle: throttle(15, 2000) },
  { name: 'premium', model: 'dedicated-cluster', capacity, mfa: 'optional', throttle: throttle(300, 6000) },
];

/** Stands for the program that a lifecycle job is given. */
const jobDirectory = scratch();
writeFileSync(path.join(jobDirectory, 'saas-ecs.yaml'), '{}');

/** Every setting of the block `security` at its strictest. */
export const everything: Deployment['security'] = {
  encryption: 'customer-managed',
  waf: { rateLimit: 5000 },
  tls: {
    certificateArn: 'arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d-0000-4000-8000-000000000000',
    serverName: 'internal.acme.example',
  },
};

export const deployment = (changes: Partial<Deployment> = {}): Deployment => ({
  app: 'acme-shop',
  environment: 'staging',
  azs: 2,
  nat: 'single',
  tiers: tiers(),
  services: builtinServices,
  routing: 'direct',
  controlPlane: 'builtin',
  adminEmail: 'ops@acme.example',
  signIn: { callbackUrls: ['https://app.example/callback'], logoutUrls: ['https://app.example/'] },
  security: { encryption: 'aws-owned' },
  bundles: false,
  job: {
    directory: jobDirectory,
    policy: jobPolicy(
      { app: 'acme-shop' },
      { environment: { name: 'staging' } as Environment, prefix: undefined },
    ),
  },
  ...changes,
});

/** A resource of a template, as the assertions library types it. */
export type Resource = ReturnType<Template['findResources']>[string];

/** Both apps of a deployment, before synthesis. */
export async function apps(of: Deployment, options: { review?: boolean } = {}) {
  const sbt =
    of.controlPlane === 'sbt' ? await import('../../src/templates/control-plane/sbt.ts') : undefined;
  const proxyDirectory = of.routing === 'proxy' ? await proxyImage(of.services, scratch()) : undefined;
  return {
    shared: sharedApp(of, {
      outdir: scratch(),
      ...options,
      bundles: of.bundles,
      ...(proxyDirectory && { proxyDirectory }),
      ...(sbt && { makeSbt: sbt.sbtControlPlane }),
    }),
    stored: storedApp(of, { outdir: scratch(), ...options }).app,
  };
}

/** Every template of a deployment by its stack's construct name: `shared-infra-stack`, …, `tenant-<tier>`, `cell`. */
export async function templates(of: Deployment): Promise<(stack: string) => Template> {
  process.env['CDK_VALIDATION'] = 'false';
  const { shared, stored } = await apps(of);
  const stacks = [...shared.synth().stacks, ...stored.synth().stacks];
  return (name) => {
    const stack = stacks.find((artifact) => artifact.id === name);
    if (!stack) throw new Error(`no stack "${name}" among ${stacks.map(({ id }) => id).join(', ')}`);
    return Template.fromJSON(stack.template);
  };
}

/** The resources of one type. */
export const resources = (template: Template, type: string): [string, Resource][] =>
  Object.entries(template.findResources(type)) as [string, Resource][];

/** The one resource of a type. */
export function only(template: Template, type: string): Resource {
  const [first, ...others] = resources(template, type);
  if (!first || others.length > 0)
    throw new Error(`${others.length + (first ? 1 : 0)} resources of type ${type}`);
  return first[1];
}

/** All tiers' applications: the pool's and the silos'. */
export const applications = ['tenant-template-basic', 'tenant-advanced', 'tenant-premium'] as const;
