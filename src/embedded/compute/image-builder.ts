/**
 * Speaks as much of docker's command line as publishing an image asset takes (cdk-assets: build, inspect, tag, login,
 * push, images), for the embedded cloud: `CDK_DOCKER` names bin/embedded-docker, which runs this. It says nothing but what was
 * asked for: cdk-assets hands a build's and a push's output on to the stdout of the command that deploys.
 */

import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { missingProgram } from './images/base-program.ts';
import { buildImage } from './images/build.ts';
import { configFile, type ImageConfig } from './images/image-config.ts';
import { type LocalImages, openLocalImages } from './images/local-images.ts';

/** What cdk-assets takes for "there is no such image". */
const notFound = 1;

class UsageError extends Error {
  override readonly name = 'UsageError';
}

interface Arguments {
  /** Last value of each flag, and all of them. */
  flags: Map<string, string[]>;
  positional: string[];
}

const booleans = new Set([
  '--no-cache',
  '--password-stdin',
  '--quiet',
  '-q',
  '--pull',
  '--load',
  '--push',
  '--rm',
  '--force',
]);
const short: Readonly<Record<string, string>> = {
  '-t': '--tag',
  '-f': '--file',
  '-u': '--username',
  '-p': '--password',
};

function readArguments(args: readonly string[]): Arguments {
  const flags = new Map<string, string[]>();
  const positional: string[] = [];
  const queue = [...args];
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (!word.startsWith('-') || word === '-') {
      positional.push(word);
      continue;
    }
    const cut = word.indexOf('=');
    const given = cut > 0 ? word.slice(0, cut) : word;
    const name = short[given] ?? given;
    const value = cut > 0 ? word.slice(cut + 1) : booleans.has(name) ? 'true' : (queue.shift() ?? '');
    flags.set(name, [...(flags.get(name) ?? []), value]);
  }
  return { flags, positional };
}

const pairs = (values: readonly string[] | undefined): Record<string, string> =>
  Object.fromEntries(
    (values ?? []).map((value) => {
      const cut = value.indexOf('=');
      // Docker takes a build argument without a value from its environment.
      return cut < 0 ? [value, process.env[value] ?? ''] : [value.slice(0, cut), value.slice(cut + 1)];
    }),
  );

async function build(images: LocalImages, { flags, positional }: Arguments): Promise<void> {
  const context = path.resolve(positional[0] ?? '.');
  const known = new Map<string, string>();
  for (const reference of await images.references()) {
    const found = await images.find(reference);
    if (found) known.set(reference, found.directory);
  }
  const output = await images.scratch();
  try {
    const file = flags.get('--file')?.at(-1);
    const target = flags.get('--target')?.at(-1);
    const platform = flags.get('--platform')?.at(-1);
    const { digest } = await buildImage({
      context,
      output,
      buildArgs: pairs(flags.get('--build-arg')),
      contexts: pairs(flags.get('--build-context')),
      localImage: (reference) => known.get(reference) ?? known.get(`${reference}:latest`),
      ...(file !== undefined && { file }),
      ...(target !== undefined && { target }),
      ...(platform !== undefined && { platform }),
    });
    await images.add(output, digest, flags.get('--tag') ?? []);
  } catch (error) {
    await rm(output, { recursive: true, force: true });
    throw error;
  }
  await images.clean();
}

async function require_(
  images: LocalImages,
  reference: string,
): Promise<{ digest: string; directory: string }> {
  const found = await images.find(reference);
  if (!found) throw new Error(`No such image: ${reference}`);
  return found;
}

/** `registry/repository:tag`; the registry is the part with a dot or a port. */
export function splitReference(reference: string): { registry: string; repository: string; tag: string } {
  const cut = reference.indexOf('/');
  const first = reference.slice(0, cut);
  const hasRegistry = cut > 0 && /[.:]/.test(first);
  const rest = hasRegistry ? reference.slice(cut + 1) : reference;
  const colon = rest.lastIndexOf(':');
  return {
    registry: hasRegistry ? first : '',
    repository: colon > 0 ? rest.slice(0, colon) : rest,
    tag: colon > 0 ? rest.slice(colon + 1) : 'latest',
  };
}

