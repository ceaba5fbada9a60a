import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { afterAll, expect, test, vi } from 'vitest';
import { packageRoot } from '../../src/model/installation.ts';
import { allow, clientsOf, ended, type JobsFixture, makeRole } from './jobs-fixture.ts';

// Below node_modules, so that it finds its packages.
const bundle = path.join(packageRoot(), 'node_modules', '.cache', `jobs-recovery-${process.pid}.mjs`);
const children: ChildProcess[] = [];
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(bundle, { force: true });
});

/** Runs the cloud in a process of its own, to be killed. */
async function startProcess(stateDir: string): Promise<{ child: ChildProcess; fixture: JobsFixture }> {
  const child = spawn(process.execPath, [bundle, stateDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: packageRoot(),
  });
  children.push(child);
  const [line] = (await once(child.stdout ?? child, 'data')) as [Buffer];
  return { child, fixture: clientsOf(line.toString().trim()) as JobsFixture };
}

test('a workflow and its build survive a cloud that is killed: one goes on, the other is at fault and tried again', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'saas-ecs-jobs-'));
  const entry = path.join(directory, 'entry.mjs');
  await writeFile(
    entry,
    `import { startCloud } from ${JSON.stringify(path.join(packageRoot(), 'src/embedded/cloud.ts'))};
     const cloud = await startCloud({ stateDir: process.argv[2] });
     process.stdout.write(cloud.endpoint + '\\n');`,
  );
  await build({
    entryPoints: [entry],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
  });
  const stateDir = path.join(directory, 'state');
  const pidFile = path.join(directory, 'pid');
  const { child, fixture } = await startProcess(stateDir);
  const roleArn = await makeRole(fixture.endpoint, 'workflow', 'states.amazonaws.com', [
    allow(['codebuild:*', 'events:*']),
  ]);
  const serviceRole = await makeRole(fixture.endpoint, 'builder', 'codebuild.amazonaws.com', [
    allow('logs:*'),
  ]);
  const command = `if [ "$CODEBUILD_BUILD_NUMBER" = 1 ]; then echo $$ > '${pidFile}'; sleep 120; fi`;
  await fixture.codeBuild.createProject({
    name: 'job',
    serviceRole,
    source: {
      type: 'NO_SOURCE',
      buildspec: JSON.stringify({ version: '0.2', phases: { build: { commands: [command] } } }),
    },
    artifacts: { type: 'NO_ARTIFACTS' },
    environment: { type: 'LINUX_CONTAINER', image: 'x', computeType: 'BUILD_GENERAL1_SMALL' },
  });
  const { stateMachineArn } = await fixture.sfn.createStateMachine({
    name: 'job',
    roleArn,
    definition: JSON.stringify({
      StartAt: 'Build',
      States: {
        Build: {
          Type: 'Task',
          Resource: 'arn:aws:states:::codebuild:startBuild.sync',
          Parameters: { ProjectName: 'job' },
          Retry: [{ ErrorEquals: ['States.TaskFailed'], IntervalSeconds: 0, MaxAttempts: 1 }],
          End: true,
        },
      },
    }),
  });
  const { executionArn } = await fixture.sfn.startExecution({ stateMachineArn });
  const pid = await vi.waitFor(
    async () => {
      const text = (await readFile(pidFile, 'utf8')).trim();
      expect(text).not.toBe('');
      return Number(text);
    },
    { timeout: 15_000, interval: 20 },
  );
  child.kill('SIGKILL');
  await once(child, 'exit');
  // Its build does not outlive it.
  await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'), {
    timeout: 5000,
    interval: 20,
  });

  const second = await startProcess(stateDir);
  const done = await ended(second.fixture, executionArn);
  expect(done.status).toBe('SUCCEEDED');
  expect(JSON.parse(done.output ?? '{}')).toMatchObject({ Build: { BuildNumber: 2 } });
  const { ids = [] } = await second.fixture.codeBuild.listBuildsForProject({ projectName: 'job' });
  const { builds } = await second.fixture.codeBuild.batchGetBuilds({ ids });
  expect(builds?.map(({ buildStatus }) => buildStatus)).toEqual(['SUCCEEDED', 'FAULT']);
  second.child.kill('SIGKILL');
  await once(second.child, 'exit');
  await rm(directory, { recursive: true, force: true });
});
