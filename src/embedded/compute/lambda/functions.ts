/** The account's functions, their versions, aliases, layers and resource policies. */
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { type CompiledPolicy, compilePolicy, evaluate } from '../../iam/policy.ts';
import { AwsError, arn, type Cloud } from '../../platform.ts';
import { openCodeStore, type StoredCode } from './code.ts';
import { type AliasRecord, type FunctionRecord, fingerprint, type LayerRecord } from './function.ts';
import { hasPython, isPython } from './runtime.ts';

export const notFound = (what: string): AwsError =>
  new AwsError('ResourceNotFoundException', `Function not found: ${what}`, 404);
export const invalid = (message: string): AwsError =>
  new AwsError('InvalidParameterValueException', message, 400);

/** Runtimes that can no longer be created (developer guide, "Lambda runtimes"). */
const retired =
  /^(nodejs(4\.3.*|6\.10|8\.10|10\.x|12\.x|14\.x|16\.x|18\.x)?|python(2\.7|3\.[6-9]|3\.10)|go1\.x|java8|dotnetcore.*|dotnet[567]|ruby2\.\d|provided)$/;
const known =
  /^(nodejs\d+\.x|python3\.\d+|java\d+(\.al2)?|dotnet\d+|ruby3\.\d+|provided\.al20\d\d|provided\.al2)$/;

export type FunctionInput = Pick<FunctionRecord, 'name' | 'runtime' | 'handler' | 'role'> &
  Partial<Omit<FunctionRecord, 'name' | 'arn' | 'version' | 'code'>>;

export type Functions = ReturnType<typeof openFunctions>;

