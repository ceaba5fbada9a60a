import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { SaasError } from '../model/error.ts';
import type {
  AdmittedKey,
  GatekeeperAnswer,
  GatekeeperRequest,
  Proof,
  TenantKey,
} from '../model/gatekeeper.ts';
import type { ClientOptions } from './environment.ts';
import type { SharedOutputs } from './shared-outputs.ts';

/** Who is asked about, and what of its environment it is bound to. */
export type Guest = Pick<GatekeeperRequest, 'tenantId' | 'cell'>;

type Known = Pick<SharedOutputs, 'gatekeeperArn'>;

/** Throws `no_gatekeeper`: for what must not be begun where it can't be finished. */
export function checkGatekeeper({ gatekeeperArn }: Known): string {
  if (gatekeeperArn !== undefined) return gatekeeperArn;
  throw new SaasError('no_gatekeeper', 'the environment was deployed before it had a gatekeeper', {
    hint: 'bring it up to date: saas-ecs deploy-shared',
  });
}

/** Asks the environment's gatekeeper: each of these is one call. */
export class Gatekeeper {
  readonly #client: LambdaClient;
  readonly #shared: Known;
  constructor(options: ClientOptions, shared: Known) {
    this.#client = new LambdaClient(options);
    this.#shared = shared;
  }

  /** Makes sure that the tenant has its API key, on its plan. Throws `tier_not_deployed`, `cell_unknown`, `tenant_gone`. */
  async ensureKey(guest: Guest): Promise<TenantKey> {
    const { key, failure } = await this.#ask({ ...guest, key: true });
    if (!key) throw errorOf(failure);
    const { apiKeyId, usagePlanId } = key;
    return { apiKeyId, usagePlanId };
  }

  /**
   * As {@link ensureKey}, and proves by a request that the tenant is served. `onKey` hears of the key also when it is not.
   * Throws `not_served`, `issuer_unknown` besides.
   */
  async letIn(
    guest: Guest,
    issuer: string,
    { signal, onKey }: { signal: AbortSignal; onKey: (key: AdmittedKey) => void },
  ): Promise<void> {
    const proof: Proof = { issuer, expected: 'served' };
    const { key, proved, failure } = await this.#ask({ ...guest, key: true, proof }, signal);
    if (key) onKey(key);
    if (!key || !proved) throw errorOf(failure);
  }

  /** Proves by a request that the tenant is served or refused. Throws `not_served`, `still_served`. */
  async prove(guest: Guest, proof: Proof, signal: AbortSignal): Promise<void> {
    const { proved, failure } = await this.#ask({ ...guest, proof }, signal);
    if (!proved) throw errorOf(failure);
  }

  async #ask(request: GatekeeperRequest, abortSignal?: AbortSignal): Promise<GatekeeperAnswer> {
    const { FunctionError, Payload } = await this.#client.send(
      new InvokeCommand({
        FunctionName: checkGatekeeper(this.#shared),
        Payload: Buffer.from(JSON.stringify(request)),
      }),
      abortSignal && { abortSignal },
    );
    const answer = JSON.parse(Buffer.from(Payload ?? []).toString('utf8') || '{}') as unknown;
    if (FunctionError === undefined) return (answer ?? {}) as GatekeeperAnswer;
    const { errorType, errorMessage } = answer as { errorType?: string; errorMessage?: string };
    throw new SaasError('gatekeeper_failed', 'the gatekeeper function failed', {
      detail: [errorType, errorMessage].filter(Boolean).join(': ') || FunctionError,
      hint: 'run the command again; its log is in the log group of the function',
    });
  }
}

function errorOf(failure: GatekeeperAnswer['failure']): SaasError {
  const { code, message, detail, hint }: NonNullable<typeof failure> = failure ?? {
    code: 'gatekeeper_failed',
    message: 'the gatekeeper function gave no answer',
    hint: 'run the command again; if that does not help, bring it up to date: saas-ecs deploy-shared',
  };
  return new SaasError(code, message, {
    ...(detail !== undefined && { detail }),
    ...(hint !== undefined && { hint }),
  });
}
