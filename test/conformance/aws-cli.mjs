/**
 * The stock AWS CLI against the embedded cloud of a toured project: `npm run test:conformance`. Takes the `aws` that
 * AWS_CLI names, or the one on the PATH, or installs it by pip into a temporary directory; where there is none of
 * these it says so and skips, unless --require.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

// A reader that goes away (`| head`) must not leave the embedded cloud behind.
process.stdout.on('error', () => {});

const run = promisify(execFile);
const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const bin = path.join(root, 'bin', 'saas-ecs');
const work = await mkdtemp(path.join(tmpdir(), 'saas-ecs-conformance-'));
const project = path.join(work, 'saas-ecs-tour');

/** The CLI's path; undefined, with the reasons told, when there is none. */
async function awsCli() {
  for (const candidate of [process.env.AWS_CLI, 'aws'].filter(Boolean)) {
    const version = await run(candidate, ['--version']).catch(() => undefined);
    if (version) return { aws: candidate, version: version.stdout.trim() || version.stderr.trim() };
  }
  const venv = path.join(work, 'venv');
  try {
    await run('python3', ['-m', 'venv', venv], { timeout: 120_000 });
    await run(path.join(venv, 'bin', 'pip'), ['install', '-q', 'awscli'], { timeout: 300_000 });
  } catch (error) {
    console.log(
      `no AWS CLI on the PATH, and none by pip: ${String(error.stderr || error.message)
        .trim()
        .split('\n')
        .at(-1)}`,
    );
    return undefined;
  }
  const aws = path.join(venv, 'bin', 'aws');
  return { aws, version: (await run(aws, ['--version'])).stdout.trim() };
}

async function saas(...argv) {
  const cwd = argv[0] === 'tour' ? work : project;
  const { stdout } = await run(process.execPath, [bin, ...argv, '--json'], { cwd, maxBuffer: 1 << 24 });
  return JSON.parse(stdout).data;
}

