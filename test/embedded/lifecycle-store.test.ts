/** What the state's file promises: nothing acknowledged is lost, damage is told and never repaired by deleting. */
import { appendFile, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockState, StateLockedError } from '../../src/embedded/lock.ts';
import { openStore, StateDamagedError, type Store } from '../../src/embedded/store.ts';

let directory: string;
let file: string;
const opened: Store[] = [];
const open = async (): Promise<Store> => {
  const store = await openStore(directory);
  opened.push(store);
  return store;
};
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'saas-ecs-store-'));
  file = path.join(directory, 'journal');
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  await rm(directory, { recursive: true, force: true });
});

test('what was flushed is there when the store is opened again, as it was put', async () => {
  const store = await open();
  const things = store.collection<{ n: number; text?: string }>('things');
  const changing = { n: 1 };
  things.put('a', changing);
  changing.n = 2;
  things.put('b\n"ü', { n: 3, text: 'line\nbreak' });
  things.put('gone', { n: 4 });
  things.delete('gone');
  store.collection('other').put('a', ['x']);
  await store.flushed();
  // Not closed: a killed process closes nothing.
  const again = await open();
  expect(again.collection('things').entries()).toEqual([
    ['a', { n: 1 }],
    ['b\n"ü', { n: 3, text: 'line\nbreak' }],
  ]);
  expect(again.collection('other').get('a')).toEqual(['x']);
});

test('a batch that was cut off is dropped whole, wherever the cut is', async () => {
  const store = await open();
  store.collection('c').put('kept', 'yes');
  await store.flushed();
  const before = (await stat(file)).size;
  store.collection('c').put('one', 1);
  store.collection('c').put('kept', 'changed');
  await store.flushed();
  await store.close();
  const whole = await readFile(file);
  for (let size = before; size < whole.length; size++) {
    await writeFile(file, whole.subarray(0, size));
    const again = await open();
    expect(again.collection('c').entries()).toEqual([['kept', 'yes']]);
    // And it goes on from there.
    again.collection('c').put('next', size);
    await again.close();
    const third = await open();
    expect(third.collection('c').get('next')).toBe(size);
    await third.close();
  }
});

test('every changed byte is noticed, and the file is left alone', async () => {
  const store = await open();
  store.collection('c').put('key', { some: 'value' });
  await store.close();
  const whole = await readFile(file);
  for (let at = 0; at < whole.length - 2; at++) {
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] ?? 0) ^ 0x04;
    await writeFile(file, damaged);
    await expect(openStore(directory), `byte ${at}`).rejects.toBeInstanceOf(StateDamagedError);
    expect(await readFile(file)).toEqual(damaged);
  }
});

test('a file that is none of ours is refused, a start that was cut off is not', async () => {
  await writeFile(file, 'something else\n');
  await expect(open()).rejects.toThrow('does not begin as a store');
  await writeFile(file, 'saas-ecs-st');
  await (await open()).close();
  await truncate(file, 0);
  await (await open()).close();
});

test('the file does not grow without end', async () => {
  const store = await open();
  const filler = 'x'.repeat(10_000);
  const hot = store.collection<string>('hot');
  store.collection('cold').put('kept', 'since the beginning');
  for (let i = 0; i < 2_000; i++) {
    hot.put(`key-${i % 10}`, `${i} ${filler}`);
    if (i % 5 === 0) await store.flushed();
  }
  await store.flushed();
  expect((await stat(file)).size).toBeLessThan(5_000_000);
  expect(await readdir(directory)).toEqual(['journal']);
  const again = await open();
  expect(again.collection('cold').get('kept')).toBe('since the beginning');
  expect(again.collection<string>('hot').get('key-9')?.split(' ')[0]).toBe('1999');
});

test('a write that fails is told to everybody who relies on it', async () => {
  const store = await open();
  const things = store.collection('things');
  things.put('cyclic', 1);
  const cyclic: Record<string, unknown> = {};
  cyclic['self'] = cyclic;
  expect(() => things.put('cyclic', cyclic)).toThrow();
  expect(things.get('cyclic')).toBe(1);
});

test('one process at a time; a lock that was left behind is taken over', async () => {
  const release = await lockState(directory);
  await expect(lockState(directory)).rejects.toBeInstanceOf(StateLockedError);
  await release();
  // The process id is in use, by a process that began at another time.
  await writeFile(path.join(directory, 'lock'), JSON.stringify({ pid: process.ppid, identity: 'long ago' }));
  const again = await lockState(directory);
  await again();
  await appendFile(path.join(directory, 'lock'), '');
  await (await lockState(directory))();
  expect(await readdir(directory)).toEqual([]);
});
