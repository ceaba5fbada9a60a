/**
 * A deployed system on an embedded cloud that commands reach as they reach an account: by an `aws` environment and
 * AWS_ENDPOINT_URL, so that an endpoint that fails can be put in between.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { command } from './command.mjs';
import { inventoryOf } from './inventory.mjs';

const root = path.join(import.meta.dirname, '..', '..');
const account = '000000000000';
const region = 'us-east-1';

export async function createSystem() {
  const directory = await mkdtemp(path.join(tmpdir(), 'saas-ecs-faults-'));
  const local = (...argv) => command(argv, { cwd: directory, env: process.env });
  const must = async (running, what) => {
    const ran = await running;
    if (ran.code !== 0) throw new Error(`${what} ended with ${ran.code}\n${ran.text}`);
    return ran.envelope?.data;
  };
  await must(
    local(
      ...[
        'init',
        '--app',
        'faults',
        '--yes',
        '--env-name',
        'account',
        '--account',
        account,
        '--aws-region',
        region,
      ],
      // The toolkit's control plane is Python; a machine may have none.
      ...['--control-plane', 'builtin'],
      ...['--email', 'ops@faults.example', '--tiers', 'basic,premium', '--services', 'products'],
    ),
    'init',
  );
  const { endpoint } = await must(local('local', 'start'), 'local start');
  const environment = (url) => ({
    ...process.env,
    AWS_ENDPOINT_URL: url,
    AWS_ACCESS_KEY_ID: 'operator',
    AWS_SECRET_ACCESS_KEY: 'operator',
    AWS_EC2_METADATA_DISABLED: 'true',
    CDK_DOCKER: path.join(root, 'bin', 'embedded-docker'),
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  });
  const system = {
    endpoint,
    /** Runs a command in the account's environment, by default straight to the cloud. */
    run: (argv, { url = endpoint, killAfterMs } = {}) =>
      command([...argv, '--env', 'account'], { cwd: directory, env: environment(url), killAfterMs }),
    async json(...argv) {
      return must(system.run(argv), argv.join(' '));
    },
    /** Changes a limit in saas-ecs.yaml, so that the next deployment has something to do. */
    async configure(rate) {
      const file = path.join(directory, 'saas-ecs.yaml');
      const text = await readFile(file, 'utf8');
      await writeFile(file, text.replace(/rate: \d+/, `rate: ${rate}`));
    },
    deploy: ['deploy-shared', '--yes', '--bootstrap', '--require-approval', 'never'],
    inventory: () => inventoryOf({ endpoint, region }),
    async remove() {
      await local('local', 'stop').catch(() => {});
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  return system;
}
