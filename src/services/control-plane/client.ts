/**
 * The control plane, as the operations need it. Thin on purpose: whatever stands behind the REST API and the bus, the
 * toolkit's control plane of whichever version or the builtin one, only this file speaks to it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import {
  CognitoIdentityProviderClient,
  DescribeUserPoolClientCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import {
  type ControlPlaneOutputs,
  eventSources,
  type JobOutput,
  type Outcome,
  type OutcomeDetail,
  registrationStatuses,
  scopes,
} from '../../model/control-plane.ts';
import { SaasError } from '../../model/error.ts';
import type { Target } from '../environment.ts';

/** A tenant that is registered. */
export interface Registered {
  registrationId: string;
  /** The control plane's id; the toolkit makes up one of its own. */
  tenantId: string;
  name: string;
  active: boolean;
  /** Everything that the control plane knows of the tenant. */
  data: Record<string, unknown>;
}

export interface ControlPlane {
  /** Gives the registration's id. Throws `registration_conflict` when the name is registered for another tenant. */
  register(tenantData: Record<string, unknown> & { tenantName: string }): Promise<string>;
  /** Tells what became of a registration; one call, and nothing waits for what comes of it. */
  report(outcome: Outcome, registrationId: string, output: JobOutput): Promise<void>;
  /** The registration's own data, its status among them; undefined when there is none. */
  registration(registrationId: string): Promise<Record<string, unknown> | undefined>;
  /** Every tenant that is registered, page by page. */
  tenants(): AsyncGenerator<Registered>;
  /** Every registration's own data, page by page. */
  registrations(): AsyncGenerator<Record<string, unknown>>;
  /** A token for the REST API, and when it expires (milliseconds). */
  token(): Promise<AccessToken>;
}

export interface AccessToken {
  token: string;
  expiresAt: number;
}

const known = new WeakMap<Target, ControlPlane>();

/** The same for all operations of a process on an environment, so that they share a token. */
export function controlPlaneOf(
  target: Target,
  shared: { controlPlane: ControlPlaneOutputs | undefined },
): ControlPlane | undefined {
  if (!shared.controlPlane) return undefined;
  const client = known.get(target) ?? restControlPlane(target, shared.controlPlane);
  known.set(target, client);
  return client;
}

const attempts = 4;
const passing: ReadonlySet<number> = new Set([429, 502, 503, 504]);