export function openFunctions(cloud: Cloud) {
  const latest = cloud.store.collection<FunctionRecord>('lambda.functions');
  const versions = cloud.store.collection<FunctionRecord>('lambda.versions');
  const aliases = cloud.store.collection<AliasRecord>('lambda.aliases');
  const layers = cloud.store.collection<LayerRecord>('lambda.layers');
  /** Resource policies, compiled; a changed function is another record. */
  const policies = new WeakMap<FunctionRecord, CompiledPolicy>();
  const code = openCodeStore(path.join(cloud.stateDir, 'lambda', 'code'));

  /** Name and qualifier of `name`, `name:qualifier`, `account:function:name` or an ARN. */
  function parse(reference: string): { name: string; qualifier: string | undefined } {
    const match = /^(?:(?:arn:[\w-]+:lambda:[\w-]+:)?(\d{12}):function:)?([\w-]+)(?::([\w$-]+))?$/.exec(
      reference,
    );
    if (!match?.[2]) throw invalid(`'${reference}' is not a function's name or ARN`);
    if (match[1] !== undefined && match[1] !== cloud.account) throw notFound(reference);
    return { name: match[2], qualifier: match[3] };
  }

  /** The function or version behind a reference. Throws ResourceNotFoundException. */
  function resolve(reference: string, qualifier?: string): FunctionRecord {
    const parsed = parse(reference);
    const wanted = qualifier ?? parsed.qualifier ?? '$LATEST';
    const missing = (): AwsError =>
      notFound(arn(cloud, 'lambda', `function:${parsed.name}${wanted === '$LATEST' ? '' : `:${wanted}`}`));
    if (wanted === '$LATEST') {
      const found = latest.get(parsed.name);
      if (!found) throw missing();
      return found;
    }
    const alias = aliases.get(`${parsed.name}:${wanted}`);
    if (alias?.version === '$LATEST') return resolve(parsed.name);
    const found = versions.get(`${parsed.name}:${alias?.version ?? wanted}`);
    if (!found) throw missing();
    return found;
  }

  const codeInUse = (stored: StoredCode): boolean =>
    [...latest.values(), ...versions.values(), ...layers.values()].some(
      (record) => record.code.sha256 === stored.sha256,
    );
  async function dropCode(stored: StoredCode): Promise<void> {
    if (!codeInUse(stored)) await code.remove(stored);
  }

  function checkRuntime(runtime: string): void {
    if (retired.test(runtime))
      throw invalid(
        `The runtime parameter of ${runtime} is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.`,
      );
    if (!known.test(runtime))
      throw invalid(
        `Value ${runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set of Lambda's runtimes`,
      );
    if (isPython(runtime) && !hasPython())
      throw invalid(
        `The embedded cloud runs ${runtime} functions by this machine's python3, and there is none on the PATH: install it and try again.`,
      );
  }

  /** Nothing is downloaded: what another account's layer holds must be in the directory of Python packages. */
  function checkForeignLayer(record: FunctionRecord, layer: string): void {
    const owner = /^arn:[\w-]+:lambda:[\w-]+:(\d{12}):layer:[\w-]+:\d+$/.exec(layer)?.[1];
    if (owner === undefined || owner === cloud.account || !isPython(record.runtime))
      throw invalid(`Layer version ${layer} does not exist.`);
    if (cloud.pythonPackages === undefined)
      throw invalid(
        `Layer version ${layer} is another account's and can't be fetched here: install the packages that it holds into a directory (pip install --target DIRECTORY ...) and start the embedded cloud with SAAS_ECS_PYTHON_PACKAGES=DIRECTORY.`,
      );
  }

  function check(record: FunctionRecord): void {
    if (!/^[\w-]{1,64}$/.test(record.name))
      throw invalid(`'${record.name}' is not a valid function name: 1 to 64 letters, digits, - and _`);
    if (record.packageType === 'Zip') {
      checkRuntime(record.runtime);
      if (!record.handler) throw invalid('Handler is required when PackageType is Zip');
    }
    if (!(record.timeout >= 1 && record.timeout <= 900))
      throw invalid(
        `Value '${record.timeout}' at 'timeout' failed to satisfy constraint: Member must be between 1 and 900`,
      );
    if (!(record.memory >= 128 && record.memory <= 10_240))
      throw invalid(`'MemorySize' value failed to satisfy constraint: Member must be between 128 and 10240`);
    const size = JSON.stringify(record.environment).length;
    if (size > 4096)
      throw invalid(
        'Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit.',
      );
    const reserved = Object.keys(record.environment).filter((key) =>
      /^(AWS_(REGION|DEFAULT_REGION|ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|LAMBDA_.*|EXECUTION_ENV)|_HANDLER|LAMBDA_TASK_ROOT|LAMBDA_RUNTIME_DIR)$/.test(
        key,
      ),
    );
    if (reserved.length > 0)
      throw invalid(
        `Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: ${reserved.join(', ')}`,
      );
    for (const layer of record.layers) if (!layers.has(layer)) checkForeignLayer(record, layer);
    try {
      cloud.sts.issueForService(record.role, 'lambda.amazonaws.com', record.name);
    } catch {
      throw invalid('The role defined for the function cannot be assumed by Lambda.');
    }
  }

  const save = (record: FunctionRecord): FunctionRecord => {
    const saved = { ...record, revisionId: randomUUID(), modifiedAt: cloud.clock.now() };
    latest.put(record.name, saved);
    return saved;
  };

  return {
    code,
    aliases,
    versions,
    layers,
    parse,
    resolve,
    save,
    dropCode,
    list: (): FunctionRecord[] => latest.values().sort((a, b) => (a.name < b.name ? -1 : 1)),
    get: (name: string): FunctionRecord | undefined => latest.get(name),

    create(input: FunctionInput, stored: StoredCode): FunctionRecord {
      if (latest.has(input.name))
        throw new AwsError('ResourceConflictException', `Function already exist: ${input.name}`, 409);
      const record: FunctionRecord = {
        arn: arn(cloud, 'lambda', `function:${input.name}`),
        version: '$LATEST',
        description: '',
        timeout: 3,
        memory: 128,
        environment: {},
        architectures: ['x86_64'],
        layers: [],
        packageType: 'Zip',
        logGroup: `/aws/lambda/${input.name}`,
        ephemeralStorage: 512,
        tracing: 'PassThrough',
        tags: {},
        policy: {},
        revisionId: '',
        modifiedAt: 0,
        nextVersion: 1,
        ...input,
        code: stored,
      };
      check(record);
      return save(record);
    },

    /** Changes a function's configuration or code. */
    async change(name: string, changes: Partial<FunctionRecord>): Promise<FunctionRecord> {
      const before = resolve(name);
      const record = { ...before, ...changes };
      check(record);
      const saved = save(record);
      if (changes.code && changes.code.sha256 !== before.code.sha256) await dropCode(before.code);
      return saved;
    },

    async remove(name: string): Promise<void> {
      const record = resolve(name);
      latest.delete(name);
      const gone = [record];
      for (const [key, version] of versions.entries()) {
        if (version.name !== name) continue;
        versions.delete(key);
        gone.push(version);
      }
      for (const [key, alias] of aliases.entries()) if (alias.functionName === name) aliases.delete(key);
      await cloud.store.flushed();
      for (const { code: stored } of gone) await dropCode(stored);
    },

    publish(name: string, description?: string): FunctionRecord {
      const record = resolve(name);
      // Nothing changed since the last version: that one is the answer.
      const previous = versions.get(`${name}:${record.nextVersion - 1}`);
      if (previous && fingerprint(previous) === fingerprint(record)) return previous;
      const version: FunctionRecord = {
        ...record,
        version: String(record.nextVersion),
        description: description ?? record.description,
        policy: {},
      };
      versions.put(`${name}:${version.version}`, version);
      latest.put(name, { ...record, nextVersion: record.nextVersion + 1 });
      return version;
    },

    async removeVersion(name: string, version: string): Promise<void> {
      const record = versions.get(`${name}:${version}`);
      if (!record) return;
      versions.delete(`${name}:${version}`);
      await dropCode(record.code);
    },

    putAlias(alias: Omit<AliasRecord, 'revisionId'>): AliasRecord {
      resolve(alias.functionName, alias.version);
      const record = { ...alias, revisionId: randomUUID() };
      aliases.put(`${alias.functionName}:${alias.name}`, record);
      return record;
    },

    publishLayer(name: string, stored: StoredCode, description: string, runtimes: string[]): LayerRecord {
      const version =
        1 +
        Math.max(
          0,
          ...layers
            .values()
            .filter((layer) => layer.name === name)
            .map((layer) => layer.version),
        );
      const layerArn = arn(cloud, 'lambda', `layer:${name}`);
      const record: LayerRecord = {
        name,
        arn: layerArn,
        version,
        versionArn: `${layerArn}:${version}`,
        description,
        code: stored,
        runtimes,
        createdAt: cloud.clock.now(),
      };
      layers.put(record.versionArn, record);
      return record;
    },

    addPermission(name: string, statementId: string, statement: Record<string, unknown>): void {
      const record = resolve(name);
      if (record.policy[statementId])
        throw new AwsError(
          'ResourceConflictException',
          `The statement id (${statementId}) provided already exists. Please provide a new statement id, or remove the existing statement.`,
          409,
        );
      compilePolicy({ Version: '2012-10-17', Statement: [statement] }, 'resource');
      save({ ...record, policy: { ...record.policy, [statementId]: statement } });
    },

    removePermission(name: string, statementId: string): void {
      const record = resolve(name);
      const { [statementId]: gone, ...policy } = record.policy;
      if (!gone)
        throw new AwsError(
          'ResourceNotFoundException',
          `Statement ${statementId} is not found in resource policy.`,
          404,
        );
      save({ ...record, policy });
    },

    policyDocument(name: string): Record<string, unknown> | undefined {
      const statements = Object.values(resolve(name).policy);
      return statements.length === 0
        ? undefined
        : { Version: '2012-10-17', Id: 'default', Statement: statements };
    },

    /** Whether the resource policy lets a service, acting for a resource, or a principal's ARNs invoke the function. */
    admits(
      record: FunctionRecord,
      caller: { service?: string; sourceArn?: string; aws?: readonly string[] },
    ): boolean {
      const current = latest.get(record.name);
      if (!current) return false;
      let policy = policies.get(current);
      if (!policy) {
        const statements = Object.values(current.policy);
        policy = compilePolicy({ Version: '2012-10-17', Statement: statements }, 'resource');
        policies.set(current, policy);
      }
      const keys: Record<string, string | undefined> = {
        'aws:sourcearn': caller.sourceArn,
        'aws:sourceaccount': cloud.account,
      };
      return (
        evaluate([policy], {
          action: 'lambda:InvokeFunction',
          resource: record.arn,
          lookup: (key) => (keys[key] === undefined ? undefined : [keys[key]]),
          principal: { aws: caller.aws ?? [], ...(caller.service ? { service: caller.service } : {}) },
        }) === 'allow'
      );
    },
  };
}

