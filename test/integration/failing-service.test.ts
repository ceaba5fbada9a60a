import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tenant } from '../../src/model/tenant.ts';
import type { Explanation } from '../../src/services/explain/explain.ts';
import { api, newProject, type Project } from './project.ts';

let project: Project;
let directory = '';

/** An own service: a directory with a Dockerfile, nothing of ours in it. */
const server = `import { createServer } from 'node:http';
createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ path: request.url, tenant: process.env.TENANT_ID ?? 'pool', table: process.env.TABLE_NAME !== undefined }));
}).listen(Number(process.env.PORT), process.env.HOST);
`;
const crash = `console.log('reading the settings, with password=hunter2');
console.error('cannot start: REVIEWS_KEY is not set');
process.exit(7);
`;

beforeAll(async () => {
  project = await newProject('--tiers', 'basic,premium', '--services', 'products');
  directory = path.join(project.directory, 'reviews');
  await mkdir(directory);
  await writeFile(
    path.join(directory, 'Dockerfile'),
    [
      'FROM node:22-slim',
      'WORKDIR /app',
      'COPY index.mjs .',
      'ENV PORT=3010',
      'USER node',
      'CMD ["node", "index.mjs"]',
      '',
    ].join('\n'),
  );
  await writeFile(path.join(directory, 'index.mjs'), server);
  const file = path.join(project.directory, 'saas-ecs.yaml');
  const config = await readFile(file, 'utf8');
  await writeFile(
    file,
    config.replace(
      '\nrouting:',
      '  - { name: reviews, path: /reviews, image: ./reviews, table: { sortKey: reviewId } }\n\nrouting:',
    ),
  );
  await project.json('deploy-shared');
});
afterAll(() => project.remove());

describe("an operator's own service", () => {
  it.each(['basic', 'premium'])(
    'gets route, table and tasks on the tier %s by one entry in saas-ecs.yaml',
    async (tier) => {
      const name = `own-${tier}`;
      const tenant = await project.json<Tenant>(
        'onboard',
        '--tier',
        tier,
        '--name',
        name,
        '--email',
        `a@${name}.example`,
      );
      const { token } = await project.json<{ token: string }>('token', '--tenant', name);
      const reply = await api(`${tenant.apiUrl}/reviews/7/comments`, { token });
      expect(reply).toMatchObject({
        status: 200,
        body: {
          path: '/reviews/7/comments',
          tenant: tier === 'basic' ? 'pool' : tenant.tenantId,
          table: true,
        },
      });
      expect((await api(`${tenant.apiUrl}/reviews`)).status).toBe(401);
    },
  );
});

