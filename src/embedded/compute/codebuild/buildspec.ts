/** Reads buildspecs, version 0.2 ("Build specification reference for CodeBuild"), as far as a machine without containers can follow them. */
import { parse } from 'yaml';
import { refuseNesting, refuseYamlNesting } from '../../../model/nesting.ts';

export const phaseNames = ['install', 'pre_build', 'build', 'post_build'] as const;
export type PhaseName = (typeof phaseNames)[number];

export interface PhaseSpec {
  commands: string[];
  finally: string[];
  onFailure: 'ABORT' | 'CONTINUE';
}

export interface Buildspec {
  shell: 'sh' | 'bash';
  variables: Record<string, string>;
  /** Name of the variable -> name of the parameter. */
  parameters: Record<string, string>;
  /** Name of the variable -> `secret-id:json-key:version-stage:version-id`. */
  secrets: Record<string, string>;
  exported: string[];
  phases: Record<PhaseName, PhaseSpec>;
  /** What the buildspec asks for and does not get here. */
  unheeded: string[];
}

/** What is wrong with a buildspec, in the words of a phase's context. */
export class BuildspecError extends Error {
  override readonly name = 'BuildspecError';
}

type Mapping = Readonly<Record<string, unknown>>;

/** `text` is YAML or JSON. Throws a BuildspecError. */
export function parseBuildspec(text: string): Buildspec {
  let document: unknown;
  try {
    refuseYamlNesting(text);
    document = parse(text, { logLevel: 'error' });
    refuseNesting(document);
  } catch (error) {
    throw new BuildspecError((error as Error).message.split('\n')[0]);
  }
  const spec = mapping(document, 'the buildspec');
  if (spec['version'] === undefined) throw new BuildspecError('the buildspec has no "version"');
  if (String(spec['version']) !== '0.2')
    throw new BuildspecError(
      `version ${String(spec['version'])} is not available in the embedded cloud; use 0.2`,
    );
  if (spec['batch'] !== undefined)
    throw new BuildspecError('batch builds are not available in the embedded cloud');
  const env = mapping(spec['env'] ?? {}, 'env');
  const shell = String(env['shell'] ?? 'sh');
  if (shell !== 'sh' && shell !== 'bash')
    throw new BuildspecError(`the shell ${shell} is not available in the embedded cloud: sh and bash are`);
  const phases = mapping(spec['phases'] ?? {}, 'phases');
  const unknown = Object.keys(phases).find((name) => !(phaseNames as readonly string[]).includes(name));
  if (unknown !== undefined) throw new BuildspecError(`unknown phase "${unknown}"`);
  if (Object.keys(phases).length === 0) throw new BuildspecError('the buildspec has no phases');
  return {
    shell,
    variables: texts(env['variables'], 'env/variables'),
    parameters: texts(env['parameter-store'], 'env/parameter-store'),
    secrets: texts(env['secrets-manager'], 'env/secrets-manager'),
    exported: list(env['exported-variables'], 'env/exported-variables'),
    phases: Object.fromEntries(
      phaseNames.map((name) => [name, phaseSpec(name, mapping(phases[name] ?? {}, name))]),
    ) as Buildspec['phases'],
    unheeded: [
      ...['artifacts', 'reports', 'cache', 'run-as', 'proxy'].filter((name) => spec[name] !== undefined),
      ...(mapping(phases['install'] ?? {}, 'install')['runtime-versions'] === undefined
        ? []
        : ['runtime-versions']),
    ],
  };
}

function phaseSpec(name: PhaseName, phase: Mapping): PhaseSpec {
  // "Build phase transitions": after a failed build phase post_build runs, after another nothing does.
  const onFailure = String(phase['on-failure'] ?? (name === 'build' ? 'CONTINUE' : 'ABORT'));
  if (onFailure !== 'ABORT' && onFailure !== 'CONTINUE')
    throw new BuildspecError(
      `on-failure of ${name} is ${onFailure}: the embedded cloud knows ABORT and CONTINUE`,
    );
  return {
    commands: list(phase['commands'], `${name}/commands`),
    finally: list(phase['finally'], `${name}/finally`),
    onFailure,
  };
}

function mapping(value: unknown, what: string): Mapping {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BuildspecError(`${what} must be a mapping`);
  return value as Mapping;
}

/** One text stands for a list of one. */
function list(value: unknown, what: string): string[] {
  if (value === undefined || value === null) return [];
  const items: unknown[] = Array.isArray(value) ? value : [value];
  if (items.some((item) => typeof item === 'object'))
    throw new BuildspecError(`${what} must be a list of texts`);
  return items.map(String);
}

const texts = (value: unknown, what: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(mapping(value ?? {}, what)).map(([name, text]) => [name, String(text ?? '')]),
  );
