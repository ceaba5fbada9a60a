/** Documents that the embedded cloud reads: each is either understood or refused in the service's own words. */
import { describe, expect } from 'vitest';
import { resolveParameters } from '../../src/embedded/cloudformation/template/parameters.ts';
import { parseTemplate } from '../../src/embedded/cloudformation/template/parse.ts';
import { validateTemplate } from '../../src/embedded/cloudformation/template/validate.ts';
import { BuildspecError, parseBuildspec } from '../../src/embedded/compute/codebuild/buildspec.ts';
import { exportApi } from '../../src/embedded/gateway/api-gateway/openapi/export.ts';
import { importApi, parseDocument } from '../../src/embedded/gateway/api-gateway/openapi/import.ts';
import type { ApiRecord } from '../../src/embedded/gateway/api-gateway/state.ts';
import { evaluate, PolicySyntaxError, parsePolicy } from '../../src/embedded/iam/policy.ts';
import { AwsError } from '../../src/embedded/platform.ts';
import { parseDefinition } from '../../src/embedded/resources/step-functions/language/definition.ts';
import { buildspec, changedTexts, openApi, policy, stateMachine, template } from './documents.ts';
import { expectNoTrace, property } from './property.ts';

type Refusal = new (...parameters: never[]) => Error;

/** What the reader gives; undefined when it refused, which it may only by the named error. */
async function read<T>(text: string, refusal: Refusal, reader: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await reader();
  } catch (error) {
    if (!(error instanceof refusal)) throw error;
    expect(error.message).not.toBe('');
    expect(error.message).not.toMatch(
      /Maximum call stack|Cannot read prop|is not a function|is not iterable/,
    );
    expectNoTrace(error.message, text);
    return undefined;
  }
}

describe('documents', () => {
  property('CloudFormation templates', changedTexts(template, ['json', 'yaml']), async (text) => {
    await read(text, AwsError, async () => {
      const parsed = await parseTemplate(text);
      validateTemplate(parsed, (type) => type === 'AWS::SSM::Parameter');
      resolveParameters(parsed.Parameters, [], [], () => {
        throw new Error('there is no Parameter Store here');
      });
    });
  });

  property('OpenAPI documents', changedTexts(openApi, ['json', 'yaml']), async (text) => {
    const imported = await read(text, AwsError, () => importApi(parseDocument(text)));
    if (!imported) return;
    const api = { description: { name: 'shop', version: '1' } } as ApiRecord;
    const written = exportApi(api, imported.definition, 'prod', { type: 'oas30', integrations: true });
    const again = await read(text, AwsError, () => importApi(parseDocument(JSON.stringify(written))));
    // What was understood is understood again when it is written down.
    const outline = (resources: typeof imported.definition.resources) =>
      Object.values(resources)
        .filter(({ methods }) => Object.keys(methods).length > 0)
        .map(({ path, methods }) => `${path} ${Object.keys(methods).sort().join()}`)
        .sort();
    if (again) expect(outline(again.definition.resources)).toEqual(outline(imported.definition.resources));
  });

  property('Amazon States Language', changedTexts(stateMachine, ['json']), async (text) => {
    const definition = await read(text, AwsError, () => parseDefinition(text, () => {}));
    if (definition) expect(Object.hasOwn(definition.States, definition.StartAt)).toBe(true);
  });

  property('buildspecs', changedTexts(buildspec, ['json', 'yaml']), async (text) => {
    await read(text, BuildspecError, () => parseBuildspec(text));
  });

  property('IAM policies', changedTexts(policy, ['json']), async (text) => {
    const compiled = await read(text, PolicySyntaxError, () => parsePolicy(text));
    if (!compiled) return;
    const decision = evaluate([compiled], {
      action: 'dynamodb:GetItem',
      resource: 'arn:aws:dynamodb:us-east-1:000000000000:table/orders',
      lookup: (key: string) => (key === 'dynamodb:leadingkeys' ? ['t1'] : undefined),
    } as never);
    expect(['allow', 'explicit-deny', 'implicit-deny']).toContain(decision);
  });
});
