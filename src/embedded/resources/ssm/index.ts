/** The Parameter Store of AWS Systems Manager. */
import {
  AddTagsToResource$,
  type AddTagsToResourceCommandInput,
  DeleteParameter$,
  type DeleteParameterCommandInput,
  DeleteParameters$,
  type DeleteParametersCommandInput,
  DescribeParameters$,
  type DescribeParametersCommandInput,
  GetParameter$,
  type GetParameterCommandInput,
  GetParameterHistory$,
  type GetParameterHistoryCommandInput,
  GetParameters$,
  GetParametersByPath$,
  type GetParametersByPathCommandInput,
  type GetParametersCommandInput,
  LabelParameterVersion$,
  type LabelParameterVersionCommandInput,
  ListTagsForResource$,
  type ListTagsForResourceCommandInput,
  PutParameter$,
  type PutParameterCommandInput,
  RemoveTagsFromResource$,
  type RemoveTagsFromResourceCommandInput,
} from '@aws-sdk/client-ssm';
import {
  type Access,
  AwsError,
  type AwsService,
  type Call,
  type Cloud,
  operation,
  type SsmApi,
} from '../../platform.ts';
import { pageOf } from '../pages.ts';
import { tagList, tagsFrom } from '../tags.ts';
import { matches } from './filters.ts';
import { ciphertext, type ParameterRecord, Parameters, type Selected } from './parameters.ts';
import { parameterType } from './resource-type.ts';

