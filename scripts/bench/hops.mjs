/** Ways past the hops in front: to the pool's order task, and to the query that it sends. */
import { createHash, createHmac } from 'node:crypto';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { SignatureV4 } from '@smithy/signature-v4';
import { childrenOf, environmentOf } from './proc.mjs';

/** The pool's order task: a child process of the embedded cloud, found by its environment. */
export async function directTask(cloudPid, headers) {
  for (const pid of await childrenOf(cloudPid)) {
    const environment = await environmentOf(pid);
    if (environment.SERVICE_PATH === '/orders' && environment.TENANT_ROLE_ARN)
      return { pid, environment, headers, url: `http://${environment.HOST}:${environment.PORT}/orders` };
  }
  throw new Error('the order task of the pool was not found');
}

/** What the task asks the table for a page of a tenant's items, signed as the task signs it: by the tenant's session. */
export async function directQuery(task, tenantId, limit) {
  const { AWS_REGION: region, AWS_ENDPOINT_URL: endpoint, TABLE_NAME: table, TENANT_ROLE_ARN: role } = task;
  const own = await fetch(task.AWS_CONTAINER_CREDENTIALS_FULL_URI, {
    headers: { authorization: task.AWS_CONTAINER_AUTHORIZATION_TOKEN },
  }).then((response) => response.json());
  const sts = new STSClient({
    region,
    endpoint,
    credentials: {
      accessKeyId: own.AccessKeyId,
      secretAccessKey: own.SecretAccessKey,
      sessionToken: own.Token,
    },
  });
  const { Credentials: session } = await sts.send(
    new AssumeRoleCommand({
      RoleArn: role,
      RoleSessionName: `tenant-${tenantId}`,
      Tags: [{ Key: 'tenant', Value: tenantId }],
    }),
  );
  const body = JSON.stringify({
    TableName: table,
    KeyConditionExpression: 'tenantId = :tenant',
    ExpressionAttributeValues: { ':tenant': { S: tenantId } },
    Limit: limit,
  });
  const { hostname, port } = new URL(endpoint);
  const signed = await new SignatureV4({
    service: 'dynamodb',
    region,
    credentials: {
      accessKeyId: session.AccessKeyId,
      secretAccessKey: session.SecretAccessKey,
      sessionToken: session.SessionToken,
    },
    sha256: Sha256,
  }).sign({
    method: 'POST',
    protocol: 'http:',
    hostname,
    port: Number(port),
    path: '/',
    query: {},
    headers: {
      host: `${hostname}:${port}`,
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': 'DynamoDB_20120810.Query',
    },
    body,
  });
  return { url: `${endpoint}/`, method: 'POST', headers: signed.headers, body };
}

/** The hash that the signer wants. */
class Sha256 {
  #hash;
  constructor(secret) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret);
  }
  update(data) {
    this.#hash.update(data);
  }
  async digest() {
    return new Uint8Array(this.#hash.digest());
  }
}
