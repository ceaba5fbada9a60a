import { CfnLogGroup } from 'aws-cdk-lib/aws-logs';
import { CfnLoggingConfiguration, CfnWebACL } from 'aws-cdk-lib/aws-wafv2';
import { ArnFormat, Aws, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { logRetentionDays } from '../shared-stack.ts';

/** A rule group that AWS keeps, and rules of it that only count. */
interface ManagedGroup {
  name: string;
  counted?: readonly string[];
}

/**
 * In this order: what is known to be bad by its sender is dropped before anybody reads the request. Source: "AWS Managed
 * Rules rule groups list" (AWS WAF).
 */
const managedGroups: readonly ManagedGroup[] = [
  { name: 'AWSManagedRulesAmazonIpReputationList' },
  {
    name: 'AWSManagedRulesCommonRuleSet',
    // The callers are programs, which may send no User-Agent, and the services bound bodies themselves: 8 KB is too little for some.
    counted: ['NoUserAgent_HEADER', 'SizeRestrictions_BODY'],
  },
  { name: 'AWSManagedRulesKnownBadInputsRuleSet' },
];

/**
 * One web ACL in front of the APIs of all cells: it costs by the month and by rule, and counts an address's requests
 * over everything that it is associated with. What it blocks, it logs.
 */
export class WebAcl extends Construct {
  readonly arn: string;

  /** @param rateLimit requests that one address may send in five minutes */
  constructor(scope: Construct, id: string, { rateLimit }: { rateLimit: number }) {
    super(scope, id);
    const visible = (metricName: string) => ({
      cloudWatchMetricsEnabled: true,
      metricName,
      // Samples would show the tokens in the headers of requests.
      sampledRequestsEnabled: false,
    });
    const acl = new CfnWebACL(this, 'Acl', {
      description: 'Stands in front of the APIs of every cell',
      scope: 'REGIONAL',
      defaultAction: { allow: {} },
      visibilityConfig: visible('web-acl'),
      rules: [
        {
          name: 'rate-per-address',
          priority: 0,
          action: { block: {} },
          statement: { rateBasedStatement: { limit: rateLimit, aggregateKeyType: 'IP' } },
          visibilityConfig: visible('rate-per-address'),
        },
        ...managedGroups.map(({ name, counted = [] }, index) => ({
          name,
          priority: index + 1,
          overrideAction: { none: {} },
          statement: {
            managedRuleGroupStatement: {
              vendorName: 'AWS',
              name,
              ...(counted.length > 0 && {
                ruleActionOverrides: counted.map((rule) => ({ name: rule, actionToUse: { count: {} } })),
              }),
            },
          },
          visibilityConfig: visible(name),
        })),
      ],
    });
    this.arn = acl.attrArn;
    this.logBlocked(acl);
  }

  private logBlocked(acl: CfnWebACL): void {
    const logs = new CfnLogGroup(this, 'Logs', {
      // AWS WAF writes to groups of this beginning only.
      logGroupName: `aws-waf-logs-${Aws.STACK_NAME}`,
      retentionInDays: logRetentionDays,
    });
    new CfnLoggingConfiguration(this, 'Logging', {
      resourceArn: acl.attrArn,
      // It wants the ARN without the `:*` that GetAtt ends with.
      logDestinationConfigs: [
        Stack.of(this).formatArn({
          service: 'logs',
          resource: 'log-group',
          resourceName: logs.ref,
          arnFormat: ArnFormat.COLON_RESOURCE_NAME,
        }),
      ],
      redactedFields: [{ singleHeader: { Name: 'authorization' } }, { singleHeader: { Name: 'cookie' } }],
      loggingFilter: {
        DefaultBehavior: 'DROP',
        Filters: [
          {
            Behavior: 'KEEP',
            Requirement: 'MEETS_ANY',
            Conditions: [{ ActionCondition: { Action: 'BLOCK' } }],
          },
        ],
      },
    });
  }
}

/** A stage of a REST API, as AWS WAF names it. */
export const stageArn = (restApiId: string, stage: string): string =>
  `arn:${Aws.PARTITION}:apigateway:${Aws.REGION}::/restapis/${restApiId}/stages/${stage}`;
