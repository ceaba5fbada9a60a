/** AWS::CodeBuild: Project is live; ReportGroup and SourceCredential are kept in name only. */
import { type CreateProjectInput, CreateProjectInput$ } from '@aws-sdk/client-codebuild';
import { AwsError, arn, type Cloud, type Properties, type ResourceType } from '../../platform.ts';
import { inputFromProperties } from '../../resource-properties.ts';
import { stackTags, tagList } from '../../resources/tags.ts';
import { type Projects, validateProject } from './projects.ts';

/** Properties that the API takes by operations of their own. */
interface Extras {
  Triggers?: { Webhook?: boolean | string };
  Visibility?: string;
  ResourceAccessRole?: string;
}

function inputOf(properties: Properties): CreateProjectInput {
  const { Triggers, Visibility, ResourceAccessRole: _role, ...rest } = properties as Properties & Extras;
  if (String(Triggers?.Webhook ?? false) === 'true')
    throw new AwsError('InvalidInputException', 'webhooks are not available in the embedded cloud');
  if (Visibility !== undefined && Visibility !== 'PRIVATE')
    throw new AwsError('InvalidInputException', 'public builds are not available in the embedded cloud');
  const input = inputFromProperties<CreateProjectInput>(CreateProjectInput$, rest);
  validateProject(input);
  return input;
}

export function projectType(cloud: Cloud, projects: Projects): ResourceType {
  const withTags = (input: CreateProjectInput, stack: Readonly<Record<string, string>>, own: unknown) => ({
    ...input,
    tags: tagList(stackTags(stack, own)).map(({ Key, Value }) => ({ key: Key, value: Value })),
  });
  const state = (name: string) => ({
    physicalId: name,
    attributes: { Arn: arn(cloud, 'codebuild', `project/${name}`), Id: name },
  });
  return {
    replaceOn: ['Name'],
    validate: (properties) => void inputOf(properties),
    create(context, properties) {
      const name = String(properties['Name'] ?? context.physicalName(150));
      projects.create({ ...withTags(inputOf(properties), context.tags, properties['Tags']), name });
      return state(name);
    },
    update(context, name, properties) {
      projects.update({ ...withTags(inputOf(properties), context.tags, properties['Tags']), name });
      return state(name);
    },
    delete: (_context, name) => projects.remove(name),
  };
}

/** Ref is the ARN. */
export function inertArnType(cloud: Cloud, kind: 'report-group' | 'token'): ResourceType {
  const state = (id: string) => ({ physicalId: id, attributes: { Arn: id, Id: id } });
  return {
    presence: 'inert',
    replaceOn: ['Name', 'ServerType'],
    create: (context, properties) =>
      state(
        arn(
          cloud,
          'codebuild',
          `${kind}/${String(properties['Name'] ?? properties['ServerType'] ?? context.physicalName(100)).toLowerCase()}`,
        ),
      ),
    update: (_context, id) => state(id),
    delete: () => {},
  };
}
