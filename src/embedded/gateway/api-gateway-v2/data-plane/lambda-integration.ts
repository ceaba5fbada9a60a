/** Lambda proxy integrations. */
import { AwsError, type Cloud } from '../../../platform.ts';
import { functionOf } from '../control/routes.ts';
import type { IntegrationRecord } from '../state.ts';
import { type HttpExchange, Refusal } from './exchange.ts';
import { answerOf, eventOf, type HttpAnswer } from './payload.ts';

/** Rejects with a {@link Refusal}. */
export type Integrate = (exchange: HttpExchange, body: Buffer) => Promise<HttpAnswer>;

export function compileIntegration(cloud: Cloud, integration: IntegrationRecord): Integrate {
  const version = integration.PayloadFormatVersion === '2.0' ? '2.0' : '1.0';
  const timeoutMs = integration.TimeoutInMillis ?? 30_000;
  return async (exchange, body) => {
    const { stage, route } = exchange;
    const uri = (integration.IntegrationUri ?? '').replace(
      /\$\{stageVariables\.(\w+)\}/g,
      (_whole, name: string) => stage.variables[name] ?? '',
    );
    const began = performance.now();
    let timer: NodeJS.Timeout | undefined;
    try {
      const timeout = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => reject(new Refusal(503, 'Service Unavailable')), timeoutMs);
      });
      const result = await Promise.race([
        cloud.lambda.invoke(functionOf(uri) ?? uri, eventOf(version, exchange, body), {
          service: 'apigateway.amazonaws.com',
          // What a function's policy names: the route, with its parameters' names.
          sourceArn:
            route?.path === '$default'
              ? `${stage.executeArn}/$default`
              : `${stage.executeArn}/${exchange.method}${route?.path}`,
        }),
        timeout,
      ]);
      exchange.integrationStatus = 200;
      return answerOf(version, result);
    } catch (error) {
      exchange.integrationError = error instanceof Error ? error.message : String(error);
      exchange.integrationStatus ??= error instanceof AwsError ? error.status : 200;
      if (error instanceof Refusal) throw error;
      cloud.log(`apigatewayv2 ${stage.apiId} ${route?.key}: ${exchange.integrationError}`);
      throw error instanceof AwsError && error.status === 429
        ? new Refusal(503, 'Service Unavailable')
        : new Refusal(500, 'Internal Server Error');
    } finally {
      clearTimeout(timer);
      exchange.integrationLatency = performance.now() - began;
    }
  };
}