describe('a task that crashes at start', () => {
  it('makes the tenant failed, and the error tells the circuit breaker and the last log lines', async () => {
    await writeFile(path.join(directory, 'index.mjs'), crash);
    // The pool keeps its last good deployment and the deployment fails; the release that silos take is published after it, so publish without the pool.
    const file = path.join(project.directory, 'saas-ecs.yaml');
    await project.json('offboard', 'own-basic', '--confirm', 'own-basic');
    const pool = await project.cli('deploy-shared', '--json');
    expect(pool.code).toBe(1);
    expect(JSON.stringify(pool.json().error)).toMatch(/circuit breaker/i);
    expect(JSON.stringify(pool.json().error)).toContain('REVIEWS_KEY is not set');
    expect(pool.json().error).toMatchObject({
      message: expect.stringContaining(
        'likely cause: the image of "reviews" exits at its start, with code 7',
      ),
      hint: expect.stringContaining('saas-ecs explain tenant-template-basic'),
    });
    // The rollback has taken the tasks away; the stack still says who failed.
    expect(await project.json<Explanation>('explain', 'tenant-template-basic')).toMatchObject({
      subject: { kind: 'stack', status: 'UPDATE_ROLLBACK_COMPLETE', healthy: false },
      chain: expect.arrayContaining([
        expect.objectContaining({ kind: 'resource', name: expect.stringContaining('AWS::ECS::Service') }),
      ]),
      fix: expect.arrayContaining([expect.stringContaining('saas-ecs deploy-shared')]),
    });

    const config = await readFile(file, 'utf8');
    await writeFile(file, config.replace(/ {2}basic:\n(?: {4}.*\n)+/, ''));
    await project.json('deploy-shared');
    const ran = await project.cli(
      'onboard',
      '--tier',
      'premium',
      '--name',
      'unlucky',
      '--email',
      'a@unlucky.example',
      '--json',
    );
    expect(ran.code).toBe(1);
    const { error } = ran.json();
    expect(error.code).toBe('stack_failed');
    expect(error.detail).toMatch(/circuit breaker/i);
    expect(error.detail).toContain('REVIEWS_KEY is not set');
    expect(error.message).toContain('likely cause: the image of "reviews" exits at its start, with code 7');
    expect(error.hint).toMatch(/saas-ecs explain unlucky$/);
    expect(await project.json('describe-tenant', 'unlucky')).toMatchObject({
      status: 'failed',
      lastError: expect.stringContaining('Create the stack'),
    });
  });

  it('is explained, from the operation down to the last log lines', async () => {
    const { subject, chain, cause, fix } = await project.json<Explanation>('explain', 'unlucky');
    expect(subject).toMatchObject({ kind: 'tenant', name: 'unlucky', status: 'failed', healthy: false });
    expect(chain[0]).toMatchObject({ kind: 'operation', name: 'onboard', status: 'failed' });
    const of = (kind: string) => chain.filter((link) => link.kind === kind);
    // In Express mode CloudFormation does not wait for the tasks: the stack stands, its service does not run.
    expect(of('stack')).toMatchObject([{ status: 'CREATE_COMPLETE' }]);
    expect(of('service')).toContainEqual(expect.objectContaining({ name: 'reviews', status: 'failed' }));
    expect(of('task')).toMatchObject([{ name: 'reviews', status: 'exited with 7' }]);
    const said = JSON.stringify(chain);
    expect(said).toMatch(/circuit breaker/i);
    expect(said).toContain('cannot start: REVIEWS_KEY is not set');
    expect(said).toContain('password=***');
    expect(said).not.toContain('hunter2');
    expect(cause).toMatchObject({ code: 'image_exits' });
    expect(fix.at(-1)).toBe(
      'then run again: saas-ecs onboard --tier premium --name unlucky --email a@unlucky.example',
    );
    const { stdout } = await project.cli('explain', 'unlucky');
    expect(stdout).toMatch(/Likely cause: the image of "reviews" exits[\s\S]*What to do:\n {2}1\. /);
  });

  it('is mended by a good release and the same command again', async () => {
    await writeFile(path.join(directory, 'index.mjs'), server);
    await project.json('deploy-shared');
    expect(
      await project.json('onboard', '--tier', 'premium', '--name', 'unlucky', '--email', 'a@unlucky.example'),
    ).toMatchObject({ status: 'active', lastError: null });
    const healthy = await project.json<Explanation>('explain', 'unlucky');
    expect(healthy).toMatchObject({ subject: { status: 'active', healthy: true }, cause: null, fix: [] });
    expect(healthy.chain.map(({ kind, status }) => `${kind} ${status}`)).toEqual([
      'operation done',
      'stack UPDATE_COMPLETE',
      'service healthy',
      'service healthy',
    ]);
    expect((await project.cli('explain', 'nobody')).code).toBe(4);
  });

  it('can be offboarded as well', async () => {
    await writeFile(path.join(directory, 'index.mjs'), crash);
    await project.json('deploy-shared');
    expect(
      (await project.cli('onboard', '--tier', 'premium', '--name', 'gone', '--email', 'a@gone.example')).code,
    ).toBe(1);
    await project.json('offboard', 'gone', '--confirm', 'gone');
    expect((await project.cli('describe-tenant', 'gone')).code).toBe(4);
  });
});
