/** What `doctor` says of the certificate that the load balancers are to show. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ACMClient, ImportCertificateCommand } from '@aws-sdk/client-acm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import { checkCertificate, covers } from '../../src/services/doctor/certificate.ts';
import type { Target } from '../../src/services/environment.ts';
import { certificate, privateKey, serverName } from '../embedded/test-certificate.ts';

let cloud: RunningCloud;
let stateDir = '';
let target: Pick<Target, 'client'>;
let certificateArn = '';
beforeAll(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'saas-ecs-certificate-'));
  cloud = await startCloud({ stateDir });
  const credentials = { accessKeyId: 'operator', secretAccessKey: 'operator' };
  const client = { region: 'us-east-1', endpoint: cloud.endpoint, credentials, maxAttempts: 1 };
  target = { client } as unknown as Pick<Target, 'client'>;
  const imported = await new ACMClient(client).send(
    new ImportCertificateCommand({
      Certificate: Buffer.from(certificate),
      PrivateKey: Buffer.from(privateKey),
    }),
  );
  certificateArn = imported.CertificateArn ?? '';
});
afterAll(async () => {
  await cloud.stop();
  await rm(stateDir, { recursive: true, force: true });
});

/** The day on which it ends, as a passing check says. */
async function lastDay(): Promise<Date> {
  const { detail } = await checkCertificate(target, { certificateArn, serverName });
  return new Date(detail.slice(-'2026-01-01'.length));
}
const daysFrom = (day: Date, days: number): Date => new Date(day.getTime() + days * 24 * 3_600_000);

describe('the certificate', () => {
  it('passes while it holds for the server name', async () => {
    expect(await checkCertificate(target, { certificateArn, serverName })).toMatchObject({
      status: 'PASS',
      detail: expect.stringContaining(`for ${serverName}, until `),
    });
  });

  it('fails when it is not there, or for another name', async () => {
    const gone = `${certificateArn.slice(0, -36)}00000000-0000-0000-0000-000000000000`;
    expect(await checkCertificate(target, { certificateArn: gone, serverName })).toMatchObject({
      status: 'FAIL',
      hint: expect.stringContaining('certificateArn'),
    });
    expect(
      await checkCertificate(target, { certificateArn, serverName: 'other.acme.example' }),
    ).toMatchObject({ status: 'FAIL', hint: expect.stringContaining('serverName') });
  });

  it('is warned of a month before its end, since it is imported, and fails from then on', async () => {
    const end = await lastDay();
    const at = (days: number) =>
      checkCertificate(target, { certificateArn, serverName }, daysFrom(end, days));
    expect((await at(-32)).status).toBe('PASS');
    expect(await at(-20)).toMatchObject({ status: 'WARN', hint: expect.stringContaining('import') });
    expect(await at(2)).toMatchObject({ status: 'FAIL', detail: expect.stringContaining('expired') });
  });
});

describe('a name in a certificate', () => {
  it.each([
    ['api.acme.example', 'API.acme.example', true],
    ['*.acme.example', 'api.acme.example', true],
    ['*.acme.example', 'a.b.acme.example', false],
    ['*.acme.example', 'acme.example', false],
    ['api.acme.example', 'api.acme.example.org', false],
  ])('%s is for %s: %s', (name, serverName, expected) => {
    expect(covers(name, serverName)).toBe(expected);
  });
});
