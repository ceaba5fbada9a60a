/** Calls to HTTP endpoints outside of AWS: nothing leaves this machine. */
import { localUrl } from '../../endpoint/aws-addresses.ts';
import { isLoopback } from '../../endpoint/server.ts';
import { AwsError, type Cloud } from '../../platform.ts';

/** An API destination has five seconds to answer (user guide, "API destinations as targets"). */
const timeoutMs = 5_000;

export interface LoopbackRequest {
  method: string;
  headers: Record<string, string>;
  body?: string;
}

/**
 * Addresses that AWS forms from ids lead to the endpoint. Rejects with an AwsError for any other address that is not
 * loopback, and with an Error when nobody answers in time.
 */
export async function callLoopback(
  cloud: Cloud,
  url: URL,
  request: LoopbackRequest,
): Promise<{ status: number; text: string }> {
  const target = new URL(localUrl(cloud, url.href));
  if (!isLoopback(target.host))
    throw new AwsError(
      'EndpointNotSupported',
      `the embedded cloud calls loopback addresses only, and ${target.host} is none`,
    );
  const response = await fetch(target, {
    ...request,
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  });
  return { status: response.status, text: await response.text() };
}
