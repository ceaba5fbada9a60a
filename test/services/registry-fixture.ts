/** A registry's table on an embedded cloud, and what operations on it need. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { type RunningCloud, startCloud } from '../../src/embedded/cloud.ts';
import type { ProgressEvent } from '../../src/model/progress.ts';
import { registryIndex } from '../../src/model/registry.ts';
import { newTenantId } from '../../src/model/tenant-id.ts';
import type { Context } from '../../src/services/context.ts';
import type { ClientOptions } from '../../src/services/environment.ts';
import { newOperation, type Operation } from '../../src/services/lease.ts';
import { Registry, type TenantRecord } from '../../src/services/registry/registry.ts';
import { RegistryTable } from '../../src/services/registry/table.ts';

export interface Fixture {
  cloud: RunningCloud;
  options: ClientOptions;
  dynamodb: DynamoDBClient;
  registry: Registry;
  tableName: string;
  /** Another operator's way to the same registry. */
  registryBy(options: ClientOptions): Registry;
  stop(): Promise<void>;
}

export async function startRegistry(): Promise<Fixture> {
  const stateDir = await mkdtemp(path.join(os.tmpdir(), 'saas-ecs-services-'));
  const cloud = await startCloud({ stateDir });
  const options: ClientOptions = {
    region: cloud.region,
    endpoint: cloud.endpoint,
    credentials: { accessKeyId: 'operator', secretAccessKey: 'operator' },
    forcePathStyle: true,
  };
  const dynamodb = new DynamoDBClient(options);
  const tableName = 'registry';
  await createRegistryTable(dynamodb, tableName);
  const registryBy = (by: ClientOptions): Registry => new Registry(new RegistryTable(by, tableName));
  return {
    cloud,
    options,
    dynamodb,
    registry: registryBy(options),
    tableName,
    registryBy,
    async stop() {
      dynamodb.destroy();
      await cloud.stop();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

async function createRegistryTable(dynamodb: DynamoDBClient, TableName: string): Promise<void> {
  const key = (AttributeName: string, KeyType: 'HASH' | 'RANGE') => ({ AttributeName, KeyType });
  await dynamodb.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: ['pk', 'sk', `${registryIndex}pk`, `${registryIndex}sk`].map((AttributeName) => ({
        AttributeName,
        AttributeType: 'S',
      })),
      KeySchema: [key('pk', 'HASH'), key('sk', 'RANGE')],
      GlobalSecondaryIndexes: [
        {
          IndexName: registryIndex,
          KeySchema: [key(`${registryIndex}pk`, 'HASH'), key(`${registryIndex}sk`, 'RANGE')],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
    }),
  );
}

export type OperatorContext = Context & { events: ProgressEvent[] };

/** What an operator's operation runs in; `laterMs` is how far his clock is ahead. */
export function operator(overrides: Partial<Context> & { laterMs?: number } = {}): OperatorContext {
  const { laterMs = 0, ...rest } = overrides;
  const events: ProgressEvent[] = [];
  const environment = { name: 'local', target: 'embedded' };
  return {
    config: { environments: [environment] },
    target: { environment },
    watch: (event: ProgressEvent) => events.push(event),
    signal: new AbortController().signal,
    now: () => new Date(Date.now() + laterMs),
    ...rest,
    events,
  } as unknown as OperatorContext;
}

let made = 0;

/** An active tenant of the pool with a name of its own, nobody working on it. */
export async function addTenant(
  registry: Registry,
  changes: Partial<TenantRecord> = {},
): Promise<TenantRecord> {
  const tenantId = changes.tenantId ?? newTenantId();
  const name = changes.name ?? `tenant-${++made}`;
  const at = new Date().toISOString();
  const added = await registry.createTenant({
    tenantId,
    name,
    tier: 'basic',
    model: 'pool',
    status: 'active',
    adminEmail: `admin@${name}.example`,
    createdAt: at,
    updatedAt: at,
    ...changes,
  });
  if (!added) throw new Error(`the name "${name}" or the id ${tenantId} is taken`);
  return added;
}

/** An operation that somebody on another machine began. */
export function operationElsewhere(
  kind: Operation['kind'],
  leaseUntil: Date,
  changes: Partial<Operation> = {},
): Operation {
  return {
    ...newOperation(kind, new Date()),
    process: { host: 'elsewhere', machine: 'other', pid: 1, identity: 'other/1', user: 'mallory' },
    leaseUntil: leaseUntil.toISOString(),
    ...changes,
  };
}
