/** Base images are not pulled: where one is there for its program, this machine must have that. */
import { programOnMachine } from '../programs.ts';

/** Last part of a base image's name -> the program. */
const programs: Readonly<Record<string, string>> = {
  caddy: 'caddy',
  haproxy: 'haproxy',
  nginx: 'nginx',
  'nginx-unprivileged': 'nginx',
};

/** Why an image with this base can't run on this machine; undefined when it can, or when that can't be told. */
export function missingProgram(
  base: string,
  hasProgram: (name: string) => boolean = (name) => programOnMachine(name) !== undefined,
): string | undefined {
  const name =
    base
      .replace(/[:@].*$/, '')
      .split('/')
      .at(-1) ?? '';
  const program = programs[name];
  return program === undefined || hasProgram(program)
    ? undefined
    : `"${program}" is not on this machine: install it. Images run with this machine's programs, ${base} is not pulled`;
}