let failed = 0;
function check(name, ok, detail) {
  if (!ok) failed++;
  const short = name.replace(/arn:\S+\/(\S{8})\S*/g, '…/$1…');
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${short}${ok ? '' : `\n       ${detail}`}`);
}

async function conform(aws) {
  const { tenants } = await saas('tour');
  const { endpoint } = await saas('local', 'status');
  const silo = tenants.find(({ model }) => model === 'dedicated-cluster');
  const env = {
    PATH: process.env.PATH,
    HOME: work,
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: 'conformance',
    AWS_SECRET_ACCESS_KEY: 'conformance',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_PAGER: '',
  };
  const call = (line, output = 'json') =>
    run(aws, [...line.split(' '), '--output', output], {
      env,
      cwd: work,
      timeout: 60_000,
      maxBuffer: 1 << 24,
    });
  const json = async (line) => JSON.parse((await call(line)).stdout || 'null');

  const cluster = 'tenant-template-basic';
  const services = await json(`ecs list-services --cluster ${cluster}`);
  const tasks = await json(`ecs list-tasks --cluster ${cluster}`);
  const families = await json('ecs list-task-definitions');
  const tables = (await json('dynamodb list-tables')).TableNames;
  const orders = tables.find((name) => name.includes(silo.tenantId) && name.includes('Orders'));
  const api = (await json('apigateway get-rest-apis')).items[0].id;
  const plans = (await json('apigateway get-usage-plans')).items;
  const balancer = (await json('elbv2 describe-load-balancers')).LoadBalancers[0];
  const listener = (await json(`elbv2 describe-listeners --load-balancer-arn ${balancer.LoadBalancerArn}`))
    .Listeners[0];
  const group = (await json('elbv2 describe-target-groups')).TargetGroups[0].TargetGroupArn;
  const pools = (await json('cognito-idp list-user-pools --max-results 10')).UserPools;
  const pool = pools.find(({ Name }) => Name === `tenant-${silo.tenantId}`).Id;
  const client = (await json(`cognito-idp list-user-pool-clients --user-pool-id ${pool}`)).UserPoolClients[0]
    .ClientId;
  const logGroup = `/saas-ecs/tenant-${silo.tenantId}`;
  const bucket = (await json('s3api list-buckets')).Buckets[0].Name;
  const fn = (await json('lambda list-functions')).Functions[0].FunctionName;
  const role = (await json('iam list-roles')).Roles.find(({ RoleName }) =>
    RoleName.includes('Tenant'),
  ).RoleName;
  const repository = (await json('ecr describe-repositories')).repositories[0].repositoryName;
  const day = new Date().toISOString().slice(0, 10);

  /** Command, and what must hold of its JSON. Each must come out as text and as a table, too. */
  const reads = [
    ['sts get-caller-identity', (a) => a.Arn.endsWith(':root')],
    [
      'cloudformation describe-stacks',
      (a) => a.Stacks.length >= 7 && a.Stacks.every(({ StackStatus }) => /_COMPLETE$/.test(StackStatus)),
    ],
    [
      'cloudformation list-stack-resources --stack-name shared-infra-stack',
      (a) => a.StackResourceSummaries.some(({ ResourceType }) => ResourceType === 'AWS::ApiGateway::RestApi'),
    ],
    [
      'cloudformation describe-stack-events --stack-name shared-infra-stack --max-items 3',
      (a) => a.StackEvents.length === 3 && a.NextToken,
    ],
    [
      `ecs describe-services --cluster ${cluster} --services ${services.serviceArns.join(' ')}`,
      (a) =>
        a.services.length === 3 &&
        a.services.every((s) => s.runningCount === s.desiredCount) &&
        a.failures.length === 0,
    ],
    [
      `ecs describe-tasks --cluster ${cluster} --tasks ${tasks.taskArns.join(' ')}`,
      (a) => a.tasks.every(({ lastStatus }) => lastStatus === 'RUNNING'),
    ],
    [
      `ecs describe-task-definition --task-definition ${families.taskDefinitionArns[0]}`,
      (a) => a.taskDefinition.containerDefinitions.length > 0,
    ],
    [`dynamodb describe-table --table-name ${orders}`, (a) => a.Table.TableStatus === 'ACTIVE'],
    [`dynamodb scan --table-name ${orders}`, (a) => a.Count >= 1 && a.Items[0].tenantId.S === silo.tenantId],
    [
      'apigateway get-usage-plans',
      (a) => a.items.length === 3 && a.items.every(({ quota }) => quota.period === 'DAY'),
    ],
    [
      'apigateway get-api-keys',
      (a) => a.items.length === tenants.length && a.items.every(({ value }) => value === undefined),
    ],
    [`apigateway get-stages --rest-api-id ${api}`, (a) => a.item[0].stageName === 'prod'],
    [
      `apigateway get-usage --usage-plan-id ${plans[0].id} --start-date ${day} --end-date ${day}`,
      (a) => Object.keys(a.items).length === 1,
    ],
    [
      `elbv2 describe-rules --listener-arn ${listener.ListenerArn}`,
      (a) =>
        a.Rules.at(-1).IsDefault &&
        a.Rules.some((rule) =>
          rule.Conditions.some(({ HttpHeaderConfig }) => HttpHeaderConfig?.Values[0] === silo.tenantId),
        ),
    ],
    [
      `elbv2 describe-target-health --target-group-arn ${group}`,
      (a) => a.TargetHealthDescriptions[0].TargetHealth.State === 'healthy',
    ],
    [
      `cognito-idp list-users --user-pool-id ${pool}`,
      (a) => a.Users.some(({ UserStatus }) => UserStatus === 'CONFIRMED'),
    ],
    [
      `cognito-idp describe-user-pool --user-pool-id ${pool}`,
      (a) => a.UserPool.AdminCreateUserConfig.AllowAdminCreateUserOnly,
    ],
    [
      `cognito-idp describe-user-pool-client --user-pool-id ${pool} --client-id ${client}`,
      (a) => a.UserPoolClient.WriteAttributes.every((name) => !name.startsWith('custom:')),
    ],
    ['logs describe-log-groups', (a) => a.logGroups.some(({ logGroupName }) => logGroupName === logGroup)],
    [
      `logs filter-log-events --log-group-name ${logGroup} --filter-pattern request --max-items 1`,
      (a) => a.events.length === 1,
    ],
    ['ssm get-parameters-by-path --path /saas-ecs --recursive', (a) => a.Parameters.length > 5],
    ['secretsmanager list-secrets', (a) => a.SecretList.length === 1],
    [`lambda get-function --function-name ${fn}`, (a) => a.Configuration.State === 'Active'],
    [`iam get-role --role-name ${role}`, (a) => a.Role.AssumeRolePolicyDocument.Statement.length === 1],
    ['events list-event-buses', (a) => a.EventBuses.some(({ Name }) => Name === 'default')],
    [`ecr list-images --repository-name ${repository}`, (a) => a.imageIds.length >= 3],
    ['servicediscovery list-namespaces', (a) => a.Namespaces.length >= 2],
    [
      'application-autoscaling describe-scalable-targets --service-namespace ecs',
      (a) => a.ScalableTargets.length >= 3,
    ],
    ['ec2 describe-vpcs', (a) => a.Vpcs[0].CidrBlock === '10.0.0.0/16'],
    ['ec2 describe-subnets', (a) => a.Subnets.length === 4],
    ['ec2 describe-security-groups', (a) => a.SecurityGroups.length > 3],
    [`s3api list-objects-v2 --bucket ${bucket} --max-items 2`, (a) => a.Contents.length === 2 && a.NextToken],
  ];
  for (const [line, holds] of reads) {
    try {
      const answer = await json(line);
      const shown = await Promise.all(['text', 'table'].map((output) => call(line, output)));
      const fits = Boolean(holds(answer)) && shown.every(({ stdout }) => stdout.trim() !== '');
      check(line, fits, JSON.stringify(answer).slice(0, 400));
    } catch (error) {
      check(line, false, String(error.stderr || error.message).trim());
    }
  }

  /** Paging by pages of one or two gives what one page gives. */
  const paged = [
    ['dynamodb list-tables', 'TableNames'],
    ['apigateway get-usage-plans', 'items'],
    [`ecs list-services --cluster ${cluster}`, 'serviceArns'],
    [`cognito-idp list-users --user-pool-id ${pool}`, 'Users'],
    ['logs describe-log-groups', 'logGroups'],
    ['ssm describe-parameters', 'Parameters'],
    ['iam list-roles', 'Roles'],
  ];
  for (const [line, member] of paged) {
    const [whole, pages] = [await json(line), await json(`${line} --page-size 1`)];
    check(
      `${line} --page-size 1`,
      JSON.stringify(whole[member]) === JSON.stringify(pages[member]),
      'the pages differ from the whole',
    );
  }

  /** Errors by AWS's names. */
  const errors = [
    [
      'cloudformation describe-stacks --stack-name nope',
      '(ValidationError) when calling the DescribeStacks operation: Stack with id nope does not exist',
    ],
    ['ecs list-services --cluster nope', '(ClusterNotFoundException)'],
    [
      'dynamodb scan --table-name nope',
      '(ResourceNotFoundException) when calling the Scan operation: Requested resource not found',
    ],
    ['apigateway get-rest-api --rest-api-id nope', '(NotFoundException)'],
    [`elbv2 describe-target-health --target-group-arn ${group}x`, '(TargetGroupNotFound)'],
    [
      'cognito-idp list-users --user-pool-id us-east-1_nope',
      '(ResourceNotFoundException) when calling the ListUsers operation: User pool us-east-1_nope does not exist.',
    ],
    [
      'logs filter-log-events --log-group-name nope',
      '(ResourceNotFoundException) when calling the FilterLogEvents operation: The specified log group does not exist.',
    ],
    ['s3 ls s3://nope-nope', '(NoSuchBucket)'],
    [
      'iam get-role --role-name nope',
      '(NoSuchEntity) when calling the GetRole operation: The role with name nope cannot be found.',
    ],
    ['ssm get-parameter --name nope', '(ParameterNotFound)'],
    ['lambda get-function --function-name nope', '(ResourceNotFoundException)'],
    ['ec2 describe-subnets --subnet-ids subnet-0123', '(InvalidSubnetID.NotFound)'],
    ['cloudwatch list-metrics', 'does not implement'],
  ];
  for (const [line, words] of errors) {
    const told = await call(line).then(
      () => 'no error',
      (error) => String(error.stderr).trim(),
    );
    check(`${line} fails as on AWS`, told.includes(words), told);
  }

  // A file above the CLI's multipart threshold goes there and comes back.
  const file = path.join(work, 'large');
  await writeFile(file, Buffer.alloc(20 << 20, 'saas-ecs '));
  await run(aws, ['s3', 'cp', file, `s3://${bucket}/conformance/large`, '--no-progress'], { env });
  await run(aws, ['s3', 'cp', `s3://${bucket}/conformance/large`, `${file}.back`, '--no-progress'], { env });
  const same = await run('cmp', [file, `${file}.back`]).then(
    () => true,
    () => false,
  );
  check('s3 cp there and back, in parts', same, 'the files differ');
  const listed = await run(aws, ['s3', 'ls', `s3://${bucket}/conformance/`], { env });
  check('s3 ls', listed.stdout.includes(`${20 << 20} large`), listed.stdout);
  await run(aws, ['s3', 'rm', '--recursive', `s3://${bucket}/conformance/`], { env });
}

try {
  const found = await awsCli();
  if (!found) {
    console.log(
      'SKIPPED: the stock AWS CLI against the embedded cloud. It needs the AWS CLI, or python3 with venv and pip.',
    );
    if (process.argv.includes('--require')) failed++;
  } else {
    console.log(found.version);
    try {
      await conform(found.aws);
    } finally {
      await saas('local', 'stop').catch(() => undefined);
    }
    console.log(failed === 0 ? 'all as on AWS' : `${failed} failed`);
  }
} finally {
  await rm(work, { recursive: true, force: true, maxRetries: 5 });
}
process.exitCode = failed === 0 ? 0 : 1;
