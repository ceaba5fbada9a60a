import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type Document, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import type { Config, Environment } from '../../model/config.ts';
import { ExitCode, SaasError } from '../../model/error.ts';
import { nearest } from '../../model/nearest.ts';
import { refuseNesting, refuseYamlNesting } from '../../model/nesting.ts';
import { builtinImages, type Service, type ServiceRoute } from '../../model/service.ts';
import type { QuotaPeriod, Tier } from '../../model/tier.ts';
import { type ConfigDocument, configSchema, quotaPattern } from './schema.ts';

export const configFileName = 'saas-ecs.yaml';

const builtinRoutes: Record<(typeof builtinImages)[number], ServiceRoute[]> = {
  order: [
    { path: '', methods: ['GET', 'POST'] },
    { path: '/{id}', methods: ['GET', 'PUT', 'DELETE'] },
  ],
  product: [
    { path: '', methods: ['GET', 'POST'] },
    { path: '/{id}', methods: ['GET', 'PUT', 'DELETE'] },
  ],
  user: [
    { path: '', methods: ['GET', 'POST'] },
    { path: '/{id}', methods: ['GET', 'PUT', 'DELETE'] },
  ],
};
const anyRoutes: ServiceRoute[] = [
  { path: '', methods: ['ANY'] },
  { path: '/{proxy+}', methods: ['ANY'] },
];

/** The nearest saas-ecs.yaml at or above a directory, as git finds its root. */
export function findConfig(from: string): string | undefined {
  for (let directory = path.resolve(from); ; directory = path.dirname(directory)) {
    const file = path.join(directory, configFileName);
    if (existsSync(file)) return file;
    if (directory === path.dirname(directory)) return undefined;
  }
}

/** Reads and checks saas-ecs.yaml. Throws `config_not_found`, or `config_invalid` with every problem and its line. */
export async function loadConfig(options: { cwd: string; file?: string | undefined }): Promise<Config> {
  const file = options.file === undefined ? findConfig(options.cwd) : path.resolve(options.cwd, options.file);
  const text = file === undefined ? undefined : await readFile(file, 'utf8').catch(() => undefined);
  if (file === undefined || text === undefined)
    throw new SaasError(
      'config_not_found',
      file === undefined ? `there is no ${configFileName} here or above` : `"${file}" can't be read`,
      {
        hint: 'write one: saas-ecs init',
        exitCode: ExitCode.usage,
      },
    );
  return parseConfig(text, file);
}

interface Problem {
  line: number;
  text: string;
}

export function parseConfig(text: string, file: string): Config {
  const lines = new LineCounter();
  const document = within(file, () => {
    refuseYamlNesting(text);
    return parseDocument(text, { lineCounter: lines, logLevel: 'error' });
  });
  const problems: Problem[] = document.errors.map((error) => ({
    line: lines.linePos(error.pos[0]).line,
    text: error.message.split('\n', 1)[0]?.replace(/ at line \d+.*$/, '') ?? '',
  }));
  if (problems.length > 0) throw invalid(file, problems);
  const value = within(file, () => {
    const made: unknown = document.toJS() ?? {};
    refuseNesting(made);
    return made;
  });
  const parsed = configSchema.safeParse(value);
  const lineOf = (at: readonly PropertyKey[], key = false): number =>
    lines.linePos(offsetOf(document, at, key)).line;
  if (!parsed.success)
    problems.push(...parsed.error.issues.flatMap((issue) => problemsOf(issue, value, lineOf)));
  else problems.push(...meaningProblems(parsed.data, path.dirname(file), lineOf));
  if (problems.length > 0 || !parsed.success) throw invalid(file, problems);
  return toConfig(parsed.data, path.dirname(file));
}

/** A document that can't be held: too many levels, aliases that grow into each other or point nowhere. It has no line to name. */
function within<T>(file: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw invalid(file, [{ line: 1, text: (error as Error).message.split('\n', 1)[0] ?? '' }]);
  }
}

function invalid(file: string, problems: Problem[]): SaasError {
  const name = path.basename(file);
  const list = problems
    .sort((a, b) => a.line - b.line)
    .map((problem) => `${name}:${problem.line}: ${problem.text}`);
  return new SaasError(
    'config_invalid',
    `${name} has ${list.length === 1 ? 'a mistake' : `${list.length} mistakes`}`,
    {
      detail: list.join('\n'),
      hint: 'mend the lines above; docs/configuration.md has every setting',
      exitCode: ExitCode.usage,
    },
  );
}

