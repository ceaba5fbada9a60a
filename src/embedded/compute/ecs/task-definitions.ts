/** Task definitions: what a task is made of, by family and revision. */
import {
  type ContainerDefinition,
  DeleteTaskDefinitions$,
  type DeleteTaskDefinitionsRequest,
  DeregisterTaskDefinition$,
  type DeregisterTaskDefinitionRequest,
  DescribeTaskDefinition$,
  type DescribeTaskDefinitionRequest,
  ListTaskDefinitionFamilies$,
  type ListTaskDefinitionFamiliesRequest,
  ListTaskDefinitions$,
  type ListTaskDefinitionsRequest,
  RegisterTaskDefinition$,
  type RegisterTaskDefinitionRequest,
} from '@aws-sdk/client-ecs';
import { type Operation, operation } from '../../platform.ts';
import { clientError, type DefinitionRecord, type EcsState, invalid, page, shortName } from './state.ts';

/** Fargate's sizes: CPU units -> MiB of memory from, to, in steps of (docs.aws.amazon.com, "Fargate task sizes"). */
const fargateSizes: Readonly<Record<number, readonly number[]>> = {
  256: [512, 1024, 2048],
  512: range(1024, 4096, 1024),
  1024: range(2048, 8192, 1024),
  2048: range(4096, 16_384, 1024),
  4096: range(8192, 30_720, 1024),
  8192: range(16_384, 61_440, 4096),
  16384: range(32_768, 122_880, 8192),
};

function range(from: number, to: number, step: number): number[] {
  const values: number[] = [];
  for (let value = from; value <= to; value += step) values.push(value);
  return values;
}

export interface TaskDefinitions {
  register(input: RegisterTaskDefinitionRequest): DefinitionRecord;
  deregister(reference: string | undefined): DefinitionRecord;
  readonly operations: readonly Operation[];
}

/** Throws ClientException as RegisterTaskDefinition does. */
export function validateDefinition(input: RegisterTaskDefinitionRequest): void {
  if (!/^[A-Za-z0-9_-]{1,255}$/.test(input.family ?? ''))
    throw clientError(
      `Invalid family '${input.family ?? ''}': it has 1 to 255 letters, digits, dashes or underscores.`,
    );
  const containers = input.containerDefinitions ?? [];
  if (containers.length === 0)
    throw clientError('Task definition must have at least one container definition.');
  const names = new Set<string>();
  for (const container of containers) {
    const name = container.name ?? '';
    if (!name || !container.image)
      throw clientError(`Container.name and Container.image must not be null or empty.`);
    if (names.has(name)) throw clientError(`Container name '${name}' is not unique.`);
    names.add(name);
    validateHealthCheck(container);
  }
  if (!containers.some((container) => container.essential !== false))
    throw clientError('A task definition must have at least one essential container.');
  for (const container of containers) {
    for (const dependency of container.dependsOn ?? []) {
      if (!names.has(dependency.containerName ?? ''))
        throw clientError(
          `Container '${container.name}' depends on '${dependency.containerName}', which is not in the task definition.`,
        );
    }
  }
  if (input.requiresCompatibilities?.includes('FARGATE')) validateFargate(input);
  else if (!input.memory) {
    const without = containers.find((container) => !container.memory && !container.memoryReservation);
    if (without)
      throw clientError(
        `Invalid setting for container '${without.name}'. At least one of 'memory' or 'memoryReservation' must be specified.`,
      );
  }
}

function validateHealthCheck(container: ContainerDefinition): void {
  const check = container.healthCheck;
  if (!check) return;
  const [kind] = check.command ?? [];
  if (kind !== 'CMD' && kind !== 'CMD-SHELL' && kind !== 'NONE')
    throw clientError(
      `Health check command of container '${container.name}' must start with CMD or CMD-SHELL.`,
    );
  const bounds: [string, number | undefined, number, number][] = [
    ['interval', check.interval, 5, 300],
    ['timeout', check.timeout, 2, 120],
    ['retries', check.retries, 1, 10],
    ['startPeriod', check.startPeriod, 0, 300],
  ];
  for (const [name, value, least, most] of bounds) {
    if (value !== undefined && (value < least || value > most))
      throw clientError(
        `Health check ${name} of container '${container.name}' must be between ${least} and ${most}.`,
      );
  }
}

function validateFargate(input: RegisterTaskDefinitionRequest): void {
  if (input.networkMode !== 'awsvpc') throw clientError(`Fargate only supports network mode ‘awsvpc’.`);
  const sizes = fargateSizes[units(input.cpu, 'cpu')];
  if (!sizes?.includes(units(input.memory, 'memory')))
    throw clientError(
      `No Fargate configuration exists for given values: ${input.cpu} CPU, ${input.memory} memory.`,
    );
  const logging = input.containerDefinitions?.find((container) => container.logConfiguration);
  if (logging && !input.executionRoleArn)
    throw clientError(
      'Fargate requires task definition to have execution role ARN to support log driver awslogs.',
    );
}

