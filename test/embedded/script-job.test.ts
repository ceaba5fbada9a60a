import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CloudFormation } from '@aws-sdk/client-cloudformation';
import {
  CoreApplicationPlane,
  DeprovisioningScriptJob,
  EventManager,
  ProvisioningScriptJob,
} from '@cdklabs/sbt-aws';
import { App, CfnOutput, DefaultStackSynthesizer, type IStackSynthesizer, Stack } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type JobsFixture, startJobs } from './jobs-fixture.ts';

// What SaaS Builder Toolkit itself puts around a script needs a shell and nothing more; these scripts don't either.
const provision = `
set -e
echo "tenant $tenantId on $tier"
if [ "$tier" = unknown ]; then echo "no such tier" >&2; exit 1; fi
[ "$(node -p 'JSON.parse(process.env.features).seats')" = 5 ]
export tenantConfig="{\\"url\\":\\"https://$tenantId.example\\"}"
export registrationStatus=Created
`;
const deprovision = 'export registrationStatus="Deleted $tenantId"';

/** A core application plane as its users write it. */
function template(outdir: string): string {
  const app = new App({ outdir });
  const stack = new Stack(app, 'core', {
    synthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }) as IStackSynthesizer,
  });
  const eventManager = new EventManager(stack, 'EventManager');
  const job = {
    eventManager,
    permissions: new PolicyDocument({
      statements: [new PolicyStatement({ actions: ['cloudformation:DescribeStacks'], resources: ['*'] })],
    }),
  };
  new CoreApplicationPlane(stack, 'Plane', {
    eventManager,
    scriptJobs: [
      new ProvisioningScriptJob(stack, 'Provisioning', {
        ...job,
        script: provision,
        postScript: 'echo "after the script"',
        scriptEnvironmentVariables: { PRODUCT: 'shop' },
        environmentStringVariablesFromIncomingEvent: ['tenantId', 'tier'],
        environmentJSONVariablesFromIncomingEvent: ['features'],
        environmentVariablesToOutgoingEvent: {
          tenantData: ['tenantConfig', 'PRODUCT'],
          tenantRegistrationData: ['registrationStatus'],
        },
      }),
      new DeprovisioningScriptJob(stack, 'Deprovisioning', {
        ...job,
        script: deprovision,
        environmentStringVariablesFromIncomingEvent: ['tenantId'],
        environmentVariablesToOutgoingEvent: { tenantRegistrationData: ['registrationStatus'] },
      }),
    ],
  });
  new CfnOutput(stack, 'Bus', { value: eventManager.busName });
  return JSON.stringify(app.synth().getStackByName('core').template);
}

let fixture: JobsFixture;
let formation: CloudFormation;
let bus: string;
const outdir = mkdtempSync(path.join(tmpdir(), 'saas-ecs-script-job-'));

beforeAll(async () => {
  fixture = await startJobs();
  formation = new CloudFormation({
    endpoint: fixture.cloud.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'x' },
  });
  vi.stubEnv('CDK_VALIDATION', 'false');
  await formation.createStack({
    StackName: 'core',
    TemplateBody: template(outdir),
    Capabilities: ['CAPABILITY_NAMED_IAM'],
  });
  const stack = await stackThatIs('CREATE_COMPLETE');
  bus = stack?.Outputs?.[0]?.OutputValue ?? '';
  await fixture.record('outcomes', { source: ['applicationPlaneEventSource'] }, bus);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await fixture.close();
  await rm(outdir, { recursive: true, force: true });
});

const stackThatIs = (status: string) =>
  vi.waitFor(
    async () => {
      const { Stacks } = await formation.describeStacks({ StackName: 'core' });
      expect(Stacks?.[0]).toMatchObject({ StackStatus: status });
      return Stacks?.[0];
    },
    { timeout: 20_000, interval: 50 },
  );
const request = (type: 'onboarding' | 'offboarding', detail: object) =>
  fixture.events.putEvents({
    Entries: [
      {
        EventBusName: bus,
        Source: 'controlPlaneEventSource',
        DetailType: `${type}Request`,
        Detail: JSON.stringify(detail),
      },
    ],
  });
