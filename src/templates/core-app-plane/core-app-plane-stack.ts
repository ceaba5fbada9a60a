import path from 'node:path';
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import type { App } from 'aws-cdk-lib/core';
import type { Deployment } from '../../model/config.ts';
import { built } from '../../model/installation.ts';
import { imagesParameterPath, pascal, stackNames } from '../../model/names.ts';
import { encryptLogs, environmentKey } from '../encryption.ts';
import { publishAt } from '../parameters.ts';
import { SharedStack } from '../shared-stack.ts';
import { proxyName } from '../tenant/proxy.ts';
import { LifecycleJobs } from './lifecycle-jobs.ts';

const builtinPrefix = 'builtin:';

/** The images that tenants run (a service's is built once, whatever the tiers), and the jobs that bring tenants in and out. */
export class CoreAppPlaneStack extends SharedStack {
  readonly #uris = new Map<string, string>();

  /** @param proxyDirectory where routing is `proxy`: the directory of the proxy's image */
  constructor(app: App, deployment: Deployment, proxyDirectory: string | undefined) {
    super(app, stackNames.coreAppPlane, deployment, 'saas-ecs: the images that tenants run, lifecycle jobs');
    encryptLogs(this, environmentKey(this, deployment));
    for (const service of deployment.services) {
      const { image } = service;
      const directory = image.startsWith(builtinPrefix)
        ? built('templates', 'images', image.slice(builtinPrefix.length))
        : path.resolve(image);
      this.#uris.set(service.name, this.image(service.name, directory));
    }
    if (proxyDirectory !== undefined) this.#uris.set(proxyName, this.image(proxyName, proxyDirectory));
    publishAt(
      this,
      'Images',
      imagesParameterPath(deployment.app, deployment.environment),
      this.toJsonString(Object.fromEntries(this.#uris)),
    );
    if (deployment.job) new LifecycleJobs(this, 'Jobs', { deployment, job: deployment.job });
  }

  /** The URI is made of account, Region and the content's hash, so any stack may name it without asking this one. */
  uriOf(name: string): string {
    const uri = this.#uris.get(name);
    if (uri === undefined) throw new Error(`no image for "${name}"`);
    return uri;
  }

  private image(name: string, directory: string): string {
    // Images hold no native code of ours, so they cross-build without emulation.
    return new DockerImageAsset(this, `${pascal(name)}Image`, {
      directory,
      platform: Platform.LINUX_ARM64,
      displayName: `Image of ${name}`,
    }).imageUri;
  }
}