/** Where a path begins in the file: the value's offset, or its key's; that of the nearest parent when it is missing. */
function offsetOf(document: Document, at: readonly PropertyKey[], key: boolean): number {
  for (let length = at.length; length > 0; length--) {
    const own = at.slice(0, length);
    const parent: unknown = document.getIn(own.slice(0, -1), true) ?? document.contents;
    const pairs = (parent as { items?: { key?: { value?: unknown; range?: number[] } }[] } | null)?.items;
    const pair = pairs?.find((item) => item?.key?.value === own.at(-1));
    if (pair?.key?.range?.[0] !== undefined && (key || length < at.length)) return pair.key.range[0];
    const node = document.getIn(own, true) as { range?: number[] } | undefined;
    if (node?.range?.[0] !== undefined) return node.range[0];
    if (pair?.key?.range?.[0] !== undefined) return pair.key.range[0];
  }
  return 0;
}

const shown = (value: unknown): string => JSON.stringify(value) ?? 'nothing';

function problemsOf(
  issue: z.core.$ZodIssue,
  root: unknown,
  lineOf: (at: readonly PropertyKey[], key?: boolean) => number,
): Problem[] {
  const at = issue.path;
  const where = at.length > 0 ? `${at.map(String).join('.')}: ` : '';
  const value = at.reduce<unknown>(
    (inner, part) => (inner as Record<PropertyKey, unknown> | undefined)?.[part],
    root,
  );
  const line = lineOf(at);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        line: lineOf([...at, key], true),
        text: `${where}unknown setting "${key}"${didYouMean(key, keysAt(at))}`,
      }));
    case 'invalid_value':
      return [
        {
          line,
          text: `${where}${shown(value)} is not one of ${issue.values.join(', ')}${didYouMean(String(value), issue.values.map(String))}`,
        },
      ];
    case 'invalid_union': {
      const parent = at.at(-1) === 'target' ? at.slice(0, -1) : at;
      const target = at.at(-1) === 'target' ? value : (value as { target?: unknown } | undefined)?.target;
      return [
        {
          line: lineOf([...parent, 'target']),
          text: `${parent.map(String).join('.')}: target ${shown(target)} is not one of embedded, aws${didYouMean(String(target), ['embedded', 'aws'])}`,
        },
      ];
    }
    case 'invalid_type':
      return [
        {
          line,
          text:
            value === undefined
              ? `${where}is missing`
              : `${where}${shown(value)} should be a ${issue.expected}`,
        },
      ];
    case 'invalid_key':
      return issue.issues.map((inner) => ({ line: lineOf(at, true), text: `${where}${inner.message}` }));
    default:
      return [
        {
          line,
          text: `${where}${value !== undefined && typeof value !== 'object' ? `${shown(value)}: ` : ''}${issue.message}`,
        },
      ];
  }
}

function didYouMean(word: string, candidates: readonly string[]): string {
  const found = nearest(word, candidates);
  return found === undefined ? '' : `; did you mean "${found}"?`;
}

/** The settings that the schema knows at a path. */
function keysAt(at: readonly PropertyKey[]): string[] {
  let keys: string[] = Object.keys(configSchema.shape);
  const [section, , part] = at;
  if (section === 'tiers')
    keys = part === 'throttle' ? ['rate', 'burst', 'quota'] : ['model', 'throttle', 'capacity', 'mfa'];
  if (section === 'environments') keys = environmentKeys(part, at[3]);
  if (section === 'services')
    keys = [
      'name',
      'path',
      'image',
      'port',
      'cpu',
      'memory',
      'table',
      'access',
      'routes',
      'tasks',
      'environment',
    ];
  return keys;
}

function environmentKeys(part: PropertyKey | undefined, inner: PropertyKey | undefined): string[] {
  if (inner === 'tls') return ['certificateArn', 'serverName'];
  if (part === 'signIn') return ['callbackUrls', 'logoutUrls'];
  if (part === 'security') return ['encryption', 'waf', 'rateLimit', 'tls'];
  return [
    ...['target', 'account', 'region', 'azs', 'nat', 'prefix'],
    ...['adminEmail', 'controlPlane', 'signIn', 'security'],
  ];
}

