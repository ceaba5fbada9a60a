/** What the API's operations share: finding stacks, reading templates, checking requests. */
import type { Capability, Parameter, Tag } from '@aws-sdk/client-cloudformation';
import { isLoopback } from '../../endpoint/server.ts';
import { AwsError, type Cloud } from '../../platform.ts';
import type { Engine } from '../engine/engine.ts';
import type { StackRecord } from '../stack/records.ts';
import type { StackRepository } from '../stack/repository.ts';
import { requireCapabilities } from '../template/capabilities.ts';
import { type Template, validationError } from '../template/model.ts';
import { resolveParameters, type StackParameter } from '../template/parameters.ts';
import { checkRules } from '../template/rules.ts';
import { validateTemplate } from '../template/validate.ts';
import type { TypeRegistry } from '../types/registry.ts';

export interface CloudFormationContext {
  cloud: Cloud;
  repository: StackRepository;
  engine: Engine;
  types: TypeRegistry;
}

export interface TemplateInput {
  TemplateBody?: string | undefined;
  TemplateURL?: string | undefined;
  UsePreviousTemplate?: boolean | undefined;
}

/** A template that was submitted with its values, checked and ready to be deployed. */
export interface Submission {
  digest: string;
  template: Template;
  parameters: StackParameter[];
}

/** docs.aws.amazon.com, "AWS CloudFormation quotas": template sizes in bytes. */
const inlineLimit = 51_200;
const s3Limit = 1_000_000;

/** Throws with the wording that DescribeStacks has for a stack that is not there. */
export function stackWithId({ repository }: CloudFormationContext, name: string | undefined): StackRecord {
  const stack = repository.find(required(name, 'stackName'));
  if (!stack) throw validationError(`Stack with id ${name} does not exist`);
  return stack;
}

/** The same for the operations that change or look into a stack; they word it otherwise. */
export function existingStack({ repository }: CloudFormationContext, name: string | undefined): StackRecord {
  const stack = repository.find(required(name, 'stackName'));
  if (!stack || stack.deletedAt !== undefined) throw validationError(`Stack [${name}] does not exist`);
  return stack;
}

export function required(value: string | undefined, member: string): string {
  if (value) return value;
  throw validationError(
    `1 validation error detected: Value at '${member}' failed to satisfy constraint: Member must not be null`,
  );
}

/** The template that a request names, as text. Throws AwsError ValidationError. */
export async function templateText(
  context: CloudFormationContext,
  input: TemplateInput,
  stack?: StackRecord,
): Promise<string> {
  const { TemplateBody: body, TemplateURL: url, UsePreviousTemplate: previous } = input;
  if ([body, url, previous || undefined].filter((given) => given !== undefined).length !== 1)
    throw validationError('Either Template URL or Template Body must be specified.');
  if (body !== undefined) {
    if (Buffer.byteLength(body) > inlineLimit)
      throw validationError(
        `1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to ${inlineLimit}`,
      );
    if (body === '')
      throw validationError(
        "1 validation error detected: Value '' at 'templateBody' failed to satisfy constraint: Member must have length greater than or equal to 1",
      );
    return body;
  }
  if (url !== undefined) return readTemplate(context.cloud, url);
  if (!stack || stack.status === 'REVIEW_IN_PROGRESS')
    throw validationError('UsePreviousTemplate needs a stack that has a template');
  return context.repository.templateBody(stack.template);
}

/** Reads a template out of S3 by its URL, path style or by virtual host, of AWS's form or of this endpoint's. */
export async function readTemplate(cloud: Cloud, url: string): Promise<string> {
  const location = s3Location(url);
  if (!location) throw validationError('TemplateURL must be a supported URL.');
  let content: Buffer;
  try {
    content = await cloud.s3.read(location.bucket, location.key);
  } catch (error) {
    throw validationError(`S3 error: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (content.length > s3Limit) throw validationError(`Template may not exceed ${s3Limit} bytes in size.`);
  return content.toString('utf8');
}

function s3Location(url: string): { bucket: string; key: string } | undefined {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return undefined;
  }
  const path = decodeURIComponent(parsed.pathname.slice(1));
  const host = /^(?:(.+)\.)?s3[.-](?:[a-z0-9.-]+\.)?(?:amazonaws\.com(?:\.cn)?|localhost|127\.0\.0\.1)$/.exec(
    parsed.hostname,
  );
  if (host?.[1]) return { bucket: host[1], key: path };
  // The endpoint's own address, or that of a proxy before it: the object is this cloud's either way.
  if (!host && !isLoopback(parsed.host)) return undefined;
  const slash = path.indexOf('/');
  return slash < 0 ? undefined : { bucket: path.slice(0, slash), key: path.slice(slash + 1) };
}

/** Checks template, values and capabilities of a request, in the order in which CloudFormation complains. */
export async function submit(
  context: CloudFormationContext,
  input: TemplateInput & {
    Parameters?: Parameter[] | undefined;
    Capabilities?: Capability[] | undefined;
    Tags?: Tag[] | undefined;
  },
  stack?: StackRecord,
): Promise<Submission> {
  const { repository, types, cloud } = context;
  const digest = repository.addTemplate(await templateText(context, input, stack));
  try {
    const template = await repository.template(digest);
    validateTemplate(template, (type) => types.find(type) !== undefined);
    const parameters = resolveParameters(
      template.Parameters,
      input.Parameters ?? [],
      stack?.parameters ?? [],
      () => cloud.ssm,
    );
    checkRules(cloud, template, parameters);
    requireCapabilities(template, input.Capabilities ?? []);
    checkTags(input.Tags ?? []);
    return { digest, template, parameters };
  } catch (error) {
    repository.dropTemplate(digest);
    throw error;
  }
}

function checkTags(tags: readonly Tag[]): void {
  if (tags.length > 50) throw validationError('Tags: a stack can have at most 50 tags');
  if (tags.some((tag) => tag.Key?.toLowerCase().startsWith('aws:')))
    throw validationError("Tags: keys must not start with 'aws:'");
}

/** Pages of lists; the token is the position of the next page. */
export function page<Item>(
  items: readonly Item[],
  token: string | undefined,
  size: number,
): { items: Item[]; next: { NextToken?: string } } {
  const start = token === undefined ? 0 : Number(token);
  if (!Number.isInteger(start) || start < 0) throw new AwsError('ValidationError', 'Token is invalid');
  const end = start + size;
  return { items: items.slice(start, end), next: end < items.length ? { NextToken: String(end) } : {} };
}
