/**
 * Who may use a key. The key's policy decides; where it names the account (`arn:aws:iam::<account>:root`), the caller's
 * own policies must allow it, too. Source: "Key policies in AWS KMS", AWS KMS developer guide.
 */
import { requestLookup } from '../../iam/iam.ts';
import { type CompiledPolicy, evaluate, type PrincipalIdentity, parsePolicy } from '../../iam/policy.ts';
import { type Access, AwsError, type Cloud, type Principal } from '../../platform.ts';
import type { KeyRecord } from './keys.ts';

/** The account itself, or an AWS service on nobody's behalf. */
export type Caller = Principal | { service: string };

export interface KeyRequest {
  /** `kms:Decrypt` */
  action: string;
  caller: Caller;
  /** The service that uses the key for the caller, e.g. `dynamodb`. */
  via?: string | undefined;
  encryptionContext?: Readonly<Record<string, string>> | undefined;
}

const accountRoot = (account: string): string => `arn:aws:iam::${account}:root`;

/** True when a policy lets nobody of the account change it. */
export const lockedOut = (policy: CompiledPolicy, account: string): boolean =>
  evaluate([policy], {
    action: 'kms:PutKeyPolicy',
    resource: '*',
    principal: { aws: [accountRoot(account)] },
    lookup: () => undefined,
  }) !== 'allow';

export class KeyPolicies {
  readonly #cloud: Cloud;
  /** By key: the text and what it compiles to. */
  readonly #compiled = new Map<string, { text: string; policy: CompiledPolicy }>();

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  /** Throws AccessDeniedException in AWS's words. */
  authorize(key: KeyRecord, { action, caller, via, encryptionContext = {} }: KeyRequest): void {
    const context: Access['context'] = {
      'kms:CallerAccount': this.#cloud.account,
      ...(via !== undefined && { 'kms:ViaService': `${via}.${this.#cloud.region}.amazonaws.com` }),
      // Only services make grants here, for the resources that they encrypt.
      ...(action === 'kms:CreateGrant' && via !== undefined && { 'kms:GrantIsForAWSResource': 'true' }),
      'kms:EncryptionContextKeys': Object.keys(encryptionContext),
      ...Object.fromEntries(
        Object.entries(encryptionContext).map(([name, value]) => [`kms:EncryptionContext:${name}`, value]),
      ),
      ...Object.fromEntries(
        Object.entries(key.tags).map(([name, value]) => [`aws:ResourceTag/${name}`, value]),
      ),
    };
    if ('service' in caller) {
      const lookup = (name: string) => {
        const found = Object.entries(context).find(([known]) => known.toLowerCase() === name)?.[1];
        if (name === 'aws:sourceaccount') return [this.#cloud.account];
        return typeof found === 'string' ? [found] : found;
      };
      if (this.#says(key, { aws: [], service: caller.service }, action, lookup) === 'allow') return;
      throw denied(caller.service, action, key.arn);
    }
    const lookup = requestLookup(this.#cloud, caller, context);
    const own = caller.roleArn === undefined ? [caller.arn] : [caller.arn, caller.roleArn];
    const direct = this.#says(key, { aws: own }, action, lookup);
    if (direct === 'allow') return;
    const delegated = this.#says(key, { aws: [accountRoot(this.#cloud.account)] }, action, lookup);
    if (caller.type === 'anonymous' || direct === 'explicit-deny' || delegated !== 'allow')
      throw denied(caller.arn, action, key.arn);
    this.#cloud.iam.authorize(caller, { action, resource: key.arn, context });
  }

  #says(
    key: KeyRecord,
    principal: PrincipalIdentity,
    action: string,
    lookup: (name: string) => readonly string[] | undefined,
  ) {
    return evaluate([this.#policyOf(key)], { action, resource: key.arn, principal, lookup });
  }

  #policyOf({ id, policy: text }: KeyRecord): CompiledPolicy {
    const known = this.#compiled.get(id);
    if (known?.text === text) return known.policy;
    const policy = parsePolicy(text, 'resource');
    this.#compiled.set(id, { text, policy });
    return policy;
  }
}

const denied = (who: string, action: string, keyArn: string): AwsError =>
  new AwsError(
    'AccessDeniedException',
    `User: ${who} is not authorized to perform: ${action} on resource: ${keyArn} because no resource-based policy allows the ${action} action`,
  );
