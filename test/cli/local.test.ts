import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newProject, type Project } from '../integration/project.ts';

let project: Project;
beforeEach(async () => {
  project = await newProject();
});
afterEach(() => project.remove());

describe('local', () => {
  it('starts once, tells where it is, stops, and comes back at the same address', async () => {
    expect(await project.json('local', 'status')).toMatchObject({ running: false });
    const started = await project.json<{ endpoint: string; pid: number }>('local', 'start');
    expect(await project.json('local', 'start')).toEqual(started);
    expect(await (await fetch(`${started.endpoint}/_aws/health`)).json()).toEqual({ status: 'ready' });
    expect(await project.json('local', 'stop')).toEqual({ stopped: true });
    expect(await project.json('local', 'stop')).toEqual({ stopped: false });
    expect(await project.json('local', 'start')).toMatchObject({ endpoint: started.endpoint });
  });

  it('says which port is taken, and how to go on', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const ran = await project.cli('local', 'start', '--port', String(port), '--json');
    expect(ran.code).toBe(1);
    expect(ran.json().error).toMatchObject({
      code: 'port_taken',
      message: expect.stringContaining(String(port)),
      hint: expect.any(String),
    });
    await new Promise((resolve) => other.close(resolve));
    expect(await project.json('local', 'start', '--port', String(port))).toMatchObject({
      endpoint: `http://127.0.0.1:${port}`,
    });
  });

  it('refuses damaged state with what to do, and deletes nothing', async () => {
    const { stateDir } = await project.json<{ stateDir: string }>('local', 'start');
    await project.json('local', 'stop');
    const store = path.join(stateDir, 'store');
    const [name = ''] = (await readdir(store)).filter((file) => file.includes('journal'));
    const file = path.join(store, name);
    const intact = await readFile(file);
    const damaged = Buffer.from(intact);
    damaged.fill(0x21, Math.floor(damaged.length / 2), Math.floor(damaged.length / 2) + 8);
    await writeFile(file, damaged);
    const ran = await project.cli('list-tenants', '--json');
    expect(ran.code).toBe(1);
    expect(ran.json().error).toMatchObject({
      code: 'state_damaged',
      hint: expect.stringContaining('saas-ecs local reset'),
    });
    expect(await readFile(file)).toEqual(damaged);
    await writeFile(file, intact);
    expect(await project.json('local', 'start')).toMatchObject({ stateDir });
  });

  it('resets only when the directory is named', async () => {
    await project.json('local', 'start');
    expect((await project.cli('local', 'reset')).code).toBe(2);
    expect((await project.cli('local', 'reset', '--confirm', 'elsewhere')).code).toBe(2);
    expect(await project.json('local', 'reset', '--confirm', path.basename(project.directory))).toEqual({
      reset: true,
    });
    expect(await project.json('local', 'status')).toMatchObject({ running: false });
  });
});
