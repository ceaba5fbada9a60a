/** What the tests of builds and state machines share: a cloud, its clients, roles, a bus that writes down what it gets. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CodeBuild } from '@aws-sdk/client-codebuild';
import { EventBridge } from '@aws-sdk/client-eventbridge';
import { IAM } from '@aws-sdk/client-iam';
import { SFN } from '@aws-sdk/client-sfn';
import { vi } from 'vitest';
import { type CloudOptions, type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';

export interface BusEvent {
  source: string;
  'detail-type': string;
  resources: string[];
  detail: Record<string, unknown>;
}

export interface JobsFixture {
  cloud: RunningCloud;
  endpoint: string;
  /** Added to the clock, in milliseconds. */
  offset: number;
  codeBuild: CodeBuild;
  sfn: SFN;
  events: EventBridge;
  /** Makes a role that the service may assume; its ARN. */
  role(name: string, service: string, statements: readonly object[]): Promise<string>;
  /** Writes every event of a bus that matches into a log group; {@link received} reads it. */
  record(name: string, pattern: object, bus?: string): Promise<void>;
  /** Waits for a recorded event. */
  received(name: string, wanted: (event: BusEvent) => boolean): Promise<BusEvent>;
  restart(): Promise<void>;
  close(): Promise<void>;
}

const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'x' };

export function clientsOf(endpoint: string) {
  const client = { endpoint, region: 'us-east-1', credentials, maxAttempts: 1 };
  return {
    endpoint,
    codeBuild: new CodeBuild(client),
    sfn: new SFN(client),
    events: new EventBridge(client),
  };
}

/** Makes a role that the service may assume; its ARN. */
export async function makeRole(
  endpoint: string,
  name: string,
  service: string,
  statements: readonly object[],
): Promise<string> {
  const iam = new IAM({ endpoint, region: 'us-east-1', credentials });
  const policy = (...Statement: readonly object[]) => JSON.stringify({ Version: '2012-10-17', Statement });
  const trust = { Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' };
  const { Role } = await iam.createRole({ RoleName: name, AssumeRolePolicyDocument: policy(trust) });
  await iam.putRolePolicy({ RoleName: name, PolicyName: 'p', PolicyDocument: policy(...statements) });
  return Role?.Arn ?? '';
}

export async function startJobs(options: Partial<CloudOptions> = {}): Promise<JobsFixture> {
  const stateDir = await mkdtemp(path.join(tmpdir(), 'saas-ecs-jobs-'));
  const all: CloudOptions = { stateDir, clock: { now: () => Date.now() + fixture.offset }, ...options };
  const fixture = { offset: 0 } as JobsFixture;
  const cloud = await startCloud(all);
  return Object.assign(fixture, {
    cloud,
    ...clientsOf(cloud.endpoint),
    role: (name, service, statements) => makeRole(fixture.endpoint, name, service, statements),
    async record(name, pattern, bus = 'default') {
      await fixture.events.putRule({ Name: name, EventBusName: bus, EventPattern: JSON.stringify(pattern) });
      await fixture.events.putTargets({
        Rule: name,
        EventBusName: bus,
        Targets: [{ Id: 'log', Arn: `arn:aws:logs:us-east-1:000000000000:log-group:/events/${name}` }],
      });
    },
    received: (name, wanted) =>
      vi.waitFor(
        () => {
          const events = fixture.cloud.logs
            .tail(`/events/${name}`, name, 200)
            .map((line) => JSON.parse(line) as BusEvent);
          const found = events.find(wanted);
          if (!found)
            throw new Error(`not among ${JSON.stringify(events.map((event) => event['detail-type']))}`);
          return found;
        },
        { timeout: 20_000, interval: 20 },
      ),
    async restart() {
      await fixture.cloud.stop();
      const next = await startCloud(all);
      Object.assign(fixture, { cloud: next, ...clientsOf(next.endpoint) });
    },
    async close() {
      await fixture.cloud.stop();
      await rm(stateDir, { recursive: true, force: true });
    },
  } satisfies Partial<JobsFixture>);
}

export const allow = (Action: string | readonly string[], Resource: string | readonly string[] = '*') => ({
  Effect: 'Allow',
  Action,
  Resource,
});

/** The build, once it is complete. */
export const completed = (fixture: JobsFixture, id: string | undefined) =>
  vi.waitFor(
    async () => {
      const { builds } = await fixture.codeBuild.batchGetBuilds({ ids: [id ?? ''] });
      const [build] = builds ?? [];
      if (!build?.buildComplete) throw new Error(`the build is in ${build?.currentPhase}`);
      return build;
    },
    { timeout: 20_000, interval: 30 },
  );

/** The execution, once it has ended. */
export const ended = (fixture: JobsFixture, executionArn: string | undefined) =>
  vi.waitFor(
    async () => {
      const execution = await fixture.sfn.describeExecution({ executionArn: executionArn ?? '' });
      if (execution.status === 'RUNNING') throw new Error('the execution runs');
      return execution;
    },
    { timeout: 20_000, interval: 30 },
  );
