/** AWS::Logs::LogGroup (Ref is the name, Arn ends in `:*`), ::LogStream, and the inert ::ResourcePolicy and ::MetricFilter. */
import { AwsError, type Properties, type ResourceType } from '../../platform.ts';
import { stackTags } from '../tags.ts';
import { compileFilter } from './filter-pattern.ts';
import type { LogGroups } from './groups.ts';

interface GroupProperties {
  LogGroupName?: string;
  RetentionInDays?: number;
  KmsKeyId?: string;
  LogGroupClass?: string;
  Tags?: unknown;
}

const read = (properties: Properties): GroupProperties => properties as unknown as GroupProperties;

export function logGroupType(groups: LogGroups): ResourceType {
  const state = (name: string) => ({ physicalId: name, attributes: { Arn: `${groups.arn(name)}:*` } });
  return {
    replaceOn: ['LogGroupName'],
    create(context, properties) {
      const { LogGroupName, RetentionInDays, KmsKeyId, LogGroupClass, Tags } = read(properties);
      const name = LogGroupName ?? context.physicalName(512);
      if (groups.find(name)) {
        throw new AwsError(
          'AlreadyExists',
          `Resource of type 'AWS::Logs::LogGroup' with identifier '{"/properties/LogGroupName":"${name}"}' already exists.`,
        );
      }
      groups.create(name, {
        retentionInDays: RetentionInDays,
        kmsKeyId: KmsKeyId,
        logGroupClass: LogGroupClass ?? 'STANDARD',
        tags: stackTags(context.tags, Tags),
      });
      return state(name);
    },
    update(context, name, properties) {
      const { RetentionInDays, KmsKeyId, Tags } = read(properties);
      if (KmsKeyId !== groups.get(name).kmsKeyId) groups.checkKey(name, KmsKeyId);
      groups.save({
        ...groups.get(name),
        retentionInDays: RetentionInDays,
        kmsKeyId: KmsKeyId,
        tags: stackTags(context.tags, Tags),
      });
      return state(name);
    },
    async delete(_context, name) {
      if (groups.find(name)) await groups.remove(name);
    },
  };
}

export function logStreamType(groups: LogGroups): ResourceType {
  return {
    replaceOn: ['LogGroupName', 'LogStreamName'],
    create(context, properties) {
      const group = groups.get(String(properties['LogGroupName']));
      const { name } = groups.createStream(
        group.name,
        String(properties['LogStreamName'] ?? context.physicalName(512)),
      );
      return { physicalId: name };
    },
    update: (_context, physicalId) => ({ physicalId }),
    async delete(_context, name, properties) {
      const stream = groups.streamsOf(groups.nameOf(String(properties['LogGroupName']))).get(name);
      if (stream) await groups.removeStream(stream);
    },
  };
}

/** Nobody but our own services writes here, so nothing asks it. */
export const resourcePolicyType: ResourceType = {
  presence: 'inert',
  replaceOn: ['PolicyName'],
  create: (context, properties) => ({
    physicalId: String(properties['PolicyName'] ?? context.physicalName(255)),
  }),
  update: (_context, physicalId) => ({ physicalId }),
  delete() {},
};

/** There are no metrics here; the pattern is checked all the same. */
export const metricFilterType: ResourceType = {
  presence: 'inert',
  replaceOn: ['LogGroupName', 'FilterName'],
  validate(properties) {
    const pattern = properties['FilterPattern'];
    // Only what AWS refuses is refused; space-delimited patterns are AWS's too.
    if (typeof pattern === 'string' && !pattern.trimStart().startsWith('[')) compileFilter(pattern);
  },
  create: (context, properties) => ({
    physicalId: String(properties['FilterName'] ?? context.physicalName(512)),
  }),
  update: (_context, physicalId) => ({ physicalId }),
  delete() {},
};
