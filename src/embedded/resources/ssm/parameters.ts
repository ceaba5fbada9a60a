/** Parameters with their versions, as the Parameter Store keeps them. */
import { createHash } from 'node:crypto';
import { wholly } from '../../foreign-pattern.ts';
import { AwsError, arn, type Cloud } from '../../platform.ts';
import { compareText } from '../pages.ts';
import type { Tags } from '../tags.ts';
import { publicParameter } from './public-parameters.ts';

export type ParameterType = 'String' | 'StringList' | 'SecureString';

export interface ParameterVersion {
  version: number;
  value: string;
  type: ParameterType;
  /** ISO 8601 */
  modified: string;
  /** ARN */
  modifiedBy: string;
  description?: string | undefined;
  labels: string[];
}

export interface ParameterRecord {
  name: string;
  type: ParameterType;
  dataType: string;
  tier: string;
  description?: string | undefined;
  keyId?: string | undefined;
  allowedPattern?: string | undefined;
  tags: Tags;
  /** Oldest first; never empty. */
  versions: ParameterVersion[];
}

/** A parameter as it was asked for: one version of it. */
export interface Selected {
  record: ParameterRecord;
  version: ParameterVersion;
  /** `:3` or `:label`, as given. */
  selector: string | undefined;
}

/** The Parameter Store keeps 100 versions and drops the oldest. */
const maxVersions = 100;
const limits = { Standard: 4096, Advanced: 8192 } as const;

const invalid = (message: string): AwsError => new AwsError('ValidationException', message);

export class Parameters {
  private readonly cloud: Cloud;
  private sorted: ParameterRecord[] | undefined;

  constructor(cloud: Cloud) {
    this.cloud = cloud;
  }

  private get collection() {
    return this.cloud.store.collection<ParameterRecord>('ssm.parameters');
  }

  arn(name: string): string {
    return arn(this.cloud, 'ssm', `parameter${name.startsWith('/') ? '' : '/'}${name}`);
  }

  /** All parameters by name. */
  all(): readonly ParameterRecord[] {
    this.sorted ??= this.collection.values().sort((left, right) => compareText(left.name, right.name));
    return this.sorted;
  }

  find(name: string): ParameterRecord | undefined {
    return this.collection.get(name);
  }

  /** Throws AwsError ParameterNotFound. */
  get(name: string): ParameterRecord {
    const record = this.collection.get(name);
    if (!record) throw new AwsError('ParameterNotFound', `Parameter ${name} not found.`);
    return record;
  }

  /** The name below which a parameter is kept, of a name or ARN that may end in `:<version or label>`. */
  nameOf(reference: string): { name: string; selector: string | undefined } {
    let name = reference;
    const prefix = arn(this.cloud, 'ssm', 'parameter');
    if (name.startsWith(`${prefix}/`)) {
      const path = name.slice(prefix.length);
      const cut = path.indexOf(':');
      const bare = cut < 0 ? path : path.slice(0, cut);
      // An ARN does not tell `a` from `/a`; a hierarchy always begins with a slash.
      name = this.collection.has(bare) || bare.indexOf('/', 1) > 0 ? path : path.slice(1);
    }
    const cut = name.indexOf(':');
    return cut < 0
      ? { name, selector: undefined }
      : { name: name.slice(0, cut), selector: name.slice(cut + 1) };
  }

  /** Throws AwsError ParameterNotFound or ParameterVersionNotFound. */
  select(reference: string): Selected {
    const { name, selector } = this.nameOf(reference);
    const record = this.find(name) ?? this.published(name);
    if (!record) throw new AwsError('ParameterNotFound', `Parameter ${name} not found.`);
    const version =
      selector === undefined
        ? record.versions.at(-1)
        : record.versions.find((each) => String(each.version) === selector || each.labels.includes(selector));
    if (!version) {
      throw new AwsError(
        'ParameterVersionNotFound',
        `Systems Manager could not find version ${selector} of ${name}. Verify the version and try again.`,
      );
    }
    return { record, version, selector };
  }

  private published(name: string): ParameterRecord | undefined {
    const found = publicParameter(name);
    if (!found) return undefined;
    return {
      name,
      type: 'String',
      dataType: found.dataType,
      tier: 'Standard',
      tags: {},
      versions: [
        {
          version: 1,
          value: found.value,
          type: 'String',
          modified: '2026-06-01T00:00:00.000Z',
          modifiedBy: `arn:${this.cloud.partition}:iam::aws:root`,
          labels: [],
        },
      ],
    };
  }

