/** AWS::SSM::Parameter. Ref is the name; attributes are Type and Value. */
import {
  AwsError,
  type Cloud,
  type Properties,
  type ResourceState,
  type ResourceType,
} from '../../platform.ts';
import { stackTags } from '../tags.ts';
import type { ParameterRecord, Parameters, ParameterType } from './parameters.ts';

interface ParameterProperties {
  Name?: string;
  Type: ParameterType;
  Value: string;
  Description?: string;
  AllowedPattern?: string;
  Tier?: string;
  DataType?: string;
  Tags?: Record<string, string>;
}

const read = (properties: Properties): ParameterProperties => properties as unknown as ParameterProperties;

export function parameterType(cloud: Cloud, parameters: Parameters): ResourceType {
  const by = `arn:${cloud.partition}:iam::${cloud.account}:root`;
  const put = (name: string, properties: Properties, overwrite: boolean): ParameterRecord => {
    const { Value, Type, Description, AllowedPattern, Tier, DataType } = read(properties);
    return parameters.put(
      {
        name,
        value: String(Value),
        type: Type,
        // What the template leaves out is not what was there before.
        description: Description ?? '',
        allowedPattern: AllowedPattern,
        tier: Tier,
        dataType: DataType,
      },
      overwrite,
      by,
    );
  };
  const tag = (
    record: ParameterRecord,
    stack: Readonly<Record<string, string>>,
    own: unknown,
  ): ResourceState => {
    record.tags = stackTags(stack, own);
    parameters.save(record);
    const value = record.versions.at(-1)?.value ?? '';
    return { physicalId: record.name, attributes: { Type: record.type, Value: value } };
  };
  return {
    replaceOn: ['Name'],
    validate(properties) {
      const { Type } = read(properties);
      if (Type !== 'String' && Type !== 'StringList') {
        throw new AwsError(
          'ValidationError',
          `CloudFormation can't create a parameter of type ${String(Type)}`,
        );
      }
    },
    create(context, properties) {
      const name = read(properties).Name ?? `CFN-${context.physicalName(128)}`;
      if (parameters.find(name)) throw new AwsError('AlreadyExists', `${name} already exists in stack`);
      return tag(put(name, properties, false), context.tags, properties['Tags']);
    },
    update(context, name, properties, previous) {
      const changed = ['Value', 'Type', 'Description', 'AllowedPattern', 'Tier', 'DataType'].some(
        (key) => properties[key] !== previous[key],
      );
      const record = changed ? put(name, properties, true) : parameters.get(name);
      return tag(record, context.tags, properties['Tags']);
    },
    delete(_context, name) {
      parameters.delete(name);
    },
  };
}
