/** What the tests of tasks share: a cloud with small images in its registry, built and pushed by the real builder. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { ECR } from '@aws-sdk/client-ecr';
import { ECS } from '@aws-sdk/client-ecs';
import { build } from 'esbuild';
import { type CloudOptions, type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import type { Properties, ResourceContext, ResourceType } from '../../src/embedded/platform.ts';
import { built, packageRoot } from '../../src/model/installation.ts';

const run = promisify(execFile);
export const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
export const region = 'us-east-1';

/** Answers with its environment and says on / how often it was asked; /fetch?url= fetches from inside the task. */
export const webServer = `
import http from 'node:http';
import dns from 'node:dns/promises';
const server = http.createServer(async (request, response) => {
  const url = new URL(request.url, 'http://x');
  try {
    if (url.pathname === '/env') return response.end(JSON.stringify(process.env));
    if (url.pathname === '/exit') return process.exit(Number(url.searchParams.get('code')));
    if (url.pathname === '/fetch') return response.end(await (await fetch(url.searchParams.get('url'), { headers: JSON.parse(url.searchParams.get('headers') ?? '{}') })).text());
    if (url.pathname === '/lookup') return response.end((await dns.lookup(url.searchParams.get('name'))).address);
    response.end(process.env.VERSION ?? 'hello');
  } catch (error) {
    response.writeHead(502).end(String(error.cause?.code ?? error.code ?? error));
  }
});
process.on('SIGTERM', () => server.close(() => process.exit(0)));
server.listen(Number(process.env.PORT), '0.0.0.0', () => console.log('listening on ' + process.env.PORT));
`;
export const healthProbe =
  "const r = await fetch('http://localhost:' + process.env.PORT + '/'); process.exit(r.ok ? 0 : 1);";

