/** What IAM keeps: roles, customer managed policies, instance profiles. Shared by its API and its CloudFormation types. */
import { randomBytes } from 'node:crypto';
import { parseJson } from '../../model/nesting.ts';
import { AwsError, type Cloud } from '../platform.ts';
import type { Store } from '../store.ts';
import { CallRecord } from './call-record.ts';
import { managedPolicyDocument } from './managed-policies.ts';
import {
  type CompiledPolicy,
  compilePolicy,
  decidingStatement,
  type PolicyKind,
  type PolicyRequest,
  PolicySyntaxError,
} from './policy.ts';

export interface RoleRecord {
  name: string;
  id: string;
  path: string;
  arn: string;
  createdAt: number;
  description?: string;
  maxSessionDuration: number;
  /** JSON text. */
  trust: string;
  boundary?: string;
  tags: Record<string, string>;
  /** Policy name -> JSON text. */
  inline: Record<string, string>;
  attached: string[];
  /** For service-linked roles. */
  service?: string;
}

export interface PolicyRecord {
  name: string;
  id: string;
  path: string;
  arn: string;
  createdAt: number;
  updatedAt: number;
  description?: string;
  defaultVersion: number;
  nextVersion: number;
  /** Version number -> document. */
  versions: Record<string, { document: string; createdAt: number }>;
  tags: Record<string, string>;
}

export interface ProfileRecord {
  name: string;
  id: string;
  path: string;
  arn: string;
  createdAt: number;
  role?: string;
  tags: Record<string, string>;
}

/** docs.aws.amazon.com, "IAM and AWS STS quotas" (defaults). */
export const quotas = {
  roles: 1000,
  policies: 1500,
  profiles: 1000,
  attachedPerRole: 10,
  inlineCharacters: 10_240,
  managedCharacters: 6_144,
  trustCharacters: 2_048,
  versions: 5,
  tags: 50,
} as const;

