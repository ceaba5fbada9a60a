import { App } from 'aws-cdk-lib/core';
import type { Deployment } from '../model/config.ts';
import { isSilo } from '../model/tier.ts';
import { ControlPlaneStack, type MakeSbt } from './control-plane/control-plane-stack.ts';
import { CoreAppPlaneStack } from './core-app-plane/core-app-plane-stack.ts';
import { reviewContext } from './review.ts';
import { CellStack } from './shared-infra/cell-stack.ts';
import { SharedInfraStack } from './shared-infra/shared-infra-stack.ts';
import { PoolStack } from './tenant/pool-stack.ts';
import { SharedClusterStack } from './tenant/shared-cluster-stack.ts';
import { SiloStack } from './tenant/silo-stack.ts';

export interface AppOptions {
  /** Where the cloud assembly goes. */
  outdir: string;
  /** Writes accepted findings into the templates; see review.ts. */
  review?: boolean;
  /** False: functions go without the packages that would be installed into them in a container. */
  bundles?: boolean;
}

function newApp({ outdir, review, bundles }: AppOptions): App {
  return new App({
    outdir,
    // Nothing in a template that its content does not need: no usage report, no paths, no tree of constructs.
    analyticsReporting: false,
    treeMetadata: false,
    stackTraces: false,
    postCliContext: {
      'aws:cdk:enable-path-metadata': false,
      'aws:cdk:enable-asset-metadata': false,
      // Stacks carry their tags as stacks; CloudFormation hands them to the resources.
      '@aws-cdk/core:explicitStackTags': true,
      '@aws-cdk/aws-iam:minimizePolicies': true,
      ...(review && { [reviewContext]: true }),
      ...(bundles === false && { 'aws:cdk:bundling-stacks': [] }),
    },
  });
}

/** The stacks that all tenants share, in the order in which one needs the other. */
export function sharedApp(
  deployment: Deployment,
  options: AppOptions & {
    proxyDirectory?: string;
    /** Where the control plane is the toolkit's. */
    makeSbt?: MakeSbt;
  },
): App {
  const app = newApp(options);
  const controlPlane = new ControlPlaneStack(app, deployment, options.makeSbt);
  const sharedInfra = new SharedInfraStack(app, deployment);
  sharedInfra.addStackDependency(controlPlane);
  const images = new CoreAppPlaneStack(app, deployment, options.proxyDirectory);
  images.addStackDependency(controlPlane);
  if (deployment.tiers.some((tier) => tier.model === 'pool')) {
    const pool = new PoolStack(app, deployment, (service) => images.uriOf(service));
    pool.addStackDependency(sharedInfra);
    pool.addStackDependency(images);
  }
  if (deployment.tiers.some((tier) => tier.model === 'shared-cluster')) {
    new SharedClusterStack(app, deployment).addStackDependency(sharedInfra);
  }
  return app;
}

/** Templates that are stored and deployed many times: a stack for each silo tier, and one for further cells. */
export function storedApp(
  deployment: Deployment,
  options: AppOptions,
): { app: App; tiers: Map<string, SiloStack>; cell: CellStack } {
  const app = newApp(options);
  const silos = deployment.tiers.filter((tier) => isSilo(tier.model));
  return {
    app,
    tiers: new Map(silos.map((tier) => [tier.name, new SiloStack(app, deployment, tier)])),
    cell: new CellStack(app, deployment),
  };
}
