/** Listeners and their rules, compiled: which action a request gets. */
import type { Action, Listener } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Cloud } from '../../platform.ts';
import { compileCondition, type Match, type RoutedRequest } from './conditions.ts';
import { shakeHands } from './handshake.ts';
import type { LoadBalancerState } from './state.ts';

export type RuleAction =
  | { type: 'forward'; groups: readonly { arn: string; weight: number }[]; total: number }
  | { type: 'fixed-response'; status: number; contentType: string; body: Buffer }
  | {
      type: 'redirect';
      status: number;
      protocol: string;
      host: string;
      port: string;
      path: string;
      query: string;
    };

export interface CompiledListener {
  /** Milliseconds without a byte from the target until 504. */
  idleTimeoutMs: number;
  dropInvalidHeaders: boolean;
  /** Makes the TLS handshake; undefined where the listener speaks HTTP. Rejects when its certificate does not do for the name. */
  secure: ((serverName: string) => Promise<void>) | undefined;
  action(request: RoutedRequest): RuleAction;
}

export interface Routing {
  /** Undefined: the load balancer has no listener on that port. */
  listener(loadBalancerArn: string, port: number): CompiledListener | undefined;
}

function compileAction(actions: readonly Action[] | undefined): RuleAction {
  const action = actions?.find(({ Type }) => Type !== 'authenticate-oidc' && Type !== 'authenticate-cognito');
  if (action?.Type === 'fixed-response') {
    const { StatusCode, ContentType, MessageBody = '' } = action.FixedResponseConfig ?? {};
    return {
      type: 'fixed-response',
      status: Number(StatusCode ?? 503),
      contentType: ContentType ?? 'text/plain',
      body: Buffer.from(MessageBody),
    };
  }
  if (action?.Type === 'redirect') {
    const to = action.RedirectConfig;
    return {
      type: 'redirect',
      status: to?.StatusCode === 'HTTP_301' ? 301 : 302,
      protocol: to?.Protocol ?? '#{protocol}',
      host: to?.Host ?? '#{host}',
      port: to?.Port ?? '#{port}',
      path: to?.Path ?? '/#{path}',
      query: to?.Query ?? '#{query}',
    };
  }
  const tuples = action?.ForwardConfig?.TargetGroups ?? [{ TargetGroupArn: action?.TargetGroupArn }];
  const groups = tuples.map((tuple) => ({
    arn: tuple.TargetGroupArn ?? '',
    weight: 'Weight' in tuple ? (tuple.Weight ?? 1) : 1,
  }));
  return { type: 'forward', groups, total: groups.reduce((sum, { weight }) => sum + weight, 0) };
}

/** Chooses a group by weight. */
export function weighted(action: Extract<RuleAction, { type: 'forward' }>): string | undefined {
  if (action.groups.length === 1) return action.groups[0]?.arn;
  let point = Math.random() * action.total;
  for (const { arn, weight } of action.groups) {
    point -= weight;
    if (point < 0) return arn;
  }
  return undefined;
}

/** How long a caller goes on by the handshake that it made, as by a connection; in milliseconds. */
const handshakeHolds = 60_000;

/** The handshake of a listener: once for a while and name, as a connection is kept open. */
function handshakeOf(cloud: Cloud, { Certificates = [], SslPolicy = '' }: Listener) {
  const arn = Certificates[0]?.CertificateArn ?? '';
  // The newest policies allow TLS 1.3 alone, or 1.2 as well ("Security policies for your Application Load Balancer").
  const least = /TLS13-1-3/.test(SslPolicy) ? 'TLSv1.3' : 'TLSv1.2';
  let known: { material: unknown; serverName: string; until: number; shaken: Promise<void> } | undefined;
  return (serverName: string): Promise<void> => {
    const material = cloud.acm.material(arn);
    if (!material)
      return Promise.reject(new Error(`the listener has no certificate to show: ${arn} was not imported`));
    const now = performance.now();
    if (!known || known.material !== material || known.serverName !== serverName || now > known.until) {
      const shaken = shakeHands(material, serverName, least);
      known = { material, serverName, until: now + handshakeHolds, shaken };
    }
    return known.shaken;
  };
}

export function createRouting(cloud: Cloud, state: LoadBalancerState): Routing {
  const compiled = new Map<string, CompiledListener>();
  state.onChange(() => compiled.clear());

  const compile = (loadBalancerArn: string, port: number): CompiledListener | undefined => {
    const listener = state.listenersOf(loadBalancerArn).find((each) => each.port === port);
    if (!listener) return undefined;
    const rules: { matches: Match[]; action: RuleAction }[] = state
      .rulesOf(listener.arn)
      .map(({ description }) => ({
        // Headers first: they tell tenants apart, and most rules fail on them.
        matches: [...(description.Conditions ?? [])]
          .sort((a, b) => Number(b.Field === 'http-header') - Number(a.Field === 'http-header'))
          .map(compileCondition),
        action: compileAction(description.Actions),
      }));
    const otherwise = compileAction(listener.description.DefaultActions);
    const { attributes } = state.loadBalancer(loadBalancerArn);
    return {
      secure:
        listener.description.Protocol === 'HTTPS' ? handshakeOf(cloud, listener.description) : undefined,
      idleTimeoutMs: Number(attributes['idle_timeout.timeout_seconds'] ?? 60) * 1000,
      dropInvalidHeaders: attributes['routing.http.drop_invalid_header_fields.enabled'] === 'true',
      action(request) {
        for (const rule of rules) {
          let fits = true;
          for (const matches of rule.matches) {
            if (!matches(request)) {
              fits = false;
              break;
            }
          }
          if (fits) return rule.action;
        }
        return otherwise;
      },
    };
  };

  return {
    listener(loadBalancerArn, port) {
      const key = `${loadBalancerArn}\n${port}`;
      const known = compiled.get(key);
      if (known) return known;
      const listener = compile(loadBalancerArn, port);
      if (listener) compiled.set(key, listener);
      return listener;
    },
  };
}