export interface CompiledRole {
  /** Of the policies in `identity`, in their order: an inline policy's name, or an ARN. */
  policies: readonly string[];
  identity: readonly CompiledPolicy[];
  boundary: readonly CompiledPolicy[] | undefined;
  trust: CompiledPolicy;
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** An IAM unique id, e.g. `AROA` and 17 characters. */
export function uniqueId(prefix: string, length = 17): string {
  return prefix + Array.from(randomBytes(length), (byte) => alphabet[byte % 32]).join('');
}

export const noSuchEntity = (message: string): AwsError => new AwsError('NoSuchEntity', message, 404);
export const limitExceeded = (message: string): AwsError => new AwsError('LimitExceeded', message, 409);

/** Compiles for the check alone; throws MalformedPolicyDocument. */
export function checkDocument(text: string, kind: PolicyKind = 'identity'): void {
  try {
    compilePolicy(parseJson(text), kind);
  } catch (error) {
    throw new AwsError(
      'MalformedPolicyDocument',
      error instanceof PolicySyntaxError ? error.message : 'Syntax errors in policy.',
    );
  }
}

const characters = (document: string): number => document.replace(/\s/g, '').length;

export type IamState = ReturnType<typeof createState>;

const states = new WeakMap<Store, IamState>();

/** The account's IAM state; IAM and STS share one. */
export function openIamState(cloud: Cloud): IamState {
  let state = states.get(cloud.store);
  if (!state) {
    state = createState(cloud);
    states.set(cloud.store, state);
  }
  return state;
}

function createState(cloud: Cloud) {
  const roles = cloud.store.collection<RoleRecord>('iam.roles');
  const policies = cloud.store.collection<PolicyRecord>('iam.policies');
  const profiles = cloud.store.collection<ProfileRecord>('iam.instance-profiles');
  const compiled = new Map<string, CompiledRole>();
  const calls = cloud.recordCalls === undefined ? undefined : new CallRecord(cloud.recordCalls);

  const entity = (kind: string, path: string, name: string): string =>
    `arn:${cloud.partition}:iam::${cloud.account}:${kind}${path}${name}`;

  function role(name: string): RoleRecord {
    const found = roles.get(name);
    if (!found) throw noSuchEntity(`The role with name ${name} cannot be found.`);
    return found;
  }

  function policy(arn: string): PolicyRecord {
    const found = policies.get(arn);
    if (!found) throw noSuchEntity(`Policy ${arn} does not exist or is not attachable.`);
    return found;
  }

  /** The default version's document of a customer or AWS managed policy. */
  function managedDocument(arn: string): string {
    const aws = managedPolicyDocument(arn);
    if (aws) return JSON.stringify(aws);
    const record = policy(arn);
    return record.versions[String(record.defaultVersion)]?.document ?? '{}';
  }

  /** Checks a trust policy. A role that it names must exist, as IAM wants it. Throws MalformedPolicyDocument. */
  function checkTrust(text: string): void {
    checkDocument(text, 'trust');
    const { Statement } = JSON.parse(text) as { Statement: unknown };
    for (const statement of [Statement].flat() as { Principal?: unknown }[]) {
      const { Principal } = statement;
      if (typeof Principal !== 'object' || Principal === null) continue;
      for (const named of [(Principal as { AWS?: unknown }).AWS ?? []].flat()) {
        const text = String(named);
        const own = `arn:${cloud.partition}:iam::${cloud.account}:role/`;
        if (text.startsWith(own) && roles.get(text.slice(text.lastIndexOf('/') + 1))?.arn !== text)
          throw new AwsError('MalformedPolicyDocument', `Invalid principal in policy: "AWS":"${text}"`);
      }
    }
  }

  function saveRole(record: RoleRecord): void {
    // A copy: whoever keeps the record of before (a session's principal) sees that it is another one now.
    roles.put(record.name, { ...record });
    compiled.delete(record.name);
  }

  function putInline(record: RoleRecord, name: string, document: string): void {
    if (!/^[\w+=,.@-]{1,128}$/.test(name))
      throw new AwsError('ValidationError', `The specified value for policyName is invalid: ${name}`);
    checkDocument(document);
    const inline = { ...record.inline, [name]: document };
    const total = Object.values(inline).reduce((sum, text) => sum + characters(text), 0);
    if (total > quotas.inlineCharacters)
      throw limitExceeded(
        `Maximum policy size of ${quotas.inlineCharacters} bytes exceeded for role ${record.name}`,
      );
    record.inline = inline;
    saveRole(record);
  }

  function attach(record: RoleRecord, arn: string): void {
    managedDocument(arn);
    if (record.attached.includes(arn)) return;
    if (record.attached.length >= quotas.attachedPerRole)
      throw limitExceeded(`Cannot exceed quota for PoliciesPerRole: ${quotas.attachedPerRole}`);
    record.attached = [...record.attached, arn];
    saveRole(record);
  }

  function detach(record: RoleRecord, arn: string): void {
    if (!record.attached.includes(arn)) throw noSuchEntity(`Policy ${arn} was not found.`);
    record.attached = record.attached.filter((other) => other !== arn);
    saveRole(record);
  }

  function checkTags(tags: Record<string, string>): void {
    if (Object.keys(tags).length > quotas.tags)
      throw limitExceeded(`The number of tags has reached the maximum limit: ${quotas.tags}`);
  }

  return {
    roles,
    policies,
    profiles,
    role,
    policy,
    managedDocument,
    checkTrust,
    saveRole,
    putInline,
    attach,
    detach,
    checkTags,

    createRole(
      input: Pick<RoleRecord, 'name' | 'trust'> &
        Partial<
          Pick<RoleRecord, 'path' | 'description' | 'maxSessionDuration' | 'boundary' | 'tags' | 'service'>
        >,
    ): RoleRecord {
      const { name } = input;
      if (!/^[\w+=,.@-]{1,64}$/.test(name))
        throw new AwsError(
          'ValidationError',
          `1 validation error detected: Value '${name}' at 'roleName' failed to satisfy constraint: Member must have length less than or equal to 64 and satisfy regular expression pattern: [\\w+=,.@-]+`,
        );
      if (roles.has(name))
        throw new AwsError('EntityAlreadyExists', `Role with name ${name} already exists.`, 409);
      if (roles.keys().length >= quotas.roles)
        throw limitExceeded(`Cannot exceed quota for RolesPerAccount: ${quotas.roles}`);
      const duration = input.maxSessionDuration ?? 3600;
      if (duration < 3600 || duration > 43_200)
        throw new AwsError('ValidationError', 'MaxSessionDuration must be between 3600 and 43200.');
      checkTrust(input.trust);
      if (characters(input.trust) > quotas.trustCharacters)
        throw limitExceeded(`Cannot exceed quota for ACLSizePerRole: ${quotas.trustCharacters}`);
      if (input.boundary) managedDocument(input.boundary);
      checkTags(input.tags ?? {});
      const path = input.path ?? '/';
      const record: RoleRecord = {
        name,
        id: uniqueId('AROA'),
        path,
        arn: entity('role', path, name),
        createdAt: cloud.clock.now(),
        maxSessionDuration: duration,
        trust: input.trust,
        tags: input.tags ?? {},
        inline: {},
        attached: [],
        ...(input.description === undefined ? {} : { description: input.description }),
        ...(input.boundary === undefined ? {} : { boundary: input.boundary }),
        ...(input.service === undefined ? {} : { service: input.service }),
      };
      saveRole(record);
      return record;
    },

    /** As DeleteRole: only a role without policies and instance profiles goes. */
    deleteRole(record: RoleRecord): void {
      const conflict = (what: string): AwsError =>
        new AwsError('DeleteConflict', `Cannot delete entity, must ${what} first.`, 409);
      if (record.attached.length > 0) throw conflict('detach all policies');
      if (Object.keys(record.inline).length > 0) throw conflict('delete policies');
      if (profiles.values().some((profile) => profile.role === record.name))
        throw conflict('remove roles from instance profile');
      roles.delete(record.name);
      compiled.delete(record.name);
    },

    createPolicy(
      input: Pick<PolicyRecord, 'name'> & { document: string } & Partial<
          Pick<PolicyRecord, 'path' | 'description' | 'tags'>
        >,
    ): PolicyRecord {
      const path = input.path ?? '/';
      const arn = entity('policy', path, input.name);
      if (!/^[\w+=,.@-]{1,128}$/.test(input.name))
        throw new AwsError('ValidationError', `The specified value for policyName is invalid: ${input.name}`);
      if (policies.values().some((other) => other.name === input.name))
        throw new AwsError(
          'EntityAlreadyExists',
          `A policy called ${input.name} already exists. Duplicate names are not allowed.`,
          409,
        );
      if (policies.keys().length >= quotas.policies)
        throw limitExceeded(`Cannot exceed quota for PoliciesPerAccount: ${quotas.policies}`);
      checkDocument(input.document);
      if (characters(input.document) > quotas.managedCharacters)
        throw limitExceeded(`Cannot exceed quota for PolicySize: ${quotas.managedCharacters}`);
      const now = cloud.clock.now();
      const record: PolicyRecord = {
        name: input.name,
        id: uniqueId('ANPA'),
        path,
        arn,
        createdAt: now,
        updatedAt: now,
        defaultVersion: 1,
        nextVersion: 2,
        versions: { 1: { document: input.document, createdAt: now } },
        tags: input.tags ?? {},
        ...(input.description === undefined ? {} : { description: input.description }),
      };
      policies.put(arn, record);
      return record;
    },

    addPolicyVersion(record: PolicyRecord, document: string, makeDefault: boolean): number {
      checkDocument(document);
      if (characters(document) > quotas.managedCharacters)
        throw limitExceeded(`Cannot exceed quota for PolicySize: ${quotas.managedCharacters}`);
      if (Object.keys(record.versions).length >= quotas.versions)
        throw limitExceeded(
          `A managed policy can have up to ${quotas.versions} versions. Before you create a new version, you must delete an existing version.`,
        );
      const version = record.nextVersion++;
      record.versions[String(version)] = { document, createdAt: cloud.clock.now() };
      if (makeDefault) record.defaultVersion = version;
      this.savePolicy(record);
      return version;
    },

    savePolicy(record: PolicyRecord): void {
      record.updatedAt = cloud.clock.now();
      policies.put(record.arn, record);
      compiled.clear();
    },

    attachedTo(arn: string): RoleRecord[] {
      return roles.values().filter((record) => record.attached.includes(arn));
    },

    deletePolicy(record: PolicyRecord): void {
      if (this.attachedTo(record.arn).length > 0)
        throw new AwsError('DeleteConflict', 'Cannot delete a policy attached to entities.', 409);
      policies.delete(record.arn);
      compiled.clear();
    },

    createProfile(name: string, path = '/', tags: Record<string, string> = {}): ProfileRecord {
      if (profiles.has(name))
        throw new AwsError('EntityAlreadyExists', `Instance Profile ${name} already exists.`, 409);
      if (profiles.keys().length >= quotas.profiles)
        throw limitExceeded(`Cannot exceed quota for InstanceProfilesPerAccount: ${quotas.profiles}`);
      const record: ProfileRecord = {
        name,
        id: uniqueId('AIPA'),
        path,
        arn: entity('instance-profile', path, name),
        createdAt: cloud.clock.now(),
        tags,
      };
      profiles.put(name, record);
      return record;
    },

    profile(name: string): ProfileRecord {
      const found = profiles.get(name);
      if (!found) throw noSuchEntity(`Instance Profile ${name} cannot be found.`);
      return found;
    },

    roleByArn(arn: string): RoleRecord | undefined {
      const found = roles.get(arn.slice(arn.lastIndexOf('/') + 1));
      return found?.arn === arn ? found : undefined;
    },

    /** A role's policies, compiled; kept until the role or one of its policies changes. */
    compiledRole(record: RoleRecord): CompiledRole {
      const known = compiled.get(record.name);
      if (known) return known;
      const parse = (text: string): CompiledPolicy => compilePolicy(JSON.parse(text));
      const fresh: CompiledRole = {
        policies: [...Object.keys(record.inline), ...record.attached],
        identity: [...Object.values(record.inline), ...record.attached.map(managedDocument)].map(parse),
        boundary: record.boundary ? [parse(managedDocument(record.boundary))] : undefined,
        trust: compilePolicy(JSON.parse(record.trust), 'trust'),
      };
      compiled.set(record.name, fresh);
      return fresh;
    },

    /** Writes down what became of a role's call, where calls are recorded. */
    noteCall(record: RoleRecord, request: PolicyRequest, allowed: boolean): void {
      if (!calls) return;
      const { action, resource } = request;
      const outcome = allowed ? 'allowed' : 'denied';
      calls.note({ role: record.arn, action, resource, outcome }, () => {
        const { identity, policies: names } = this.compiledRole(record);
        const found = decidingStatement(identity, request);
        return found && { policy: names[found.policy] ?? '', statement: found.statement };
      });
    },
  };
}