export function createSsm(cloud: Cloud): AwsService & SsmApi {
  const parameters = new Parameters(cloud);
  const on =
    (operationName: string) =>
    (...references: (string | undefined)[]): Access[] =>
      references.map((reference = '') => ({
        action: `ssm:${operationName}`,
        resource: parameters.arn(parameters.nameOf(reference).name),
      }));
  const byName =
    (operationName: string) =>
    (input: { Name?: string | undefined }): Access[] =>
      on(operationName)(input.Name);

  const shown = ({ record, version, selector }: Selected, decrypt: boolean | undefined) => ({
    Name: record.name,
    Type: version.type,
    Value: version.type === 'SecureString' && !decrypt ? ciphertext(version.value) : version.value,
    Version: version.version,
    Selector: selector === undefined ? undefined : `:${selector}`,
    LastModifiedDate: version.modified,
    ARN: parameters.arn(record.name),
    DataType: record.dataType,
  });
  const newest = (record: ParameterRecord): Selected => ({
    record,
    version: record.versions.at(-1) as Selected['version'],
    selector: undefined,
  });
  const metadata = (record: ParameterRecord) => {
    const { version } = newest(record);
    return {
      Name: record.name,
      ARN: parameters.arn(record.name),
      Type: record.type,
      KeyId: record.keyId,
      LastModifiedDate: version.modified,
      LastModifiedUser: version.modifiedBy,
      Description: record.description,
      AllowedPattern: record.allowedPattern,
      Version: version.version,
      Tier: record.tier,
      Policies: [],
      DataType: record.dataType,
    };
  };
  const tagged = (type: string | undefined, id: string | undefined): ParameterRecord => {
    const record = type === 'Parameter' ? parameters.find(parameters.nameOf(id ?? '').name) : undefined;
    if (!record) {
      throw new AwsError(
        'InvalidResourceId',
        'The resource ID is not valid. Verify that you entered the correct ID.',
      );
    }
    return record;
  };
  const byResource =
    (operationName: string) =>
    (input: { ResourceId?: string | undefined }): Access[] =>
      on(operationName)(input.ResourceId);

  const operations = [
    operation(
      PutParameter$,
      (input: PutParameterCommandInput, call: Call) => {
        const { selector, name } = parameters.nameOf(input.Name ?? '');
        if (selector !== undefined) {
          throw new AwsError('ValidationException', 'A parameter name can not include a colon (:).');
        }
        const record = parameters.put(
          {
            name,
            value: input.Value ?? '',
            type: input.Type,
            description: input.Description,
            keyId: input.KeyId,
            allowedPattern: input.AllowedPattern,
            tier: input.Tier,
            dataType: input.DataType,
            tags: tagsFrom(input.Tags),
          },
          input.Overwrite ?? false,
          call.principal.arn,
        );
        return { Version: newest(record).version.version, Tier: record.tier };
      },
      { access: byName('PutParameter') },
    ),
    operation(
      GetParameter$,
      (input: GetParameterCommandInput) => ({
        Parameter: shown(parameters.select(input.Name ?? ''), input.WithDecryption),
      }),
      { access: byName('GetParameter') },
    ),
    operation(
      GetParameters$,
      (input: GetParametersCommandInput) => {
        const names = [...new Set(input.Names ?? [])];
        if (names.length > 10) {
          throw new AwsError(
            'ValidationException',
            `1 validation error detected: Value '${names.length} names' at 'names' failed to satisfy constraint: Member must have length less than or equal to 10`,
          );
        }
        const found: Selected[] = [];
        const invalid: string[] = [];
        for (const name of names) {
          try {
            found.push(parameters.select(name));
          } catch {
            invalid.push(name);
          }
        }
        return {
          Parameters: found.map((each) => shown(each, input.WithDecryption)),
          InvalidParameters: invalid,
        };
      },
      { access: (input) => on('GetParameters')(...(input.Names ?? [])) },
    ),
    operation(
      GetParametersByPath$,
      (input: GetParametersByPathCommandInput) => {
        const path = input.Path ?? '';
        if (!path.startsWith('/')) {
          throw new AwsError(
            'ValidationException',
            'The parameter path must begin with a forward slash (/).',
          );
        }
        const prefix = path.endsWith('/') ? path : `${path}/`;
        const found = parameters.all().filter(
          (record) =>
            // A bare name counts as one level below the root.
            (record.name.startsWith(prefix) || (prefix === '/' && !record.name.includes('/'))) &&
            (input.Recursive === true || !record.name.slice(prefix.length).includes('/')) &&
            matches(record, input.ParameterFilters),
        );
        const page = pageOf(found, ({ name }) => name, input.MaxResults ?? 10, input.NextToken);
        return {
          Parameters: page.items.map((record) => shown(newest(record), input.WithDecryption)),
          NextToken: page.next,
        };
      },
      { access: (input) => on('GetParametersByPath')(input.Path) },
    ),
    operation(
      GetParameterHistory$,
      (input: GetParameterHistoryCommandInput) => {
        const record = parameters.get(parameters.nameOf(input.Name ?? '').name);
        const key = (version: Selected['version']) => String(version.version).padStart(9, '0');
        const page = pageOf(record.versions, key, input.MaxResults ?? 50, input.NextToken);
        return {
          Parameters: page.items.map((version) => ({
            ...shown({ record, version, selector: undefined }, input.WithDecryption),
            LastModifiedUser: version.modifiedBy,
            Description: version.description,
            Labels: version.labels,
            Tier: record.tier,
            Policies: [],
          })),
          NextToken: page.next,
        };
      },
      { access: byName('GetParameterHistory') },
    ),
    operation(DescribeParameters$, (input: DescribeParametersCommandInput) => {
      const filters = [
        ...(input.ParameterFilters ?? []),
        ...(input.Filters ?? []).map((filter) => ({
          ...filter,
          Option: filter.Key === 'Name' ? 'BeginsWith' : 'Equals',
        })),
      ];
      const found = parameters.all().filter((record) => matches(record, filters));
      const page = pageOf(found, ({ name }) => name, input.MaxResults ?? 50, input.NextToken);
      return { Parameters: page.items.map(metadata), NextToken: page.next };
    }),
    operation(
      DeleteParameter$,
      (input: DeleteParameterCommandInput) => {
        const { name } = parameters.get(parameters.nameOf(input.Name ?? '').name);
        parameters.delete(name);
        return {};
      },
      { access: byName('DeleteParameter') },
    ),
    operation(
      DeleteParameters$,
      (input: DeleteParametersCommandInput) => {
        const names = input.Names ?? [];
        const deleted = new Set(names.filter((name) => parameters.delete(parameters.nameOf(name).name)));
        return {
          DeletedParameters: [...deleted],
          InvalidParameters: names.filter((name) => !deleted.has(name)),
        };
      },
      { access: (input) => on('DeleteParameters')(...(input.Names ?? [])) },
    ),
    operation(
      LabelParameterVersion$,
      (input: LabelParameterVersionCommandInput) => {
        const record = parameters.get(parameters.nameOf(input.Name ?? '').name);
        const version =
          input.ParameterVersion === undefined
            ? newest(record).version
            : parameters.select(`${record.name}:${input.ParameterVersion}`).version;
        const bad = (label: string) => !/^[A-Za-z_.-][\w.-]{0,99}$/.test(label) || /^(aws|ssm)/i.test(label);
        const labels = input.Labels ?? [];
        const valid = labels.filter((label) => !bad(label));
        for (const each of record.versions) {
          each.labels = each.labels.filter((label) => !valid.includes(label));
        }
        if (version.labels.length + valid.length > 10) {
          throw new AwsError(
            'ParameterVersionLabelLimitExceeded',
            'A parameter version can have a maximum of ten labels.',
          );
        }
        version.labels.push(...valid);
        parameters.save(record);
        return { InvalidLabels: labels.filter(bad), ParameterVersion: version.version };
      },
      { access: byName('LabelParameterVersion') },
    ),
    operation(
      AddTagsToResource$,
      (input: AddTagsToResourceCommandInput) => {
        const record = tagged(input.ResourceType, input.ResourceId);
        record.tags = { ...record.tags, ...tagsFrom(input.Tags) };
        parameters.save(record);
        return {};
      },
      { access: byResource('AddTagsToResource') },
    ),
    operation(
      RemoveTagsFromResource$,
      (input: RemoveTagsFromResourceCommandInput) => {
        const record = tagged(input.ResourceType, input.ResourceId);
        for (const key of input.TagKeys ?? []) delete record.tags[key];
        parameters.save(record);
        return {};
      },
      { access: byResource('RemoveTagsFromResource') },
    ),
    operation(
      ListTagsForResource$,
      (input: ListTagsForResourceCommandInput) => ({
        TagList: tagList(tagged(input.ResourceType, input.ResourceId).tags),
      }),
      { access: byResource('ListTagsForResource') },
    ),
  ];

  return {
    signingName: 'ssm',
    protocol: 'json-1.1',
    operations,
    resourceTypes: { 'AWS::SSM::Parameter': parameterType(cloud, parameters) },
    value: (name) => parameters.select(name).version.value,
  };
}
