/**
 * The Dockerfiles, built by buildah and started: does each image hold what its command needs, and answer /health?
 * Base images are not pulled. They are made here, with what of the real ones the Dockerfiles rely on: the path of
 * Node.js in distroless and its user, or nginx and the few programs of Alpine that start.sh calls.
 */
import { spawn } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { assembly } from '../assemblies.mjs';
import { run as execute, lastWords, root } from '../machine.mjs';

export const title = 'the Dockerfiles, built by buildah, answer /health';

const services = ['order', 'product', 'user'];
const environment = (port) => ({
  PORT: String(port),
  HOST: '127.0.0.1',
  AWS_REGION: 'us-east-1',
  ISSUER: 'http://127.0.0.1:9/none',
  CLIENT_ID: 'none',
  TENANT_ID: 'none',
  TABLE_NAME: 'none',
  USER_POOL_ID: 'none',
  NAMESPACE: 'none',
});

/** Copies programs with the libraries they name into a root directory; `at` says where each is to be found there. */
async function populate(directory, programs, searched) {
  const put = async (from, to) => {
    const target = path.join(directory, to);
    await mkdir(path.dirname(target), { recursive: true });
    await copyFile(from, target);
  };
  for (const [from, at] of programs) {
    await put(from, at);
    const { stdout } = await execute('ldd', [from], { env: { ...process.env, ...searched } });
    for (const [, library] of stdout.matchAll(/(\/\S+) \(0x/g)) {
      // Unpacked libraries go where the loader looks.
      const unpacked = library.includes('/.cache/');
      await put(library, unpacked ? `/usr/lib/${path.basename(library)}` : library);
    }
  }
  await mkdir(path.join(directory, 'etc'), { recursive: true });
  await mkdir(path.join(directory, 'tmp'), { recursive: true, mode: 0o1777 });
  await execute('chmod', ['1777', path.join(directory, 'tmp')]);
  const users =
    'root:x:0:0::/root:/bin/sh\nnginx:x:101:101::/tmp:/bin/sh\nnonroot:x:65532:65532::/tmp:/bin/sh\n';
  await writeFile(path.join(directory, 'etc', 'passwd'), users);
  await writeFile(path.join(directory, 'etc', 'group'), 'root:x:0:\nnginx:x:101:\nnonroot:x:65532:\n');
}

/**
 * A script that runs buildah in namespaces of its own: what it starts ends with it, and it finds the libraries that it
 * was unpacked with, which it would not by LD_LIBRARY_PATH: it starts itself anew with an empty environment.
 */
async function contained({ program, environment }, directory) {
  const script = path.join(directory, 'buildah');
  let bind = '';
  if (environment.LD_LIBRARY_PATH) {
    const cache = path.join(directory, 'ld.so.cache');
    await execute('/sbin/ldconfig', ['-C', cache, ...environment.LD_LIBRARY_PATH.split(':').filter(Boolean)]);
    bind = `mount --bind ${cache} /etc/ld.so.cache && `;
  }
  const unshare = 'unshare --mount --pid --fork --kill-child --mount-proc';
  await writeFile(script, `#!/bin/sh\nexec ${unshare} sh -c '${bind}exec "$0" "$@"' ${program} "$@"\n`, {
    mode: 0o755,
  });
  return script;
}

async function newBuilder(machine) {
  const buildah = await machine.debian('buildah');
  const store = path.join(machine.work, 'buildah');
  await mkdir(store);
  const policy = path.join(store, 'policy.json');
  await writeFile(policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
  const registries = path.join(store, 'registries.conf');
  await writeFile(registries, '');
  const flags = [
    '--storage-driver',
    'vfs',
    '--root',
    path.join(store, 'root'),
    '--runroot',
    path.join(store, 'run'),
  ];
  flags.push('--registries-conf', registries, '--log-level', 'error');
  const program = await contained(buildah, store);
  const env = { ...process.env, BUILDAH_ISOLATION: 'chroot', TMPDIR: store };
  const argv = (command, rest) => [...flags, command, ...rest];
  return {
    program,
    env,
    argv,
    policy: ['--signature-policy', policy],
    async call(command, ...rest) {
      const { stdout } = await execute(program, argv(command, rest), { env });
      return stdout.trim();
    },
  };
}

async function makeBase(builder, name, directory) {
  const container = await builder.call('from', ...builder.policy, 'scratch');
  await builder.call('add', container, directory, '/');
  await builder.call('commit', ...builder.policy, container, name);
  await builder.call('rm', container);
}

/** Runs the built image's own command until it answers /health; gives the answer. */
async function health(builder, machine, image, { check: healthCommand, through = [] }) {
  const described = JSON.parse(await builder.call('inspect', '--type', 'image', image)).OCIv1.config;
  const port = await machine.freePort();
  const container = await builder.call('from', ...builder.policy, '--pull=never', image);
  const variables = Object.entries(environment(port)).flatMap(([name, value]) => [
    '--env',
    `${name}=${value}`,
  ]);
  const inside = (command) =>
    builder.argv('run', ['--isolation', 'chroot', ...variables, container, '--', ...command]);
  const command = [...(described.Entrypoint ?? []), ...(described.Cmd ?? [])];
  const stdio = ['ignore', 'pipe', 'pipe'];
  const child = spawn(builder.program, inside([...through, ...command]), { env: builder.env, stdio });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      said += chunk;
    });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    const deadline = Date.now() + 20_000;
    for (;;) {
      const response = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
      if (response) {
        if (healthCommand) await execute(builder.program, inside(healthCommand), { env: builder.env });
        return { status: response.status, user: described.User };
      }
      if (child.exitCode !== null || Date.now() > deadline)
        throw new Error(`no answer; it said: ${said.slice(-1500)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  } finally {
    child.kill('SIGKILL');
    await ended;
    await builder.call('rm', container);
  }
}

export async function run(report, machine) {
  let builder;
  try {
    builder = await newBuilder(machine);
    report.note('with', await builder.call('--version'));
    const container = await builder.call('from', ...builder.policy, 'scratch');
    await builder.call('rm', container);
  } catch (error) {
    return report.skip(title, `buildah does not run here: ${lastWords(error)}`);
  }
  const base = async (directory) =>
    /^FROM (\S+)/m.exec(await readFile(path.join(directory, 'Dockerfile'), 'utf8'))[1];
  const images = path.join(root, 'dist', 'templates', 'images');

  const distroless = path.join(machine.work, 'distroless');
  await populate(distroless, [[process.execPath, '/nodejs/bin/node']], {});
  await makeBase(builder, await base(path.join(images, 'order')), distroless);
  const builds = services.map((name) => ({
    name,
    context: path.join(images, name),
    check: ['/nodejs/bin/node', 'health.mjs'],
  }));

  try {
    const nginx = await machine.debian('nginx');
    const directory = path.join(machine.work, 'alpine');
    const found = await Promise.all(
      ['sh', 'awk', 'sed', 'mktemp', 'id', 'cat', 'grep'].map(async (name) => {
        const { stdout } = await execute('sh', ['-c', `readlink -f "$(command -v ${name})"`]);
        return [stdout.trim(), `/bin/${name}`];
      }),
    );
    await populate(directory, [...found, [nginx.program, '/usr/sbin/nginx']], nginx.environment);
    await mkdir(path.join(directory, 'var', 'log', 'nginx'), { recursive: true });
    await makeBase(builder, await base(path.join(images, 'rproxy')), directory);
    const assets = await assembly(machine, { routing: 'proxy', capacity: 'fargate' });
    const started = (await readdir(assets, { recursive: true })).find((file) => file.endsWith('/start.sh'));
    const context = path.join(assets, path.dirname(started));
    // nginx opens /dev/stdout anew. Under Docker that belongs to the image's user, buildah's pipe to root.
    builds.push({ name: 'rproxy', context, through: ['/bin/sh', '-c', '"$@" 2>&1 | cat', 'sh'] });
  } catch (error) {
    report.skip('rproxy', lastWords(error));
  }

  for (const { name, context, check, through } of builds) {
    const image = `localhost/${name}:conformance`;
    try {
      await builder.call(
        'build',
        ...builder.policy,
        '--isolation',
        'chroot',
        '--pull-never',
        '--tag',
        image,
        context,
      );
      report.check(`${name}: builds`, true);
      const { status, user } = await health(builder, machine, image, { check, through });
      report.check(
        `${name}: answers /health as ${user}${check ? ', to its health check too' : ''}`,
        status === 200,
        status,
      );
    } catch (error) {
      report.check(`${name}: builds and answers /health`, false, error.stderr || error.message);
    }
  }
}
