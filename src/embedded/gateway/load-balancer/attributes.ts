/** Attributes of load balancers, listeners and target groups: their defaults and which keys exist. */
import { AwsError } from '../../platform.ts';

type Defaults = Readonly<Record<string, string>>;

/** Sources: ModifyLoadBalancerAttributes, ModifyTargetGroupAttributes and ModifyListenerAttributes in the ELBv2 API reference. */
export const loadBalancerDefaults: Defaults = {
  'access_logs.s3.enabled': 'false',
  'access_logs.s3.bucket': '',
  'access_logs.s3.prefix': '',
  'client_keep_alive.seconds': '3600',
  'connection_logs.s3.enabled': 'false',
  'connection_logs.s3.bucket': '',
  'connection_logs.s3.prefix': '',
  'deletion_protection.enabled': 'false',
  'health_check_logs.s3.enabled': 'false',
  'health_check_logs.s3.bucket': '',
  'health_check_logs.s3.prefix': '',
  'idle_timeout.timeout_seconds': '60',
  'ipv6.deny_all_igw_traffic': 'false',
  'load_balancing.cross_zone.enabled': 'true',
  'routing.http.desync_mitigation_mode': 'defensive',
  'routing.http.drop_invalid_header_fields.enabled': 'false',
  'routing.http.preserve_host_header.enabled': 'false',
  'routing.http.x_amzn_tls_version_and_cipher_suite.enabled': 'false',
  'routing.http.xff_client_port.enabled': 'false',
  'routing.http.xff_header_processing.mode': 'append',
  'routing.http2.enabled': 'true',
  'waf.fail_open.enabled': 'false',
  'zonal_shift.config.enabled': 'false',
};

export const targetGroupDefaults: Defaults = {
  'deregistration_delay.timeout_seconds': '300',
  'load_balancing.algorithm.anomaly_mitigation': 'off',
  'load_balancing.algorithm.type': 'round_robin',
  'load_balancing.cross_zone.enabled': 'use_load_balancer_configuration',
  'slow_start.duration_seconds': '0',
  'stickiness.enabled': 'false',
  'stickiness.type': 'lb_cookie',
  'stickiness.lb_cookie.duration_seconds': '86400',
  'stickiness.app_cookie.cookie_name': '',
  'stickiness.app_cookie.duration_seconds': '86400',
  'target_group_health.dns_failover.minimum_healthy_targets.count': '1',
  'target_group_health.dns_failover.minimum_healthy_targets.percentage': 'off',
  'target_group_health.unhealthy_state_routing.minimum_healthy_targets.count': '1',
  'target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage': 'off',
};

export const listenerDefaults: Defaults = { 'routing.http.response.server.enabled': 'true' };

const bounds: Readonly<Record<string, readonly [number, number]>> = {
  'idle_timeout.timeout_seconds': [1, 4000],
  'client_keep_alive.seconds': [60, 604_800],
  'deregistration_delay.timeout_seconds': [0, 3600],
};

export interface Attribute {
  Key?: string | undefined;
  Value?: string | undefined;
}

/** Merges attributes over what is there. Throws AwsError InvalidConfigurationRequest for a key or value that does not exist. */
export function mergeAttributes(
  current: Readonly<Record<string, string>>,
  attributes: readonly Attribute[],
  defaults: Defaults,
): Record<string, string> {
  const merged = { ...current };
  for (const { Key = '', Value = '' } of attributes) {
    if (!(Key in defaults) && !/^routing\.http\.(request|response)\./.test(Key))
      throw new AwsError(
        'InvalidConfigurationRequest',
        `The attribute key '${Key}' is not recognized or is not valid for this resource`,
      );
    const range = bounds[Key];
    const number = Number(Value);
    if (range && !(Number.isInteger(number) && number >= range[0] && number <= range[1]))
      throw new AwsError(
        'InvalidConfigurationRequest',
        `The value '${Value}' of '${Key}' must be between ${range[0]} and ${range[1]}`,
      );
    if (['true', 'false'].includes(defaults[Key] ?? '') && !['true', 'false'].includes(Value))
      throw new AwsError(
        'InvalidConfigurationRequest',
        `The value '${Value}' of '${Key}' must be true or false`,
      );
    if (
      Key === 'load_balancing.algorithm.type' &&
      !['round_robin', 'least_outstanding_requests'].includes(Value)
    )
      throw new AwsError(
        'InvalidConfigurationRequest',
        `The algorithm '${Value}' is not available in the embedded cloud`,
      );
    merged[Key] = Value;
  }
  return merged;
}

export const attributeList = (
  attributes: Readonly<Record<string, string>>,
): { Key: string; Value: string }[] => Object.entries(attributes).map(([Key, Value]) => ({ Key, Value }));
