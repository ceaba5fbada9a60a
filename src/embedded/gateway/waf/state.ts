/** Web ACLs, the stages in front of which they stand, and what they log. */
import { randomUUID } from 'node:crypto';
import { AwsError, arn, type Cloud } from '../../platform.ts';
import type { Tags } from '../../resources/tags.ts';
import { type CompiledRules, compileRules, type Rule } from './rules.ts';
import { invalid } from './statements.ts';

export interface WebAcl {
  id: string;
  name: string;
  arn: string;
  description?: string | undefined;
  defaultAction: Readonly<Record<string, unknown>>;
  rules: readonly Rule[];
  visibilityConfig: Readonly<Record<string, unknown>>;
  capacity: number;
  lockToken: string;
  tags: Tags;
}

export type WebAclSettings = Pick<
  WebAcl,
  'name' | 'description' | 'defaultAction' | 'rules' | 'visibilityConfig' | 'tags'
>;

export interface Logging {
  ResourceArn: string;
  LogDestinationConfigs: readonly string[];
  RedactedFields?: readonly Readonly<Record<string, unknown>>[];
  LoggingFilter?: Readonly<Record<string, unknown>>;
}

export const nonexistent = (): AwsError =>
  new AwsError(
    'WAFNonexistentItemException',
    'AWS WAF couldn’t perform the operation because your resource doesn’t exist.',
  );

const stagePattern = /^arn:[^:]+:apigateway:[^:]+::\/restapis\/([^/]+)\/stages\/([^/]+)$/;

export class WebAcls {
  readonly #cloud: Cloud;
  /** By ARN. Rules keep their counts as long as they don't change. */
  readonly #compiled = new Map<string, CompiledRules>();

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  get #acls() {
    return this.#cloud.store.collection<WebAcl>('waf.web-acls');
  }
  /** Stage -> ARN of its web ACL. */
  get #associations() {
    return this.#cloud.store.collection<string>('waf.associations');
  }
  get #loggings() {
    return this.#cloud.store.collection<Logging>('waf.logging');
  }

  all(): WebAcl[] {
    return this.#acls.values().sort((left, right) => (left.name < right.name ? -1 : 1));
  }

  /** By ARN. Throws WAFNonexistentItemException. */
  get(webAclArn: string): WebAcl {
    const acl = this.#acls.get(webAclArn);
    if (!acl) throw nonexistent();
    return acl;
  }

  find(webAclArn: string): WebAcl | undefined {
    return this.#acls.get(webAclArn);
  }

  arnOf = (name: string, id: string): string => arn(this.#cloud, 'wafv2', `regional/webacl/${name}/${id}`);

  create(settings: WebAclSettings): WebAcl {
    if (!/^[\w-]{1,128}$/.test(settings.name)) throw invalid('NAME', settings.name, 'The name is not valid');
    if (this.all().some(({ name }) => name === settings.name))
      throw new AwsError(
        'WAFDuplicateItemException',
        'AWS WAF couldn’t perform the operation because some resource in your request is a duplicate of an existing one.',
      );
    const id = randomUUID();
    return this.#put({ ...settings, id, arn: this.arnOf(settings.name, id), capacity: 0, lockToken: '' });
  }

  update(webAclArn: string, settings: Omit<WebAclSettings, 'name'>): WebAcl {
    return this.#put({ ...this.get(webAclArn), ...settings });
  }

  #put(acl: WebAcl): WebAcl {
    const rules = compileRules(acl.rules, acl.defaultAction);
    const stored = { ...acl, capacity: rules.capacity, lockToken: randomUUID() };
    this.#acls.put(acl.arn, stored);
    this.#compiled.set(acl.arn, rules);
    return stored;
  }

  tag(webAclArn: string, tags: Tags): void {
    this.#acls.put(webAclArn, { ...this.get(webAclArn), tags });
  }

  /** Throws WAFAssociatedItemException while it stands in front of a stage. */
  delete(webAclArn: string): void {
    if (this.stagesOf(webAclArn).length > 0)
      throw new AwsError(
        'WAFAssociatedItemException',
        'AWS WAF couldn’t perform the operation because your resource is being used by another resource or it’s associated with another resource.',
      );
    this.#acls.delete(webAclArn);
    this.#loggings.delete(webAclArn);
    this.#compiled.delete(webAclArn);
  }

  /** `<api>/<stage>`; throws for what is no stage, or is not there. */
  stage(resourceArn: string): string {
    const [, api, stage] = stagePattern.exec(resourceArn) ?? [];
    if (api === undefined || stage === undefined)
      throw invalid(
        'RESOURCE_ARN',
        resourceArn,
        'The embedded cloud puts web ACLs in front of stages of REST APIs',
      );
    const key = `${api}/${stage}`;
    if (!this.#cloud.store.collection('apigateway.stages').has(key)) throw nonexistent();
    return key;
  }

  associate(webAclArn: string, resourceArn: string): void {
    this.#associations.put(this.stage(resourceArn), this.get(webAclArn).arn);
  }

  disassociate(resourceArn: string): void {
    const [, api, stage] = stagePattern.exec(resourceArn) ?? [];
    this.#associations.delete(`${api}/${stage}`);
  }

  of(stage: string): WebAcl | undefined {
    const webAclArn = this.#associations.get(stage);
    return webAclArn === undefined ? undefined : this.#acls.get(webAclArn);
  }

  /** ARNs of the stages that are there. */
  stagesOf(webAclArn: string): string[] {
    const { partition, region, store } = this.#cloud;
    return this.#associations
      .entries()
      .filter(([stage, of]) => of === webAclArn && store.collection('apigateway.stages').has(stage))
      .map(([stage]) => {
        const [api, name] = stage.split('/');
        return `arn:${partition}:apigateway:${region}::/restapis/${api}/stages/${name}`;
      });
  }

  rulesOf(acl: WebAcl): CompiledRules {
    const known = this.#compiled.get(acl.arn);
    if (known) return known;
    const rules = compileRules(acl.rules, acl.defaultAction);
    this.#compiled.set(acl.arn, rules);
    return rules;
  }

  logging(webAclArn: string): Logging | undefined {
    return this.#loggings.get(webAclArn);
  }

  log(logging: Logging): void {
    this.get(logging.ResourceArn);
    for (const destination of logging.LogDestinationConfigs)
      if (!/:log-group:aws-waf-logs-[^:]+(:\*)?$/.test(destination))
        throw invalid(
          'LOG_DESTINATION',
          destination,
          'The ARN is not that of a log group whose name begins with aws-waf-logs-',
        );
    this.#loggings.put(logging.ResourceArn, logging);
  }

  unlog(webAclArn: string): void {
    this.#loggings.delete(webAclArn);
  }
}
