/** CloudFormation alone, with a resource type whose doings a test steers, on a store that can be "killed". */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createCloudFormation } from '../../src/embedded/cloudformation/index.ts';
import {
  AwsError,
  type AwsService,
  type Call,
  type Cloud,
  type Operation,
  type ResourceContext,
  type ResourceState,
  type ResourceType,
} from '../../src/embedded/platform.ts';
import { openStore, type Store } from '../../src/embedded/store.ts';

/** What a test's things are and do. Survives a restart of the engine, as other services' state does. */
export class World {
  readonly things = new Map<string, Readonly<Record<string, unknown>>>();
  readonly log: string[] = [];
  private readonly gates = new Map<string, { promise: Promise<void>; open: () => void }>();
  private readonly arrivals = new Map<string, () => void>();

  /** Opens the gate that a thing with `Hold: name` waits at. */
  open(name: string): void {
    this.gate(name).open();
  }

  /** Resolves when a thing waits at the gate. */
  arrived(name: string): Promise<void> {
    return new Promise((resolve) => this.arrivals.set(name, resolve));
  }

  async hold(name: string, signal: AbortSignal): Promise<void> {
    this.arrivals.get(name)?.();
    await Promise.race([
      this.gate(name).promise,
      new Promise((_resolve, reject) => {
        if (signal.aborted) reject(new Error('aborted'));
        signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
      }),
    ]);
  }

  private gate(name: string) {
    const known = this.gates.get(name);
    if (known) return known;
    let open = (): void => {};
    const promise = new Promise<void>((resolve) => {
      open = resolve;
    });
    const gate = { promise, open };
    this.gates.set(name, gate);
    return gate;
  }

  /** `Name` replaces; `Value` is updated in place; `Fail` and `Hold` are what they say; `Early` tells the id early. */
  type(): ResourceType {
    const put = async (
      verb: string,
      context: ResourceContext,
      id: string,
      properties: Readonly<Record<string, unknown>>,
    ): Promise<ResourceState> => {
      this.log.push(`${verb} ${context.logicalId}`);
      if (verb === 'create' && this.things.has(id))
        throw new AwsError('AlreadyExists', `${id} already exists`);
      this.things.set(id, properties);
      if (properties['Early'] === true) context.initiated?.(id);
      if (typeof properties['Hold'] === 'string') await this.hold(properties['Hold'], context.signal);
      if (properties['Fail'] === verb || properties['Fail'] === true) {
        // A thing that failed to come up leaves nothing behind, unless it has told its id.
        if (verb === 'create' && properties['Early'] !== true) this.things.delete(id);
        throw new AwsError('ThingFailed', `${context.logicalId} would not ${verb}`);
      }
      return { physicalId: id, attributes: { Value: String(properties['Value'] ?? ''), Id: id } };
    };
    return {
      replaceOn: ['Name'],
      validate: (properties) => {
        if (properties['Bad'] !== undefined) throw new AwsError('ValidationException', 'Bad is bad');
      },
      create: (context, properties) =>
        put('create', context, String(properties['Name'] ?? context.physicalName(40)), properties),
      update: (context, id, properties) => put('update', context, id, properties),
      delete: (context, id, properties) => {
        this.log.push(`delete ${context.logicalId}`);
        if (properties['Fail'] === 'delete')
          throw new AwsError('ThingFailed', `${context.logicalId} would not delete`);
        this.things.delete(id);
      },
    };
  }
}

export interface Harness {
  world: World;
  cloud: Cloud;
  service: AwsService;
  /** Calls an operation by name. */
  call<Output>(operation: string, input?: object): Promise<Output>;
  /** Resolves to the stack's status when no operation is under way any more. */
  settled(stack: string): Promise<string>;
  /** Ends this engine without telling it, as a `kill -9` does, and starts another on what was on disk. */
  kill(): Promise<Harness>;
  stop(): Promise<void>;
}

interface DescribedStack {
  Stacks: { StackStatus: string }[];
}

export async function startHarness(
  options: { world?: World; directory?: string; overrides?: Partial<Cloud> } = {},
): Promise<Harness> {
  const world = options.world ?? new World();
  const directory = options.directory ?? (await mkdtemp(path.join(tmpdir(), 'cloudformation-')));
  const store: Store = await openStore(path.join(directory, 'store'));
  const missing = (name: string) => ({
    value: () => {
      throw new AwsError('ParameterNotFound', `${name} is not there`);
    },
  });
  const cloud = {
    account: '000000000000',
    region: 'eu-central-1',
    partition: 'aws',
    endpoint: 'http://127.0.0.1:1',
    stateDir: directory,
    store,
    clock: { now: () => Date.now() },
    log: () => {},
    services: [
      {
        signingName: 'test',
        protocol: 'query',
        operations: [],
        resourceTypes: { 'Test::Unit::Thing': world.type() },
      },
    ],
    ssm: missing('parameter'),
    secrets: missing('secret'),
    ...options.overrides,
  } as unknown as Cloud;
  const service = createCloudFormation(cloud);
  await service.start?.();

  const handlerOf = (name: string): Operation['handler'] => {
    const found = service.operations.find((entry) => (entry.schema as [number, string, string])[2] === name);
    if (!found) throw new Error(`no operation ${name}`);
    return found.handler;
  };
  const call = async <Output>(operation: string, input: object = {}): Promise<Output> =>
    (await handlerOf(operation)(input as never, {} as Call)) as Output;

  return {
    world,
    cloud,
    service,
    call,
    async settled(stack) {
      for (;;) {
        const { Stacks } = await call<DescribedStack>('DescribeStacks', { StackName: stack });
        const status = Stacks[0]?.StackStatus ?? '';
        if (!status.endsWith('_IN_PROGRESS') || status === 'REVIEW_IN_PROGRESS') return status;
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    async kill() {
      await store.flushed();
      const copy = await mkdtemp(path.join(tmpdir(), 'cloudformation-'));
      await cp(directory, copy, {
        recursive: true,
        filter: (source) => !/lock/i.test(path.basename(source)),
      });
      // The old engine is left where it is: what it would still do must not matter to the new one.
      return startHarness({ ...options, world, directory: copy });
    },
    async stop() {
      await service.stop?.();
      await store.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A template of things. Attributes of the resource itself may stand among the properties. */
export const things = (resources: Record<string, Record<string, unknown>>, rest: object = {}): string =>
  JSON.stringify({
    Resources: Object.fromEntries(
      Object.entries(resources).map(
        ([name, { DependsOn, DeletionPolicy, UpdateReplacePolicy, ...Properties }]) => [
          name,
          { Type: 'Test::Unit::Thing', Properties, DependsOn, DeletionPolicy, UpdateReplacePolicy },
        ],
      ),
    ),
    ...rest,
  });
