/** docs/ci.md is copied into pipelines: what it shows must be well-formed, and made of commands and flags that exist. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import { commandTree } from '../../src/cli.ts';
import { ExitCode } from '../../src/model/error.ts';
import { packageRoot } from '../../src/model/installation.ts';
import { policyCommands } from '../../src/services/iam-policy/needs.ts';
import { line } from '../../src/ui/event-schema.ts';

const page = readFileSync(path.join(packageRoot(), 'docs', 'ci.md'), 'utf8');
const blocks = (language: string): string[] =>
  [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, name, text = '']) =>
    name === language ? [text] : [],
  );

interface Step {
  uses?: string;
  run?: string;
}
interface Workflow {
  on: unknown;
  permissions: Record<string, string>;
  jobs: Record<string, { steps: Step[]; environment?: string }>;
}

const documents = blocks('yaml').map((text) => {
  const document = parseDocument(text, { strict: true, uniqueKeys: true });
  expect(document.errors, text).toEqual([]);
  expect(document.warnings, text).toEqual([]);
  return document.toJS() as Record<string, unknown>;
});
const workflows = documents.filter((document) => 'jobs' in document) as unknown as Workflow[];

describe('the workflows', () => {
  it('are well-formed, as are the templates and the buildspec', () => {
    expect(workflows).toHaveLength(3);
    expect(documents.filter((document) => 'Resources' in document)).toHaveLength(2);
    expect(documents.filter((document) => document['version'] === 0.2)).toHaveLength(1);
  });

  it('store no keys, take a role by OIDC where they need one, and pin every action by its major version', () => {
    expect(page).not.toMatch(/secrets\.|aws-access-key-id|AWS_SECRET_ACCESS_KEY/);
    for (const { permissions, jobs } of workflows) {
      const steps = Object.values(jobs).flatMap((job) => job.steps);
      const uses = steps.flatMap((step) => step.uses ?? []);
      for (const action of uses) expect(action).toMatch(/^[a-z-]+\/[a-z-]+@v\d+$/);
      const assumes = uses.some((action) => action.startsWith('aws-actions/configure-aws-credentials'));
      expect(permissions).toEqual({ ...(assumes && { 'id-token': 'write' }), contents: 'read' });
    }
  });

  it('put nothing that was typed into the text of a script', () => {
    for (const { jobs } of workflows)
      for (const { steps } of Object.values(jobs))
        for (const { run = '' } of steps) expect(run).not.toContain('${{');
  });
});

it('shows commands and flags that exist', () => {
  const program = commandTree(undefined);
  const shown = [...page.matchAll(/saas-ecs ([a-z][a-z-]*)([^`\n|;>]*)/g)];
  expect(shown.length).toBeGreaterThan(15);
  for (const [text, name = '', rest = ''] of shown) {
    const command = program.commands.find((known) => known.name() === name);
    // Prose and resource names: `saas-ecs and not of tee`, `saas-ecs-prod`.
    if (!command && !/--/.test(rest)) continue;
    const flags = new Set(command?.options.flatMap(({ long, short }) => [long, short]));
    for (const [flag] of rest.matchAll(/(?<=\s)--?[a-z][a-z-]*/g))
      expect([text, flag, flags.has(flag)]).toEqual([text, flag, true]);
    if (name !== 'iam-policy' || !flags.has('--env') || !rest.includes(' --env')) continue;
    for (const word of rest.split(' --')[0]?.trim().split(/\s+/).filter(Boolean) ?? [])
      if (/^[a-z-]+$/.test(word)) expect(policyCommands).toContain(word);
  }
});

it('lists every exit code', () => {
  const listed = [...page.matchAll(/^\| (\d+) +\|/gm)].map(([, code]) => Number(code));
  expect(listed).toEqual(Object.values(ExitCode));
});

it('shows events as the schema describes them', () => {
  const [events = ''] = blocks('json');
  const lines = events.trim().split('\n');
  expect(lines.length).toBeGreaterThan(3);
  for (const text of lines) expect(line.safeParse(JSON.parse(text)).error, text).toBeUndefined();
});
