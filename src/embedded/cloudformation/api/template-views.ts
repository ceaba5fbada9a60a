/** The operations that show and check templates. */
import {
  GetTemplate$,
  type GetTemplateInput,
  type GetTemplateOutput,
  GetTemplateSummary$,
  type GetTemplateSummaryInput,
  type GetTemplateSummaryOutput,
  type ParameterDeclaration,
  ValidateTemplate$,
  type ValidateTemplateInput,
  type ValidateTemplateOutput,
} from '@aws-sdk/client-cloudformation';
import { type Operation, operation } from '../../platform.ts';
import { neededCapabilities } from '../template/capabilities.ts';
import type { ParameterDefinition, Template } from '../template/model.ts';
import { validationError } from '../template/model.ts';
import { parseTemplate } from '../template/parse.ts';
import { validateTemplate } from '../template/validate.ts';
import { findChangeSet } from './change-sets.ts';
import { type CloudFormationContext, stackWithId, templateText } from './service.ts';

export const templateOperations = (context: CloudFormationContext): Operation[] => [
  operation<GetTemplateInput, GetTemplateOutput>(GetTemplate$, (input) => {
    const digest =
      input.ChangeSetName === undefined
        ? stackWithId(context, input.StackName).template
        : findChangeSet(context, input.ChangeSetName, input.StackName).template;
    return {
      TemplateBody: context.repository.templateBody(digest) || '{}',
      StagesAvailable: ['Original', 'Processed'],
    };
  }),

  operation<GetTemplateSummaryInput, GetTemplateSummaryOutput>(GetTemplateSummary$, async (input) => {
    const template =
      input.StackName === undefined
        ? await parseTemplate(await templateText(context, input))
        : await context.repository.template(stackWithId(context, input.StackName).template);
    const { capabilities, reason } = neededCapabilities(template);
    return {
      Parameters: Object.entries(template.Parameters).map(([key, definition]) =>
        declaration(key, definition),
      ),
      ...described(template),
      ...(capabilities.length > 0 ? { Capabilities: capabilities, CapabilitiesReason: reason } : {}),
      ResourceTypes: [...new Set(Object.values(template.Resources).map((resource) => resource.Type))],
      ...(template.AWSTemplateFormatVersion === undefined
        ? {}
        : { Version: template.AWSTemplateFormatVersion }),
      ...(template.Metadata === undefined ? {} : { Metadata: JSON.stringify(template.Metadata) }),
    };
  }),

  operation<ValidateTemplateInput, ValidateTemplateOutput>(ValidateTemplate$, async (input) => {
    if (input.TemplateBody === undefined && input.TemplateURL === undefined)
      throw validationError('Either Template URL or Template Body must be specified.');
    const template = await parseTemplate(await templateText(context, input));
    validateTemplate(template, (type) => context.types.find(type) !== undefined);
    const { capabilities, reason } = neededCapabilities(template);
    return {
      Parameters: Object.entries(template.Parameters).map(([key, definition]) => {
        const { ParameterKey, DefaultValue, NoEcho, Description } = declaration(key, definition);
        return { ParameterKey, DefaultValue, NoEcho, Description };
      }),
      ...described(template),
      ...(capabilities.length > 0 ? { Capabilities: capabilities, CapabilitiesReason: reason } : {}),
    };
  }),
];

const described = (template: Template): { Description?: string } =>
  template.Description === undefined ? {} : { Description: template.Description };

function declaration(key: string, definition: ParameterDefinition): ParameterDeclaration {
  return {
    ParameterKey: key,
    ParameterType: definition.Type,
    NoEcho: String(definition.NoEcho) === 'true',
    ...(definition.Default === undefined ? {} : { DefaultValue: String(definition.Default) }),
    ...(definition.Description === undefined ? {} : { Description: definition.Description }),
    ParameterConstraints:
      definition.AllowedValues === undefined ? {} : { AllowedValues: definition.AllowedValues.map(String) },
  };
}
