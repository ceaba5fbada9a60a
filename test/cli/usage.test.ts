import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from './run-cli.ts';

let cwd = '';
beforeAll(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), 'saas-ecs-cli-'));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

describe('usage', () => {
  it('refuses an unknown command and an unknown flag with what was meant, and exit code 2', async () => {
    const command = await runCli(['onbord'], { cwd });
    expect(command.code).toBe(2);
    expect(command.stdout).toBe('');
    expect(command.stderr).toMatch(/error: unknown command "onbord"\nhint: .*onboard/);
    const flag = await runCli(['onboard', '--teir', 'basic'], { cwd });
    expect(flag.code).toBe(2);
    expect(flag.stderr).toMatch(/unknown option "--teir"\nhint: .*--tier/);
  });

  it('names the command whose help tells how it is used, and the flag for a tenant who is named without it', async () => {
    const missing = await runCli(['users', 'reset-mfa'], { cwd });
    expect(missing.stderr).toContain('hint: see how it is used: saas-ecs users reset-mfa --help');
    const bare = await runCli(['users', 'list', 'acorn'], { cwd });
    expect([bare.code, bare.stderr]).toEqual([
      2,
      expect.stringContaining('hint: name a tenant by its flag: saas-ecs users list --tenant NAME'),
    ]);
  });

  it('refuses a flag without its value, and a value that is not one', async () => {
    const missing = await runCli(['throttle', '--tier'], { cwd });
    expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining('argument missing')]);
    for (const value of ['0', '-1', '1.5', 'many']) {
      const bad = await runCli(['throttle', '--tier', 'basic', `--rate=${value}`], { cwd });
      expect([bad.code, bad.stderr]).toEqual([2, expect.stringContaining(`"${value}"`)]);
    }
    const quota = await runCli(['throttle', '--tier', 'basic', '--quota', '10/dya'], { cwd });
    expect(quota.stderr).toContain('e.g. 1000/day');
  });

  it('tells an error as one JSON envelope with --json', async () => {
    const ran = await runCli(['list-tenants', '--json', '--limit', 'x'], { cwd });
    expect(ran.stderr).toBe('');
    expect(ran.json()).toMatchObject({
      schemaVersion: 1,
      ok: false,
      error: { code: 'bad_usage', exitCode: 2 },
    });
  });

  it('names the file that is missing and how to write it', async () => {
    const ran = await runCli(['list-tenants'], { cwd });
    expect(ran.code).toBe(2);
    expect(ran.stderr).toMatch(/error: there is no saas-ecs\.yaml here or above\nhint: .*saas-ecs init/);
  });

  it('shows what there is to whoever names no command, with exit code 2', async () => {
    for (const argv of [[], ['users']]) {
      const ran = await runCli(argv, { cwd });
      expect([ran.code, ran.stdout]).toEqual([2, '']);
      expect(ran.stderr).toContain('Usage: saas-ecs');
    }
  });

  it('shows help with examples on stdout', async () => {
    const ran = await runCli(['onboard', '--help'], { cwd });
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('Examples:\n  saas-ecs onboard');
    expect(ran.stderr).toBe('');
  });
});

describe('init', () => {
  it('names the missing flag when nobody can be asked', async () => {
    const ran = await runCli(['init', 'asked'], { cwd });
    expect([ran.code, ran.stderr]).toEqual([2, expect.stringContaining('--app is missing')]);
  });

  it('writes a configuration with --yes, and never over one that is there', async () => {
    const first = await runCli(['init', 'shop', '--yes', '--json'], { cwd });
    expect(first.json()).toMatchObject({ ok: true, data: { app: 'shop' } });
    const file = path.join(cwd, 'shop', 'saas-ecs.yaml');
    await writeFile(file, `${await readFile(file, 'utf8')}# mine\n`);
    const second = await runCli(['init', 'shop', '--yes', '--json'], { cwd });
    expect([second.code, second.json().error.code]).toEqual([1, 'config_exists']);
    expect(await readFile(file, 'utf8')).toContain('# mine');
    expect((await runCli(['init', 'shop', '--yes', '--force'], { cwd })).code).toBe(0);
    expect(await readFile(file, 'utf8')).not.toContain('# mine');
  });

  it('takes limits by a flag, and refuses what are none', async () => {
    const made = await runCli(['init', 'limited', '--yes', '--limits', 'basic=20/40/5000/week'], { cwd });
    expect(made.code).toBe(0);
    const text = await readFile(path.join(cwd, 'limited', 'saas-ecs.yaml'), 'utf8');
    expect(text).toMatch(/rate: 20\n\s+burst: 40\n\s+quota: 5000\/week/);
    for (const limits of ['gold=1/1/1/day', 'basic=0/1/1/day', 'basic=1/1/1/year'])
      expect((await runCli(['init', 'unlimited', '--yes', '--limits', limits], { cwd })).code).toBe(2);
  });

  it('writes nothing when an answer is not valid', async () => {
    const ran = await runCli(['init', 'bad', '--app', 'Not Valid', '--yes'], { cwd });
    expect(ran.code).toBe(2);
    await expect(readFile(path.join(cwd, 'bad', 'saas-ecs.yaml'))).rejects.toThrow();
  });
});
