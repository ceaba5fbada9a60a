/** Takes images from the builder: who has a login of this registry may push, and what it pushes is what it says. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import path from 'node:path';
import { json } from 'node:stream/consumers';
import { GetAuthorizationToken$ } from '@aws-sdk/client-ecr';
import type { ImageStore } from '../../compute/images/image-store.ts';
import { AwsError, type Cloud, type Operation, operation, type Route } from '../../platform.ts';
import type { Registry } from './registry.ts';

/** ECR's tokens are good for twelve hours. */
const tokenMs = 12 * 3_600_000;

interface PushRequest {
  repository?: string;
  tag?: string;
  digest?: string;
  /** Where the builder has the image. */
  directory?: string;
}

export function createPush(
  cloud: Cloud,
  registry: Registry,
  store: ImageStore,
): { operations: Operation[]; routes: Route[] } {
  const secret = (): string => {
    const secrets = cloud.store.collection<string>('ecr-token-secret');
    const known = secrets.get('secret');
    if (known) return known;
    const created = randomBytes(32).toString('hex');
    secrets.put('secret', created);
    return created;
  };
  const sign = (expires: number): string =>
    createHmac('sha256', secret()).update(`ecr-push/${expires}`).digest('base64url');

  const authorized = (request: IncomingMessage): boolean => {
    const encoded = /^Basic (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const match = /^AWS:(\d+)\.(.+)$/.exec(Buffer.from(encoded, 'base64').toString());
    const expires = Number(match?.[1] ?? 0);
    const given = Buffer.from(match?.[2] ?? '');
    const expected = Buffer.from(sign(expires));
    return expires > Date.now() && given.length === expected.length && timingSafeEqual(given, expected);
  };

  const push = async (input: PushRequest): Promise<{ digest: string }> => {
    const { repository = '', tag, digest = '', directory = '' } = input;
    registry.repository(repository);
    if (!/^sha256:[0-9a-f]{64}$/.test(digest) || !path.isAbsolute(directory))
      throw new AwsError('InvalidParameterException', 'a digest and an absolute directory are needed');
    const size = await store.take(directory, digest);
    registry.put(repository, digest, tag, size);
    await cloud.store.flushed();
    return { digest };
  };

  return {
    operations: [
      operation(GetAuthorizationToken$, () => {
        const expires = Date.now() + tokenMs;
        return {
          authorizationData: [
            {
              authorizationToken: Buffer.from(`AWS:${expires}.${sign(expires)}`).toString('base64'),
              expiresAt: new Date(expires),
              proxyEndpoint: `https://${registry.uri('').replace(/\/$/, '')}`,
            },
          ],
        };
      }),
    ],
    routes: [
      {
        prefix: '/_aws/ecr/push',
        async handle(request, response) {
          const answer = (status: number, body: unknown): void => {
            response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
          };
          if (request.method !== 'POST' || !authorized(request)) {
            request.resume();
            answer(401, { message: "Your authorization token has expired or is not this registry's." });
            return;
          }
          try {
            answer(200, await push((await json(request)) as PushRequest));
          } catch (error) {
            const { message } = error as Error;
            answer(error instanceof AwsError ? error.status : 400, {
              code: error instanceof AwsError ? error.code : 'InvalidImage',
              message,
            });
          }
        },
      },
    ],
  };
}