/** What no schema says: names that repeat, images that are not there. */
function meaningProblems(
  document: ConfigDocument,
  root: string,
  lineOf: (at: readonly PropertyKey[]) => number,
): Problem[] {
  const problems: Problem[] = [];
  const seen = new Map<string, number>();
  document.services.forEach((service, index) => {
    const at = (key: string): number => lineOf(['services', index, key]);
    for (const [kind, value] of [
      ['name', service.name],
      ['path', service.path],
    ] as const) {
      const line = at(kind);
      const first = seen.get(`${kind} ${value}`);
      if (first !== undefined)
        problems.push({
          line,
          text: `services.${index}.${kind}: "${value}" is used in line ${first} already`,
        });
      seen.set(`${kind} ${value}`, first ?? line);
    }
    if (service.name === 'proxy' || service.name === 'pool')
      problems.push({ line: at('name'), text: `services.${index}.name: "${service.name}" is reserved` });
    const builtin = /^builtin:(.*)$/.exec(service.image)?.[1];
    if (builtin !== undefined) {
      if (!(builtinImages as readonly string[]).includes(builtin))
        problems.push({
          line: at('image'),
          text: `services.${index}.image: there is no built-in image "${builtin}"${didYouMean(builtin, builtinImages)}`,
        });
    } else if (!existsSync(path.join(root, service.image, 'Dockerfile')))
      problems.push({
        line: at('image'),
        text: `services.${index}.image: "${service.image}" has no Dockerfile`,
      });
    if (service.tasks.min > service.tasks.max)
      problems.push({
        line: at('tasks'),
        text: `services.${index}.tasks: min ${service.tasks.min} is more than max ${service.tasks.max}`,
      });
    if (service.access === 'data' && !service.table)
      problems.push({ line: at('access'), text: `services.${index}.access: "data" needs a table` });
  });
  const pools = Object.entries(document.tiers).filter(([, { model }]) => model === 'pool');
  for (const [name, { mfa }] of pools.slice(1)) {
    const [first, { mfa: agreed }] = pools[0] as (typeof pools)[number];
    if (mfa !== agreed)
      problems.push({
        line: lineOf(['tiers', name, 'mfa']),
        text: `tiers.${name}.mfa: "${mfa}", but "${first}" has "${agreed}"; tiers of the pool have their user pool in common, so they must agree`,
      });
  }
  const accounts = new Map<string, string>();
  for (const [name, environment] of Object.entries(document.environments)) {
    const { waf, rateLimit, tls } = environment.security;
    const setting = (...keys: string[]) => ['environments', name, 'security', ...keys];
    if (waf === 'off' && rateLimit !== undefined)
      problems.push({
        line: lineOf(setting('rateLimit')),
        text: `${setting('rateLimit').join('.')}: ${rateLimit} limits nothing while waf is off`,
      });
    const [, , , region, account] = tls?.certificateArn.split(':') ?? [];
    if (
      tls &&
      environment.target === 'aws' &&
      (region !== environment.region || account !== environment.account)
    )
      problems.push({
        line: lineOf(setting('tls', 'certificateArn')),
        text: `${setting('tls', 'certificateArn').join('.')}: the certificate is in ${account} ${region}; a load balancer takes one of its own account and Region, ${environment.account} ${environment.region}`,
      });
    if (environment.target !== 'aws') continue;
    const key = `${environment.account}/${environment.region}/${environment.prefix ?? ''}`;
    const other = accounts.get(key);
    if (other !== undefined)
      problems.push({
        line: lineOf(['environments', name]),
        text: `environments.${name}: the same account, Region and prefix as "${other}"; their stacks would be the same`,
      });
    accounts.set(key, name);
  }
  return problems;
}

export function parseQuota(text: string): { limit: number; period: QuotaPeriod } | undefined {
  const [, limit, period] = quotaPattern.exec(text) ?? [];
  return limit === undefined ? undefined : { limit: Number(limit), period: period as QuotaPeriod };
}

function toConfig(document: ConfigDocument, root: string): Config {
  return {
    app: document.app,
    root,
    routing: document.routing,
    environments: Object.entries(document.environments).map(
      ([name, environment]) => ({ name, ...environment }) as Environment,
    ),
    tiers: Object.entries(document.tiers).map(
      ([name, tier]): Tier => ({
        name,
        model: tier.model,
        capacity: tier.capacity,
        mfa: tier.mfa,
        throttle: {
          rate: tier.throttle.rate,
          burst: tier.throttle.burst,
          quota: parseQuota(tier.throttle.quota) ?? { limit: 1, period: 'day' },
        },
      }),
    ),
    services: document.services.map((service): Service => {
      const builtin = /^builtin:(.*)$/.exec(service.image)?.[1] as keyof typeof builtinRoutes | undefined;
      return {
        name: service.name,
        path: service.path,
        image: builtin === undefined ? path.resolve(root, service.image) : service.image,
        port: service.port,
        cpu: service.cpu,
        memory: service.memory,
        ...(service.table && { table: service.table }),
        access: service.access ?? (service.table ? 'data' : 'none'),
        routes: service.routes ?? (builtin === undefined ? anyRoutes : builtinRoutes[builtin]),
        tasks: service.tasks,
        environment: service.environment,
      };
    }),
  };
}