export interface Fixture {
  cloud: RunningCloud;
  directory: string;
  ecs: ECS;
  ecr: ECR;
  /** Builds and pushes an image from files (a Dockerfile among them); its URI. */
  image(name: string, files: Readonly<Record<string, string>>): Promise<string>;
  docker(args: readonly string[], options?: { cwd?: string; input?: string }): Promise<string>;
  /** Stops the cloud and starts it again on the same state. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export async function startFixture(options: Partial<CloudOptions> = {}): Promise<Fixture> {
  // npm test builds everything; a single test file run by hand needs these two.
  const missing = ['resolve', 'image-builder'].filter(
    (name) => !existsSync(built('embedded', 'compute', `${name}.js`)),
  );
  for (const name of missing)
    await build({
      entryPoints: [path.join(packageRoot(), 'src', 'embedded', 'compute', `${name}.ts`)],
      outfile: built('embedded', 'compute', `${name}.js`),
      bundle: true,
      platform: 'node',
      format: 'esm',
    });
  const directory = await mkdtemp(path.join(os.tmpdir(), 'ecs-test-'));
  const stateDir = path.join(directory, 'state');
  const cloud = await startCloud({ stateDir, ...options });
  const client = (endpoint: string) => ({ region, endpoint, credentials });
  const fixture: Fixture = {
    cloud,
    directory,
    ecs: new ECS(client(cloud.endpoint)),
    ecr: new ECR(client(cloud.endpoint)),
    async docker(args, { cwd, input } = {}) {
      const child = run(path.join(packageRoot(), 'bin', 'embedded-docker'), [...args], {
        cwd: cwd ?? directory,
        timeout: 20_000,
        env: {
          PATH: `${path.dirname(process.execPath)}:${process.env['PATH']}`,
          EMBEDDED_IMAGE_CACHE: path.join(directory, 'cache'),
          AWS_ENDPOINT_URL: fixture.cloud.endpoint,
        },
      });
      child.child.stdin?.end(input ?? '');
      return (await child).stdout;
    },
    async image(name, files) {
      const context = path.join(directory, 'contexts', name);
      for (const [file, content] of Object.entries(files)) {
        await mkdir(path.dirname(path.join(context, file)), { recursive: true });
        await writeFile(path.join(context, file), content);
      }
      await fixture.ecr.createRepository({ repositoryName: name }).catch((error: Error) => {
        if (error.name !== 'RepositoryAlreadyExistsException') throw error;
      });
      const uri = `${fixture.cloud.account}.dkr.ecr.${region}.amazonaws.com/${name}:latest`;
      await fixture.docker(['build', '--tag', uri, '.'], { cwd: context });
      const { authorizationData } = await fixture.ecr.getAuthorizationToken();
      const [user = '', password = ''] = Buffer.from(
        authorizationData?.[0]?.authorizationToken ?? '',
        'base64',
      )
        .toString()
        .split(':');
      await fixture.docker(['login', '--username', user, '--password-stdin', uri.split('/')[0] ?? ''], {
        input: password,
      });
      await fixture.docker(['push', uri]);
      return uri;
    },
    async restart() {
      await fixture.cloud.stop();
      fixture.cloud = await startCloud({ stateDir, ...options });
      fixture.ecs = new ECS(client(fixture.cloud.endpoint));
      fixture.ecr = new ECR(client(fixture.cloud.endpoint));
    },
    async close() {
      await fixture.cloud.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
  return fixture;
}

export const webImage = (program = webServer, extra = ''): Record<string, string> => ({
  Dockerfile: `FROM gcr.io/distroless/nodejs22-debian12\nWORKDIR /app\nCOPY *.mjs ./\n${extra}\nCMD ["/app/index.mjs"]\n`,
  'index.mjs': program,
  'health.mjs': healthProbe,
});

export const network = { awsvpcConfiguration: { subnets: ['subnet-1'] } };

/** Properties of an AWS::ECS::TaskDefinition with one web container. */
export const webTask = (image: string, environment: Readonly<Record<string, string>> = {}) => ({
  Family: 'web',
  NetworkMode: 'awsvpc',
  Cpu: '256',
  Memory: '512',
  ContainerDefinitions: [
    {
      Name: 'web',
      Image: image,
      Essential: true,
      PortMappings: [{ ContainerPort: 3010, Name: 'http' }],
      Environment: Object.entries(environment).map(([Name, Value]) => ({ Name, Value })),
      HealthCheck: { Command: ['CMD', '/nodejs/bin/node', '/app/health.mjs'], Interval: 5, Retries: 2 },
    },
  ],
});

export function resourceType(
  cloud: RunningCloud,
  name: string,
): Required<Pick<ResourceType, 'update'>> & ResourceType {
  for (const service of cloud.services) {
    const type = service.resourceTypes?.[name];
    if (type) return { update: () => Promise.reject(new Error(`${name} has no update`)), ...type };
  }
  throw new Error(`no service has ${name}`);
}

let created = 0;
export const resourceContext = (signal = new AbortController().signal): ResourceContext => {
  const id = ++created;
  return {
    stackId: 'arn:aws:cloudformation:us-east-1:000000000000:stack/test/1',
    stackName: 'test',
    logicalId: 'Resource',
    tags: {},
    signal,
    physicalName: () => `test-Resource-${id}`,
  };
};

/** Creates a resource as CloudFormation would. */
export const createResource = async (cloud: RunningCloud, name: string, properties: Properties) =>
  resourceType(cloud, name).create(resourceContext(), properties);

/** Waits for a condition that no event tells of. */
export async function until<T>(
  condition: () => Promise<T | undefined | false>,
  timeoutMs = 15_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error('the condition did not come true in time');
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Addresses of a service's running tasks. */
export async function addresses(fixture: Fixture, cluster: string, service: string): Promise<string[]> {
  const { taskArns = [] } = await fixture.ecs.listTasks({ cluster, serviceName: service });
  if (taskArns.length === 0) return [];
  const { tasks = [] } = await fixture.ecs.describeTasks({ cluster, tasks: taskArns });
  return tasks
    .filter((task) => task.lastStatus === 'RUNNING')
    .map(
      (task) =>
        task.attachments?.[0]?.details?.find(({ name }) => name === 'privateIPv4Address')?.value ?? '',
    );
}
