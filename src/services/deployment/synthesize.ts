import { spawn } from 'node:child_process';
import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Config, Deployment, JobStatement } from '../../model/config.ts';
import { SaasError } from '../../model/error.ts';
import { built } from '../../model/installation.ts';
import { processIdentity } from '../../model/process.ts';
import { securityOf } from '../../model/security.ts';
import type { Target } from '../environment.ts';
import { documentsFor } from '../iam-policy/documents.ts';
import { jobNeeds } from '../iam-policy/needs.ts';
import { writeJobProgram } from './job-program.ts';

export interface Assembly {
  /** The CDK cloud assembly. */
  directory: string;
  /** Tier name -> file of the silo tenants' template. */
  tenantTemplates: Record<string, string>;
  /** File of the further cells' template. */
  cellTemplate: string;
}

/** `.example` has no mail (RFC 2606): an environment that names nobody invites nobody. */
const defaultAdminEmail = 'ops@saas-ecs.example';

export function deploymentOf(config: Config, target: Target, jobDirectory?: string): Deployment {
  return {
    app: config.app,
    environment: target.environment.name,
    ...(target.prefix !== undefined && { prefix: target.prefix }),
    azs: target.azs,
    nat: target.nat,
    tiers: config.tiers,
    services: config.services,
    routing: config.routing,
    controlPlane: target.environment.controlPlane,
    adminEmail: target.environment.adminEmail ?? defaultAdminEmail,
    ...(target.environment.signIn && { signIn: target.environment.signIn }),
    security: securityOf(target.environment.security, config.tiers),
    bundles: target.bundles,
    ...(jobDirectory !== undefined && {
      job: { directory: jobDirectory, policy: jobPolicy(config, target) },
    }),
  };
}

/** What a lifecycle job may do: what the commands need that it runs, wherever the stack is deployed. */
export function jobPolicy(
  config: Pick<Config, 'app'>,
  target: Pick<Target, 'environment' | 'prefix'>,
): JobStatement[] {
  return documentsFor(jobNeeds, {
    app: config.app,
    environment: target.environment.name,
    prefix: target.prefix,
    account: '${AWS::AccountId}',
    region: '${AWS::Region}',
  }).flatMap(({ Statement }) => Statement);
}

/**
 * Synthesizes the templates in a process of its own, so that the CDK library is never loaded here. The services
 * know the templates only as the assembly that comes out.
 */
export async function synthesize(config: Config, target: Target, signal: AbortSignal): Promise<Assembly> {
  const workplace = await workplaceOf(config, target);
  const directory = path.join(workplace, 'assembly');
  await mkdir(directory, { recursive: true });
  const jobDirectory = path.join(workplace, 'job');
  await writeJobProgram(config, target, jobDirectory);
  await run(
    built('templates', 'synthesize.js'),
    directory,
    JSON.stringify(deploymentOf(config, target, jobDirectory)),
    target,
    signal,
  );
  const templates = path.join(directory, 'tenant-templates');
  const files: string[] = await readdir(templates).catch(() => []);
  return {
    directory,
    cellTemplate: path.join(directory, 'cell-template.json'),
    tenantTemplates: Object.fromEntries(
      config.tiers
        .filter((tier) => files.includes(`${tier.name}.json`))
        .map((tier) => [tier.name, path.join(templates, `${tier.name}.json`)]),
    ),
  };
}

/**
 * An empty directory of this process alone, since another one may be deploying from its own at this moment. It stays to be
 * looked at until a later process finds that this one is gone.
 */
async function workplaceOf(config: Config, target: Target): Promise<string> {
  const all = path.join(config.root, '.saas-ecs', 'synthesis');
  for (const name of await readdir(all).catch(() => [])) {
    const pid = Number(name.slice(name.lastIndexOf('.') + 1));
    if (!(pid > 0) || pid === process.pid || processIdentity(pid) === undefined)
      await rm(path.join(all, name), { recursive: true, force: true, maxRetries: 3 });
  }
  const own = path.join(all, `${target.environment.name}.${process.pid}`);
  await mkdir(own, { recursive: true });
  return own;
}

function run(
  program: string,
  directory: string,
  input: string,
  target: Target,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, directory], {
      stdio: ['pipe', 'ignore', 'pipe'],
      env: { ...process.env, CDK_DEFAULT_ACCOUNT: target.account, CDK_DEFAULT_REGION: target.region },
      signal,
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-20_000);
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) return resolve();
      const reason =
        stderr.split('\n').find((line) => /^\w*Error: /.test(line)) ?? stderr.trim().split('\n').at(-1) ?? '';
      reject(
        new SaasError(
          'synthesis_failed',
          `the templates can't be synthesized: ${reason.replace(/^\w*Error: /, '')}`,
          {
            detail: stderr.trim(),
            hint: 'check services and tiers in saas-ecs.yaml',
          },
        ),
      );
    });
    child.stdin.on('error', () => {});
    child.stdin.end(input, 'utf8');
  });
}
