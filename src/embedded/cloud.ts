/** Puts one embedded cloud together: every service, the store, the endpoint that speaks for them. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createCloudFormation } from './cloudformation/index.ts';
import { createCodeBuild } from './compute/codebuild/index.ts';
import { createEcs } from './compute/ecs/index.ts';
import { createLambda } from './compute/lambda/index.ts';
import { type Endpoint, startEndpoint } from './endpoint/server.ts';
import { createApiGateway } from './gateway/api-gateway/index.ts';
import { createApiGatewayV2 } from './gateway/api-gateway-v2/index.ts';
import { createLoadBalancer } from './gateway/load-balancer/index.ts';
import { createWaf } from './gateway/waf/index.ts';
import { createIam } from './iam/iam.ts';
import { createSts } from './iam/sts.ts';
import { lockState } from './lock.ts';
import type { AwsService, Clock, Cloud } from './platform.ts';
import { createAcm } from './resources/acm/index.ts';
import { createApplicationAutoScaling } from './resources/application-auto-scaling.ts';
import { createCognito } from './resources/cognito/index.ts';
import { createDynamoDb } from './resources/dynamodb/index.ts';
import { createEc2 } from './resources/ec2/index.ts';
import { createEcr } from './resources/ecr.ts';
import { createEventBridge } from './resources/event-bridge/index.ts';
import { createKms } from './resources/kms/index.ts';
import { createLogs } from './resources/logs/index.ts';
import { createS3 } from './resources/s3/index.ts';
import { createSecretsManager } from './resources/secrets-manager/index.ts';
import { createServiceDiscovery } from './resources/service-discovery.ts';
import { createServiceQuotas } from './resources/service-quotas/index.ts';
import { createSsm } from './resources/ssm/index.ts';
import { createStepFunctions } from './resources/step-functions/index.ts';
import { openStore, type Store } from './store.ts';

/** How long a start waits for the tasks of an earlier run to serve again, in milliseconds. */
const returnWithin = 60_000;

export interface CloudOptions {
  /** Everything the cloud keeps, below one directory that only its user may read. */
  stateDir: string;
  /** 0: any free port. */
  port?: number;
  account?: string;
  region?: string;
  clock?: Clock;
  /** A directory with installed Python packages that functions may import. */
  pythonPackages?: string | undefined;
  /** A directory for a record of what roles call; see iam/call-record.ts. */
  recordCalls?: string | undefined;
  /** Builds at the same time. Default: 1, a new account's quota (AWS CodeBuild quotas). */
  concurrentBuilds?: number;
  log?: (message: string) => void;
}

export interface RunningCloud extends Cloud {
  stop(): Promise<void>;
}

/**
 * Starts an embedded cloud on loopback and brings back what its state directory holds. Rejects with a
 * StateLockedError when another process serves the directory, a StateDamagedError when it can't be read, EADDRINUSE
 * when the port is taken; nothing is changed then.
 */
export async function startCloud(options: CloudOptions): Promise<RunningCloud> {
  await mkdir(options.stateDir, { recursive: true, mode: 0o700 });
  const unlock = await lockState(options.stateDir);
  try {
    // Node.js looks upwards for what kind of module a file is: a function's or image's code must not find the project's.
    await writeFile(path.join(options.stateDir, 'package.json'), '{}\n');
    const store = await openStore(path.join(options.stateDir, 'store'));
    return await assemble(options, store, unlock).catch(async (error: unknown) => {
      await store.close();
      throw error;
    });
  } catch (error) {
    await unlock();
    throw error;
  }
}

async function assemble(
  options: CloudOptions,
  store: Store,
  unlock: () => Promise<void>,
): Promise<RunningCloud> {
  const services: AwsService[] = [];
  let endpoint = '';

  // Services hold this object and look into it only when they are called, so it may be filled in any order.
  const cloud = {
    account: options.account ?? '000000000000',
    region: options.region ?? 'us-east-1',
    partition: 'aws',
    get endpoint() {
      return endpoint;
    },
    stateDir: options.stateDir,
    pythonPackages: options.pythonPackages,
    recordCalls: options.recordCalls,
    store,
    clock: options.clock ?? { now: () => Date.now() },
    concurrentBuilds: options.concurrentBuilds ?? 1,
    log: options.log ?? (() => {}),
    services,
  } as unknown as Cloud & Record<string, unknown>;

  const add = <Service extends AwsService>(create: (cloud: Cloud) => Service): Service => {
    const service = create(cloud);
    services.push(service);
    return service;
  };
  const s3 = add(createS3);
  add(createEc2);
  add(createDynamoDb);
  const cognito = add(createCognito);
  const ssm = add(createSsm);
  const secrets = add(createSecretsManager);
  const logs = add(createLogs);
  const events = add(createEventBridge);
  const ecr = add(createEcr);
  const serviceDiscovery = add(createServiceDiscovery);
  add(createApplicationAutoScaling);
  add(createServiceQuotas);
  add(createEcs);
  const lambda = add(createLambda);
  const codeBuild = add(createCodeBuild);
  add(createStepFunctions);
  add(createApiGateway);
  const httpApis = add(createApiGatewayV2);
  const loadBalancer = add(createLoadBalancer);
  const waf = add(createWaf);
  const kms = add(createKms);
  const acm = add(createAcm);
  const iam = add(createIam);
  const sts = add(createSts);
  const cloudFormation = add(createCloudFormation);
  Object.assign(cloud, {
    s3,
    cognito,
    ssm,
    secrets,
    logs,
    events,
    codeBuild,
    ecr,
    serviceDiscovery,
    lambda,
    loadBalancer,
    iam,
    sts,
    cloudFormation,
    httpApis,
    waf,
    kms,
    acm,
  });

  let server: Endpoint | undefined;
  const stop = async (): Promise<void> => {
    await server?.close();
    for (const service of [...services].reverse()) {
      // One that fails to stop must not keep the others' processes alive.
      await Promise.resolve(service.stop?.()).catch((error: unknown) =>
        cloud.log(`${service.signingName} did not stop: ${String(error)}`),
      );
    }
  };
  try {
    server = await startEndpoint(cloud, options.port ?? 0);
    endpoint = server.url;
    for (const service of services) await service.start?.();
    // Whoever finds the cloud ready finds the services that it ran before serving.
    const inTime = AbortSignal.timeout(returnWithin);
    await Promise.all(services.map((service) => service.returned?.(inTime))).catch((error: unknown) =>
      cloud.log(`ready before every service was back: ${String(error)}`),
    );
    server.ready();
  } catch (error) {
    await stop();
    throw error;
  }

  let stopping: Promise<void> | undefined;
  return Object.assign(cloud, {
    stop() {
      stopping ??= (async () => {
        await stop();
        await store.close();
        await unlock();
      })();
      return stopping;
    },
  }) as unknown as RunningCloud;
}
