/**
 * Known causes, the most telling first: how a chain shows one, and what to do. An unknown one is not guessed at: the
 * chain itself is the answer then.
 */
import type { Cause, Link } from './chain.ts';

interface Known {
  code: string;
  /** Kinds of links that can show it; any when absent. */
  in?: readonly Link['kind'][];
  /** Matched against a link's status and detail, in two lines. */
  pattern: RegExp;
  text: (match: RegExpMatchArray, link: Link) => string;
  fix: readonly string[];
}

const deployed: readonly Link['kind'][] = ['operation', 'stack', 'resource'];
const atECS: readonly Link['kind'][] = ['resource', 'service', 'event', 'task'];

const exits = [
  'the last log lines say why; mend the image or its environment in saas-ecs.yaml',
  'publish it: saas-ecs deploy-shared',
];

const known: readonly Known[] = [
  {
    code: 'credentials_expired',
    in: deployed,
    pattern: /ExpiredToken|security token\b.*\bexpired|credentials have expired/i,
    text: () => 'the AWS credentials ran out while it was at work',
    fix: ['sign in again (for example: aws sso login)'],
  },
  {
    code: 'stack_busy',
    in: deployed,
    pattern: /is in [A-Z_]+_IN_PROGRESS state|another operation is under way on the stack/,
    text: () => 'another operation was under way on the stack',
    fix: ['wait for it to end'],
  },
  {
    code: 'not_deployed',
    in: deployed,
    pattern:
      /Unable to fetch parameters \[([^\]]+)\]|ParameterNotFound|parameter (\/saas-ecs\/\S+) is missing/i,
    text: ([, listed, one]) =>
      `what all tenants share is not deployed, or not wholly${listed || one ? `: the parameter ${listed ?? one} is missing` : ''}`,
    fix: ['deploy it: saas-ecs deploy-shared'],
  },
  {
    code: 'iam_denied',
    pattern: /not authorized to perform:? ([\w-]+:[\w*]+)/i,
    text: ([, action = ''], { kind, name }) =>
      kind === 'log' || kind === 'task'
        ? `IAM denied ${action} to the service "${name}"`
        : `IAM denied ${action} to whoever deploys`,
    fix: [
      'allow the action to the role that the message names; deny statements and permissions boundaries count too',
    ],
  },
  {
    code: 'image_missing',
    in: atECS,
    pattern:
      /CannotPull\w*|pull image manifest|image\b[^\n]*\b(?:not found|does not exist|was never pushed)/i,
    text: (_, { name }) => `the image of "${name}" can't be pulled`,
    fix: [
      'push the images again: saas-ecs deploy-shared',
      'if they are there: the tasks need a way to ECR, by NAT or VPC endpoints',
    ],
  },
  {
    code: 'image_architecture',
    in: ['task', 'log'],
    pattern: /exec format error/i,
    text: (_, { name }) => `the image of "${name}" is built for another processor`,
    fix: ['tasks run on ARM64: build for linux/arm64, and let the Dockerfile name no other platform'],
  },
  {
    code: 'out_of_memory',
    in: ['task', 'event'],
    pattern: /OutOfMemory|out of memory/i,
    text: (_, { name }) => `the service "${name}" ran out of memory`,
    fix: ['give it more: memory of the service in saas-ecs.yaml, then saas-ecs deploy-shared'],
  },
  {
    code: 'image_exits',
    in: ['task'],
    pattern: /^exited with (\d+)\n[^\n]*essential container/i,
    text: ([, code], { name }) => `the image of "${name}" exits at its start, with code ${code}`,
    fix: exits,
  },
  {
    // As the CDK's toolkit tells a stopped task; 143 is one that was told to stop.
    code: 'image_exits',
    in: deployed,
    pattern: /container "([^"]+)" exited with\s+code (?!143\b)(\d+)/i,
    text: ([, container, code]) => `the image of "${container}" exits at its start, with code ${code}`,
    fix: exits,
  },
  {
    code: 'health_check_failed',
    pattern:
      /health checks?[^\n]{0,20}(?:failed|failing)|failed (?:ELB|container|Elastic Load Balancing)? ?health checks|FailedHealthChecks|Target\.(?:Timeout|ResponseCodeMismatch)|^unhealthy\n\S+:\d+:/im,
    text: (_, { name }) => `the health check of "${name}" fails`,
    fix: [
      'the service must answer GET /health with 200 within 5 s, on the port in PORT and on every address (or on HOST, where that is set)',
      'it has 60 s to start',
    ],
  },
  {
    code: 'no_capacity',
    pattern:
      /unable to place a task|RESOURCE:(?:CPU|MEMORY|ENI)|capacity is unavailable|InsufficientInstanceCapacity|no container instances? (?:were|was) found/i,
    text: () => 'there is no capacity for the task',
    fix: [
      'on EC2: raise the most instances of the capacity provider, or take a smaller cpu and memory',
      'on Fargate: wait and try again; raise its vCPU quota',
    ],
  },
  {
    code: 'quota_exceeded',
    pattern:
      /LimitExceeded|(?:limit|quota|maximum number)\b[^\n]{0,80}\b(?:exceeded|reached)|exceed(?:s|ed)? (?:the )?(?:limit|quota)|TooMany(?!Requests)\w+/i,
    text: () => 'an AWS quota is used up',
    fix: ['raise the quota that the message names (Service Quotas), or remove what is unused'],
  },
  {
    code: 'aws_throttled',
    in: deployed,
    pattern: /Rate exceeded|Throttling|TooManyRequests|RequestLimitExceeded/,
    text: () => 'AWS throttled this account',
    fix: ['wait a minute'],
  },
  {
    code: 'name_taken',
    in: deployed,
    pattern: /(?:already exists|AlreadyExists)/,
    text: (_, { name }) => `something of the name of "${name}" exists already, outside of the stack`,
    fix: [
      'delete what is in the way if it is a leftover, or set another prefix for the environment in saas-ecs.yaml',
    ],
  },
  {
    code: 'circuit_breaker',
    pattern: /circuit breaker/i,
    text: (_, { name }) => `the tasks of "${name}" did not come up, and ECS gave up`,
    fix: ['the stopped tasks and their last log lines say why'],
  },
];

/** The likely cause that a chain shows; undefined when it shows none that is known. */
export function causeOf(chain: readonly Link[]): Cause | undefined {
  for (const { code, in: kinds, pattern, text, fix } of known)
    for (const link of chain) {
      if (kinds && !kinds.includes(link.kind)) continue;
      const match = `${link.status}\n${link.detail ?? ''}`.match(pattern);
      if (match) return { code, text: text(match, link), fix: [...fix] };
    }
  return undefined;
}
