/** The stock AWS CLI against the embedded cloud of a toured project: the `aws` on the PATH, or the one that pip has. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { run as execute, lastWords } from '../machine.mjs';

export const title = 'a stock AWS CLI works on the embedded cloud';

/** `aws` and its version; rejects when there is none. */
async function awsCli(machine) {
  for (const candidate of [process.env.AWS_CLI, 'aws'].filter(Boolean)) {
    const version = await execute(candidate, ['--version']).catch(() => undefined);
    if (version) return { aws: candidate, version: version.stdout.trim() || version.stderr.trim() };
  }
  const aws = path.join(await machine.python('aws'), 'aws');
  return { aws, version: (await execute(aws, ['--version'])).stdout.trim() };
}

/** Two at a time: the CLI's start is most of each. */
async function inPairs(list, use) {
  const rest = list.values();
  const worker = async () => {
    for (const entry of rest) await use(entry);
  };
  await Promise.all([worker(), worker()]);
}

export async function run(report, machine) {
  let aws;
  try {
    const found = await awsCli(machine);
    aws = found.aws;
    report.note('with', found.version);
  } catch (error) {
    return report.skip(title, lastWords(error));
  }
  const { endpoint, tenants } = await machine.toured();
  const silo = tenants.find(({ model }) => model === 'dedicated-cluster');
  const env = {
    PATH: process.env.PATH,
    HOME: machine.work,
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: 'conformance',
    AWS_SECRET_ACCESS_KEY: 'conformance',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_PAGER: '',
  };
  const call = (line, output = 'json') =>
    execute(aws, [...line.split(' '), '--output', output], { env, cwd: machine.work });
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

  /** Command, and what must hold of its JSON. */
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
  await inPairs(reads, async ([line, holds]) => {
    try {
      const answer = await json(line);
      report.check(line, Boolean(holds(answer)), JSON.stringify(answer).slice(0, 400));
    } catch (error) {
      report.check(line, false, String(error.stderr || error.message).trim());
    }
  });
  for (const output of ['text', 'table']) {
    const line = 'cloudformation describe-stacks';
    const { stdout } = await call(line, output);
    report.check(`${line} --output ${output}`, stdout.includes('shared-infra-stack'), stdout.slice(0, 400));
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
    report.check(
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
  await inPairs(errors, async ([line, words]) => {
    const told = await call(line).then(
      () => 'no error',
      (error) => String(error.stderr).trim(),
    );
    report.check(`${line} fails as on AWS`, told.includes(words), told);
  });

  // A file above the CLI's multipart threshold goes there and comes back.
  const file = path.join(machine.work, 'large');
  await writeFile(file, Buffer.alloc(20 << 20, 'saas-ecs '));
  await execute(aws, ['s3', 'cp', file, `s3://${bucket}/conformance/large`, '--no-progress'], { env });
  await execute(aws, ['s3', 'cp', `s3://${bucket}/conformance/large`, `${file}.back`, '--no-progress'], {
    env,
  });
  const same = await execute('cmp', [file, `${file}.back`]).then(
    () => true,
    () => false,
  );
  report.check('s3 cp there and back, in parts', same, 'the files differ');
  const listed = await execute(aws, ['s3', 'ls', `s3://${bucket}/conformance/`], { env });
  report.check('s3 ls', listed.stdout.includes(`${20 << 20} large`), listed.stdout);
  await execute(aws, ['s3', 'rm', '--recursive', `s3://${bucket}/conformance/`], { env });
}
