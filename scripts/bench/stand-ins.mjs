/**
 * What the order service talks to, answering at once, in a process of its own: STS, an issuer's keys, DynamoDB. It
 * tells its parent the address and a tenant's token, and counts what it was asked.
 */
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

const count = Number(process.argv[2] ?? 20);
const { publicKey, privateKey } = await generateKeyPair('RS256');
const jwks = JSON.stringify({
  keys: [{ ...(await exportJWK(publicKey)), kid: 'bench', alg: 'RS256', use: 'sig' }],
});
const asked = { assumeRole: 0, query: 0, jwks: 0 };

const items = Array.from({ length: count }, (_, index) => ({
  tenantId: { S: 'bench' },
  orderId: { S: `0198c0de-0000-7000-8000-${String(index).padStart(12, '0')}` },
  orderName: { S: `Order ${index}` },
  orderProducts: {
    L: [1, 2].map((product) => ({
      M: {
        productId: { S: `0198c0de-0001-7000-8000-${String(product).padStart(12, '0')}` },
        price: { N: '19.99' },
        quantity: { N: String(product) },
      },
    })),
  },
  createdAt: { S: '2026-01-01T00:00:00.000Z' },
  updatedAt: { S: '2026-01-01T00:00:00.000Z' },
}));
const page = Buffer.from(JSON.stringify({ Count: count, ScannedCount: count, Items: items }));
const session =
  () => `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><AssumedRoleId>AROABENCH:tenant</AssumedRoleId><Arn>arn:aws:sts::000000000000:assumed-role/tenant/bench</Arn></AssumedRoleUser>
<Credentials><AccessKeyId>ASIABENCH</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>${'s'.repeat(800)}</SessionToken>
<Expiration>${new Date(Date.now() + 3_600_000).toISOString()}</Expiration></Credentials></AssumeRoleResult>
<ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata></AssumeRoleResponse>`;

const server = createServer((request, response) => {
  request.resume();
  const answer = (type, body) => {
    response.writeHead(200, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
  };
  if (request.url?.endsWith('/jwks.json')) {
    asked.jwks++;
    answer('application/json', jwks);
  } else if (request.headers['x-amz-target']) {
    asked.query++;
    answer('application/x-amz-json-1.0', page);
  } else {
    asked.assumeRole++;
    answer('text/xml', session());
  }
});
server.listen(0, '127.0.0.1', async () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  const token = await new SignJWT({
    token_use: 'id',
    'custom:tenantId': 'bench',
    'custom:tenantTier': 'basic',
    'custom:tenantName': 'bench',
    'custom:userRole': 'TenantUser',
    'cognito:username': 'bench',
    'cognito:groups': ['bench'],
    email: 'bench@example.com',
    email_verified: true,
  })
    .setProtectedHeader({ alg: 'RS256', kid: 'bench' })
    .setIssuer(`${url}/pool`)
    .setAudience('client')
    .setSubject('00000000-0000-4000-8000-000000000000')
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(privateKey);
  process.send?.({ url, token });
});
process.on('message', () => process.send?.({ asked }));
process.on('disconnect', () => process.exit(0));
