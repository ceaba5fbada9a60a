import { createHash } from 'node:crypto';
import { CfnDeployment, CfnRestApi, CfnStage, CfnUsagePlan } from 'aws-cdk-lib/aws-apigateway';
import { CfnSecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { CfnListener, CfnLoadBalancer } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { CfnPermission } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { CfnWebACLAssociation } from 'aws-cdk-lib/aws-wafv2';
import { Aws, RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { Deployment } from '../../model/config.ts';
import { type CellOutputs, cellParameterPath, pascal } from '../../model/names.ts';
import type { Tier } from '../../model/tier.ts';
import { publishAt } from '../parameters.ts';
import { accept } from '../review.ts';
import { logRetentionDays } from '../shared-stack.ts';
import { invocationUri } from './authorizer.ts';
import { entrancePort, tlsPort, vpcCidr } from './network.ts';
import { openApiDocument } from './openapi.ts';
import { stageArn } from './web-acl.ts';

export interface CellProps {
  /** `cell-1`, or a parameter of the template. */
  name: string;
  deployment: Deployment;
  vpcId: string;
  subnetIds: string[];
  vpcLinkId: string;
  vpcLinkSecurityGroupId: string;
  authorizerArn: string;
  /** Of the web ACL in front of the API, where there is one. */
  webAclArn?: string;
}

/** What API Gateway writes of a request: enough to find it again by tenant, and nothing about the person who sent it. */
const accessLogFormat = JSON.stringify({
  requestId: '$context.requestId',
  time: '$context.requestTimeEpoch',
  tenantPath: '$context.authorizer.tenantPath',
  method: '$context.httpMethod',
  route: '$context.resourcePath',
  status: '$context.status',
  latencyMs: '$context.responseLatency',
  integrationMs: '$context.integrationLatency',
  authorizerMs: '$context.authorizer.latency',
  error: '$context.error.responseType',
});

/**
 * One cell: a load balancer and the REST API in front of it. A load balancer holds 100 target groups, a hard quota,
 * so tenants are spread over cells.
 */
export class Cell extends Construct {
  readonly listenerArn: string;
  readonly loadBalancerSecurityGroupId: string;
  readonly stage: CfnStage;

  constructor(scope: Construct, id: string, props: CellProps) {
    super(scope, id);
    const stack = Stack.of(this);
    const { loadBalancer, listener, securityGroup } = this.entrance(props);
    const { api, stage } = this.api(props, loadBalancer);
    this.guard(stage, props.webAclArn);
    const plans = Object.fromEntries(
      props.deployment.tiers.map((tier) => [tier.name, this.usagePlan(tier, api, stage).ref]),
    );
    this.listenerArn = listener.ref;
    this.loadBalancerSecurityGroupId = securityGroup.attrGroupId;
    this.stage = stage;
    const outputs: CellOutputs = {
      name: props.name,
      restApiId: api.ref,
      stage: stageName,
      listenerArn: listener.ref,
      loadBalancerArn: loadBalancer.ref,
      loadBalancerSecurityGroupId: securityGroup.attrGroupId,
      usagePlans: plans,
    };
    publishAt(
      this,
      'Outputs',
      cellParameterPath(props.deployment.app, props.deployment.environment, props.name),
      stack.toJsonString(outputs),
    );
  }

  private entrance({ vpcId, subnetIds, vpcLinkSecurityGroupId, deployment }: CellProps) {
    const { tls } = deployment.security;
    const entrance = entrancePort(deployment);
    const securityGroup = new CfnSecurityGroup(this, 'LoadBalancerSecurityGroup', {
      groupDescription: 'Load balancer of a cell: reached through the VPC Link alone',
      vpcId,
      // Nothing inside the VPC gets past the gateway: a task could otherwise forge the header tenantPath.
      securityGroupIngress: [
        {
          ipProtocol: 'tcp',
          fromPort: entrance,
          toPort: entrance,
          sourceSecurityGroupId: vpcLinkSecurityGroupId,
          description: 'From the VPC Link',
        },
      ],
      securityGroupEgress: [
        { ipProtocol: 'tcp', fromPort: 1024, toPort: 65_535, cidrIp: vpcCidr, description: 'To tasks' },
      ],
    });
    const attribute = (key: string, value: string) => ({ key, value });
    const loadBalancer = new CfnLoadBalancer(this, 'LoadBalancer', {
      type: 'application',
      scheme: 'internal',
      subnets: subnetIds,
      securityGroups: [securityGroup.attrGroupId],
      loadBalancerAttributes: [
        attribute('routing.http.drop_invalid_header_fields.enabled', 'true'),
        // Longer than API Gateway waits for an answer (29 s), so that the gateway is the one to give up.
        attribute('idle_timeout.timeout_seconds', '60'),
      ],
    });
    accept(loadBalancer, {
      id: 'AwsSolutions-ELB2',
      reason: "Only the VPC Link reaches it, and the API's access log already has each of those requests",
    });
    const listener = new CfnListener(this, 'Listener', {
      loadBalancerArn: loadBalancer.ref,
      port: entrance,
      ...(tls
        ? {
            protocol: 'HTTPS',
            certificates: [{ certificateArn: tls.certificateArn }],
            // TLS 1.3 and, for callers that lack it, 1.2 with forward secrecy.
            sslPolicy: 'ELBSecurityPolicy-TLS13-1-2-2021-06',
          }
        : { protocol: 'HTTP' }),
      defaultActions: [
        {
          type: 'fixed-response',
          fixedResponseConfig: {
            statusCode: '404',
            contentType: 'application/json',
            messageBody: '{"message":"not found"}',
          },
        },
      ],
    });
    return { loadBalancer, listener, securityGroup };
  }

  private api({ name, deployment, vpcLinkId, authorizerArn }: CellProps, loadBalancer: CfnLoadBalancer) {
    const stack = Stack.of(this);
    const document = openApiDocument({
      title: `${deployment.app} ${deployment.environment} ${name}`,
      services: deployment.services,
      vpcLinkId,
      loadBalancer: { arn: loadBalancer.ref, url: urlOf(deployment, loadBalancer) },
      authorizerUri: invocationUri(this, authorizerArn),
    });
    const api = new CfnRestApi(this, 'Api', {
      body: document,
      failOnWarnings: true,
      endpointConfiguration: { types: ['REGIONAL'] },
    });
    accept(api, {
      id: 'AwsSolutions-APIG2',
      reason:
        'The services validate requests by their own schemas and answer with what is wrong; the gateway only says "invalid"',
    });
    const permission = new CfnPermission(this, 'AuthorizerPermission', {
      action: 'lambda:InvokeFunction',
      functionName: authorizerArn,
      principal: 'apigateway.amazonaws.com',
      sourceArn: stack.formatArn({
        service: 'execute-api',
        resource: api.ref,
        resourceName: 'authorizers/*',
      }),
    });
    // A deployment is a snapshot of the API: one a document, so that a changed document goes live.
    const digest = createHash('sha256')
      .update(JSON.stringify(stack.resolve(document)))
      .digest('hex')
      .slice(0, 12);
    const snapshot = new CfnDeployment(this, `Deployment${digest}`, { restApiId: api.ref });
    const logs = new LogGroup(this, 'AccessLogs', {
      retention: logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const stage = new CfnStage(this, 'Stage', {
      restApiId: api.ref,
      deploymentId: snapshot.ref,
      stageName,
      accessLogSetting: { destinationArn: logs.logGroupArn, format: accessLogFormat },
      methodSettings: [
        {
          httpMethod: '*',
          resourcePath: '/*',
          loggingLevel: 'ERROR',
          // Full requests in the log would hold tokens and personal data.
          dataTraceEnabled: false,
          metricsEnabled: false,
          // Of all tenants of the cell together: half of what an account has by default, so that two cells fit.
          throttlingRateLimit: 5000,
          throttlingBurstLimit: 2500,
        },
      ],
    });
    stage.addResourceDependency(permission);
    return { api, stage };
  }

  private guard(stage: CfnStage, webAclArn: string | undefined): void {
    if (webAclArn === undefined) {
      accept(stage, {
        id: 'AwsSolutions-APIG3',
        reason: 'The environment turned the web ACL off',
      });
      return;
    }
    new CfnWebACLAssociation(this, 'Guard', {
      webAclArn,
      resourceArn: stageArn(stage.restApiId, stage.ref),
    });
  }

  private usagePlan(tier: Tier, api: CfnRestApi, stage: CfnStage): CfnUsagePlan {
    const { rate, burst, quota } = tier.throttle;
    return new CfnUsagePlan(this, `${pascal(tier.name)}Plan`, {
      usagePlanName: `${Aws.STACK_NAME}-${tier.name}`,
      description: `What one tenant on the tier "${tier.name}" may ask of the API`,
      apiStages: [{ apiId: api.ref, stage: stage.ref }],
      throttle: { rateLimit: rate, burstLimit: burst },
      quota: { limit: quota.limit, period: quota.period.toUpperCase() },
    });
  }
}

const stageName = 'prod';

/** The name in an https URL is the one that API Gateway expects a certificate for; the load balancer it finds by ARN. */
const urlOf = ({ security: { tls } }: Deployment, loadBalancer: CfnLoadBalancer): string =>
  tls ? `https://${tls.serverName}:${tlsPort}` : `http://${loadBalancer.attrDnsName}`;
