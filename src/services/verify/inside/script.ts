/**
 * Runs inside a tenant's task, on the image's own Node.js: does what the plan in its environment says with the task's
 * own credentials, and prints what came back. Bundled to one small file that is the task's command; ECS admits 8,192
 * characters of overrides, so it is brief and has no library.
 */
import { createHash, createHmac } from 'node:crypto';
import { gunzipSync } from 'node:zlib';

interface Keys {
  id: string;
  secret: string;
  token: string;
}
interface ProbeCall {
  aws?: string;
  target?: string;
  body?: object;
  form?: Record<string, string>;
  path?: string;
  url?: string;
  headers?: Record<string, string>;
  as?: string;
  keep?: string;
  never?: string[];
}

const { env } = process;
const { run, calls } = JSON.parse(gunzipSync(Buffer.from(env['VERIFY_PLAN'] ?? '', 'base64')).toString()) as {
  run: string;
  calls: ProbeCall[];
};
const region = env['AWS_REGION'] ?? '';
const sessions: Record<string, Keys> = {};
const timeout = 5_000;
const say = (line: object) => console.log(`verify ${run} ${JSON.stringify(line)}`);
const sha = (data: string) => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest();

async function taskKeys(): Promise<Keys> {
  const relative = env['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'];
  const uri = env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] ?? `http://169.254.170.2${relative}`;
  const authorization = env['AWS_CONTAINER_AUTHORIZATION_TOKEN'];
  const answer = await fetch(uri, { headers: authorization ? { authorization } : {} });
  const { AccessKeyId, SecretAccessKey, Token } = (await answer.json()) as Record<string, string>;
  return { id: AccessKeyId ?? '', secret: SecretAccessKey ?? '', token: Token ?? '' };
}

/** Signature Version 4, https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html */
function sign(
  service: string,
  url: URL,
  method: string,
  headers: Record<string, string>,
  body: string,
  keys: Keys,
): Record<string, string> {
  const scopeRegion = service === 'iam' ? 'us-east-1' : region;
  const time = `${new Date().toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
  const all: Record<string, string> = {
    ...headers,
    host: url.host,
    'x-amz-date': time,
    'x-amz-security-token': keys.token,
  };
  const names = Object.keys(all).sort();
  const scope = `${time.slice(0, 8)}/${scopeRegion}/${service}/aws4_request`;
  const canonical = [
    method,
    url.pathname,
    url.searchParams.toString(),
    ...names.map((name) => `${name}:${all[name]}`),
    '',
    names.join(';'),
    sha(body),
  ].join('\n');
  const key = scope
    .split('/')
    .reduce<string | Buffer>((parent, part) => hmac(parent, part), `AWS4${keys.secret}`);
  const signature = createHmac('sha256', key)
    .update(`AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha(canonical)}`)
    .digest('hex');
  delete all['host'];
  all['authorization'] =
    `AWS4-HMAC-SHA256 Credential=${keys.id}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return all;
}

async function send(call: ProbeCall): Promise<Response> {
  const signal = AbortSignal.timeout(timeout);
  if (!call.aws) return fetch(call.url ?? '', { headers: call.headers ?? {}, signal });
  const service = call.aws;
  const url = new URL(
    call.path ?? '/',
    env['AWS_ENDPOINT_URL'] ??
      (service === 'iam' ? 'https://iam.amazonaws.com' : `https://${service}.${region}.amazonaws.com`),
  );
  const method = call.path && !call.body ? 'GET' : 'POST';
  const body = call.form
    ? new URLSearchParams(call.form).toString()
    : call.body
      ? JSON.stringify(call.body)
      : '';
  const headers: Record<string, string> = call.form
    ? { 'content-type': 'application/x-www-form-urlencoded' }
    : call.target
      ? {
          'content-type': `application/x-amz-json-1.${service === 'dynamodb' ? 0 : 1}`,
          'x-amz-target': call.target,
        }
      : {};
  const keys = sessions[call.as ?? ''];
  if (!keys) throw Object.assign(new Error('no such session'), { code: 'NoSession' });
  const signed = sign(service, url, method, headers, body, keys);
  return fetch(url, { method, headers: signed, signal, ...(body && { body }) });
}

async function make(call: ProbeCall, i: number): Promise<void> {
  try {
    const answer = await send(call);
    const text = await answer.text();
    const tag = (name: string) => new RegExp(`<${name}>([^<]*)`).exec(text)?.[1] ?? '';
    if (call.keep && answer.ok)
      sessions[call.keep] = {
        id: tag('AccessKeyId'),
        secret: tag('SecretAccessKey'),
        token: tag('SessionToken'),
      };
    const leaks = call.never?.some((trace) => text.includes(trace)) ?? false;
    if (answer.ok) return say({ i, status: answer.status, leaks });
    const json = /"__type" *: *"([^"]*)"/.exec(text)?.[1]?.split('#').pop();
    const code = (json ?? tag('Code')) || answer.headers.get('x-amzn-errortype')?.split(':')[0];
    const message = (/"[mM]essage" *: *"([^"]*)"/.exec(text)?.[1] ?? tag('Message')).slice(0, 300);
    say({ i, status: answer.status, code, message, leaks });
  } catch (error) {
    const { name, code, cause, message } = error as {
      name: string;
      code?: string;
      cause?: { code?: string };
      message: string;
    };
    say({ i, status: 0, code: typeof code === 'string' ? code : (cause?.code ?? name), message });
  }
}

async function main(): Promise<void> {
  setTimeout(() => process.exit(1), 60_000).unref();
  sessions[''] = await taskKeys();
  // Sessions first, in order: the other calls are made with them.
  for (const [i, call] of calls.entries()) if (call.keep) await make(call, i);
  const waiting = [...calls.entries()].filter(([, call]) => !call.keep);
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await make(next[1], next[0]);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  say({ done: calls.length });
}

main().catch((error: unknown) => {
  say({ failed: String(error) });
  process.exitCode = 1;
});
