/** Operations of API Gateway: IAM knows them as HTTP methods on paths, `apigateway:GET` on `arn:…:apigateway:…::/restapis/…`. */
import { type Call, type Cloud, type Operation, operation } from '../../../platform.ts';

export type MakeOperation = <Input, Output>(
  schema: unknown,
  handler: (input: Input, call: Call) => Output | Promise<Output>,
) => Operation;

export const operationsOf =
  (cloud: Cloud): MakeOperation =>
  (schema, handler) =>
    operation(schema, handler, {
      access: (_input, { request }) => {
        const path = (request?.url ?? '/').split('?')[0] ?? '/';
        return [
          {
            action: `apigateway:${request?.method ?? 'GET'}`,
            resource: `arn:${cloud.partition}:apigateway:${cloud.region}::${path}`,
          },
        ];
      },
    });