/** `256`, `.25 vCPU`, `512`, `0.5 GB` as CPU units or MiB. */
function units(text: string | undefined, what: string): number {
  const match = /^([\d.]+)\s*(vcpu|gb)?$/i.exec(text ?? '');
  if (!match) throw clientError(`Invalid '${what}' setting for task.`);
  return Number(match[1]) * (match[2] ? 1024 : 1);
}

export function createTaskDefinitions(state: EcsState): TaskDefinitions {
  const definitions: Omit<TaskDefinitions, 'operations'> = {
    register(input) {
      validateDefinition(input);
      const family = input.family ?? '';
      const revision = (state.families.get(family) ?? 0) + 1;
      const definition: DefinitionRecord = {
        taskDefinitionArn: state.arn(`task-definition/${family}:${revision}`),
        family,
        revision,
        status: 'ACTIVE',
        containerDefinitions: (input.containerDefinitions ?? []).map((container) => ({
          ...container,
          cpu: container.cpu ?? 0,
          essential: container.essential ?? true,
          environment: container.environment ?? [],
          mountPoints: container.mountPoints ?? [],
          volumesFrom: container.volumesFrom ?? [],
          portMappings: (container.portMappings ?? []).map((mapping) => ({
            ...mapping,
            protocol: mapping.protocol ?? 'tcp',
          })),
        })),
        taskRoleArn: input.taskRoleArn,
        executionRoleArn: input.executionRoleArn,
        networkMode: input.networkMode ?? 'bridge',
        volumes: input.volumes ?? [],
        placementConstraints: input.placementConstraints ?? [],
        requiresCompatibilities: input.requiresCompatibilities ?? [],
        compatibilities: ['EC2', ...(input.networkMode === 'awsvpc' ? (['FARGATE'] as const) : [])],
        runtimePlatform: input.runtimePlatform,
        cpu: input.cpu,
        memory: input.memory,
        pidMode: input.pidMode,
        ipcMode: input.ipcMode,
        ephemeralStorage: input.ephemeralStorage,
        registeredAt: new Date(),
        tags: input.tags ?? [],
      };
      state.families.put(family, revision);
      state.definitions.put(`${family}:${revision}`, definition);
      return definition;
    },
    deregister(reference = '') {
      if (!/:\d+$/.test(shortName(reference))) throw clientError('Revision is missing.');
      const definition = state.definition(reference);
      const inactive: DefinitionRecord = { ...definition, status: 'INACTIVE', deregisteredAt: new Date() };
      state.definitions.put(`${definition.family}:${definition.revision}`, inactive);
      return inactive;
    },
  };

  const operations: Operation[] = [
    operation(RegisterTaskDefinition$, (input: RegisterTaskDefinitionRequest) => {
      const { tags, ...taskDefinition } = definitions.register(input);
      return { taskDefinition, tags };
    }),
    operation(DescribeTaskDefinition$, (input: DescribeTaskDefinitionRequest) => {
      const { tags, ...taskDefinition } = state.definition(input.taskDefinition);
      return { taskDefinition, ...(input.include?.includes('TAGS') ? { tags } : {}) };
    }),
    operation(DeregisterTaskDefinition$, (input: DeregisterTaskDefinitionRequest) => {
      const { tags: _tags, ...taskDefinition } = definitions.deregister(input.taskDefinition);
      return { taskDefinition };
    }),
    operation(DeleteTaskDefinitions$, (input: DeleteTaskDefinitionsRequest) => {
      const deleted: DefinitionRecord[] = [];
      for (const reference of input.taskDefinitions ?? []) {
        const definition = state.definition(reference);
        if (definition.status !== 'INACTIVE')
          throw invalid(
            `The specified task definition ${reference} is still in ACTIVE status. Please deregister it first.`,
          );
        state.definitions.delete(`${definition.family}:${definition.revision}`);
        deleted.push({ ...definition, status: 'DELETE_IN_PROGRESS', deleteRequestedAt: new Date() });
      }
      return { taskDefinitions: deleted, failures: [] };
    }),
    operation(ListTaskDefinitions$, (input: ListTaskDefinitionsRequest) => {
      const found = state.definitions
        .values()
        .filter((definition) => definition.status === (input.status ?? 'ACTIVE'))
        .filter((definition) => !input.familyPrefix || definition.family === input.familyPrefix)
        .sort((a, b) => a.family.localeCompare(b.family) || a.revision - b.revision);
      if (input.sort === 'DESC') found.reverse();
      const { items, nextToken } = page(found, input);
      return { taskDefinitionArns: items.map((definition) => definition.taskDefinitionArn), nextToken };
    }),
    operation(ListTaskDefinitionFamilies$, (input: ListTaskDefinitionFamiliesRequest) => {
      const families = new Set(
        state.definitions
          .values()
          .filter((definition) => (input.status ?? 'ALL') === 'ALL' || definition.status === input.status)
          .map((definition) => definition.family)
          .filter((family) => family.startsWith(input.familyPrefix ?? '')),
      );
      const { items, nextToken } = page([...families].sort(), input);
      return { families: items, nextToken };
    }),
  ];
  return { ...definitions, operations };
}
