/** Whether the account's applied quotas bear what the configuration needs. */
import {
  GetAWSDefaultServiceQuotaCommand,
  GetServiceQuotaCommand,
  ServiceQuotasClient,
} from '@aws-sdk/client-service-quotas';
import type { Target } from '../environment.ts';
import { type Check, fail, look, pass, warn } from './check.ts';
import type { Needs } from './needs.ts';

interface Limit {
  need: keyof Needs;
  /** As the check is named, and as a person reads it. */
  name: string;
  what: string;
  service: string;
  code: string;
  /** The service's quotas are of the account, and Service Quotas tells them in this Region alone. */
  onlyIn?: string;
  /** Can't be raised. */
  hard?: true;
}

/**
 * Codes: docs.aws.amazon.com, "Service endpoints and quotas" of each service, whose tables link to them in the Service
 * Quotas console.
 */
const limits: readonly Limit[] = [
  { need: 'vpcLinks', name: 'vpc-links', what: 'VPC links', service: 'apigateway', code: 'L-608BDCD4' },
  {
    need: 'restApis',
    name: 'rest-apis',
    what: 'Regional REST APIs',
    service: 'apigateway',
    code: 'L-AA0FF27B',
    hard: true,
  },
  { need: 'usagePlans', name: 'usage-plans', what: 'usage plans', service: 'apigateway', code: 'L-E8693075' },
  {
    need: 'apiKeys',
    name: 'api-keys',
    what: 'API keys',
    service: 'apigateway',
    code: 'L-1D180A63',
    hard: true,
  },
  {
    need: 'loadBalancers',
    name: 'load-balancers',
    what: 'Application Load Balancers',
    service: 'elasticloadbalancing',
    code: 'L-53DA6B97',
  },
  {
    need: 'targetGroupsPerCell',
    name: 'target-groups',
    what: 'target groups of a load balancer',
    service: 'elasticloadbalancing',
    code: 'L-822D1B1B',
    hard: true,
  },
  {
    need: 'fargateVcpus',
    name: 'fargate-vcpus',
    what: 'Fargate vCPUs',
    service: 'fargate',
    code: 'L-3032A538',
  },
  {
    need: 'roles',
    name: 'roles',
    what: 'IAM roles',
    service: 'iam',
    code: 'L-FE177D64',
    onlyIn: 'us-east-1',
  },
  {
    need: 'userPools',
    name: 'user-pools',
    what: 'Cognito user pools',
    service: 'cognito-idp',
    code: 'L-66E6DF30',
  },
  {
    need: 'stacks',
    name: 'stacks',
    what: 'CloudFormation stacks',
    service: 'cloudformation',
    code: 'L-0485CB21',
  },
  {
    need: 'namespaces',
    name: 'namespaces',
    what: 'Cloud Map namespaces',
    service: 'AWSCloudMap',
    code: 'L-0FE3F50E',
  },
  { need: 'tables', name: 'tables', what: 'DynamoDB tables', service: 'dynamodb', code: 'L-F98FE922' },
];

const permission = 'servicequotas:GetServiceQuota';

/** Warned of from here on: a raise takes days. */
const nearly = 0.8;

/** What else the account holds is not counted: the numbers are this configuration's alone. */
export async function checkQuotas(target: Target, needs: Needs): Promise<Check[]> {
  const clients = new Map<string, ServiceQuotasClient>();
  const clientIn = (region: string): ServiceQuotasClient => {
    const client = clients.get(region) ?? new ServiceQuotasClient({ ...target.client, region });
    clients.set(region, client);
    return client;
  };
  const checks = await Promise.all(
    limits.map((limit) =>
      look(`quota/${limit.name}`, permission, async () =>
        judge(limit, needs[limit.need], await applied(clientIn(limit.onlyIn ?? target.region), limit)),
      ),
    ),
  );
  const all = checks.flat();
  const [first] = all;
  // One missing permission is one thing to do, not twelve.
  return first && all.every(({ status, detail }) => status === 'WARN' && detail === first.detail)
    ? [{ ...first, name: 'quotas' }]
    : all;
}

/** The account's value, else AWS's default; undefined when AWS tells neither. */
async function applied(client: ServiceQuotasClient, { service, code }: Limit): Promise<number | undefined> {
  const asked = { ServiceCode: service, QuotaCode: code };
  const unknown = (error: unknown): undefined => {
    if (error instanceof Error && error.name === 'NoSuchResourceException') return undefined;
    throw error;
  };
  const own = await client.send(new GetServiceQuotaCommand(asked)).catch(unknown);
  const answer = own ?? (await client.send(new GetAWSDefaultServiceQuotaCommand(asked)).catch(unknown));
  return answer?.Quota?.Value;
}

export function judge(
  { name, what, service, code, hard }: Limit,
  need: number,
  quota: number | undefined,
): Check {
  const check = `quota/${name}`;
  const needed = Number.isInteger(need) ? String(need) : need.toFixed(2);
  if (quota === undefined)
    return warn(
      check,
      `${needed} ${what} needed; AWS does not tell how many there may be`,
      `look it up in the Service Quotas console: ${service}, ${code}`,
    );
  const detail = `${needed} of ${quota} ${what}`;
  const raise = hard
    ? 'AWS does not raise this quota: spread the tenants over another environment'
    : `have it raised first: aws service-quotas request-service-quota-increase --service-code ${service} --quota-code ${code} --desired-value ${Math.ceil(need * 2)}`;
  if (need > quota) return fail(check, detail, raise);
  return need > quota * nearly ? warn(check, detail, raise) : pass(check, detail);
}
