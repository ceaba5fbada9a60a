/** What one tenant uses up is his own: neither its neighbour's rate nor its neighbour's quota. */
import { describe, expect, it } from 'vitest';
import { api } from '../project.ts';
import type { Estate, Guest, TenantName } from './estate.ts';

export function noisyNeighbours(estate: () => Estate): void {
  const guest = (name: TenantName): Guest => estate().guests[name];
  const ask = async (name: TenantName) => {
    const { apiUrl, token } = guest(name);
    return api(`${apiUrl}/orders`, { token });
  };

  let attempts = 0;

  describe('a tenant who asks too much', () => {
    it('is throttled, while his neighbour on the same tier, asking all the while, is not', async () => {
      const { project } = estate();
      await project.json('throttle', '--tier', 'basic', '--rate', '10', '--burst', '10');
      let bursting = true;
      const burst = Promise.all(Array.from({ length: 120 }, () => ask('acorn'))).finally(() => {
        bursting = false;
      });
      const neighbour: number[] = [];
      // No more than what the neighbour's own limit admits at once, spread over the whole burst.
      while (bursting && neighbour.length < 10) neighbour.push((await ask('birch')).status);
      const answers = await burst;
      const throttled = answers.filter(({ status }) => status === 429);
      expect(throttled.length).toBeGreaterThan(0);
      expect(answers.length - throttled.length).toBeGreaterThanOrEqual(10);
      expect(throttled[0]?.body).toEqual({ message: 'Too Many Requests' });
      expect(neighbour.length).toBeGreaterThan(0);
      expect(new Set(neighbour)).toEqual(new Set([200]));
      await project.json('throttle', '--tier', 'basic', '--reset');
    });

    it('gets no more than his quota, also from a cloud that was stopped and started in between', async () => {
      const { project } = estate();
      // Limits that nobody had: what is used up on a plan stays used up, also when this test is tried again.
      const limits = ['--rate', '1000', '--burst', String(1000 + attempts++), '--quota', '5/day'];
      await project.json('throttle', '--tenant', 'acorn', ...limits);
      for (let sent = 1; sent <= 3; sent++) expect((await ask('acorn')).status).toBe(200);
      await project.json('local', 'stop');
      await project.json('local', 'start');
      for (let sent = 4; sent <= 5; sent++) expect((await ask('acorn')).status).toBe(200);
      for (let sent = 6; sent <= 8; sent++)
        expect(await ask('acorn')).toMatchObject({ status: 429, body: { message: 'Limit Exceeded' } });
      expect((await ask('birch')).status).toBe(200);
      await project.json('local', 'stop');
      await project.json('local', 'start');
      expect(await ask('acorn')).toMatchObject({ status: 429, body: { message: 'Limit Exceeded' } });
      await project.json('throttle', '--tenant', 'acorn', '--reset');
      expect((await ask('acorn')).status).toBe(200);
    });
  });
}