const outcome = (tenantRegistrationId: string) =>
  fixture.received('outcomes', ({ detail }) => detail['tenantRegistrationId'] === tenantRegistrationId);

test('an onboarding request runs the script and comes back as provisionSuccess with what it exported', async () => {
  await request('onboarding', {
    tenantRegistrationId: 'r-1',
    tenantId: 't-1',
    tier: 'basic',
    features: { seats: 5 },
  });
  expect(await outcome('r-1')).toMatchObject({
    'detail-type': 'provisionSuccess',
    source: 'applicationPlaneEventSource',
    detail: {
      tenantRegistrationId: 'r-1',
      jobOutput: {
        tenantData: { tenantConfig: '{"url":"https://t-1.example"}', PRODUCT: 'shop' },
        tenantRegistrationData: { registrationStatus: 'Created' },
      },
    },
  });
});

test('a script that fails comes back as provisionFailure, and its log says why', async () => {
  await request('onboarding', {
    tenantRegistrationId: 'r-2',
    tenantId: 't-2',
    tier: 'unknown',
    features: { seats: 5 },
  });
  expect(await outcome('r-2')).toMatchObject({
    'detail-type': 'provisionFailure',
    detail: { jobOutput: { tenantStatus: 'Failed to provision tenant.' } },
  });
  const { ids = [] } = await fixture.codeBuild.listBuilds({});
  const { builds } = await fixture.codeBuild.batchGetBuilds({ ids: ids.slice(0, 1) });
  const { groupName = '', streamName = '' } = builds?.[0]?.logs ?? {};
  const lines = fixture.cloud.logs.tail(groupName, streamName, 100);
  expect(lines).toEqual(
    expect.arrayContaining(['tenant t-2 on unknown', 'no such tier', 'after the script']),
  );
});

test('an offboarding request runs the other script', async () => {
  await request('offboarding', { tenantRegistrationId: 'r-3', tenantId: 't-1' });
  expect(await outcome('r-3')).toMatchObject({
    'detail-type': 'deprovisionSuccess',
    detail: { jobOutput: { tenantRegistrationData: { registrationStatus: 'Deleted t-1' } } },
  });
});

test('an event that lacks what the job asks for fails the execution without a word, as on AWS', async () => {
  await request('onboarding', { tenantRegistrationId: 'r-4', tenantId: 't-4' });
  const failures = async () => {
    const { stateMachines = [] } = await fixture.sfn.listStateMachines({});
    const lists = await Promise.all(
      stateMachines.map(({ stateMachineArn = '' }) =>
        fixture.sfn.listExecutions({ stateMachineArn, statusFilter: 'FAILED' }),
      ),
    );
    return Promise.all(
      lists
        .flatMap(({ executions = [] }) => executions)
        .map(({ executionArn = '' }) => fixture.sfn.describeExecution({ executionArn })),
    );
  };
  const [failed, ...others] = await vi.waitFor(
    async () => {
      const found = await failures();
      expect(found).not.toEqual([]);
      return found;
    },
    { timeout: 20_000, interval: 50 },
  );
  expect(others).toEqual([]);
  expect(failed?.error).toBe('States.Runtime');
  expect(failed?.cause).toContain("'$.detail.tier'");
});

test('the stack goes with everything in it', async () => {
  await fixture.events.removeTargets({ Rule: 'outcomes', EventBusName: bus, Ids: ['log'] });
  await fixture.events.deleteRule({ Name: 'outcomes', EventBusName: bus });
  const { StackId } = (await stackThatIs('CREATE_COMPLETE')) ?? {};
  await formation.deleteStack({ StackName: 'core' });
  await vi.waitFor(
    async () => {
      const { Stacks } = await formation.describeStacks({ StackName: StackId });
      expect(Stacks?.[0]).toMatchObject({ StackStatus: 'DELETE_COMPLETE' });
    },
    { timeout: 20_000, interval: 50 },
  );
  expect((await fixture.codeBuild.listProjects({})).projects).toEqual([]);
  expect((await fixture.sfn.listStateMachines({})).stateMachines).toEqual([]);
});
