/** AWS::WAFv2::WebACL (Ref is `name|id|scope`), ::WebACLAssociation and ::LoggingConfiguration. */
import type { Properties, ResourceType } from '../../platform.ts';
import { stackTags } from '../../resources/tags.ts';
import { compileRules, type Rule } from './rules.ts';
import type { Logging, WebAcl, WebAcls } from './state.ts';
import { invalid } from './statements.ts';

type Settings = Readonly<Record<string, unknown>>;

const rulesOf = (properties: Properties): Rule[] => (properties['Rules'] ?? []) as Rule[];
const defaultOf = (properties: Properties): Settings => (properties['DefaultAction'] ?? {}) as Settings;

const settingsOf = (properties: Properties) => ({
  ...(properties['Description'] !== undefined && { description: String(properties['Description']) }),
  defaultAction: defaultOf(properties),
  rules: rulesOf(properties),
  visibilityConfig: (properties['VisibilityConfig'] ?? {}) as Settings,
});

export function webAclType(acls: WebAcls): ResourceType {
  const state = (acl: WebAcl) => ({
    physicalId: `${acl.name}|${acl.id}|REGIONAL`,
    attributes: {
      Id: acl.id,
      Arn: acl.arn,
      Capacity: acl.capacity,
      LabelNamespace: `awswaf:${acl.arn.split(':')[4]}:webacl:${acl.name}:`,
    },
  });
  const arnOf = (physicalId: string): string => {
    const [name = '', id = ''] = physicalId.split('|');
    return acls.arnOf(name, id);
  };
  return {
    replaceOn: ['Name', 'Scope'],
    validate(properties) {
      if (properties['Scope'] !== 'REGIONAL')
        throw invalid(
          'SCOPE_VALUE',
          properties['Scope'],
          'The embedded cloud has web ACLs of scope REGIONAL',
        );
      compileRules(rulesOf(properties), defaultOf(properties));
    },
    create(context, properties) {
      const { Name, Tags } = properties;
      return state(
        acls.create({
          ...settingsOf(properties),
          name: typeof Name === 'string' ? Name : context.physicalName(128),
          tags: stackTags(context.tags, Tags),
        }),
      );
    },
    update: (context, physicalId, properties) =>
      state(
        acls.update(arnOf(physicalId), {
          ...settingsOf(properties),
          tags: stackTags(context.tags, properties['Tags']),
        }),
      ),
    delete(_context, physicalId) {
      if (acls.find(arnOf(physicalId))) acls.delete(arnOf(physicalId));
    },
  };
}

export function webAclAssociationType(acls: WebAcls): ResourceType {
  return {
    replaceOn: ['ResourceArn', 'WebACLArn'],
    create(_context, properties) {
      const [resource, acl] = [String(properties['ResourceArn']), String(properties['WebACLArn'])];
      acls.associate(acl, resource);
      return { physicalId: `${resource}|${acl}` };
    },
    delete(_context, physicalId) {
      const [resource = '', acl = ''] = physicalId.split('|');
      // A replacement may stand there by now.
      if (acls.stagesOf(acl).includes(resource)) acls.disassociate(resource);
    },
  };
}

export function loggingType(acls: WebAcls): ResourceType {
  const put = (properties: Properties) => {
    acls.log(properties as unknown as Logging);
    return { physicalId: String(properties['ResourceArn']), attributes: { ManagedByFirewallManager: false } };
  };
  return {
    replaceOn: ['ResourceArn'],
    create: (_context, properties) => put(properties),
    update: (_context, _physicalId, properties) => put(properties),
    delete(_context, physicalId) {
      acls.unlog(physicalId);
    },
  };
}
