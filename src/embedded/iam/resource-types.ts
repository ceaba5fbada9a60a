/** CloudFormation's IAM types. */
import { AwsError, type Properties, type ResourceState, type ResourceType } from '../platform.ts';
import { createServiceLinkedRole } from './service-linked-role.ts';
import { checkDocument, type IamState, type RoleRecord } from './state.ts';

const text = (value: unknown): string | undefined => (value === undefined ? undefined : String(value));
const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
const document = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value ?? {});
const objects = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value) ? value.filter((entry) => typeof entry === 'object' && entry !== null) : [];
const tagsOf = (value: unknown, stack: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  ...stack,
  ...Object.fromEntries(objects(value).map((tag) => [String(tag['Key']), String(tag['Value'])])),
});

const required = (properties: Properties, ...names: string[]): void => {
  for (const name of names)
    if (properties[name] === undefined)
      throw new AwsError('ValidationError', `Property ${name} cannot be empty.`);
};
const rolesOnly = (properties: Properties): void => {
  for (const kind of ['Users', 'Groups'])
    if (texts(properties[kind]).length > 0)
      throw new AwsError('ValidationError', `${kind} do not exist in the embedded cloud; attach to Roles`);
};

/** Takes what the properties once gave; entities that are gone already are no error. */
const quietly = (act: () => void): void => {
  try {
    act();
  } catch (error) {
    if (!(error instanceof AwsError && error.code === 'NoSuchEntity')) throw error;
  }
};

