/**
 * Custom resources: CloudFormation invokes the function behind the service token, which answers by a PUT to the
 * response URL of its event. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
 */
import { randomUUID } from 'node:crypto';
import type { Cloud, Properties, ResourceContext, ResourceState, Route } from '../../platform.ts';
import { isObject } from '../template/model.ts';
import type { ResumableResourceType } from './registry.ts';
import { responsePath } from './response-path.ts';

interface Answer {
  Status?: unknown;
  Reason?: unknown;
  PhysicalResourceId?: unknown;
  Data?: unknown;
}

/** CloudFormation waits an hour unless ServiceTimeout says otherwise. */
const defaultTimeoutSeconds = 3600;
const maximumAnswerBytes = 4096;

/** The handler of each custom type, and the route that takes the functions' answers. */
export function createCustomResources(cloud: Cloud): {
  type: (name: string) => ResumableResourceType;
  route: Route;
} {
  const waiting = new Map<string, (answer: Answer) => void>();

  const send = async (
    kind: 'Create' | 'Update' | 'Delete',
    context: ResourceContext,
    properties: Properties,
    extra: Record<string, unknown>,
  ): Promise<Answer> => {
    const token = properties['ServiceToken'];
    if (typeof token !== 'string' || !/^(arn:[^:]+:lambda:|[\w-]+$)/.test(token))
      throw new Error(
        `Invalid service token: ${JSON.stringify(token)}. The embedded cloud's custom resources are Lambda functions`,
      );
    const id = randomUUID();
    const seconds = Number(properties['ServiceTimeout'] ?? defaultTimeoutSeconds);
    const answered = new Promise<Answer>((resolve, reject) => {
      const timer = setTimeout(
        () =>
          reject(
            new Error(
              `CloudFormation did not receive a response from your Custom Resource. Please check your logs for requestId [${id}].`,
            ),
          ),
        seconds * 1000,
      );
      const aborted = (): void => reject(new Error('cancelled'));
      context.signal.addEventListener('abort', aborted, { once: true });
      waiting.set(id, (answer) => {
        clearTimeout(timer);
        context.signal.removeEventListener('abort', aborted);
        resolve(answer);
      });
    });
    const event = {
      RequestType: kind,
      RequestId: id,
      ResponseURL: `${cloud.endpoint}${responsePath}${id}`,
      ServiceToken: token,
      StackId: context.stackId,
      LogicalResourceId: context.logicalId,
      ResourceProperties: asText(properties),
      ...extra,
    };
    try {
      // What the function returns means nothing; that it failed would on AWS show only when the time is over.
      const failed = cloud.lambda.invoke(token, event).then(() => new Promise<never>(() => {}));
      return await Promise.race([answered, failed]);
    } finally {
      waiting.get(id)?.({});
      waiting.delete(id);
    }
  };

  const succeed = (context: ResourceContext, answer: Answer, fallback: () => string): ResourceState => {
    const given = typeof answer.PhysicalResourceId === 'string' ? answer.PhysicalResourceId : undefined;
    if (answer.Status !== 'SUCCESS') {
      // What failed may have made something: with its id it is deleted again.
      if (given !== undefined) context.initiated?.(given);
      throw new Error(
        `Received response status [${String(answer.Status)}] from custom resource. Message returned: ${String(answer.Reason ?? 'none')}`,
      );
    }
    return {
      physicalId: given ?? fallback(),
      attributes: isObject(answer.Data) ? flat(answer.Data) : {},
    };
  };

  const type = (ResourceType: string): ResumableResourceType => ({
    async create(context, properties) {
      const answer = await send('Create', context, properties, { ResourceType });
      return succeed(context, answer, () => context.physicalName());
    },
    async update(context, physicalId, properties, previous) {
      const answer = await send('Update', context, properties, {
        ResourceType,
        PhysicalResourceId: physicalId,
        OldResourceProperties: asText(previous),
      });
      return succeed(context, answer, () => physicalId);
    },
    async delete(context, physicalId, properties) {
      const answer = await send('Delete', context, properties, {
        ResourceType,
        PhysicalResourceId: physicalId,
      });
      if (answer.Status !== 'SUCCESS')
        throw new Error(
          `Received response status [${String(answer.Status)}] from custom resource. Message returned: ${String(answer.Reason ?? 'none')}`,
        );
    },
  });

  const route: Route = {
    prefix: responsePath,
    async handle(request, response, url) {
      const id = url.pathname.slice(responsePath.length);
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of request as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size <= maximumAnswerBytes) chunks.push(chunk);
      }
      let answer: Answer;
      try {
        const parsed: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
        answer = isObject(parsed) ? parsed : {};
      } catch {
        answer = { Status: 'FAILED', Reason: 'Response object is not valid JSON of at most 4096 bytes' };
      }
      waiting.get(id)?.(answer);
      response.writeHead(waiting.has(id) ? 200 : 404).end();
    },
  };
  return { type, route };
}

/** CloudFormation sends every scalar of a custom resource's properties as text. */
function asText(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asText);
  if (isObject(value))
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, asText(entry)]));
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
}

/** `Data` by dotted names, as Fn::GetAtt asks for it. */
function flat(data: Readonly<Record<string, unknown>>, prefix = ''): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(data)) {
    result[prefix + key] = value;
    if (isObject(value)) Object.assign(result, flat(value, `${prefix}${key}.`));
  }
  return result;
}
