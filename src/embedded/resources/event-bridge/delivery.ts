/**
 * Brings events to the targets of the rules that they match. What is accepted is kept until it is delivered, so
 * an event outlives the process that took it.
 */
import { randomUUID } from 'node:crypto';
import { StartBuildInput$ } from '@aws-sdk/client-codebuild';
import type { Target } from '@aws-sdk/client-eventbridge';
import { AwsError, type Cloud } from '../../platform.ts';
import { callAs, onlyMembers, ServiceSessions } from '../../service-call.ts';
import type { ApiDestinations } from './api-destinations.ts';
import { targetInput } from './input.ts';
import type { RuleRecord, Rules } from './rules.ts';

/** An event as rules and targets see it. */
export interface EventRecord {
  version: '0';
  id: string;
  'detail-type': string;
  source: string;
  account: string;
  time: string;
  region: string;
  resources: string[];
  detail: unknown;
}

interface Pending {
  id: string;
  bus: string;
  rule: string;
  target: Target;
  event: EventRecord;
  attempts: number;
  /** Over how many buses it came. */
  hops: number;
  /** Milliseconds */
  since: number;
}

/** Lambda runs what EventBridge gave it three times in all, AWS after 1 and 2 minutes, here sooner. */
const maxAttempts = 3;
const retryMs = [1000, 5000];
/** The other services come back first. */
const resumeMs = 1000;
/** Buses may point at each other. */
const maxHops = 5;

export class Delivery {
  private readonly cloud: Cloud;
  private readonly rules: Rules;
  private readonly destinations: ApiDestinations;
  private readonly running = new Set<Promise<void>>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly sessions: ServiceSessions;
  private stopped = false;

  constructor(cloud: Cloud, rules: Rules, destinations: ApiDestinations) {
    this.cloud = cloud;
    this.sessions = new ServiceSessions(cloud, 'events.amazonaws.com');
    this.rules = rules;
    this.destinations = destinations;
  }

  private get pending() {
    return this.cloud.store.collection<Pending>('events.pending');
  }

  /** Takes an event in; it is delivered soon, not before this returns. */
  accept(bus: string, event: EventRecord, hops = 0): void {
    for (const rule of this.rules.matching(bus, event)) this.send(rule, event, hops);
  }

  /** To all targets of one rule. */
  send(rule: RuleRecord, event: EventRecord, hops = 0): void {
    for (const target of rule.targets) {
      const delivery: Pending = {
        id: randomUUID(),
        bus: rule.bus,
        rule: rule.name,
        target,
        event,
        attempts: 0,
        hops,
        since: this.cloud.clock.now(),
      };
      this.pending.put(delivery.id, delivery);
      this.later(delivery, 0);
    }
  }

  /** Goes on with what an earlier process left. */
  resume(): void {
    for (const delivery of this.pending.values()) this.later(delivery, resumeMs);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.destinations.stop();
    for (const timer of this.timers) clearTimeout(timer);
    await Promise.allSettled([...this.running]);
  }

  private later(delivery: Pending, delay: number): void {
    if (this.stopped) return;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      const run = this.deliver(delivery).finally(() => this.running.delete(run));
      this.running.add(run);
    }, delay);
    this.timers.add(timer);
  }

  private async deliver(delivery: Pending): Promise<void> {
    const { target, event, bus, rule: name } = delivery;
    const ruleArn = this.rules.ruleArn({ bus, name });
    try {
      await this.hand(delivery, targetInput(target, event, { arn: ruleArn, name }), ruleArn);
    } catch (error) {
      // A function that was ended with the cloud gets its event when both are back.
      if (this.stopped) return;
      const why = error instanceof Error ? error.message : String(error);
      const attempts = delivery.attempts + 1;
      const limit = Math.min(maxAttempts, 1 + (target.RetryPolicy?.MaximumRetryAttempts ?? maxAttempts));
      // What is refused stays refused; a function that failed may do better.
      const final = error instanceof AwsError || attempts >= limit;
      this.cloud.log(`events: ${name} -> ${target.Arn}: ${why}${final ? '; given up' : ''}`);
      if (!final) {
        const next = { ...delivery, attempts };
        this.pending.put(next.id, next);
        this.later(next, retryMs[attempts - 1] ?? 5000);
        return;
      }
    }
    this.pending.delete(delivery.id);
  }

  private async hand(delivery: Pending, input: unknown, ruleArn: string): Promise<void> {
    const target = delivery.target.Arn ?? '';
    const [, , service, , , ...rest] = target.split(':');
    const resource = rest.join(':');
    if (service === 'lambda') {
      await this.cloud.lambda.invoke(target, input, { service: 'events.amazonaws.com', sourceArn: ruleArn });
    } else if (service === 'logs') {
      const group = resource.replace(/^log-group:/, '').replace(/:\*$/, '');
      this.cloud.logs.append(group, delivery.rule, [
        typeof input === 'string' ? input : JSON.stringify(input),
      ]);
    } else if (service === 'events' && resource.startsWith('event-bus/')) {
      if (delivery.hops >= maxHops)
        throw new AwsError('LoopDetected', `the event came over ${maxHops} buses`);
      const bus = this.rules.bus(target).name;
      this.accept(bus, delivery.event, delivery.hops + 1);
    } else if (service === 'events' && resource.startsWith('api-destination/')) {
      await this.destinations.invoke(delivery.target, delivery.event, input);
    } else if (service === 'states' && resource.startsWith('stateMachine:')) {
      // Named after the delivery: one that is repeated starts no second execution.
      await this.callAs(delivery, 'states', 'StartExecution', {
        stateMachineArn: target,
        name: `${delivery.event.id}_${delivery.id}`,
        input: JSON.stringify(input),
      });
    } else if (service === 'codebuild' && resource.startsWith('project/')) {
      await this.callAs(delivery, 'codebuild', 'StartBuild', {
        ...onlyMembers(StartBuildInput$, input),
        projectName: resource.slice('project/'.length),
        idempotencyToken: delivery.id,
      });
    } else {
      throw new AwsError('TargetNotSupported', `the embedded cloud delivers nothing to ${service}`);
    }
  }

  /** With the rights of the target's role, which must trust EventBridge. */
  private async callAs(delivery: Pending, service: string, operation: string, input: object): Promise<void> {
    const principal = this.sessions.principal(delivery.target.RoleArn ?? '', delivery.rule);
    await callAs(this.cloud, principal, service, operation, input);
  }
}