export function iamResourceTypes(state: IamState): Record<string, ResourceType> {
  const roleState = (record: RoleRecord): ResourceState => ({
    physicalId: record.name,
    attributes: { Arn: record.arn, RoleId: record.id },
  });
  const removeInline = (roleName: string, name: string): void => {
    const record = state.roles.get(roleName);
    if (!record) return;
    const { [name]: _gone, ...inline } = record.inline;
    state.saveRole({ ...record, inline });
  };
  const inlineOf = (properties: Properties): Map<string, string> =>
    new Map(
      objects(properties['Policies']).map((entry) => [
        String(entry['PolicyName']),
        document(entry['PolicyDocument']),
      ]),
    );

  /** Brings a role's own inline and attached policies from what `previous` said to what `properties` say. */
  const applyPolicies = (name: string, properties: Properties, previous: Properties): void => {
    const wanted = inlineOf(properties);
    for (const old of inlineOf(previous).keys()) if (!wanted.has(old)) removeInline(name, old);
    for (const [policy, content] of wanted) state.putInline(state.role(name), policy, content);
    const arns = texts(properties['ManagedPolicyArns']);
    for (const old of texts(previous['ManagedPolicyArns']))
      if (!arns.includes(old)) quietly(() => state.detach(state.role(name), old));
    for (const arn of arns) state.attach(state.role(name), arn);
  };

  const role: ResourceType = {
    replaceOn: ['RoleName', 'Path'],
    validate(properties) {
      required(properties, 'AssumeRolePolicyDocument');
      checkDocument(document(properties['AssumeRolePolicyDocument']), 'trust');
      for (const content of inlineOf(properties).values()) checkDocument(content);
    },
    create(context, properties) {
      const path = text(properties['Path']);
      const description = text(properties['Description']);
      const boundary = text(properties['PermissionsBoundary']);
      const record = state.createRole({
        name: text(properties['RoleName']) ?? context.physicalName(64),
        trust: document(properties['AssumeRolePolicyDocument']),
        tags: tagsOf(properties['Tags'], context.tags),
        ...(path === undefined ? {} : { path }),
        ...(description === undefined ? {} : { description }),
        ...(boundary === undefined ? {} : { boundary }),
        ...(properties['MaxSessionDuration'] === undefined
          ? {}
          : { maxSessionDuration: Number(properties['MaxSessionDuration']) }),
      });
      try {
        applyPolicies(record.name, properties, {});
      } catch (error) {
        state.saveRole({ ...state.role(record.name), inline: {}, attached: [] });
        state.deleteRole(state.role(record.name));
        throw error;
      }
      return roleState(record);
    },
    update(context, physicalId, properties, previous) {
      const { description: _description, boundary: _boundary, ...record } = state.role(physicalId);
      const description = text(properties['Description']);
      const boundary = text(properties['PermissionsBoundary']);
      if (boundary !== undefined) state.managedDocument(boundary);
      state.checkTrust(document(properties['AssumeRolePolicyDocument']));
      state.saveRole({
        ...record,
        trust: document(properties['AssumeRolePolicyDocument']),
        tags: tagsOf(properties['Tags'], context.tags),
        maxSessionDuration: Number(properties['MaxSessionDuration'] ?? 3600),
        ...(description === undefined ? {} : { description }),
        ...(boundary === undefined ? {} : { boundary }),
      });
      applyPolicies(physicalId, properties, previous);
      return roleState(state.role(physicalId));
    },
    delete(_context, physicalId, properties) {
      if (!state.roles.has(physicalId)) return;
      applyPolicies(physicalId, {}, properties);
      state.deleteRole(state.role(physicalId));
    },
  };

  /** AWS::IAM::Policy: one inline policy in several roles. */
  const policy: ResourceType = {
    validate(properties) {
      required(properties, 'PolicyName', 'PolicyDocument');
      checkDocument(document(properties['PolicyDocument']));
      rolesOnly(properties);
      if (texts(properties['Roles']).length === 0)
        throw new AwsError('ValidationError', 'At least one of [Groups,Roles,Users] must be non-empty.');
    },
    create(context, properties) {
      for (const name of texts(properties['Roles']))
        state.putInline(
          state.role(name),
          String(properties['PolicyName']),
          document(properties['PolicyDocument']),
        );
      const physicalId = context.physicalName(128);
      return { physicalId, attributes: { Id: physicalId } };
    },
    update(_context, physicalId, properties, previous) {
      const roles = texts(properties['Roles']);
      for (const name of texts(previous['Roles']))
        if (!roles.includes(name) || properties['PolicyName'] !== previous['PolicyName'])
          removeInline(name, String(previous['PolicyName']));
      for (const name of roles)
        state.putInline(
          state.role(name),
          String(properties['PolicyName']),
          document(properties['PolicyDocument']),
        );
      return { physicalId, attributes: { Id: physicalId } };
    },
    delete(_context, _physicalId, properties) {
      for (const name of texts(properties['Roles'])) removeInline(name, String(properties['PolicyName']));
    },
  };

  const rolePolicy: ResourceType = {
    replaceOn: ['PolicyName', 'RoleName'],
    validate: (properties) => required(properties, 'PolicyName', 'RoleName'),
    create(context, properties) {
      state.putInline(
        state.role(String(properties['RoleName'])),
        String(properties['PolicyName']),
        document(properties['PolicyDocument']),
      );
      return { physicalId: context.physicalName(128) };
    },
    update(_context, physicalId, properties) {
      state.putInline(
        state.role(String(properties['RoleName'])),
        String(properties['PolicyName']),
        document(properties['PolicyDocument']),
      );
      return { physicalId };
    },
    delete: (_context, _physicalId, properties) =>
      removeInline(String(properties['RoleName']), String(properties['PolicyName'])),
  };

  const managedState = (arn: string): ResourceState => {
    const record = state.policy(arn);
    return {
      physicalId: arn,
      attributes: {
        PolicyArn: arn,
        PolicyId: record.id,
        DefaultVersionId: `v${record.defaultVersion}`,
        CreateDate: new Date(record.createdAt).toISOString(),
        UpdateDate: new Date(record.updatedAt).toISOString(),
        AttachmentCount: state.attachedTo(arn).length,
        IsAttachable: true,
      },
    };
  };
  const managedPolicy: ResourceType = {
    replaceOn: ['ManagedPolicyName', 'Path', 'Description'],
    validate(properties) {
      required(properties, 'PolicyDocument');
      checkDocument(document(properties['PolicyDocument']));
      rolesOnly(properties);
    },
    create(context, properties) {
      const path = text(properties['Path']);
      const description = text(properties['Description']);
      const record = state.createPolicy({
        name: text(properties['ManagedPolicyName']) ?? context.physicalName(128),
        document: document(properties['PolicyDocument']),
        tags: tagsOf(properties['Tags'], context.tags),
        ...(path === undefined ? {} : { path }),
        ...(description === undefined ? {} : { description }),
      });
      try {
        for (const name of texts(properties['Roles'])) state.attach(state.role(name), record.arn);
      } catch (error) {
        for (const attached of state.attachedTo(record.arn)) state.detach(attached, record.arn);
        state.deletePolicy(record);
        throw error;
      }
      return managedState(record.arn);
    },
    update(context, physicalId, properties, previous) {
      const record = state.policy(physicalId);
      const content = document(properties['PolicyDocument']);
      if (content !== document(previous['PolicyDocument'])) {
        // As CloudFormation does: the oldest version that is not the default makes room.
        const old = Object.keys(record.versions).filter((number) => Number(number) !== record.defaultVersion);
        if (old.length >= 4 && old[0]) delete record.versions[old[0]];
        state.addPolicyVersion(record, content, true);
      }
      record.tags = tagsOf(properties['Tags'], context.tags);
      state.savePolicy(record);
      const roles = texts(properties['Roles']);
      for (const name of texts(previous['Roles']))
        if (!roles.includes(name)) quietly(() => state.detach(state.role(name), physicalId));
      for (const name of roles) state.attach(state.role(name), physicalId);
      return managedState(physicalId);
    },
    delete(_context, physicalId, properties) {
      for (const name of texts(properties['Roles']))
        quietly(() => state.detach(state.role(name), physicalId));
      quietly(() => state.deletePolicy(state.policy(physicalId)));
    },
  };

  const instanceProfile: ResourceType = {
    replaceOn: ['InstanceProfileName', 'Path'],
    validate(properties) {
      if (texts(properties['Roles']).length !== 1)
        throw new AwsError('ValidationError', 'An instance profile has exactly one role.');
    },
    create(context, properties) {
      const [name = ''] = texts(properties['Roles']);
      state.role(name);
      const record = state.createProfile(
        text(properties['InstanceProfileName']) ?? context.physicalName(128),
        text(properties['Path']),
        { ...context.tags },
      );
      state.profiles.put(record.name, { ...record, role: name });
      return { physicalId: record.name, attributes: { Arn: record.arn } };
    },
    update(_context, physicalId, properties) {
      const [name = ''] = texts(properties['Roles']);
      state.role(name);
      const record = state.profile(physicalId);
      state.profiles.put(record.name, { ...record, role: name });
      return { physicalId, attributes: { Arn: record.arn } };
    },
    delete(_context, physicalId) {
      state.profiles.delete(physicalId);
    },
  };

  const serviceLinkedRole: ResourceType = {
    replaceOn: ['AWSServiceName', 'CustomSuffix'],
    validate: (properties) => required(properties, 'AWSServiceName'),
    create(_context, properties) {
      const record = createServiceLinkedRole(state, String(properties['AWSServiceName']), {
        CustomSuffix: text(properties['CustomSuffix']),
        Description: text(properties['Description']),
      });
      return { physicalId: record.name, attributes: { RoleName: record.name } };
    },
    update(_context, physicalId, properties) {
      const { description: _description, ...record } = state.role(physicalId);
      const description = text(properties['Description']);
      state.saveRole({ ...record, ...(description === undefined ? {} : { description }) });
      return { physicalId, attributes: { RoleName: physicalId } };
    },
    delete(_context, physicalId) {
      quietly(() => state.deleteRole(state.role(physicalId)));
    },
  };

  return {
    'AWS::IAM::Role': role,
    'AWS::IAM::Policy': policy,
    'AWS::IAM::RolePolicy': rolePolicy,
    'AWS::IAM::ManagedPolicy': managedPolicy,
    'AWS::IAM::InstanceProfile': instanceProfile,
    'AWS::IAM::ServiceLinkedRole': serviceLinkedRole,
  };
}
