import { ACM } from '@aws-sdk/client-acm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { echo, GatewayFixture, token } from './gateway-fixture.ts';
import { certificate, privateKey, serverName } from './test-certificate.ts';

let fixture: GatewayFixture;
let acm: ACM;
let certificateArn: string;
let listenerArn: string;

beforeAll(async () => {
  fixture = await GatewayFixture.start();
  acm = new ACM({
    endpoint: fixture.cloud.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
  const imported = await acm.importCertificate({
    Certificate: Buffer.from(certificate),
    PrivateKey: Buffer.from(privateKey),
  });
  certificateArn = imported.CertificateArn ?? '';
  const target = await fixture.tenant('basic', 1, echo('pool'));
  const { Listeners } = await fixture.elb.createListener({
    LoadBalancerArn: fixture.loadBalancerArn,
    Port: 443,
    Protocol: 'HTTPS',
    SslPolicy: 'ELBSecurityPolicy-TLS13-1-2-2021-06',
    Certificates: [{ CertificateArn: certificateArn }],
    DefaultActions: [{ Type: 'forward', TargetGroupArn: target }],
  });
  listenerArn = Listeners?.[0]?.ListenerArn ?? '';
});
afterAll(async () => {
  acm.destroy();
  await fixture.close();
});

/** Answers through an API that reaches the load balancer by that URL. */
async function through(url: string): Promise<{ status: number; json(): Record<string, unknown> }> {
  const document = JSON.stringify(fixture.document()).replaceAll(/"uri":"http:\/\/[^/"]+/g, `"uri":"${url}`);
  const moved = JSON.parse(document) as Record<string, unknown>;
  const api = await fixture.api(moved);
  const plan = await fixture.plan(api, url, 100, 100, 1000);
  const { value } = await fixture.key(plan, `key-${api}`);
  return fixture.call(api, '/orders', {
    headers: { authorization: token({ tenantPath: 'basic', key: value }) },
  });
}

it('the gateway reaches an HTTPS listener whose certificate is for the name in the URL', async () => {
  const answer = await through(`https://${serverName}:443`);
  expect(answer.status).toBe(200);
  expect(answer.json()['headers']).toMatchObject({ 'x-forwarded-proto': 'https', 'x-forwarded-port': '443' });
});

it('another name, plain HTTP to a TLS port and TLS to a plain one come to nothing', async () => {
  expect((await through('https://other.acme.example:443')).status).toBe(504);
  expect((await through(`http://${serverName}:443`)).status).toBe(400);
  expect((await through(`https://${serverName}:80`)).status).toBe(504);
});

it('a certificate is what its key says, and stays while a listener shows it', async () => {
  const { Certificate } = await acm.describeCertificate({ CertificateArn: certificateArn });
  expect(Certificate).toMatchObject({
    DomainName: serverName,
    Status: 'ISSUED',
    Type: 'IMPORTED',
    InUseBy: [listenerArn],
  });
  await expect(acm.deleteCertificate({ CertificateArn: certificateArn })).rejects.toMatchObject({
    name: 'ResourceInUseException',
  });
  await expect(
    acm.importCertificate({
      Certificate: Buffer.from(certificate),
      PrivateKey: Buffer.from(privateKey.replace(/MIGH[\s\S]*?\n/, 'AAAA\n')),
    }),
  ).rejects.toMatchObject({ name: 'ValidationException' });
});

it('a listener with a certificate that nobody imported is refused', async () => {
  await expect(
    fixture.elb.createListener({
      LoadBalancerArn: fixture.loadBalancerArn,
      Port: 8443,
      Protocol: 'HTTPS',
      Certificates: [{ CertificateArn: certificateArn.replace(/.{4}$/, '0000') }],
      DefaultActions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404' } }],
    }),
  ).rejects.toMatchObject({ name: 'CertificateNotFoundException' });
});
