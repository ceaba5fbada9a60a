/** Operations of API Gateway: IAM knows them as HTTP methods on paths, `apigateway:GET` on `arn:…:apigateway:…::/restapis/…`. */
import { type Call, type Cloud, type Operation, operation } from '../../../platform.ts';

export type MakeOperation = <Input, Output>(
  schema: unknown,
  handler: (input: Input, call: Call) => Output | Promise<Output>,
) => Operation;

/** `tagsAt` gives the tags of what a path names, for policies that go by them. */
export const operationsOf =
  (cloud: Cloud, tagsAt: (path: string) => Record<string, string> = () => ({})): MakeOperation =>
  (schema, handler) =>
    operation(schema, handler, {
      access: (_input, { request }) => {
        const path = (request?.url ?? '/').split('?')[0] ?? '/';
        return [
          {
            action: `apigateway:${request?.method ?? 'GET'}`,
            resource: `arn:${cloud.partition}:apigateway:${cloud.region}::${path}`,
            context: Object.fromEntries(
              Object.entries(tagsAt(path)).map(([key, value]) => [`aws:ResourceTag/${key}`, value]),
            ),
          },
        ];
      },
    });
