/** What a task of a tenant is asked to do on an attacker's behalf, as the probe script reads it. */

/** Which of a tenant's task roles: of a service that keeps items, or of the one that manages users. */
export type Access = 'data' | 'identity';

interface Made {
  /** What is sent, in words. */
  sent: string;
  /** Name of a session that an earlier call has kept; the task's own role unless given. */
  as?: string;
  /** `refused` unless given; `allowed` for what shows that the others were refused for the right reason. */
  expect?: 'refused' | 'allowed';
  /** Texts of a neighbour that no answer may hold. */
  never?: readonly string[];
}

/** A call of an AWS API that takes JSON: `target` is its x-amz-target. */
export interface JsonCall extends Made {
  aws: 'dynamodb' | 'cognito-idp' | 'secretsmanager' | 'ecs' | 'logs';
  target: string;
  body: object;
}
/** A call of an AWS API that takes a form. `keep`: the session that it gives is called so from here on. */
export interface QueryCall extends Made {
  aws: 'sts' | 'iam' | 'ec2';
  form: Readonly<Record<string, string>>;
  keep?: string;
}
/** A call of an AWS API that is addressed by path: GET, or POST where there is a body. */
export interface RestCall extends Made {
  aws: 'apigateway' | 'lambda';
  path: string;
  body?: object;
}
/** A plain request. `refusedBy`: statuses with which whoever is there refuses it; no connection is a refusal too. */
export interface HttpCall extends Made {
  url: string;
  headers?: Readonly<Record<string, string>>;
  refusedBy: readonly number[];
}
export type Call = JsonCall | QueryCall | RestCall | HttpCall;

/** What the script prints for each call. */
export interface ScriptResult {
  /** Index of the call. */
  i: number;
  /** 0: no answer. */
  status: number;
  /** AWS's error code, or the network's. */
  code?: string;
  message?: string;
  /** The answer holds one of the texts that it must not. */
  leaks?: boolean;
}

export interface CallResult extends ScriptResult {
  call: Call;
}

export interface Plan {
  /** Marks the lines of this run in the log. */
  run: string;
  calls: (object & { never?: readonly string[] })[];
}

/** The environment variable that holds the plan: JSON, gzip, base64. */
export const planVariable = 'VERIFY_PLAN';
