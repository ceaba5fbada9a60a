/**
 * Whether a tenant's services are served from. In its Express mode CloudFormation calls a stack complete once its
 * resources are configured, not once they are ready, so this is what an onboarding waits for instead.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { DescribeServicesCommand, ECSClient, type Service, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import {
  DescribeTargetHealthCommand,
  ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { tenantOutputs } from '../model/names.ts';
import type { ClientOptions } from './environment.ts';

export interface Unhealthy {
  /** As saas-ecs.yaml names it. */
  service: string;
  arn: string;
  reason: string;
}

export interface GateOptions {
  signal: AbortSignal;
  /** Told what is waited for. */
  onDetail?: ((text: string) => void) | undefined;
}

const pollMs = { first: 100, most: 3_000 };

/** With the circuit breaker on, ECS itself ends a deployment long before that, in milliseconds. */
const atMost = 30 * 60_000;

/** DescribeServices takes ten at most. */
const describeAtOnce = 10;

export class HealthGate {
  readonly #ecs: ECSClient;
  readonly #balancing: ElasticLoadBalancingV2Client;

  constructor(options: ClientOptions) {
    this.#ecs = new ECSClient(options);
    this.#balancing = new ElasticLoadBalancingV2Client(options);
  }

  /**
   * Waits until every service that the stack's outputs name runs as many tasks as it should, of the deployment that
   * is its newest now, and its targets are healthy. Gives the services that ECS gave up; none when all is well.
   */
  async wait(outputs: Readonly<Record<string, string>>, options: GateOptions): Promise<Unhealthy[]> {
    const cluster = outputs[tenantOutputs.clusterName] ?? '';
    const named = Object.entries(
      JSON.parse(outputs[tenantOutputs.services] ?? '{}') as Record<string, string>,
    );
    const newest = new Map<string, string | undefined>();
    const until = Date.now() + atMost;
    let waiting = named;
    let balanced: string[] = [];
    for (let wait = pollMs.first; waiting.length > 0; wait = Math.min(wait * 1.3, pollMs.most)) {
      const services = await this.#describe(
        cluster,
        waiting.map(([, service]) => service),
      );
      const still: typeof waiting = [];
      const failed: Unhealthy[] = [];
      for (const [name, reference] of waiting) {
        const service = services.find(
          ({ serviceArn, serviceName }) => reference === serviceArn || reference === serviceName,
        );
        const primary = service?.deployments?.find(({ status }) => status === 'PRIMARY');
        if (primary && !newest.has(name)) newest.set(name, primary.id);
        const reason = gaveUp(service, newest.get(name)) ?? (Date.now() > until ? tooLong : undefined);
        if (reason !== undefined)
          failed.push({ service: name, arn: service?.serviceArn ?? reference, reason });
        else if (service && isSteady(service)) balanced = [...balanced, ...targetGroupsOf(service)];
        else still.push([name, reference]);
      }
      if (failed.length > 0) return failed;
      waiting = still;
      if (waiting.length === 0) break;
      options.onDetail?.(`waiting for ${waiting.map(([name]) => name).join(', ')} to run and be healthy`);
      await delay(wait, undefined, { signal: options.signal });
    }
    await this.#untilTargetsHealthy(balanced, options);
    return [];
  }

  /** Has ECS try the same again: for services that it gave up, in a stack that has nothing to change. */
  async retry(failed: readonly Unhealthy[]): Promise<void> {
    for (const { arn } of failed) {
      const [cluster = '', service = ''] = arn.split('/').slice(-2);
      await this.#ecs.send(new UpdateServiceCommand({ cluster, service, forceNewDeployment: true }));
    }
  }

  async #describe(cluster: string, references: readonly string[]): Promise<Service[]> {
    const found: Service[] = [];
    for (let index = 0; index < references.length; index += describeAtOnce) {
      const { services = [] } = await this.#ecs.send(
        new DescribeServicesCommand({ cluster, services: references.slice(index, index + describeAtOnce) }),
      );
      found.push(...services);
    }
    return found;
  }

  /** ECS calls a deployment completed once its targets are healthy; one that has failed since is replaced by ECS. */
  async #untilTargetsHealthy(
    targetGroups: readonly string[],
    { signal, onDetail }: GateOptions,
  ): Promise<void> {
    for (const TargetGroupArn of targetGroups)
      for (let wait = pollMs.first; ; wait = Math.min(wait * 1.3, pollMs.most)) {
        const { TargetHealthDescriptions = [] } = await this.#balancing.send(
          new DescribeTargetHealthCommand({ TargetGroupArn }),
        );
        if (TargetHealthDescriptions.some(({ TargetHealth }) => TargetHealth?.State === 'healthy')) break;
        onDetail?.('waiting for a healthy target');
        await delay(wait, undefined, { signal });
      }
  }
}

const tooLong = `not steady within ${atMost / 60_000} minutes`;

const targetGroupsOf = ({ loadBalancers = [] }: Service): string[] =>
  loadBalancers.flatMap(({ targetGroupArn }) => (targetGroupArn === undefined ? [] : [targetGroupArn]));

function isSteady({ deployments = [], desiredCount = 0, runningCount = 0 }: Service): boolean {
  const [only] = deployments;
  return deployments.length === 1 && only?.rolloutState === 'COMPLETED' && runningCount >= desiredCount;
}

/** Why ECS will not bring the deployment up that was the newest; undefined while it still may. */
function gaveUp(service: Service | undefined, newest: string | undefined): string | undefined {
  // An older deployment that failed is on its way out.
  const primary = service?.deployments?.find(({ status }) => status === 'PRIMARY');
  if (primary?.rolloutState === 'FAILED') return primary.rolloutStateReason ?? 'its deployment failed';
  if (primary && newest !== undefined && primary.id !== newest) return 'its deployment was rolled back';
  return undefined;
}
