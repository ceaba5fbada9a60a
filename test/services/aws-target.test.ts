import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GetParameterCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import type { Config } from '../../src/model/config.ts';
import { toSaasError } from '../../src/services/aws-errors.ts';
import { resolveEnvironment, type Target } from '../../src/services/environment.ts';
import { paced, type RequestHandler, TokenBucket } from '../../src/services/pace.ts';

let cloud: RunningCloud;
let directory = '';

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'saas-ecs-aws-'));
  cloud = await startCloud({ stateDir: path.join(directory, 'state') });
});
afterAll(async () => {
  await cloud.stop();
  await rm(directory, { recursive: true, force: true });
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

/** What an operator's shell says: where AWS is, and who he is. */
function shell(variables: Record<string, string> = {}): void {
  for (const name of Object.keys(process.env)) if (/^AWS_(?!SDK_)/.test(name)) vi.stubEnv(name, undefined);
  const given = {
    AWS_ENDPOINT_URL: cloud.endpoint,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: path.join(directory, 'config'),
    AWS_SHARED_CREDENTIALS_FILE: path.join(directory, 'credentials'),
    ...variables,
  };
  for (const [name, value] of Object.entries(given)) vi.stubEnv(name, value);
}
const keys = { AWS_ACCESS_KEY_ID: 'operator', AWS_SECRET_ACCESS_KEY: 'operator' };

const environment = (account: string, more: { region?: string; profile?: string } = {}): Promise<Target> =>
  resolveEnvironment(
    {
      app: 'shop',
      root: directory,
      environments: [{ name: 'prod', target: 'aws', account, region: 'us-east-1', azs: 2, nat: 'single' }],
    } as unknown as Config,
    more,
  );

const failureOf = async (work: Promise<unknown>) =>
  toSaasError(
    await work.then(
      () => undefined,
      (error: unknown) => error,
    ),
  );

describe('the account of an environment', () => {
  it('is asked once, however many clients call at the same time', async () => {
    shell(keys);
    const send = vi.spyOn(STSClient.prototype, 'send');
    const target = await environment(cloud.account);
    await Promise.all(
      ['a', 'b', 'c'].map((Name) =>
        new SSMClient(target.client).send(new PutParameterCommand({ Name, Value: '1', Type: 'String' })),
      ),
    );
    expect(await target.verify()).toMatchObject({ account: cloud.account });
    const asked = send.mock.calls.filter(([command]) => command instanceof GetCallerIdentityCommand);
    expect(asked).toHaveLength(1);
  });

  it('that is not the one of the configuration is touched by no call, and the error names both', async () => {
    shell({ ...keys });
    const wrong = await environment('111122223333');
    const failure = await failureOf(
      new SSMClient(wrong.client).send(
        new PutParameterCommand({ Name: 'untouched', Value: '1', Type: 'String' }),
      ),
    );
    expect(failure).toMatchObject({
      code: 'wrong_account',
      exitCode: 1,
      message: `these credentials are of account ${cloud.account}, and the environment "prod" is account 111122223333`,
    });
    const right = await environment(cloud.account);
    await expect(
      new SSMClient(right.client).send(new GetParameterCommand({ Name: 'untouched' })),
    ).rejects.toMatchObject({ name: 'ParameterNotFound' });
  });

  it('has addresses where the SDK finds it, in the Region of the flag', async () => {
    shell(keys);
    const here = await environment(cloud.account);
    expect(here.apiUrl('api', 'prod')).toBe(`${cloud.endpoint}/_aws/execute-api/api/prod`);
    expect(here.objectUrl('bucket', 'key')).toBe(`${cloud.endpoint}/bucket/key`);
    vi.stubEnv('AWS_ENDPOINT_URL', undefined);
    const there = await environment(cloud.account, { region: 'cn-north-1' });
    expect(there.apiUrl('api', 'prod')).toBe('https://api.execute-api.cn-north-1.amazonaws.com.cn/prod');
    expect(there.objectUrl('bucket', 'key')).toBe('https://bucket.s3.cn-north-1.amazonaws.com.cn/key');
    expect(there.client.region).toBe('cn-north-1');
  });

  it('is reached by other programs with the profile that was named, not with keys that are lying about', async () => {
    shell(keys);
    const { processEnvironment } = await environment(cloud.account, { profile: 'shop' });
    expect({ ...process.env, ...processEnvironment }).toMatchObject({
      AWS_PROFILE: 'shop',
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: undefined,
    });
  });
});

describe('credentials that are not there', () => {
  it.each([
    { case: 'at all', more: {}, code: 'no_credentials', message: 'there are no AWS credentials' },
    {
      case: 'under the profile that was named',
      more: { profile: 'nobody' },
      code: 'no_profile',
      message: 'the AWS profile "nobody" gives no credentials',
    },
  ])('$case are told in two lines, the second of which says what to do', async ({ more, code, message }) => {
    shell();
    const target = await environment(cloud.account, more);
    const failure = await failureOf(target.verify());
    expect(failure).toMatchObject({ code, message, detail: undefined });
    expect(failure.hint).toContain('--profile');
  });

  it('any more, because the session is over, are told apart from those that never were', () => {
    const over = 'The SSO session associated with this profile has expired. To refresh it run aws sso login';
    const error = Object.assign(new Error(over), { name: 'CredentialsProviderError' });
    expect(toSaasError(error)).toMatchObject({ code: 'credentials_expired', detail: undefined });
    const mfa = 'Profile shop requires multi-factor authentication, but no MFA code callback was provided.';
    const coded = Object.assign(new Error(mfa), { name: 'CredentialsProviderError' });
    expect(toSaasError(coded).code).toBe('mfa_needed');
  });
});

describe('the pace of calls', () => {
  it('lets a burst through and spreads what comes after it evenly', () => {
    const bucket = new TokenBucket(10, 3);
    expect([0, 0, 0, 0, 0].map((now) => bucket.take(now))).toEqual([0, 0, 0, 100, 200]);
    expect(bucket.take(1_000)).toBe(0);
  });

  const request = (method: string, at: string, service: string) =>
    ({
      method,
      path: at,
      headers: { authorization: `AWS4-HMAC-SHA256 Credential=K/20260101/us-east-1/${service}/aws4_request` },
    }) as unknown as Parameters<RequestHandler['handle']>[0];

  it('holds a second change of a usage plan back, and nothing else meanwhile', async () => {
    const sent: string[] = [];
    const handler = paced({
      handle: async ({ method, path: to }) => {
        sent.push(`${method} ${to}`);
        return { response: {} } as Awaited<ReturnType<RequestHandler['handle']>>;
      },
    } as RequestHandler);
    const stop = new AbortController();
    await handler.handle(request('PATCH', '/usageplans/one', 'apigateway'));
    const second = handler.handle(request('PATCH', '/usageplans/two', 'apigateway'), {
      abortSignal: stop.signal,
    });
    await handler.handle(request('GET', '/usageplans/two', 'apigateway'));
    await handler.handle(request('PATCH', '/usageplans/three', 's3'));
    expect(sent).toEqual(['PATCH /usageplans/one', 'GET /usageplans/two', 'PATCH /usageplans/three']);
    stop.abort();
    await expect(second).rejects.toMatchObject({ name: 'AbortError' });
  });
});