/** A permission's statement, from AddPermission's or AWS::Lambda::Permission's members. */
export function permissionStatement(
  functionArn: string,
  statementId: string,
  input: {
    Action?: unknown;
    Principal?: unknown;
    SourceArn?: unknown;
    SourceAccount?: unknown;
    PrincipalOrgID?: unknown;
  },
): Record<string, unknown> {
  const principal = String(input.Principal ?? '');
  const who =
    principal === '*'
      ? '*'
      : /\.amazonaws\.com(\.cn)?$/.test(principal)
        ? { Service: principal }
        : { AWS: /^\d{12}$/.test(principal) ? `arn:aws:iam::${principal}:root` : principal };
  const condition: Record<string, Record<string, string>> = {};
  if (input.SourceArn !== undefined) condition['ArnLike'] = { 'AWS:SourceArn': String(input.SourceArn) };
  if (input.SourceAccount !== undefined)
    condition['StringEquals'] = { 'AWS:SourceAccount': String(input.SourceAccount) };
  if (input.PrincipalOrgID !== undefined)
    condition['StringEquals'] = {
      ...condition['StringEquals'],
      'aws:PrincipalOrgID': String(input.PrincipalOrgID),
    };
  return {
    Sid: statementId,
    Effect: 'Allow',
    Principal: who,
    Action: String(input.Action ?? 'lambda:InvokeFunction'),
    Resource: functionArn,
    ...(Object.keys(condition).length > 0 ? { Condition: condition } : {}),
  };
}
