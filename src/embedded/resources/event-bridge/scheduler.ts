/** Runs the rules that have a schedule. Runs missed while the cloud was stopped are not made up for, as on AWS. */
import { randomUUID } from 'node:crypto';
import type { Cloud } from '../../platform.ts';
import type { Delivery } from './delivery.ts';
import type { RuleRecord, Rules } from './rules.ts';
import { parseSchedule } from './schedule.ts';

/** Timers hold 24 days at most, and the clock may be set. */
const longestWait = 3_600_000;

export class Scheduler {
  private readonly cloud: Cloud;
  private readonly rules: Rules;
  private readonly delivery: Delivery;
  private timer: NodeJS.Timeout | undefined;
  private after = 0;

  constructor(cloud: Cloud, rules: Rules, delivery: Delivery) {
    this.cloud = cloud;
    this.rules = rules;
    this.delivery = delivery;
  }

  start(): void {
    this.after = this.cloud.clock.now();
    this.rules.onChange = () => this.arm();
    this.arm();
  }

  stop(): void {
    this.rules.onChange = () => {};
    clearTimeout(this.timer);
  }

  private scheduled(): RuleRecord[] {
    return this.rules.all().filter(({ schedule, state }) => schedule !== undefined && state === 'ENABLED');
  }

  private nextRun(rule: RuleRecord): number {
    const since = Math.max(this.after, rule.since);
    return parseSchedule(rule.schedule ?? '', rule.since)(since) ?? Number.POSITIVE_INFINITY;
  }

  private arm(): void {
    clearTimeout(this.timer);
    const next = Math.min(...this.scheduled().map((rule) => this.nextRun(rule)));
    if (next === Number.POSITIVE_INFINITY) return;
    const wait = Math.max(0, Math.min(longestWait, next - this.cloud.clock.now()));
    this.timer = setTimeout(() => this.run(), wait);
    // A schedule alone keeps no process up.
    this.timer.unref();
  }

  private run(): void {
    const now = this.cloud.clock.now();
    for (const rule of this.scheduled()) {
      if (this.nextRun(rule) > now) continue;
      this.delivery.send(rule, {
        version: '0',
        id: randomUUID(),
        'detail-type': 'Scheduled Event',
        source: 'aws.events',
        account: this.cloud.account,
        time: new Date(now).toISOString().replace(/\.\d+Z$/, 'Z'),
        region: this.cloud.region,
        resources: [this.rules.ruleArn(rule)],
        detail: {},
      });
    }
    this.after = now;
    this.arm();
  }
}