const endpoint = (): string | undefined =>
  process.env['AWS_ENDPOINT_URL_ECR'] ?? process.env['AWS_ENDPOINT_URL'];

/** Every embedded cloud's registry has the same name: its endpoint tells whose login it is. */
const account = (registry: string): string => `${registry} ${endpoint() ?? ''}`;

async function push(images: LocalImages, reference: string): Promise<void> {
  const { digest, directory } = await require_(images, reference);
  // It was built when this machine had what it takes to run it; that may have changed.
  const { base } = JSON.parse(await readFile(configFile(directory), 'utf8')) as ImageConfig;
  const missing = missingProgram(base);
  if (missing !== undefined) throw new Error(missing);
  const { registry, repository, tag } = splitReference(reference);
  const cloud = endpoint();
  if (!cloud) throw new Error('AWS_ENDPOINT_URL does not say where the embedded cloud is');
  const token = await images.login(account(registry));
  if (!token) throw new Error(`no basic auth credentials for ${registry}: log in first`);
  const response = await fetch(new URL('/_aws/ecr/push', cloud), {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Basic ${token}` },
    body: JSON.stringify({ registry, repository, tag, digest, directory }),
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(`the embedded cloud refused the push (${response.status}): ${answer}`);
}

async function run(argv: readonly string[]): Promise<number> {
  const args = [...argv];
  // Global options come before the command; the configuration directory holds nothing that this needs.
  while (args[0] === '--config' || args[0]?.startsWith('--config='))
    args.splice(0, args[0] === '--config' ? 2 : 1);
  if (args[0] === 'buildx' || args[0] === 'image') args.shift();
  const [command = '', ...rest] = args;
  if (command === '--version' || command === 'version') {
    process.stdout.write('embedded image builder, no Docker\n');
    return 0;
  }
  const images = await openLocalImages();
  const parsed = readArguments(rest);
  const [first = '', second = ''] = parsed.positional;
  switch (command) {
    case 'build':
      await build(images, parsed);
      return 0;
    case 'inspect': {
      const found = await images.find(first);
      if (!found) {
        process.stdout.write('[]\n');
        process.stderr.write(`Error: No such object: ${first}\n`);
        return notFound;
      }
      process.stdout.write(`${JSON.stringify([{ Id: found.digest, RepoTags: [first] }])}\n`);
      return 0;
    }
    case 'tag':
      await images.tag(second, (await require_(images, first)).digest);
      return 0;
    case 'push':
      await push(images, first);
      return 0;
    case 'images': {
      const tag = parsed.flags.get('--filter')?.at(-1)?.split(':').at(-1);
      for (const reference of await images.references()) {
        if (tag === undefined || splitReference(reference).tag === tag)
          process.stdout.write(`${reference}\n`);
      }
      return 0;
    }
    case 'login': {
      const password = parsed.flags.has('--password-stdin')
        ? (await text(process.stdin)).trim()
        : (parsed.flags.get('--password')?.at(-1) ?? '');
      const user = parsed.flags.get('--username')?.at(-1) ?? '';
      const registry = first.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
      await images.setLogin(account(registry), Buffer.from(`${user}:${password}`).toString('base64'));
      return 0;
    }
    case 'logout':
      await images.setLogin(account(first.replace(/^https?:\/\//, '').replace(/\/.*$/, '')), undefined);
      return 0;
    default:
      throw new UsageError(
        `"${command}" is not a command of the embedded image builder; it has build, inspect, tag, push, images, login, logout`,
      );
  }
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  // Not docker's "no such image", which would make cdk-assets go on.
  process.exitCode = 2;
}
