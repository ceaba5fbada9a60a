/**
 * Builds an image from a Dockerfile without Docker: what COPY and ADD bring is laid out in a directory, the rest describes it.
 * Base images are not pulled, and nothing is executed: a RUN in a stage that the image is made of is an error, because
 * leaving it out would make another image than asked for.
 */
import { cp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { missingProgram } from './base-program.ts';
import { checkInside, copyInto } from './copy.ts';
import {
  assignments,
  commandOf,
  DockerfileError,
  expand,
  type Instruction,
  jsonList,
  parseDockerfile,
  words,
} from './dockerfile.ts';
import { configFile, emptyConfig, type ImageConfig, imageDigest, rootOf } from './image-config.ts';
import { ignoreRules } from './patterns.ts';

export interface BuildOptions {
  /** The build context. */
  context: string;
  /** Relative to the context; default `Dockerfile`. */
  file?: string;
  buildArgs?: Readonly<Record<string, string>>;
  /** Further contexts by name, directories. */
  contexts?: Readonly<Record<string, string>>;
  target?: string;
  platform?: string;
  /** An image on disk that a FROM may name: one of the local images. */
  localImage?: (reference: string) => string | undefined;
  /** Whether this machine has a program; for base images, which are not pulled. */
  hasProgram?: (name: string) => boolean;
  /** An empty directory to build in. */
  output: string;
}

interface Stage {
  name: string | undefined;
  base: string;
  from: Instruction;
  instructions: Instruction[];
}

/** Writes `image.json` and `rootfs` into `output`; throws DockerfileError. */
export async function buildImage(options: BuildOptions): Promise<{ digest: string; config: ImageConfig }> {
  const file = path.resolve(options.context, options.file ?? 'Dockerfile');
  const text = await readFile(file, 'utf8').catch(() => {
    throw new DockerfileError(1, `failed to read ${file}: there is no such file`);
  });
  const ignoreText = await firstText([`${file}.dockerignore`, path.join(options.context, '.dockerignore')]);
  const ignored = ignoreRules(ignoreText);
  const { stages, globals } = splitStages(parseDockerfile(text), options);
  const last = options.target
    ? stages.findIndex((stage, index) => stage.name === options.target || String(index) === options.target)
    : stages.length - 1;
  const final = stages[last];
  if (!final)
    throw new DockerfileError(
      1,
      options.target ? `there is no stage "${options.target}"` : 'there is no FROM',
    );

  const built = new Map<Stage, Promise<{ root: string; config: ImageConfig }>>();
  const stageNamed = (name: string, before: number): Stage | undefined =>
    stages.slice(0, before).findLast((stage) => stage.name === name.toLowerCase()) ??
    (/^\d+$/.test(name) ? stages.slice(0, before)[Number(name)] : undefined);

  const buildStage = async (stage: Stage): Promise<{ root: string; config: ImageConfig }> => {
    const index = stages.indexOf(stage);
    const root = stage === final ? rootOf(options.output) : path.join(options.output, `stage-${index}`);
    await mkdir(root, { recursive: true });
    let config = emptyConfig(options.platform ?? stage.from.flags['platform'] ?? 'linux/amd64');
    config.base = stage.base;
    const parent = stageNamed(stage.base, index);
    const local = parent ? undefined : options.localImage?.(stage.base);
    if (parent) {
      const from = await need(parent);
      await cp(from.root, root, { recursive: true, verbatimSymlinks: true });
      config = { ...structuredClone(from.config) };
    } else if (local) {
      await cp(rootOf(local), root, { recursive: true, verbatimSymlinks: true });
      config = JSON.parse(await readFile(configFile(local), 'utf8')) as ImageConfig;
    } else if (/(^|\/)distroless\/nodejs/.test(stage.base)) config.entrypoint = ['/nodejs/bin/node'];

    const args: Record<string, string> = {};
    let shell = ['/bin/sh', '-c'];
    let ownEntrypoint = false;
    for (const instruction of stage.instructions) {
      const { name, flags, line } = instruction;
      const values = { ...args, ...config.env };
      const rest = expandable.has(name) ? expand(instruction.rest, values) : instruction.rest;
      switch (name) {
        case 'COPY':
        case 'ADD': {
          const list = jsonList(rest) ?? words(rest);
          const to = list.pop();
          if (to === undefined || list.length === 0)
            throw new DockerfileError(line, `${name} needs at least one source and a destination`);
          if (list.some((source) => source.startsWith('<<')))
            throw new DockerfileError(line, 'here-documents are not supported by this builder');
          if (name === 'ADD' && list.some((source) => /^(https?:|git@)/.test(source)))
            throw new DockerfileError(line, 'ADD from the network is not supported by this builder');
          const from = flags['from'];
          const source = from === undefined ? options.context : await sourceOf(from, index, line);
          await copyInto({
            root,
            workdir: config.workdir,
            source,
            ignored: from === undefined ? ignored : () => false,
            sources: list,
            destination: to,
            mode: flags['chmod'],
            line,
          });
          break;
        }
        case 'RUN':
          throw new DockerfileError(
            line,
            `RUN can't be executed without Docker: "${rest.split('\n')[0]?.slice(0, 80)}". Do it before the build (bundle the program into one file) and COPY its result.`,
          );
        case 'ENV':
          for (const [key, value] of assignments(rest)) config.env[key] = value;
          break;
        case 'ARG':
          for (const word of words(rest)) {
            const [key = '', preset] = word.split(/=(.*)/s, 2);
            const value = options.buildArgs?.[key] ?? preset ?? globals[key];
            if (value !== undefined) args[key] = value;
          }
          break;
        case 'WORKDIR':
          config.workdir = path.posix.resolve('/', config.workdir, rest);
          await checkInside(root, path.join(root, config.workdir), line);
          await mkdir(path.join(root, config.workdir), { recursive: true });
          break;
        case 'USER':
          config.user = rest;
          break;
        case 'EXPOSE':
          for (const word of words(rest)) config.exposed.push(...ports(word, line));
          break;
        case 'ENTRYPOINT':
          config.entrypoint = commandOf(rest, shell);
          ownEntrypoint = true;
          // As in Docker, a base image's command doesn't fit a new entry point.
          config.cmd = [];
          break;
        case 'CMD':
          config.cmd = commandOf(rest, shell);
          break;
        case 'LABEL':
          for (const [key, value] of assignments(rest)) config.labels[key] = value;
          break;
        case 'MAINTAINER':
          config.labels['maintainer'] = rest;
          break;
        case 'STOPSIGNAL':
          config.stopSignal = rest;
          break;
        case 'HEALTHCHECK':
          if (rest.toUpperCase() === 'NONE') delete config.healthcheck;
          else config.healthcheck = { command: healthCommand(rest) };
          break;
        case 'SHELL':
          shell = jsonList(rest) ?? shell;
          break;
        // Volumes are directories of the image; triggers concern images built on this one, which are not.
        case 'VOLUME':
        case 'ONBUILD':
          break;
        default:
          throw new DockerfileError(line, `unknown instruction: ${name}`);
      }
    }
    // The official Node.js image's entry point hands scripts and options to node.
    const [first = ''] = config.cmd;
    const script = first.startsWith('-') || /\.[cm]?js$/.test(first);
    if (!ownEntrypoint && config.entrypoint.length === 0 && script && /(^|\/)node([:@]|$)/.test(config.base))
      config.entrypoint = ['node'];
    return { root, config };
  };

  const need = (stage: Stage): Promise<{ root: string; config: ImageConfig }> => {
    const known = built.get(stage);
    if (known !== undefined) return known;
    const building = buildStage(stage);
    built.set(stage, building);
    return building;
  };

  const sourceOf = async (from: string, before: number, line: number): Promise<string> => {
    const stage = stageNamed(from, before);
    if (stage) return (await need(stage)).root;
    const context = options.contexts?.[from];
    if (context !== undefined && (await stat(context).catch(() => undefined))?.isDirectory()) return context;
    const local = options.localImage?.(from);
    if (local) return rootOf(local);
    throw new DockerfileError(
      line,
      `--from=${from} is neither a stage nor a local image, and none is pulled here`,
    );
  };

  const { config, root } = await need(final);
  // What would not run is not built: it is found out about before anything is deployed.
  const missing = missingProgram(config.base, options.hasProgram);
  if (missing !== undefined) throw new DockerfileError(final.from.line, missing);
  for (const [index, stage] of stages.entries()) {
    if (stage !== final)
      await rm(path.join(options.output, `stage-${index}`), { recursive: true, force: true });
  }
  await writeFile(configFile(options.output), JSON.stringify(config, null, 2));
  const { digest } = await imageDigest(config, root);
  return { digest, config };
}

/** Instructions whose arguments Docker expands variables in. */
const expandable = new Set(['ADD', 'COPY', 'ENV', 'EXPOSE', 'LABEL', 'STOPSIGNAL', 'USER', 'WORKDIR', 'ARG']);

function splitStages(
  instructions: readonly Instruction[],
  options: BuildOptions,
): { stages: Stage[]; globals: Record<string, string> } {
  const stages: Stage[] = [];
  const platform = options.platform ?? 'linux/amd64';
  const [os = 'linux', arch = 'amd64'] = platform.split('/');
  const globals: Record<string, string> = {
    TARGETPLATFORM: platform,
    TARGETOS: os,
    TARGETARCH: arch,
    BUILDPLATFORM: platform,
    BUILDARCH: arch,
  };
  for (const instruction of instructions) {
    if (instruction.name === 'FROM') {
      const match = /^(\S+)(?:\s+as\s+(\S+))?$/i.exec(expand(instruction.rest, globals));
      if (!match?.[1])
        throw new DockerfileError(instruction.line, `FROM ${instruction.rest}: not understood`);
      stages.push({ name: match[2]?.toLowerCase(), base: match[1], from: instruction, instructions: [] });
    } else if (stages.length > 0) stages.at(-1)?.instructions.push(instruction);
    else if (instruction.name === 'ARG') {
      for (const word of words(expand(instruction.rest, globals))) {
        const [key = '', preset = ''] = word.split(/=(.*)/s, 2);
        globals[key] = options.buildArgs?.[key] ?? preset;
      }
    } else throw new DockerfileError(instruction.line, `${instruction.name} before the first FROM`);
  }
  return { stages, globals };
}

/** `3010`, `3010/tcp`, `3000-3002` */
function ports(word: string, line: number): number[] {
  const match = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp))?$/i.exec(word);
  if (!match) throw new DockerfileError(line, `EXPOSE ${word}: not a port`);
  const from = Number(match[1]);
  const to = Number(match[2] ?? from);
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}

function healthCommand(rest: string): string[] {
  const command = rest.replace(/^CMD\s+/i, '');
  const list = jsonList(command);
  return list ? ['CMD', ...list] : ['CMD-SHELL', command];
}

async function firstText(files: readonly string[]): Promise<string> {
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined) return text;
  }
  return '';
}
