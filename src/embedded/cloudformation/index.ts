/** CloudFormation: real templates, deployed by the resource types of all the embedded cloud's services. */
import type { AwsService, Cloud, CloudFormationApi } from '../platform.ts';
import { inertTypes } from '../resources/inert/index.ts';
import { authorized } from './api/access.ts';
import { changeSetOperations } from './api/change-sets.ts';
import { describeOperations } from './api/describe.ts';
import { rollbackOperations } from './api/rollbacks.ts';
import type { CloudFormationContext } from './api/service.ts';
import { stackOperations } from './api/stacks.ts';
import { templateOperations } from './api/template-views.ts';
import { Engine } from './engine/engine.ts';
import { StackRepository } from './stack/repository.ts';
import { createCustomResources } from './types/custom-resource.ts';
import { nestedStackType } from './types/nested-stack.ts';
import { placeholderTypes } from './types/placeholders.ts';
import { TypeRegistry } from './types/registry.ts';

export function createCloudFormation(cloud: Cloud): AwsService & CloudFormationApi {
  const custom = createCustomResources(cloud);
  const types = new TypeRegistry(
    cloud,
    {
      ...inertTypes(cloud),
      ...placeholderTypes(cloud),
      'AWS::CloudFormation::Stack': nestedStackType(() => context),
    },
    custom.type,
  );
  const repository = new StackRepository(cloud.store);
  const engine = new Engine(cloud, repository, types);
  const context: CloudFormationContext = { cloud, repository, engine, types };
  return {
    signingName: 'cloudformation',
    protocol: 'query',
    xmlNamespace: 'http://cloudformation.amazonaws.com/doc/2010-05-15/',
    operations: authorized(context, [
      ...stackOperations(context),
      ...rollbackOperations(context),
      ...describeOperations(context),
      ...templateOperations(context),
      ...changeSetOperations(context),
    ]),
    routes: [custom.route],
    resourceType: (name) => types.find(name),
    start() {
      engine.resumeAll();
      return Promise.resolve();
    },
    stop: () => engine.stop(),
  };
}
