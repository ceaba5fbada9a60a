/** Finds the handler of a resource type: live, inert, or CloudFormation's own. */
import type { Cloud, ResourceType } from '../../platform.ts';

/** Further to {@link ResourceType}: going on with a creation or update that the end of the process cut off. */
export interface ResumableResourceType extends ResourceType {
  resume?: NonNullable<ResourceType['update']>;
}

export class TypeRegistry {
  private readonly cloud: Cloud;
  private readonly own: Readonly<Record<string, ResumableResourceType>>;
  private readonly custom: (name: string) => ResumableResourceType;

  constructor(
    cloud: Cloud,
    own: Readonly<Record<string, ResumableResourceType>>,
    custom: (name: string) => ResumableResourceType,
  ) {
    this.cloud = cloud;
    this.own = own;
    this.custom = custom;
  }

  /** Undefined: the embedded cloud has no such type. */
  find(name: string): ResumableResourceType | undefined {
    for (const service of this.cloud.services) {
      const type = service.resourceTypes?.[name];
      if (type) return type;
    }
    if (name.startsWith('Custom::') || name === 'AWS::CloudFormation::CustomResource')
      return this.custom(name);
    return this.own[name];
  }
}