function restControlPlane(target: Target, outputs: ControlPlaneOutputs): ControlPlane {
  const cognito = new CognitoIdentityProviderClient(target.client);
  const events = new EventBridgeClient(target.client);
  const { apiUrl, busName, userPoolId, machineClientId } = outputs;
  let token: Promise<AccessToken> | undefined;

  async function newToken(): Promise<AccessToken> {
    const { UserPoolClient } = await cognito.send(
      new DescribeUserPoolClientCommand({ UserPoolId: userPoolId, ClientId: machineClientId }),
    );
    const response = await send(target.tokenUrl(outputs.domain), {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `Basic ${Buffer.from(`${machineClientId}:${UserPoolClient?.ClientSecret ?? ''}`).toString('base64')}`,
      },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        scope: `${scopes.tenantRead} ${scopes.tenantWrite}`,
      }).toString(),
    });
    const body = (await response.json().catch(() => ({}))) as {
      access_token?: string;
      expires_in?: number;
      error?: string;
    };
    if (body.access_token === undefined)
      throw unavailable(`no token was given: ${body.error ?? response.status}`);
    return { token: body.access_token, expiresAt: Date.now() + (body.expires_in ?? 0) * 1000 };
  }

  async function currentToken(): Promise<AccessToken> {
    token ??= newToken();
    // One that failed is nobody's.
    const current = await token.catch((error: unknown) => {
      token = undefined;
      throw error;
    });
    if (current.expiresAt - Date.now() > 30_000) return current;
    token = undefined;
    return currentToken();
  }

  async function call(method: string, path: string, body?: object): Promise<{ status: number; body: Body }> {
    const { token: bearer } = await currentToken();
    const response = await send(`${apiUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${bearer}`,
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const answer = (await response.json().catch(() => ({}))) as Body;
    if (response.status < 400 || response.status === 404 || response.status === 409)
      return { status: response.status, body: answer };
    throw unavailable(`${method} ${path} was answered ${response.status}: ${answer.message ?? ''}`);
  }

  async function* pages(path: string): AsyncGenerator<Record<string, unknown>> {
    let next: string | undefined;
    do {
      const query = new URLSearchParams({ limit: '100', ...(next !== undefined && { next_token: next }) });
      const { body } = await call('GET', `${path}?${query.toString()}`);
      yield* (body.data ?? []) as unknown as Record<string, unknown>[];
      next = body.next_token ?? undefined;
    } while (next !== undefined);
  }

  return {
    token: currentToken,
    async register(tenantData) {
      const { status, body } = await call('POST', '/tenant-registrations', {
        tenantData,
        tenantRegistrationData: { registrationStatus: registrationStatuses.onboarding },
      });
      const id = body.data?.['tenantRegistrationId'];
      if (status < 300 && typeof id === 'string') return id;
      throw new SaasError(
        'registration_conflict',
        `the control plane has another registration of the name "${tenantData.tenantName}"`,
        {
          ...(body.tenantRegistrationId !== undefined && {
            detail: `registration ${body.tenantRegistrationId}`,
          }),
          hint: 'see what is wrong with it: saas-ecs reconcile --dry-run',
        },
      );
    },
    async report(outcome, tenantRegistrationId, jobOutput) {
      const detail: OutcomeDetail = { tenantRegistrationId, jobOutput };
      const { Entries } = await events.send(
        new PutEventsCommand({
          Entries: [
            {
              EventBusName: busName,
              Source: eventSources.applicationPlane,
              DetailType: outcome,
              Detail: JSON.stringify(detail),
            },
          ],
        }),
      );
      const refused = Entries?.find(({ ErrorCode }) => ErrorCode !== undefined);
      if (refused)
        throw unavailable(`its bus refused an event: ${refused.ErrorMessage ?? refused.ErrorCode}`);
    },
    async registration(registrationId) {
      const { status, body } = await call(
        'GET',
        `/tenant-registrations/${encodeURIComponent(registrationId)}`,
      );
      return status === 404 ? undefined : body.data;
    },
    async *tenants() {
      for await (const data of pages('/tenants'))
        yield {
          registrationId: String(data['tenantRegistrationId'] ?? ''),
          tenantId: String(data['tenantId'] ?? ''),
          name: String(data['tenantName'] ?? ''),
          active: data['sbtaws_active'] !== false,
          data,
        };
    },
    registrations: () => pages('/tenant-registrations'),
  };
}

interface Body {
  data?: Record<string, unknown>;
  next_token?: string | null;
  message?: string;
  tenantRegistrationId?: string;
}

/** Tries again what did not arrive, or what is over in a moment. */
async function send(url: string, init: RequestInit): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(30_000) }).catch(
      (error: unknown) => {
        const cause = (error as { cause?: { code?: string } }).cause?.code;
        if (cause !== 'ECONNREFUSED' || attempt === attempts) throw unavailable(describe(error));
        return undefined;
      },
    );
    if (response && (!passing.has(response.status) || attempt === attempts)) return response;
    await delay(Math.random() * 100 * 2 ** attempt);
  }
}

const describe = (error: unknown): string => {
  const { message, cause } = error as Error & { cause?: { message?: string } };
  return cause?.message ?? message;
};

const unavailable = (detail: string): SaasError =>
  new SaasError('control_plane_unavailable', "the control plane can't be reached as it should", {
    detail,
    hint: 'run the command again; if that does not help, bring it up to date: saas-ecs deploy-shared',
  });
