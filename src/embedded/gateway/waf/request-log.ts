/** What a web ACL writes of a request ("Log fields", AWS WAF). */
import type { Cloud, WafRequest } from '../../platform.ts';
import type { Outcome } from './rules.ts';
import type { Logging, WebAcl } from './state.ts';

type Filter = {
  Behavior: string;
  Requirement: string;
  Conditions: { ActionCondition?: { Action: string } }[];
};

/** The first filter whose conditions hold decides. */
function isKept({ LoggingFilter: logging }: Logging, action: string): boolean {
  if (!logging) return true;
  for (const filter of (logging['Filters'] ?? []) as Filter[]) {
    const holds = filter.Conditions.map(({ ActionCondition }) => ActionCondition?.Action === action);
    const fits = filter.Requirement === 'MEETS_ALL' ? holds.every(Boolean) : holds.some(Boolean);
    if (fits) return filter.Behavior === 'KEEP';
  }
  return logging['DefaultBehavior'] === 'KEEP';
}

/** Headers that are worth a line; a log of all would hold what nobody asked to have redacted. */
const shown = ['host', 'user-agent', 'x-forwarded-for', 'origin', 'authorization', 'cookie'];

export function logRequest(
  cloud: Cloud,
  acl: WebAcl,
  logging: Logging,
  stage: string,
  request: WafRequest,
  { action, rule }: Outcome,
): void {
  if (!isKept(logging, action)) return;
  const redacted = new Set(
    (logging.RedactedFields ?? []).map((field) =>
      String((field['SingleHeader'] as { Name?: unknown } | undefined)?.Name ?? '').toLowerCase(),
    ),
  );
  const headers = shown.flatMap((name) => {
    const value = request.header(name);
    return value === undefined ? [] : [{ name, value: redacted.has(name) ? 'REDACTED' : value }];
  });
  const line = JSON.stringify({
    timestamp: cloud.clock.now(),
    formatVersion: 1,
    webaclId: acl.arn,
    terminatingRuleId: rule,
    action,
    httpSourceName: 'APIGW',
    httpSourceId: `${cloud.account}:${stage.replace('/', ':')}`,
    httpRequest: {
      clientIp: request.sourceIp,
      headers,
      uri: request.path,
      args: request.query,
      httpMethod: request.method,
    },
  });
  for (const destination of logging.LogDestinationConfigs) {
    const [, group = ''] = /:log-group:([^:]+)/.exec(destination) ?? [];
    cloud.logs.append(group, `${cloud.region}_${acl.name}_0`, [line]);
  }
}
