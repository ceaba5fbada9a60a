/** What this machine must have. */
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import type { Config } from '../../model/config.ts';
import { localCloudStatus } from '../local-cloud.ts';
import { type Check, fail, pass, warn } from './check.ts';

/** How long a program may take to tell its version, in milliseconds. */
const answersWithin = 2_000;

/** Node.js 20.19 to 24: what package.json and CI name. */
export function checkNode(version: string = process.versions.node): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    return fail('node', `Node.js ${version} is too old`, 'install Node.js 22 or 24; 20.19 is the least');
  if (major > 24)
    return warn(
      'node',
      `Node.js ${version} is newer than what is tested`,
      'use Node.js 24 if something fails',
    );
  return pass('node', `Node.js ${version}`);
}

/** The program that builds images: Docker, or what `CDK_DOCKER` names (docs.aws.amazon.com/cdk, "Asset bundling"). */
export async function checkDocker(env: NodeJS.ProcessEnv = process.env): Promise<Check> {
  const other = env['CDK_DOCKER'];
  const install = 'install Docker, or name a program that builds images as it does: CDK_DOCKER=podman';
  if (other) {
    const { found } = await versionOf(other, ['--version']);
    return found
      ? pass('docker', `images are built with ${other} (CDK_DOCKER)`)
      : fail('docker', `CDK_DOCKER names "${other}", and that can't be run`, install);
  }
  const { found, code, line } = await versionOf('docker', ['version', '--format', '{{.Server.Version}}']);
  if (!found) return fail('docker', 'Docker is not installed, and images are built with it', install);
  if (code !== 0) return fail('docker', `Docker does not answer: ${line}`, 'start Docker');
  return pass('docker', `Docker ${line}`);
}

/** What the embedded cloud runs if it is there. */
export async function checkOptional(): Promise<Check[]> {
  const programs = [
    { name: 'python', command: 'python3', arguments: ['--version'], need: 'functions written in Python' },
    { name: 'nginx', command: 'nginx', arguments: ['-v'], need: 'the nginx of routing: proxy' },
  ];
  return Promise.all(
    programs.map(async ({ name, command, arguments: parameters, need }) => {
      const { found, line } = await versionOf(command, parameters);
      return found
        ? pass(name, line.replace(/^nginx version: /, ''))
        : pass(name, `${command} is not installed; only ${need} would use it`);
    }),
  );
}

/** State that takes long to load and to copy, in bytes. */
const muchState = 2e9;

/** The embedded cloud's process, its port and its state. */
export async function checkEmbedded({ root }: Pick<Config, 'root'>): Promise<Check[]> {
  const { running, endpoint, sizeBytes } = await localCloudStatus({ root });
  const size = `${(sizeBytes / 1e6).toFixed(1)} MB`;
  const state =
    sizeBytes > muchState
      ? warn('state', `${size} of state`, 'offboard what is not needed, or begin anew: saas-ecs local reset')
      : pass('state', `${size} of state`);
  if (running)
    return [pass('embedded-cloud', `it runs at ${endpoint}`), await portCheck(endpoint, true), state];
  return [
    pass('embedded-cloud', 'it does not run; the first command that needs it starts it'),
    await portCheck(endpoint, false),
    state,
  ];
}

async function portCheck(endpoint: string | null, running: boolean): Promise<Check> {
  if (endpoint === null) return pass('port', 'any free port is taken at the first start');
  const port = Number(new URL(endpoint).port);
  const taken = await listens(port);
  if (running)
    return taken
      ? pass('port', `port ${port} answers`)
      : fail(
          'port',
          `nothing listens on port ${port}`,
          'saas-ecs local stop, then run a command to start it again',
        );
  return taken
    ? fail('port', `port ${port}, which the state names, is taken by another program`, 'end that program')
    : pass('port', `port ${port} is free`);
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: answersWithin });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('connect', () => end(true));
    socket.on('error', () => end(false));
    socket.on('timeout', () => end(false));
  });
}

/** `line`: the first that it prints, on whichever stream. */
function versionOf(
  command: string,
  parameters: readonly string[],
): Promise<{ found: boolean; code: number | null; line: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, parameters, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: answersWithin,
    });
    let text = '';
    const read = (chunk: Buffer): void => {
      text += chunk.toString('utf8');
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('error', () => resolve({ found: false, code: null, line: '' }));
    child.on('close', (code) => resolve({ found: true, code, line: text.trim().split('\n', 1)[0] ?? '' }));
  });
}
