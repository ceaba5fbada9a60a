/**
 * Program: reads a Deployment (JSON) on stdin, writes into the directory named by its argument
 * - the cloud assembly of the shared stacks,
 * - `tenant-templates/<tier>.json` for each silo tier and `cell-template.json`: plain CloudFormation templates.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import type { Deployment } from '../model/config.ts';
import { sharedApp, storedApp } from './app.ts';
import { proxyImage } from './core-app-plane/proxy-image.ts';

// The CDK's own check of the templates takes seconds. The tests of the templates run it over all they can produce.
process.env['CDK_VALIDATION'] = 'false';

const [, , outdir] = process.argv;
if (outdir === undefined) throw new Error('usage: synthesize.js OUTPUT_DIRECTORY < deployment.json');
const deployment = JSON.parse(await text(process.stdin)) as Deployment;
const scratch = await mkdtemp(path.join(tmpdir(), 'saas-ecs-synth-'));
try {
  const proxyDirectory =
    deployment.routing === 'proxy' ? await proxyImage(deployment.services, scratch) : undefined;
  const sbt = deployment.controlPlane === 'sbt' ? await import('./control-plane/sbt.ts') : undefined;
  sharedApp(deployment, {
    outdir,
    bundles: deployment.bundles,
    ...(proxyDirectory !== undefined && { proxyDirectory }),
    ...(sbt && { makeSbt: sbt.sbtControlPlane }),
  }).synth();

  const { app, tiers, cell } = storedApp(deployment, { outdir: path.join(scratch, 'stored') });
  const assembly = app.synth();
  const template = (stack: { artifactId: string }): string =>
    JSON.stringify(assembly.getStackArtifact(stack.artifactId).template);
  const directory = path.join(outdir, 'tenant-templates');
  await mkdir(directory, { recursive: true });
  for (const [tier, stack] of tiers) await writeFile(path.join(directory, `${tier}.json`), template(stack));
  await writeFile(path.join(outdir, 'cell-template.json'), template(cell));
} finally {
  await rm(scratch, { recursive: true, force: true });
}
