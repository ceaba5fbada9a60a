/** The container credentials endpoint: what the SDKs ask by AWS_CONTAINER_CREDENTIALS_FULL_URI, with a token. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Cloud, Credentials } from '../platform.ts';

/** New credentials are handed out when the ones before have less than this left. */
const renewBeforeMs = 30 * 60_000;

/** Whoever runs on the platform and may have its role's credentials. */
export interface CredentialsHolder {
  roleArn: string;
  /** What the request's `authorization` header must say. */
  token: string;
  sessionName: string;
}

/** Answers such requests for a service principal's roles; `holder` is undefined when there is nobody of that name. */
export function credentialsAnswerer(cloud: Cloud, servicePrincipal: string) {
  const issued = new Map<string, Credentials>();

  const credentialsOf = ({ roleArn, token, sessionName }: CredentialsHolder): Credentials => {
    const known = issued.get(token);
    if (known && known.expiration.getTime() - Date.now() > renewBeforeMs) return known;
    const fresh = cloud.sts.issueForService(roleArn, servicePrincipal, sessionName);
    for (const [other, { expiration }] of issued) if (expiration.getTime() < Date.now()) issued.delete(other);
    issued.set(token, fresh);
    return fresh;
  };

  return (
    request: IncomingMessage,
    response: ServerResponse,
    holder: CredentialsHolder | undefined,
  ): void => {
    if (!holder || !equal(request.headers.authorization ?? '', holder.token)) {
      answerJson(response, 403, { code: 'AccessDenied', message: 'nobody of that name, or not its token' });
      return;
    }
    try {
      const { accessKeyId, secretAccessKey, sessionToken, expiration } = credentialsOf(holder);
      answerJson(response, 200, {
        RoleArn: holder.roleArn,
        AccessKeyId: accessKeyId,
        SecretAccessKey: secretAccessKey,
        Token: sessionToken,
        Expiration: expiration.toISOString().replace(/\.\d+Z$/, 'Z'),
      });
    } catch (error) {
      answerJson(response, 400, { code: 'AccessDenied', message: (error as Error).message });
    }
  };
}

export function answerJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function equal(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