  /** Creates a parameter or adds a version to it. Throws AwsError for a name, type or value that AWS refuses. */
  put(
    parameter: {
      name: string;
      value: string;
      type?: ParameterType | undefined;
      description?: string | undefined;
      keyId?: string | undefined;
      allowedPattern?: string | undefined;
      tier?: string | undefined;
      dataType?: string | undefined;
      tags?: Tags | undefined;
    },
    overwrite: boolean,
    by: string,
  ): ParameterRecord {
    const { name, value } = parameter;
    const known = this.find(name);
    checkName(name);
    if (known && !overwrite) {
      throw new AwsError(
        'ParameterAlreadyExists',
        'The parameter already exists. To overwrite this value, set the overwrite option in the request to true.',
      );
    }
    if (known && parameter.tags && Object.keys(parameter.tags).length > 0 && overwrite) {
      throw invalid(
        'Invalid request: tags and overwrite can not be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.',
      );
    }
    const type = parameter.type ?? known?.type;
    if (type === undefined) {
      throw invalid('A parameter type is required when you create a parameter.');
    }
    // Intelligent-Tiering makes an advanced parameter of what does not fit.
    const large = Buffer.byteLength(value) > limits.Standard;
    const asked = parameter.tier ?? known?.tier ?? 'Standard';
    const tier = asked === 'Intelligent-Tiering' ? (large ? 'Advanced' : 'Standard') : asked;
    checkValue(value, type, tier === 'Advanced' ? 'Advanced' : 'Standard');
    const pattern = parameter.allowedPattern;
    if (pattern !== undefined && !wholly(pattern).matches(value)) {
      throw new AwsError(
        'ParameterPatternMismatchException',
        `Parameter value, cannot be validated against allowedPattern: ${pattern}`,
      );
    }
    const description = parameter.description ?? known?.description;
    const record: ParameterRecord = {
      name,
      type,
      dataType: parameter.dataType ?? known?.dataType ?? 'text',
      tier,
      description,
      keyId: type === 'SecureString' ? (parameter.keyId ?? known?.keyId ?? 'alias/aws/ssm') : undefined,
      allowedPattern: pattern ?? known?.allowedPattern,
      tags: known?.tags ?? parameter.tags ?? {},
      versions: [
        ...(known?.versions ?? []),
        {
          version: (known?.versions.at(-1)?.version ?? 0) + 1,
          value,
          type,
          modified: new Date(this.cloud.clock.now()).toISOString(),
          modifiedBy: by,
          description,
          labels: [],
        },
      ].slice(-maxVersions),
    };
    this.save(record);
    return record;
  }

  save(record: ParameterRecord): void {
    this.collection.put(record.name, record);
    this.sorted = undefined;
  }

  delete(name: string): boolean {
    this.sorted = undefined;
    return this.collection.delete(name);
  }
}

function checkName(name: string): void {
  if (!/^[a-zA-Z0-9_.\-/]+$/.test(name) || name.length > 1011) {
    throw invalid(
      "Parameter name: can't be longer than 1011 characters; only a mix of letters, numbers and the following 4 symbols .-_/ is allowed.",
    );
  }
  if (name.includes('/') && !name.startsWith('/')) {
    throw invalid('Parameter name must be a fully qualified name: a hierarchy begins with a slash.');
  }
  const parts = name.split('/').filter((part) => part !== '');
  if (parts.length > 15) {
    throw new AwsError(
      'HierarchyLevelLimitExceededException',
      `A parameter hierarchy can have a maximum of 15 levels; ${name} has ${parts.length}.`,
    );
  }
  if (/^(aws|ssm)/i.test(parts[0] ?? '')) {
    throw invalid(
      `Parameter name: can't be prefixed with "${/^aws/i.test(parts[0] ?? '') ? 'aws' : 'ssm'}" (case-insensitive).`,
    );
  }
}

function checkValue(value: string, type: ParameterType, tier: keyof typeof limits): void {
  if (value === '') throw invalid('Parameter value must not be empty.');
  if (Buffer.byteLength(value) > limits[tier]) {
    throw invalid(
      `${tier} tier parameters support a maximum parameter value of ${limits[tier]} characters.` +
        (tier === 'Standard'
          ? ' To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier.'
          : ''),
    );
  }
  if (type === 'StringList' && value.split(',').some((item) => item === '')) {
    throw invalid('A StringList parameter must not have empty items.');
  }
}

/** What a SecureString reads as without decryption: opaque, the same each time. */
export const ciphertext = (value: string): string =>
  `AQICAH${createHash('sha512').update(`saas-ecs ssm ${value}`).digest('base64')}`;
