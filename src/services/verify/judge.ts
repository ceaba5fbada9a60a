/** How an answer is read: refused, let through, or no answer to the question. */

import type { Outcome, Shot } from './attack.ts';
import type { CallResult, HttpCall } from './inside/plan.ts';
import type { Reply } from './request.ts';

const short = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length - 1)}…`;

/** An answer in short. What was let through is somebody's data, so only its size is told. */
export function told({ status, body }: Pick<Reply, 'status' | 'body'>): string {
  if (status < 300) return `${status}, ${Buffer.byteLength(body)} bytes`;
  return short(`${status} ${body.replaceAll(/\s+/g, ' ')}`.trim(), 200);
}

export interface Expected {
  /** Statuses with which the attack is refused. */
  statuses: readonly number[];
  /** Texts of a neighbour that the answer must not hold. */
  never?: readonly string[];
  /** The answer must come from the gateway itself: a later check must not hide that this one is missing. */
  byGateway?: boolean;
  /** Which of the gateway's own refusals it must be (`x-amzn-errortype`): that of another check hides that this one is missing. */
  errorType?: string;
}

/** The gateway's own 401, before any service was asked. */
const isGateways = (reply: Reply): boolean => reply.body === '{"message":"Unauthorized"}';

export function judged(sent: string, reply: Reply, expected: Expected): Shot {
  const { statuses, never = [], byGateway, errorType } = expected;
  const received = told(reply);
  // A refusal may name what was asked for.
  const leaked = never.find((trace) => reply.body.includes(trace) && !reply.sent.includes(trace));
  if (leaked !== undefined)
    return { sent, received: `${received}, with what belongs to the neighbour in it`, outcome: 'succeeded' };
  if (statuses.includes(reply.status)) {
    if (byGateway && !isGateways(reply))
      return { sent, received: `${received}: it got past the authorizer to a service`, outcome: 'succeeded' };
    const refusal = reply.headers['x-amzn-errortype'];
    if (errorType !== undefined && refusal !== errorType)
      return { sent, received: `${received}: ${String(refusal)} alone stopped it`, outcome: 'succeeded' };
    return { sent, received, outcome: 'held' };
  }
  // Throttled, broken, or not taken for who he is: whether it would have been refused is not known.
  const unknown = [401, 429].includes(reply.status) || reply.status >= 500;
  return { sent, received, outcome: unknown ? 'inconclusive' : 'succeeded' };
}

const refusals = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'NotAuthorizedException',
  'UnauthorizedOperation',
]);
/** No connection came about. */
const unreachable = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'TimeoutError',
  'UND_ERR_CONNECT_TIMEOUT',
  'ETIMEDOUT',
  'ECONNRESET',
]);

const isHttp = (call: CallResult['call']): call is HttpCall => 'url' in call;

/** What a call from inside a task came to. */
export function judgedCall({ call, status, code = '', message = '', leaks }: CallResult): Shot {
  const shot = (outcome: Outcome, received: string): Shot => ({
    sent: call.sent,
    received: short(received, 240),
    outcome,
  });
  const received = [status === 0 ? 'no answer' : String(status), code, message].filter(Boolean).join(' ');
  if (leaks) return shot('succeeded', `${received}, with what belongs to the neighbour in it`);
  if (call.expect === 'allowed')
    // It only shows that the others were not refused for a reason of their own.
    return shot(status >= 200 && status < 300 ? 'held' : 'inconclusive', received);
  if (isHttp(call)) {
    if (status === 0) return shot(unreachable.has(code) ? 'held' : 'inconclusive', `no connection: ${code}`);
    if (call.refusedBy.includes(status)) return shot('held', received);
    return shot(status === 429 || status >= 500 ? 'inconclusive' : 'succeeded', received);
  }
  if (status >= 200 && status < 300) return shot('succeeded', `${received}: it was allowed`);
  if (refusals.has(code)) return shot('held', received);
  // Let through by the policies, and then refused for what it asked: another time it would ask for something else.
  if (
    status >= 400 &&
    status < 500 &&
    /^(ValidationException|InvalidParameter|ResourceNotFound|UserNotFound|ConditionalCheckFailed|TransactionCanceled)/.test(
      code,
    )
  )
    return shot('succeeded', `${received}: no policy refused it`);
  return shot('inconclusive', received);
}

/** An SDK call's end: refused with one of `codes`, allowed, or something else. */
export async function judgedSdk(
  sent: string,
  attempt: () => Promise<unknown>,
  codes: RegExp = /^(AccessDenied|AccessDeniedException|NotAuthorizedException)$/,
): Promise<Shot> {
  try {
    await attempt();
    return { sent, received: 'it was allowed', outcome: 'succeeded' };
  } catch (error) {
    const { name, message } = error as Error;
    return {
      sent,
      received: short(`${name}: ${message}`, 200),
      outcome: codes.test(name) ? 'held' : 'inconclusive',
    };
  }
}
