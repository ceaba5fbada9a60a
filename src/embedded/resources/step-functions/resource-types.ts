/** AWS::StepFunctions::StateMachine, live, and ::Activity, which is kept in name only. */
import { type CreateStateMachineInput, CreateStateMachineInput$ } from '@aws-sdk/client-sfn';
import { AwsError, arn, type Cloud, type Properties, type ResourceType } from '../../platform.ts';
import { inputFromProperties } from '../../resource-properties.ts';
import { stackTags } from '../tags.ts';
import type { StateMachineRecord } from './state.ts';
import type { StateMachines } from './state-machines.ts';

interface StateMachineProperties {
  StateMachineName?: string;
  Definition?: unknown;
  DefinitionString?: string;
  DefinitionS3Location?: { Bucket: string; Key: string };
  DefinitionSubstitutions?: Record<string, unknown>;
  Tags?: unknown;
}

export function stateMachineType(cloud: Cloud, machines: StateMachines): ResourceType {
  const inputOf = async (properties: Properties, name: string): Promise<CreateStateMachineInput> => {
    const {
      Definition,
      DefinitionString,
      DefinitionS3Location: location,
      DefinitionSubstitutions = {},
      StateMachineName: _name,
      Tags: _tags,
      ...rest
    } = properties as Properties & StateMachineProperties;
    const text =
      DefinitionString ??
      (Definition === undefined ? undefined : JSON.stringify(Definition)) ??
      (location && (await cloud.s3.read(location.Bucket, location.Key)).toString('utf8'));
    if (text === undefined) throw new AwsError('ValidationException', 'a state machine needs a definition');
    return {
      ...inputFromProperties<CreateStateMachineInput>(CreateStateMachineInput$, rest, {
        StateMachineType: 'type',
      }),
      name,
      definition: text.replace(/\$\{([\w.]+)\}/g, (match, key: string) =>
        key in DefinitionSubstitutions ? String(DefinitionSubstitutions[key]) : match,
      ),
    };
  };
  const made = (record: StateMachineRecord) => ({
    physicalId: record.arn,
    attributes: { Arn: record.arn, Name: record.name, StateMachineRevisionId: record.revisionId },
  });
  return {
    replaceOn: ['StateMachineName', 'StateMachineType'],
    async create(context, properties) {
      const name = String(properties['StateMachineName'] ?? context.physicalName(80));
      const tags = stackTags(context.tags, properties['Tags']);
      return made(machines.create(await inputOf(properties, name), tags));
    },
    async update(context, stateMachineArn, properties) {
      const { name: _name, ...input } = await inputOf(properties, '');
      const tags = stackTags(context.tags, properties['Tags']);
      return made(machines.update({ ...input, stateMachineArn }, tags));
    },
    delete: (_context, stateMachineArn) => machines.remove(stateMachineArn),
  };
}

export function activityType(cloud: Cloud): ResourceType {
  const state = (activityArn: string) => ({
    physicalId: activityArn,
    attributes: { Arn: activityArn, Name: activityArn.split(':').at(-1) },
  });
  return {
    presence: 'inert',
    replaceOn: ['Name'],
    create: (_context, properties) => state(arn(cloud, 'states', `activity:${String(properties['Name'])}`)),
    update: (_context, id) => state(id),
    delete: () => {},
  };
}
