/** What deploy-shared synthesizes: every template of a deployment, by the program that it runs. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { root } from './machine.mjs';

const service = (name, image, more) => ({
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
const tier = (name, model, capacity, rate) => ({
  name,
  model,
  capacity,
  mfa: 'optional',
  throttle: { rate, burst: rate, quota: { limit: rate * 100, period: 'day' } },
});

/** All models; `routing` is direct or proxy, `capacity` of the silos fargate or ec2. */
const deployment = ({ routing, capacity }) => ({
  app: 'acme-shop',
  environment: 'staging',
  azs: 2,
  nat: 'single',
  tiers: [
    tier('basic', 'pool', 'fargate', 10),
    tier('advanced', 'shared-cluster', capacity, 15),
    tier('premium', 'dedicated-cluster', capacity, 300),
  ],
  services: [
    service('orders', 'builtin:order', { table: { sortKey: 'orderId' } }),
    service('products', 'builtin:product', { table: { sortKey: 'productId' } }),
    service('users', 'builtin:user', { access: 'identity' }),
  ],
  routing,
  security: { encryption: 'aws-owned' },
});

export const variants = ['direct', 'proxy'].flatMap((routing) =>
  ['fargate', 'ec2'].map((capacity) => ({ routing, capacity })),
);

const made = new Map();

/** Directory of a variant's cloud assembly, with the silos' templates in `tenant-templates`. */
export function assembly(machine, variant) {
  const name = `${variant.routing}-${variant.capacity}`;
  if (!made.has(name)) made.set(name, synthesize(variant, path.join(machine.work, 'assemblies', name)));
  return made.get(name);
}

async function synthesize(variant, outdir) {
  const program = path.join(root, 'dist', 'templates', 'synthesize.js');
  const child = spawn(process.execPath, [program, outdir], { stdio: ['pipe', 'inherit', 'inherit'] });
  child.stdin.end(JSON.stringify(deployment(variant)));
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`the templates of ${JSON.stringify(variant)} can't be synthesized`);
  return outdir;
}

/** Files of every template of every variant, once where variants don't differ. */
export async function everyTemplate(machine) {
  const seen = new Map();
  for (const directory of await Promise.all(variants.map((variant) => assembly(machine, variant)))) {
    const files = await readdir(directory, { recursive: true });
    for (const file of files.toSorted()) {
      if (!/\.template\.json$|^cell-template\.json$|^tenant-templates\/.*\.json$/.test(file)) continue;
      const text = await readFile(path.join(directory, file), 'utf8');
      if (!seen.has(text)) seen.set(text, path.join(directory, file));
    }
  }
  return [...seen.values()];
}
