/** The stock CDK CLI on an embedded cloud: bootstrap, deploy, update, an update that fails and rolls back, destroy. */
import path from 'node:path';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { run as execute, root } from '../machine.mjs';

export const title = 'the stock CDK CLI deploys an app of its own to the embedded cloud';

export async function run(report, machine) {
  const { endpoint } = await machine.emptyCloud('cdk');
  const credentials = { accessKeyId: 'conformance', secretAccessKey: 'conformance' };
  const options = { endpoint, region: 'us-east-1', credentials };
  const env = {
    PATH: process.env.PATH,
    HOME: machine.work,
    CI: 'true',
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_REGION: options.region,
    AWS_EC2_METADATA_DISABLED: 'true',
    CDK_DOCKER: path.join(root, 'bin', 'embedded-docker'),
    CDK_DISABLE_CLI_TELEMETRY: 'true',
  };
  const app = path.join(import.meta.dirname, '..', 'cdk-app', 'app.mjs');
  // Synthesized once a step, by the CLI too.
  const assemblyOf = (step) => path.join(machine.work, `cdk.out-${step}`);
  const program = path.join(root, 'node_modules', 'aws-cdk', 'bin', 'cdk');
  /** Its exit code, and everything it said. */
  const cdk = async (step, ...argv) => {
    const flags =
      argv[0] === 'synth'
        ? ['--app', `node ${app}`, '--output', assemblyOf(step), '--context', `step=${step}`]
        : ['--app', assemblyOf(step)];
    flags.push('--no-notices', '--no-color', '--no-version-reporting');
    const settings = { cwd: machine.work, env, timeout: 180_000 };
    const ran = await execute(process.execPath, [program, ...argv, ...flags], settings).catch(
      (error) => error,
    );
    return { code: ran.code ?? 0, said: `${ran.stdout}${ran.stderr}` };
  };
  const stackNamed = async (StackName) => {
    const client = new CloudFormationClient(options);
    const { Stacks } = await client
      .send(new DescribeStacksCommand({ StackName }))
      .catch(() => ({ Stacks: [] }));
    return Stacks[0];
  };
  const outcome = async () => {
    const stack = await stackNamed('conformance-app');
    const output = stack?.Outputs?.find(({ OutputKey }) => OutputKey === 'Greeting')?.OutputValue;
    const asked = new GetParameterCommand({ Name: '/conformance/version' });
    const { Parameter } = await new SSMClient(options).send(asked).catch(() => ({}));
    return `${stack?.StackStatus}, ${output}, ${Parameter?.Value}`;
  };
  const expect = (name, found, wanted, said) =>
    report.check(name, found === wanted, `${found}, not ${wanted}\n${said.slice(-1500)}`);

  const { stdout } = await execute(process.execPath, [program, '--version'], { env });
  report.note('with', `aws-cdk ${stdout.trim()}`);

  const synthesized = await Promise.all([1, 2, 3].map((step) => cdk(step, 'synth', '--quiet')));
  const wrong = synthesized.find(({ code }) => code !== 0);
  report.check('synth', wrong === undefined, wrong?.said);

  const bootstrap = await cdk(1, 'bootstrap', 'aws://000000000000/us-east-1');
  expect('bootstrap', (await stackNamed('CDKToolkit'))?.StackStatus, 'CREATE_COMPLETE', bootstrap.said);

  const deployed = await cdk(1, 'deploy', '--all', '--require-approval', 'never', '--progress', 'events');
  expect(
    'deploy: two stacks, an image, a function, a custom resource',
    await outcome(),
    'CREATE_COMPLETE, hello from step 1, v1',
    deployed.said,
  );

  const again = await cdk(1, 'deploy', '--all', '--require-approval', 'never');
  report.check(
    'deploy again: no changes',
    again.code === 0 && again.said.includes('(no changes)'),
    again.said,
  );

  const diff = await cdk(2, 'diff', 'conformance-app', '--fail');
  report.check(
    'diff: the custom resource and the parameter',
    diff.code === 1 && /v1[\s\S]*v2/.test(diff.said),
    diff.said,
  );

  const updated = await cdk(2, 'deploy', '--all', '--require-approval', 'never');
  expect(
    'deploy: an update by change set',
    await outcome(),
    'UPDATE_COMPLETE, hello from step 2, v2',
    updated.said,
  );

  const failing = await cdk(3, 'deploy', 'conformance-app', '--exclusively', '--require-approval', 'never');
  report.check(
    'deploy: an update that fails says why',
    failing.code === 1 && failing.said.includes('told to fail'),
    failing.said,
  );
  expect(
    'and is rolled back',
    await outcome(),
    'UPDATE_ROLLBACK_COMPLETE, hello from step 2, v2',
    failing.said,
  );
  const table = (await stackNamed('conformance-data')).Outputs[0].OutputValue;
  const { Items } = await new DynamoDBClient(options).send(
    new ScanCommand({ TableName: table.split('/').at(-1) }),
  );
  const calls = Items.map(({ pk }) => pk.S)
    .toSorted()
    .join();
  report.check('the function was called for each step', calls === 'Create 1,Update 2,Update 3', calls);

  const recovered = await cdk(1, 'deploy', 'conformance-app', '--exclusively', '--require-approval', 'never');
  expect('deploy after it', await outcome(), 'UPDATE_COMPLETE, hello from step 1, v1', recovered.said);

  const listed = await cdk(1, 'list');
  report.check(
    'list',
    listed.said.includes('conformance-data') && listed.said.includes('conformance-app'),
    listed.said,
  );

  const destroyed = await cdk(1, 'destroy', '--all', '--force');
  const left = [await stackNamed('conformance-app'), await stackNamed('conformance-data')].filter(Boolean);
  report.check('destroy', destroyed.code === 0 && left.length === 0, destroyed.said);
}
