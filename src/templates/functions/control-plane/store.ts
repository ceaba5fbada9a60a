/** Registrations as items of the registry. */
import { type DynamoDBClient, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import {
  DynamoDBDocumentClient,
  GetCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import type { JobOutput } from '../../../model/control-plane.ts';
import { registrationStatuses } from '../../../model/control-plane.ts';
import { type Key, registrationIndex, registryIndex, registryKeys } from '../../../model/registry.ts';
import { badRequest } from './http.ts';

export interface Registration {
  registrationId: string;
  tenantId: string;
  /** False from the request to take the tenant out. */
  active: boolean;
  tenantData: Record<string, unknown> & { tenantName: string };
  registrationData: Record<string, unknown> & { registrationStatus: string };
  createdAt: string;
  updatedAt: string;
}

export interface Page {
  items: Registration[];
  nextToken: string | undefined;
}

/** Attributes that tie a registration to its name lock and to its tenant: nothing changes them. */
const fixed: ReadonlySet<string> = new Set([
  'tenantId',
  'tenantName',
  'tenantRegistrationId',
  'sbtaws_active',
]);

const isRefused = (error: unknown): boolean =>
  error instanceof TransactionCanceledException ||
  (error instanceof Error && error.name === 'ConditionalCheckFailedException');

export class Registrations {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;
  constructor(client: DynamoDBClient, table: string) {
    this.#client = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
    this.#table = table;
  }

  async #get<T>(key: Key): Promise<T | undefined> {
    const { Item } = await this.#client.send(
      new GetCommand({ TableName: this.#table, Key: { ...key }, ConsistentRead: true }),
    );
    return Item as T | undefined;
  }

  find(registrationId: string): Promise<Registration | undefined> {
    return this.#get<Registration>(registryKeys.registration(registrationId));
  }

  /** The living registration of a name. */
  ofName(name: string): Promise<Registration | undefined> {
    return this.#byLock(registryKeys.registrationName(name));
  }

  ofTenant(tenantId: string): Promise<Registration | undefined> {
    return this.#byLock(registryKeys.registrationTenant(tenantId));
  }

  async #byLock(key: Key): Promise<Registration | undefined> {
    const lock = await this.#get<{ registrationId: string }>(key);
    return lock && this.find(lock.registrationId);
  }

  /** JSON of a TenantConfig. */
  async sharedConfig(): Promise<string | undefined> {
    return (await this.#get<{ tenantConfig: string }>(registryKeys.sharedTenantConfig()))?.tenantConfig;
  }

  /** Writes the registration and takes its name and tenant id: all of it, or false when one of them is taken. */
  async create(registration: Registration): Promise<boolean> {
    const { registrationId, tenantId, tenantData, createdAt } = registration;
    const put = (item: object) => ({
      Put: { TableName: this.#table, Item: { ...item }, ConditionExpression: 'attribute_not_exists(pk)' },
    });
    try {
      await this.#client.send(
        new TransactWriteCommand({
          TransactItems: [
            put({ ...registryKeys.registrationName(tenantData.tenantName), registrationId }),
            put({ ...registryKeys.registrationTenant(tenantId), registrationId }),
            put({
              ...registryKeys.registration(registrationId),
              gsi1pk: registrationIndex,
              gsi1sk: `${createdAt}#${registrationId}`,
              ...registration,
            }),
          ],
        }),
      );
      return true;
    } catch (error) {
      if (isRefused(error)) return false;
      throw error;
    }
  }

  /** Merges attributes (null removes one) into a registration that is not history; undefined when there is none. */
  async merge(
    registrationId: string,
    { tenantData = {}, tenantRegistrationData = {} }: JobOutput,
    now: string,
    active?: boolean,
  ): Promise<Registration | undefined> {
    const names: Record<string, string> = { '#t': 'tenantData', '#r': 'registrationData' };
    const values: Record<string, unknown> = { ':now': now, ':living': registrationIndex };
    const sets = ['updatedAt = :now'];
    const removals: string[] = [];
    const merge = (map: string, attributes: Record<string, unknown>): void => {
      for (const [name, value] of Object.entries(attributes)) {
        if (fixed.has(name) || value === undefined) continue;
        const placeholder = `#a${sets.length + removals.length}`;
        names[placeholder] = name;
        // What was told of a failure is over once there is none.
        if (value === null) {
          removals.push(`${map}.${placeholder}`);
          continue;
        }
        values[placeholder.replace('#', ':')] = value;
        sets.push(`${map}.${placeholder} = ${placeholder.replace('#', ':')}`);
      }
    };
    merge('#t', tenantData);
    merge('#r', tenantRegistrationData);
    if (active !== undefined) {
      values[':active'] = active;
      sets.push('active = :active');
    }
    const text = `SET ${sets.join(', ')}${removals.length > 0 ? ` REMOVE ${removals.join(', ')}` : ''}`;
    try {
      const { Attributes } = await this.#client.send(
        new UpdateCommand({
          TableName: this.#table,
          Key: { ...registryKeys.registration(registrationId) },
          UpdateExpression: text,
          ConditionExpression: 'gsi1pk = :living',
          ExpressionAttributeNames: Object.fromEntries(
            Object.entries(names).filter(([placeholder]) => text.includes(placeholder)),
          ),
          ExpressionAttributeValues: values,
          ReturnValues: 'ALL_NEW',
        }),
      );
      return Attributes as Registration;
    } catch (error) {
      if (isRefused(error)) return undefined;
      throw error;
    }
  }

  /** Makes a registration history: it stays readable by its id, its name and tenant id are free. Idempotent. */
  async retire(registrationId: string, output: JobOutput, now: string): Promise<void> {
    const registration = await this.merge(registrationId, output, now, false);
    if (!registration) return;
    const { tenantId, tenantData, registrationData } = registration;
    const owned = {
      ConditionExpression: 'attribute_not_exists(pk) OR registrationId = :id',
      ExpressionAttributeValues: { ':id': registrationId },
    };
    const TableName = this.#table;
    await this.#client.send(
      new TransactWriteCommand({
        TransactItems: [
          {
            Update: {
              TableName,
              Key: { ...registryKeys.registration(registrationId) },
              UpdateExpression: 'SET gsi1pk = :past, registrationData = :data',
              ExpressionAttributeValues: {
                ':past': `${registrationIndex}-PAST`,
                ':data': { ...registrationData, registrationStatus: registrationStatuses.offboarded },
              },
            },
          },
          {
            Delete: {
              TableName,
              Key: { ...registryKeys.registrationName(tenantData.tenantName) },
              ...owned,
            },
          },
          { Delete: { TableName, Key: { ...registryKeys.registrationTenant(tenantId) }, ...owned } },
        ],
      }),
    );
  }

  /** Living registrations in order of creation. `nextToken` is what an earlier page gave. */
  async list(limit: number, nextToken: string | undefined): Promise<Page> {
    const { Items = [], LastEvaluatedKey } = await this.#client.send(
      new QueryCommand({
        TableName: this.#table,
        IndexName: registryIndex,
        KeyConditionExpression: 'gsi1pk = :p',
        ExpressionAttributeValues: { ':p': registrationIndex },
        Limit: limit,
        ...(nextToken !== undefined && { ExclusiveStartKey: positionOf(nextToken) }),
      }),
    );
    return {
      items: Items as Registration[],
      nextToken: LastEvaluatedKey && String(LastEvaluatedKey['gsi1sk']),
    };
  }
}

/** A token is `<created>#<registration>`, which makes the key of the index. Throws 400 for what no page gave. */
function positionOf(token: string): Record<string, string> {
  const registrationId = /^[\w:.-]{1,40}#([\w-]{1,64})$/.exec(token)?.[1];
  if (registrationId === undefined) throw badRequest('next_token is not one that this list gave');
  return {
    ...registryKeys.registration(registrationId),
    gsi1pk: registrationIndex,
    gsi1sk: token,
  };
}
