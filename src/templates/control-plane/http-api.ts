import { CfnApi, CfnAuthorizer, CfnIntegration, CfnRoute, CfnStage } from 'aws-cdk-lib/aws-apigatewayv2';
import { CfnPermission } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { scopes } from '../../model/control-plane.ts';
import { pascal } from '../../model/names.ts';
import { accept } from '../review.ts';
import { invocationUri } from '../shared-infra/authorizer.ts';
import { logRetentionDays } from '../shared-stack.ts';

/** Route -> the scope that its caller's token must have; undefined for what is public. */
const routes: Readonly<Record<string, string | undefined>> = {
  'POST /tenant-registrations': scopes.tenantWrite,
  'GET /tenant-registrations': scopes.tenantRead,
  'GET /tenant-registrations/{tenantRegistrationId}': scopes.tenantRead,
  'PATCH /tenant-registrations/{tenantRegistrationId}': scopes.tenantWrite,
  'DELETE /tenant-registrations/{tenantRegistrationId}': scopes.tenantWrite,
  'GET /tenants': scopes.tenantRead,
  'GET /tenants/{tenantId}': scopes.tenantRead,
  'GET /tenant-config': undefined,
  'GET /tenant-config/{tenantName}': undefined,
  'POST /users': scopes.userWrite,
  'GET /users': scopes.userRead,
  'GET /users/{userId}': scopes.userRead,
  'PUT /users/{userId}': scopes.userWrite,
  'DELETE /users/{userId}': scopes.userWrite,
};

/** Requests a second, and at once. What is public gets less, so that nobody tries names by the thousand. */
const limits = {
  operators: { throttlingRateLimit: 50, throttlingBurstLimit: 100 },
  public: { throttlingRateLimit: 10, throttlingBurstLimit: 20 },
};

export interface ControlPlaneApiProps {
  functionArn: string;
  issuer: string;
  /** Ids of the clients whose tokens count. */
  audience: string[];
}

/** The control plane's REST API: an HTTP API that lets in who has a token of the operators' pool with the route's scope. */
export class ControlPlaneApi extends Construct {
  /** Without a trailing slash. */
  readonly url: string;

  constructor(scope: Construct, id: string, { functionArn, issuer, audience }: ControlPlaneApiProps) {
    super(scope, id);
    const stack = Stack.of(this);
    const api = new CfnApi(this, 'Api', {
      name: stack.stackName,
      protocolType: 'HTTP',
      description: 'Control plane: tenant registrations, tenants, operators',
    });
    const authorizer = new CfnAuthorizer(this, 'Operators', {
      apiId: api.ref,
      name: 'operators',
      authorizerType: 'JWT',
      identitySource: ['$request.header.Authorization'],
      jwtConfiguration: { issuer, audience },
    });
    const integration = new CfnIntegration(this, 'Integration', {
      apiId: api.ref,
      integrationType: 'AWS_PROXY',
      integrationUri: invocationUri(this, functionArn),
      integrationMethod: 'POST',
      payloadFormatVersion: '2.0',
    });
    const made = Object.entries(routes).map(([routeKey, scope]) => {
      const route = new CfnRoute(this, pascal(routeKey), {
        apiId: api.ref,
        routeKey,
        target: `integrations/${integration.ref}`,
        ...(scope === undefined
          ? { authorizationType: 'NONE' }
          : { authorizationType: 'JWT', authorizerId: authorizer.ref, authorizationScopes: [scope] }),
      });
      if (scope === undefined)
        accept(route, {
          id: 'AwsSolutions-APIG4',
          reason:
            'A sign-in page asks it before anybody is signed in; it tells names that exist from others for silos alone, and is throttled',
        });
      return route;
    });
    const logs = new LogGroup(this, 'AccessLogs', {
      // API Gateway may write here without a change of the account's resource policy, which has a size limit.
      logGroupName: `/aws/vendedlogs/${stack.stackName}/control-plane`,
      retention: logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const stage = new CfnStage(this, 'Stage', {
      apiId: api.ref,
      stageName: '$default',
      autoDeploy: true,
      defaultRouteSettings: limits.operators,
      routeSettings: Object.fromEntries(
        Object.entries(routes)
          .filter(([, scope]) => scope === undefined)
          .map(([routeKey]) => [
            routeKey,
            // Inside a map that CDK does not look into, names are as the service spells them.
            {
              ThrottlingRateLimit: limits.public.throttlingRateLimit,
              ThrottlingBurstLimit: limits.public.throttlingBurstLimit,
            },
          ]),
      ),
      accessLogSettings: {
        destinationArn: logs.logGroupArn,
        format: JSON.stringify({
          requestId: '$context.requestId',
          requestTime: '$context.requestTime',
          routeKey: '$context.routeKey',
          status: '$context.status',
          responseLatency: '$context.responseLatency',
          authorizerError: '$context.authorizer.error',
          clientId: '$context.authorizer.claims.client_id',
        }),
      },
    });
    for (const route of made) stage.addResourceDependency(route);
    new CfnPermission(this, 'Invoke', {
      functionName: functionArn,
      action: 'lambda:InvokeFunction',
      principal: 'apigateway.amazonaws.com',
      sourceArn: stack.formatArn({ service: 'execute-api', resource: api.ref, resourceName: '*' }),
    });
    this.url = api.attrApiEndpoint;
  }
}
