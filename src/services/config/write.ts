import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Document } from 'yaml';
import type { ControlPlaneKind } from '../../model/control-plane.ts';
import { SaasError } from '../../model/error.ts';
import type { TierModel } from '../../model/tier.ts';
import { configFileName, findConfig, parseConfig } from './load.ts';
import { configJsonSchema } from './schema.ts';

/** What `init` asks for. */
export interface NewProject {
  app: string;
  adminEmail?: string;
  /** The environment beside `local`; none when the project stays on the embedded cloud. */
  aws?: { name: string; account: string; region: string; controlPlane?: ControlPlaneKind };
  tiers: { name: string; model: TierModel; rate: number; burst: number; quota: string }[];
  services: ('orders' | 'products' | 'users')[];
  routing: 'direct' | 'proxy';
}

/** The reference architecture's tiers and limits. */
export const defaultTiers: NewProject['tiers'] = [
  { name: 'basic', model: 'pool', rate: 10, burst: 10, quota: '1000/day' },
  { name: 'advanced', model: 'shared-cluster', rate: 15, burst: 15, quota: '2000/day' },
  { name: 'premium', model: 'dedicated-cluster', rate: 300, burst: 300, quota: '6000/day' },
];
export const defaultServices: NewProject['services'] = ['orders', 'products', 'users'];

const serviceEntries = {
  orders: { name: 'orders', path: '/orders', image: 'builtin:order', table: { sortKey: 'orderId' } },
  products: {
    name: 'products',
    path: '/products',
    image: 'builtin:product',
    table: { sortKey: 'productId' },
  },
  users: { name: 'users', path: '/users', image: 'builtin:user', access: 'identity' },
} as const;

const schemaFile = path.join('.saas-ecs', 'saas-ecs.schema.json');

/**
 * Writes saas-ecs.yaml and the schema that editors check it by; gives the files. Throws `config_exists` unless
 * forced. Nothing is written when the answers don't make a valid configuration.
 */
export async function writeProject(
  directory: string,
  project: NewProject,
  options: { force: boolean },
): Promise<string[]> {
  const file = path.join(directory, configFileName);
  const text = projectText(project);
  parseConfig(text, file);
  if (!options.force && findConfig(directory) === file)
    throw new SaasError('config_exists', `${file} exists already`, {
      hint: 'keep it, or overwrite it with --force',
    });
  await mkdir(path.join(directory, '.saas-ecs'), { recursive: true, mode: 0o700 });
  await writeFile(path.join(directory, '.saas-ecs', '.gitignore'), '*\n');
  await writeFile(path.join(directory, schemaFile), `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
  await writeFile(file, text);
  return [file];
}

export function projectText(project: NewProject): string {
  const { aws, adminEmail } = project;
  const document = new Document({
    app: project.app,
    environments: {
      local: { target: 'embedded', ...(adminEmail !== undefined && { adminEmail }) },
      ...(aws && {
        [aws.name]: {
          target: 'aws',
          account: aws.account,
          region: aws.region,
          azs: 2,
          nat: 'single',
          ...(aws.controlPlane !== undefined && { controlPlane: aws.controlPlane }),
          ...(adminEmail !== undefined && { adminEmail }),
        },
      }),
    },
    tiers: Object.fromEntries(
      project.tiers.map(({ name, model, rate, burst, quota }) => [
        name,
        { model, throttle: { rate, burst, quota } },
      ]),
    ),
    services: project.services.map((service) => serviceEntries[service]),
    routing: project.routing,
  });
  const body = document
    .toString({ flowCollectionPadding: true, lineWidth: 0 })
    .replace(/^(environments|tiers|services|routing):/gm, '\n$1:');
  return [
    `# yaml-language-server: $schema=${schemaFile.split(path.sep).join('/')}`,
    '# The product, where it runs, its tiers and its services. Every setting: docs/configuration.md',
    body,
  ].join('\n');
}
